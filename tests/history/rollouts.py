# SPDX-License-Identifier: Apache-2.0
"""A fleet with a project to roll out in, and the edges of a rollout as changes that people make."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from gaitops.documents.layout import analysis_path, rollout_path
from gaitops.documents.models.base import Document
from gaitops.documents.models.rollout import GateResult, Metric, Rollout, TriggerKind
from gaitops.documents.models.summary import EvidenceSummary
from gaitops.documents.times import format_timestamp
from gaitops.fleet.assignments import resolve_all
from gaitops.fleet.candidates import step_index
from gaitops.git.repository import Repository
from gaitops.rollout.analysis import build
from gaitops.rollout.measure import METRICS, Measured, Measurement
from gaitops.rollout.prepare import Prepared, prepare
from gaitops.rollout.transitions import EdgeKind
from gaitops.signing.dsse import seal
from gaitops.signing.statement import PAYLOAD_TYPE
from tests.history.stories import by_root
from tests.simulator import (
    DAY,
    World,
    binding_document,
    document,
    environment_document,
    policy_files,
    principal_document,
    repository_document,
    version_digest_of,
)

PLACE = ("acme", "pay", "tighten")
PATH = rollout_path(*PLACE)
OTHER_POLICY = "default_verdict: block\n"
STEPS: Sequence[Mapping[str, object]] = (
    {"name": "watch", "mode": "observe", "percent": 50, "environments": ["dev"], "soak": "1d"},
    {
        "name": "canary",
        "mode": "dry_run",
        "percent": 50,
        "environments": ["dev"],
        "soak": "2d",
        "gates": ["quiet"],
    },
    {"name": "half", "mode": "enforce", "percent": 50, "environments": ["dev"], "soak": "1d"},
    {"name": "all", "mode": "enforce", "percent": 100, "environments": ["dev"]},
)
GATES: Sequence[Mapping[str, object]] = (
    {
        "name": "quiet",
        "window": "1d",
        "minimumSamples": 10,
        "metrics": [{"metric": "block_rate_delta", "maximum": 0.1}],
    },
)
GOOD: Mapping[Metric, float | None] = dict.fromkeys(METRICS, 0.0) | {
    "regress_pass_rate": 1.0,
    "candidate_coverage": 1.0,
}
BAD: Mapping[Metric, float | None] = {**GOOD, "block_rate_delta": 0.5}


def plan(**changes: object) -> dict[str, object]:
    """The spec of a rollout of ``agents`` from 1.0.0 to 1.1.0."""
    return {
        "policy": {"name": "agents"},
        "from": "1.0.0",
        "to": "1.1.0",
        "selector": {"all": True},
        "steps": list(STEPS),
        "gates": list(GATES),
        **changes,
    }


def rollout_document(spec: Mapping[str, object], rollout_id: str = "tighten", status: object = None) -> str:
    """A Rollout document as text."""
    body = json.loads(document("Rollout", rollout_id, spec))
    if status is not None:
        body["status"] = status
    return json.dumps(body, indent=2) + "\n"


def text_of(model: Document) -> str:
    """A document as text, from its model."""
    value = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    return json.dumps(value, indent=2) + "\n"


class Fleet:
    """A world with a project, repositories, two policy versions, an operator and an analyst."""

    def __init__(self, path: Path, *, repositories: int = 4, tier: str = "development") -> None:
        self.world = World(path)
        self._people()
        first = policy_files("agents", "1.0.0")
        parent = version_digest_of(
            first["orgs/acme/policies/agents/versions/1.0.0/version.yaml"], "agents", "1.0.0"
        )
        self.world.land(first, by="alice", approvers=["bob"])
        second = policy_files("agents", "1.1.0", text=OTHER_POLICY, parents=[("1.0.0", parent)], risk=None)
        self.world.land(second, by="alice", approvers=["bob"])
        files = {
            "orgs/acme/projects/pay/project.yaml": document(
                "Project", "pay", {"summary": "payments", "owners": ["alice"]}
            )
        }
        files |= self.environment("dev", tier=tier)
        for number in range(repositories):
            files |= self.repository(f"r{number}")
        self.world.land(files, by="alice", approvers=["bob", "carol"])
        assert self.world.verify().verified, self.world.verify().all_problems()

    def copied(self, path: Path) -> Fleet:
        """The same fleet in another folder: building one takes longer than most stories."""
        shutil.copytree(self.world.path, path)
        fleet = copy.copy(self)
        fleet.world = copy.copy(self.world)
        fleet.world.path, fleet.world.repository = path, Repository.open(path)
        fleet.world.actors = dict(self.world.actors)
        return fleet

    def _people(self) -> None:
        files = {}
        for name, role in (("rosa", "operator"), ("ana", "analyst")):
            files[f"trust/principals/{name}.yaml"] = principal_document(self.world.actor(name))
            files[f"trust/roles/{name}.yaml"] = binding_document(name, role, "fleet", [name])
        by_root(self.world, files)

    @staticmethod
    def environment(name: str, *, version: str = "1.0.0", tier: str = "development") -> dict[str, str]:
        """An environment that selects every repository of the project."""
        path = f"orgs/acme/projects/pay/environments/{name}.yaml"
        return {path: environment_document(name, tier, {"name": "agents", "version": version})}

    @staticmethod
    def repository(name: str) -> dict[str, str]:
        """A repository of the project."""
        path = f"orgs/acme/projects/pay/repositories/{name}.yaml"
        return {path: repository_document(name, url=f"https://github.com/acme/{name}")}

    # -- edges ---------------------------------------------------------------------------------------------

    def rollout(self, place: tuple[str, str, str] = PLACE) -> Rollout:
        """The rollout in verified state."""
        with self.world.history() as history:
            found = history.state().rollout(*place)
        assert found is not None
        return found

    def prepared(
        self,
        edge: EdgeKind,
        *,
        gates: bool = True,
        reason: str | None = None,
        trigger: TriggerKind | None = None,
    ) -> Prepared:
        """The documents that an edge writes, from verified state, now."""
        from gaitops.change.context import Occasion
        from gaitops.change.rollout_evidence import stay_of

        with self.world.history() as history:
            state = history.state()
            rollout = state.rollout(*PLACE)
            assert rollout is not None
            results: tuple[GateResult, ...] = ()
            if gates and edge in ("advance", "complete"):
                people = history.fold.people(("acme",))
                occasion = Occasion(history.standing.position + 1, self.world.now)
                results = stay_of(PLACE, rollout, people, history.fold.facts, occasion).results()
            return prepare(
                edge, state, PLACE, rollout, now=self.world.now, gates=results, reason=reason, trigger=trigger
            )

    def files(self, edge: EdgeKind, **options: object) -> dict[str, str]:
        """The same as files."""
        made = self.prepared(edge, **options)  # type: ignore[arg-type]
        written = {
            f"orgs/acme/projects/pay/environments/{name}.yaml": text_of(item)
            for name, item in made.environments.items()
        }
        return {PATH: text_of(made.rollout), **written}

    def write_plan(self, **changes: object) -> None:
        """The plan, approved by one."""
        self.world.land({PATH: rollout_document(plan(**changes))}, by="alice", approvers=["bob"])

    def start(self, **changes: object) -> None:
        """A plan that is started, with everybody's approval."""
        self.write_plan(**changes)
        self.take("start", by="alice", approvers=["bob", "carol"])

    def take(
        self, edge: EdgeKind, *, by: str = "rosa", approvers: Sequence[str] = (), **options: object
    ) -> None:
        """One edge, proposed by an operator unless said otherwise."""
        self.land(self.files(edge, **options), by=by, approvers=approvers)

    def land(
        self, files: Mapping[str, str | bytes | None], *, by: str = "rosa", approvers: Sequence[str] = ()
    ) -> None:
        """A change, with a proposal of its author."""
        branch = f"edge-{self.world.now:%d%H%M%S}"
        self.world.commit(files, by=by, branch=branch)
        self.world.sign(branch, by, "propose")
        self.world.approve(branch, *approvers)
        self.world.merge(branch, by=by)

    def push(self, files: Mapping[str, str | bytes | None], *, by: str = "rosa") -> set[str]:
        """Commit to main what nobody can sign; codes of everything against the branch then."""
        self.world.commit(files, by=by)
        return self.codes()

    def wait(self, days: float = 1) -> datetime:
        """Let time pass; somebody else keeps the branch alive."""
        return self.world.tick(timedelta(days=days))

    # -- analyses ------------------------------------------------------------------------------------------

    def analysis(
        self,
        values: Mapping[Metric, float | None] = GOOD,
        *,
        samples: int = 100,
        gate: str = "quiet",
        by: str = "ana",
        window: tuple[datetime, datetime] | None = None,
        rollout: Rollout | None = None,
    ) -> dict[str, bytes]:
        """A signed analysis of the current step, as a file."""
        rollout = rollout or self.rollout()
        step = rollout.spec.steps[step_index(rollout)]
        start, end = window or (self.world.now - DAY, self.world.now)
        summary = EvidenceSummary.model_validate(
            {
                "schema": "gaitops.dev/evidence-summary/v1",
                "trustRoot": self.world.trust_root,
                "generatedAt": format_timestamp(self.world.now),
                "window": {"start": format_timestamp(start), "end": format_timestamp(end)},
                "repositories": [],
            }
        )
        payload = build(
            trust_root=self.world.trust_root,
            principal=by,
            org=PLACE[0],
            project=PLACE[1],
            rollout_id=PLACE[2],
            spec=rollout.spec,
            step=step,
            gate=next(item for item in rollout.spec.gates if item.name == gate),
            summary=summary,
            evidence_sha256="ab" * 32,
            measurement=Measurement(
                samples, {metric: Measured(value, None) for metric, value in values.items()}
            ),
            issued_at=self.world.now,
        )
        path = analysis_path(*PLACE, hashlib.sha256(payload).hexdigest())
        return {path: seal(PAYLOAD_TYPE, payload, [self.world.actor(by).signer])}

    def analyze(self, values: Mapping[Metric, float | None] = GOOD, **options: object) -> None:
        """A signed analysis, committed to main by the analyst."""
        self.world.commit(self.analysis(values, **options), by="ana")  # type: ignore[arg-type]

    # -- what holds ----------------------------------------------------------------------------------------

    def placements(self) -> dict[str, str]:
        """Repository name → what it runs in dev."""
        with self.world.history() as history:
            rows = list(resolve_all(history.state()))
        return {row.repository.rpartition("/")[2]: str(row.placement) for row in rows}

    def codes(self) -> set[str]:
        """Codes of everything against the branch."""
        return {item.code for item in self.world.verify().all_problems()}
