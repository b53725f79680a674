# SPDX-License-Identifier: Apache-2.0
"""Small harmless changes, for rehearsing what somebody may sign: a new policy, project, gate or freeze window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gaitops.documents.writer import write_yaml
from gaitops.drill.changes import Change
from gaitops.drill.copied import new_document
from gaitops.drill.structure import Able, Need
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin
from gaitops.fleet.scopes import FLEET, org_scope, project_scope

_REASON = "A drill rehearses a decision."


@dataclass(frozen=True)
class Probe:
    """One kind of change that a fleet can decide, and who takes part in it."""

    kind: str
    scope: str
    need: Need
    environment: str = ""
    """Where a gate stands."""

    def change(self, twin: Twin, number: int, proposer: str) -> Change:
        """The change itself; ``number`` tells those of one drill apart."""
        path, document = _document(self, f"drill-{number}", proposer)

        def make() -> None:
            twin.write(path, write_yaml(document))

        return Change(f"probe-{number}", proposer, make, (path,))


def probe_for(found: Survey, name: str) -> Probe | None:
    """A change that somebody can approve today, with the help of others; ``None`` where they approve nothing."""
    return next((probe for probe in _probes(found) if _serves(probe, name)), None)


def approvers(found: Survey) -> tuple[str, ...]:
    """People for whom :func:`probe_for` finds a change, those without a root key first."""
    known = list(_probes(found))
    able = [
        name
        for name in found.names()
        if found.is_human(name) and any(_serves(probe, name) for probe in known)
    ]
    return tuple(sorted(able, key=lambda name: (found.holds_root_key(name), name)))


def _serves(probe: Probe, name: str) -> bool:
    others = replace(probe.need, proposers=probe.need.proposers - {name})
    return name in probe.need.approvers and others.reachable()


def _probes(found: Survey) -> Iterator[Probe]:
    able = Able(found)
    for org in found.orgs:
        for kind, risk in (("policy.create", "low"), ("project.change", None)):
            yield from _probe(able, kind, org_scope(org), risk)
    guarded = {(place.org, place.project): place.environment for place in found.places}
    for (org, project), environment in guarded.items():
        yield from _probe(able, "gate.change", project_scope(org, project), environment=environment)
    yield from _probe(able, "freeze_window.change", FLEET)


def _probe(
    able: Able, kind: str, scope: str, risk: str | None = None, *, environment: str = ""
) -> Iterator[Probe]:
    needed = able.need(kind, scope, risk)
    if needed is not None:
        yield Probe(kind, scope, needed, environment)


def _document(probe: Probe, name: str, owner: str) -> tuple[str, Mapping[str, object]]:
    kind, environment, parts = probe.kind, probe.environment, probe.scope.split("/")
    org, project = (parts[1] if len(parts) > 1 else ""), (parts[3] if len(parts) > 3 else "")
    if kind == "policy.create":
        spec: dict[str, object] = {"owner": owner, "summary": _REASON, "risk": "low"}
        return f"orgs/{org}/policies/{name}/policy.yaml", new_document("Policy", name, spec)
    if kind == "project.change":
        spec = {"summary": _REASON, "owners": [owner]}
        return f"orgs/{org}/projects/{name}/project.yaml", new_document("Project", name, spec)
    if kind == "gate.change":
        spec = {"environments": [environment], "require": {"conformance": {"allowWaived": True}}}
        return f"orgs/{org}/projects/{project}/gates/{name}.yaml", new_document("DeploymentGate", name, spec)
    windows = [{"start": "2000-01-01T00:00:00", "end": "2000-01-02T00:00:00"}]
    spec = {"timezone": "UTC", "windows": windows, "reason": _REASON}
    return f"trust/freeze-windows/{name}.yaml", new_document("FreezeWindow", name, spec)
