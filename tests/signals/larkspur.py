# SPDX-License-Identifier: Apache-2.0
"""The fleet vectors as rows, built by the shortest way: verdicts from the truth about them, the rest from their texts."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from gaitops.gait.policy_digest import digest_policy
from gaitops.gait.scout import fingerprint_of, privilege_of
from gaitops.signals.rows import (
    DecisionGroup,
    DoubtRow,
    DriftRow,
    Evidence,
    FindingRow,
    RegressRow,
    RepositoryRow,
    RunRow,
    Seen,
    StepRow,
    WaitingRow,
    Where,
)
from tests.gait.runpack_files import FLEET, REPOSITORIES, intact, moment, run_facts

TRUTH: dict[str, Any] = json.loads((FLEET / "truth.json").read_text(encoding="utf-8"))
ROLLOUT: dict[str, Any] = json.loads((FLEET / "rollout.json").read_text(encoding="utf-8"))
AT = datetime(2026, 10, 19, tzinfo=UTC)
TIERS = {"dev": "development", "staging": "staging", "prod": "production", "": ""}
TEAM = {name: team for team, names in ROLLOUT["teams"].items() for name in names}
NAMES = {digest: f"larkspur-agent-baseline@{version}" for version, digest in ROLLOUT["versions"].items()}
_FAR = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trace:
    """One delivered trace."""

    artifact: str
    repository: str
    verdict: str
    document: Mapping[str, Any]

    @property
    def where(self) -> Where:
        return place(self.repository, self.document.get("environment", ""))

    @property
    def when(self) -> datetime:
        return moment(self.document["observed_at"].partition(".")[0].rstrip("Z") + "Z")


def place(repository: str, environment: str = "") -> Where:
    """A place of the fleet."""
    return Where(repository, environment, TEAM[repository], TIERS[environment])


@cache
def traces() -> tuple[Trace, ...]:
    """Every delivery, repeated ones included; a rejected one has no document."""
    found = []
    for name in REPOSITORIES:
        repository = f"larkspur/{name}"
        bad = {
            file: verdict
            for verdict, files in TRUTH["repos"][repository]["bad_traces"].items()
            for file in files
        }
        for line in (FLEET / name / "traces.jsonl").read_text(encoding="utf-8").splitlines():
            delivery = json.loads(line)
            verdict = bad.get(delivery["file"], "verified")
            document = {} if verdict == "rejected" else json.loads(delivery["text"])
            digest = hashlib.sha256(delivery["text"].encode()).hexdigest()
            found.append(Trace(digest, repository, verdict, document))
    return tuple(found)


@cache
def events() -> tuple[Trace, ...]:
    """Verified traces, each emission once."""
    return tuple(
        {
            (trace.document["signature"]["key_id"], trace.document["event_id"]): trace
            for trace in reversed(traces())
            if trace.verdict == "verified"
        }.values()
    )[::-1]


def seen(found: Iterable[Trace]) -> Seen:
    """How often and when, with a few artifacts."""
    ordered = sorted(found, key=lambda trace: trace.artifact)
    times = [trace.when for trace in ordered if trace.document]
    artifacts = tuple(trace.artifact for trace in ordered[:5])
    return Seen(len(ordered), min(times, default=None), max(times, default=None), artifacts)


def grouped(found: Iterable[Trace], *members: str) -> Iterator[tuple[Where, tuple[Any, ...], list[Trace]]]:
    """Traces by place and some members of their documents."""
    groups: dict[tuple[Where, tuple[Any, ...]], list[Trace]] = defaultdict(list)
    for trace in found:
        values = tuple(trace.document.get(name, "") for name in members)
        groups[trace.where, values].append(trace)
    for (where, values), group in groups.items():
        yield where, values, group


def decisions() -> list[DecisionGroup]:
    """Verified decisions by place, tool, outcome and policy."""
    rows = []
    for where, (tool, decision, policy), group in grouped(events(), "tool_name", "verdict", "policy_digest"):
        for active in (False, True):
            own = [trace for trace in group if _kill_switch(trace) == active]
            if own:
                rows.append(DecisionGroup(where, tool, decision, policy, active, seen(own)))
    return rows


def _kill_switch(trace: Trace) -> bool:
    return bool(trace.document.get("kill_switch", {}).get("status") == "active")


def expected(environment: str) -> dict[str, tuple[datetime, datetime]]:
    """Digest → the time in which it is no drift, the grace included."""
    plan = [entry for entry in ROLLOUT["plan"] if entry["environment"] == environment]
    ends = [moment(entry["from"]) + timedelta(hours=ROLLOUT["grace_hours"]) for entry in plan[1:]]
    return {
        ROLLOUT["versions"][entry["version"]]: (moment(entry["from"]), end)
        for entry, end in zip(plan, [*ends, _FAR][: len(plan)], strict=True)
    }


def drift() -> list[DriftRow]:
    """Events under a digest that the plan does not ask for at their time."""

    def unexpected(trace: Trace) -> bool:
        span = expected(trace.where.environment).get(trace.document["policy_digest"])
        return bool(trace.where.environment) and not (span and span[0] <= trace.when < span[1])

    rows = []
    for where, (digest,), group in grouped(filter(unexpected, events()), "policy_digest"):
        passed = [privilege_of(trace.document["tool_name"]) for trace in group]
        versions = (NAMES[digest],) if digest in NAMES else ()
        rows.append(
            DriftRow(
                where,
                digest,
                versions,
                tuple(sorted(expected(where.environment))),
                max(passed),
                seen(group),
            )
        )
    return rows


def waiting() -> list[WaitingRow]:
    """Calls that need an approval, and those of them that no later decision allowed."""
    calls: dict[tuple[str, str, str], list[Trace]] = defaultdict(list)
    for trace in events():
        document = trace.document
        calls[trace.repository, document["policy_digest"], document["intent_digest"]].append(trace)
    rows: dict[tuple[Where, str], tuple[int, list[Trace]]] = defaultdict(lambda: (0, []))
    for group in calls.values():
        asked = [trace for trace in group if trace.document["verdict"] == "require_approval"]
        granted = [trace for trace in group if trace.document["verdict"] == "allow"]
        if asked:
            first = min(asked, key=lambda trace: trace.when)
            key = (first.where, first.document["tool_name"])
            count, open_calls = rows[key]
            still = [] if granted else [first]
            rows[key] = (count + 1, open_calls + still)
    return [
        WaitingRow(where, tool, count, len(open_calls), seen(open_calls))
        for (where, tool), (count, open_calls) in rows.items()
    ]


@cache
def runs() -> tuple[RunRow, ...]:
    """Every readable run, with the policies of the traces that name it."""
    by_run: dict[tuple[str, str], list[Trace]] = defaultdict(list)
    for trace in events():
        by_run[trace.repository, trace.document.get("run_id", "")].append(trace)
    rows = []
    for name in REPOSITORIES:
        paths = sorted((FLEET / name / "runpacks").iterdir())
        rows += [_run(f"larkspur/{name}", path, by_run) for path in paths if intact(path)]
    return tuple(rows)


def _run(repository: str, path: Path, by_run: Mapping[tuple[str, str], list[Trace]]) -> RunRow:
    facts, own = run_facts(path), fingerprint_of(run_facts(path))
    named = by_run.get((repository, facts.run_id), [])
    environment = next((trace.where.environment for trace in named if trace.where.environment), "")
    return RunRow(
        artifact=hashlib.sha256(path.read_bytes()).hexdigest(),
        verdict="verified" if _signed(path) else "unsigned",
        where=place(repository, environment),
        made_at=facts.created_at,
        run_id=facts.run_id,
        manifest_digest=facts.manifest_digest,
        fingerprint=own.fingerprint,
        family_id=own.family_id,
        max_privilege=own.max_privilege,
        action_sequence=own.action_sequence,
        tool_classes=own.tool_classes,
        target_systems=own.target_systems,
        reason_codes=own.reason_codes,
        receipt_digests=own.receipt_digests,
        context_set_digest=facts.context_set_digest,
        runtime=f"{facts.os} {facts.arch} {facts.runtime}",
        capture_mode=facts.capture_mode,
        producer_version=facts.producer_version,
        gait_versions=frozenset(trace.document["producer_version"] for trace in named),
        policy_digests=frozenset(trace.document["policy_digest"] for trace in named),
        traces=tuple(sorted(trace.artifact for trace in named)[:5]),
        steps=tuple(
            StepRow(step.tool_name, step.args_digest, step.status, step.result_digest) for step in facts.steps
        ),
    )


def _signed(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return "signatures" in json.loads(archive.read("manifest.json"))


def doubts() -> list[DoubtRow]:
    """Traces and runpacks that prove nothing."""
    required = {TIERS[name] for name in ROLLOUT["signature_required_in"]}
    bad = [trace for trace in traces() if trace.verdict != "verified"]
    rows = []
    for verdict in ("unsigned", "unverifiable", "failed", "rejected"):
        for where, _values, group in grouped([one for one in bad if one.verdict == verdict]):
            keys = {trace.document.get("signature", {}).get("key_id") for trace in group} - {None}
            rows.append(DoubtRow(where, "trace", verdict, len(keys), where.tier in required, seen(group)))
    for run in runs():
        if run.verdict == "unsigned":
            shown = Seen(1, run.made_at, run.made_at, (run.artifact,))
            rows.append(DoubtRow(run.where, "runpack", "unsigned", 0, run.where.tier in required, shown))
    for name in REPOSITORIES:
        for path in sorted((FLEET / name / "runpacks").iterdir()):
            if not intact(path):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                shown = Seen(1, None, None, (digest,))
                where = place(f"larkspur/{name}")
                rows.append(DoubtRow(where, "runpack", "failed", 0, required=False, seen=shown))
    return rows


def findings() -> list[FindingRow]:
    """Events that name another repository than the one that delivered them."""
    rows = []
    for where, (claimed,), group in grouped(events(), "repo"):
        if claimed and claimed != where.repository:
            rows.append(FindingRow(where, "attribution.repository_conflict", seen(group)))
    return rows


def regress() -> list[RegressRow]:
    """Every regress result, in the order of delivery."""
    rows = []
    for name in REPOSITORIES:
        repository = f"larkspur/{name}"
        for position, case in enumerate(TRUTH["repos"][repository]["regress"]):
            path = FLEET / name / "regress" / case["case"] / "regress_result.json"
            document = json.loads(path.read_text(encoding="utf-8"))
            failed = [grader for grader in document["graders"] if grader["status"] != "pass"]
            rows.append(
                RegressRow(
                    artifact=hashlib.sha256(path.read_bytes()).hexdigest(),
                    where=place(repository),
                    fixture_set=document["fixture_set"],
                    status=document["status"],
                    vacuous=case["vacuous"],
                    drift_class=case["drift_class"],
                    fixture_names=tuple(
                        sorted({one["name"].partition("/")[0] for one in document["graders"]})
                    ),
                    failing=tuple((grader["name"], ",".join(grader["reason_codes"])) for grader in failed),
                    run_ids=tuple(sorted({grader["details"]["run_id"] for grader in failed})),
                    max_privilege=0,
                    made_at=moment(document["created_at"]),
                    delivered_at=AT,
                    position=position,
                    producer_version=document["producer_version"],
                )
            )
    return rows


def _repeated(repository: str) -> Iterator[Trace]:
    """Deliveries after the first of what came before."""
    known: set[str] = set()
    for trace in traces():
        if trace.repository == repository and trace.artifact in known:
            yield trace
        known.add(trace.artifact)


def repositories() -> list[RepositoryRow]:
    """What is known of each repository as a whole."""
    rows = []
    for name in REPOSITORIES:
        repository = f"larkspur/{name}"
        own = [trace for trace in events() if trace.repository == repository]
        last = max(own, key=lambda trace: trace.when)
        repeated = list(_repeated(repository))
        committed = digest_policy((FLEET / name / ".gait.yaml").read_bytes()).digest
        assigned = {digest for environment in ("dev", "staging", "prod") for digest in expected(environment)}
        rows.append(
            RepositoryRow(
                place(repository),
                last.when,
                (last.artifact,),
                seen(repeated) if repeated else None,
                seen(trace for trace in own if not trace.document.get("repo")),
                committed,
                f"{name}/.gait.yaml",
                committed in assigned,
            )
        )
    return rows


@cache
def evidence() -> Evidence:
    """Two weeks of the whole fleet."""
    return Evidence(
        AT,
        runs=runs(),
        decisions=decisions(),
        drift=drift(),
        waiting=waiting(),
        regress=regress(),
        doubts=doubts(),
        findings=findings(),
        repositories=repositories(),
        versions={digest: (name,) for digest, name in NAMES.items()},
    )
