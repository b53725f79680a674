# SPDX-License-Identifier: Apache-2.0
"""Drill ``compromised-approver``: a key was misused since some commit; what it helped to decide is found and cleared."""

from __future__ import annotations

from gaitops.documents.layout import principal_path
from gaitops.documents.models.drill import Finding
from gaitops.drill.ceremonies import go_on
from gaitops.drill.changes import Asked, Change, commit, doubtful_paths, land, proposer_of
from gaitops.drill.copied import with_more
from gaitops.drill.deciding import decided, home_scope, no_doubt, refused_afterwards
from gaitops.drill.leaving import Revoked, replace_root_key, revoke
from gaitops.drill.opening import open_twin
from gaitops.drill.probes import Probe, probe_for
from gaitops.drill.structure import quorum_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin


def findings(found: Survey, principal: str | None) -> tuple[Finding, ...]:
    """What the fleet cannot decide until the person has another key."""
    return quorum_findings(found, principal or "", severity="warning")


def run(twin: Twin, principal: str | None) -> None:
    """Carry the runbook out for one person, who approves something.

    Raises:
        StoppedError: it cannot be carried out in this fleet.
    """
    name = principal or ""
    memory = open_twin(twin)
    probe = probe_for(twin.found, name)
    if probe is None:
        twin.stop(f"{name} can approve something", "nothing that a drill could rehearse")
    twin.step(f"The key of {name} helps to carry a decision, which turns out to be the thief's")
    decided(twin, probe, name, 1)
    since = str(twin.ask("gaitops verify")["head"])
    stolen = list(twin.keys.by_owner.get(name, ()))
    if name in twin.keys.root:
        replace_root_key(twin, name)
    twin.step(f"Give {name} a new key for daily approvals: the revocation may need this person")
    _another_key(twin, name)
    twin.step(f"Revoke every old key of {name} with cause compromised, since that commit")
    proposer = proposer_of(twin, "revocation.identity", home_scope(name), never=(name,))
    approved = revoke(twin, Revoked(name, stolen, "compromised", since), proposer, Asked(last=(name,)))
    for key in stolen:
        twin.keys.take(name, key)
    observed = f"proposed by {proposer}, approved by {', '.join(approved)}"
    twin.proven("as many people as the doubtful decision needed, and two at least, revoke it", observed)
    doubtful = _doubt(twin, probe)
    twin.step("Read what is doubtful, and stand by it with as many people as it needed")
    _affirm(twin, probe, name, doubtful)
    no_doubt(twin, "nothing is doubtful any more, and the history verifies")
    twin.step(f"Show that the stolen key of {name} no longer counts")
    refused_afterwards(twin, probe, name, 2, "identity.revoked", stolen[0])
    twin.step(f"Show that the new key of {name} counts")
    decided(twin, probe, name, 3)
    go_on(twin, memory, "a consumer follows without a new trust root")


def _doubt(twin: Twin, probe: Probe) -> tuple[str, ...]:
    """Prove that exactly the decision in question is listed as doubtful; its paths."""
    verdict = twin.ask("gaitops verify", (0, 2))
    found = doubtful_paths(verdict)
    partition = twin.found.partition(probe.scope)
    paths = found.get(partition, ())
    listed = ", ".join(path for items in found.values() for path in items) or "nothing"
    right = list(found) == [partition] and any("drill-1" in path for path in paths)
    twin.prove("the decision is listed as doubtful, and nothing else is", right, f"doubtful: {listed}")
    others = [
        item["name"] for item in verdict["partitions"] if item["name"] != partition and not item["verified"]
    ]
    twin.prove(
        "doubt stops its own partition only",
        not verdict["verified"] and not others,
        f"not verified: {partition}" + (f", {', '.join(others)}" if others else ", and no other partition"),
    )
    return paths


def _affirm(twin: Twin, probe: Probe, name: str, paths: tuple[str, ...]) -> None:
    """Affirmations, one after the other, until nothing is doubtful.

    Raises:
        StoppedError: the others are too few.
    """
    groups = frozenset(member for _group, members in probe.need.members for member in members)
    willing = sorted(probe.need.approvers, key=lambda one: (one == name, one not in groups, one))
    options = " ".join(f"--affirm {path}" for path in paths)
    approved: list[str] = []
    for one in willing:
        key = twin.keys.daily(one)
        if key is None:
            continue
        twin.run(f"gaitops approve {options} --as {one} --key {twin.path(key)} --yes")
        commit(twin, f"{one} affirms", ("approvals",))
        approved.append(one)
        if not doubtful_paths(twin.ask("gaitops verify", (0, 2))):
            twin.proven("doubt is cleared by affirmation", f"affirmed by {', '.join(approved)}")
            return
    twin.stop(
        "doubt is cleared by affirmation",
        f"affirmed by {', '.join(approved) or 'nobody'}, and that is not enough",
    )


def _another_key(twin: Twin, name: str) -> None:
    """The principal's document lists a new key beside the stolen ones, which revocations take out of use.

    Raises:
        StoppedError: it cannot be approved.
    """
    path, scope = principal_path(name), home_scope(name)
    kind = "principal.change" if scope == "fleet" else "org_principal.change"
    fresh = twin.keys.root.get(name) or twin.keys.new(name, "next")
    proposer = proposer_of(twin, kind, scope, never=(name,))

    def rewrite() -> None:
        twin.write(path, with_more(twin.read(path), path, fresh))

    # A root person has a new root key by now; anybody else has nothing but the stolen one.
    asked = Asked(last=(name,)) if name in twin.keys.root else Asked(never=(name,))
    land(twin, Change("another-key", proposer, rewrite, (path,)), asked)
    twin.keys.give(name, fresh)
