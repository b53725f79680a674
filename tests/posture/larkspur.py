# SPDX-License-Identifier: Apache-2.0
"""The fleet of Gait's golden vectors: its documents, its plan over time, and its evidence as counted rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from gaitops.content import MemorySnapshot
from gaitops.fleet.evidence import FleetView, fleet_view
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.fleet.timeline import Timeline, timeline
from gaitops.gait.artifacts.facts import InventoryItemFacts
from gaitops.gait.policy_tools import read_tool_policy
from gaitops.posture.inputs import (
    ApprovalDelay,
    Approver,
    ArtifactCount,
    DecisionCount,
    Inventory,
    KeyUse,
    PostureInputs,
    RegressCount,
    TokenCount,
    Window,
)
from tests.simulator import (
    document,
    environment_document,
    policy_files,
    repository_document,
    version_digest_of,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "gait" / "fleet"
POLICY = "larkspur-agent-baseline"
TIERS = {"dev": "development", "staging": "staging", "prod": "production"}
WINDOW = Window(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC))
BEFORE, CHANGE = datetime(2026, 9, 5, tzinfo=UTC), datetime(2026, 10, 12, tzinfo=UTC)
GRACE = timedelta(hours=24)
STALE = timedelta(days=5)


@cache
def truth() -> dict[str, Any]:
    """What is true of the fleet, computed by another program."""
    found: dict[str, Any] = json.loads((VECTORS / "truth.json").read_text(encoding="utf-8"))
    return found


@cache
def rollout() -> dict[str, Any]:
    """What should run where and when."""
    found: dict[str, Any] = json.loads((VECTORS / "rollout.json").read_text(encoding="utf-8"))
    return found


def repository(name: str) -> str:
    """Normalised id of one of its repositories: ``larkspur/cart-api`` and ``cart-api`` are the same."""
    return f"github.com/larkspur/{name.removeprefix('larkspur/')}"


def policy_versions() -> dict[str, str]:
    """Files of the three versions of the baseline, and of the policy."""
    files: dict[str, str] = {}
    parents: list[tuple[str, str]] = []
    for version in rollout()["versions"]:
        text = (VECTORS / "policies" / f"{POLICY}-{version}.yaml").read_text(encoding="utf-8")
        made = policy_files(
            POLICY, version, org="larkspur", text=text, parents=parents, risk="low" if not parents else None
        )
        files |= made
        path = f"orgs/larkspur/policies/{POLICY}/versions/{version}/version.yaml"
        parents = [(version, version_digest_of(made[path], POLICY, version, org="larkspur"))]
    return files


def environments(moment: datetime) -> dict[str, str]:
    """The environments of every project as the plan wants them at one moment."""
    version: dict[str, str] = {}
    for entry in rollout()["plan"]:
        if datetime.fromisoformat(entry["from"]) <= moment:
            version[entry["environment"]] = entry["version"]
    return {
        f"orgs/larkspur/projects/{team}/environments/{name}.yaml": environment_document(
            name, tier, {"name": POLICY, "version": version[name]}, org="larkspur", project=team
        )
        for team in rollout()["teams"]
        for name, tier in TIERS.items()
    }


def tenancy() -> dict[str, str]:
    """A project for each team, with its repositories."""
    files = {}
    for team, repositories in rollout()["teams"].items():
        folder = f"orgs/larkspur/projects/{team}"
        files[f"{folder}/project.yaml"] = document("Project", team, {"summary": team}, org="larkspur")
        for name in repositories:
            short = name.removeprefix("larkspur/")
            files[f"{folder}/repositories/{short}.yaml"] = repository_document(
                short, org="larkspur", project=team, url=f"https://{repository(name)}"
            )
    return files


def state(moment: datetime) -> FleetState:
    """The fleet as documents at one moment."""
    fleet = {"fleet.yaml": document("Fleet", "larkspur", {"rules": 1, "pinGrace": "24h"})}
    files = {**fleet, **policy_versions(), **tenancy(), **environments(moment)}
    snapshot = MemorySnapshot({path: text.encode() for path, text in files.items()})
    return FleetState(snapshot, DocumentCache())


@cache
def view() -> FleetView:
    """The fleet at the end."""
    return fleet_view(state(WINDOW.until))


@cache
def line() -> Timeline:
    """What it expected over time."""
    return timeline([(BEFORE, state(BEFORE)), (CHANGE, state(CHANGE))])


# -- evidence ---------------------------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def traces(name: str) -> Iterator[tuple[str, dict[str, Any] | None, str]]:
    """(file, content if it can be read, verdict) of every delivered trace of a repository."""
    bad = {
        file: verdict
        for verdict, files in truth()["repos"][f"larkspur/{name}"]["bad_traces"].items()
        for file in files
    }
    for line in _lines(VECTORS / name / "traces.jsonl"):
        verdict = bad.get(line["file"], "verified")
        try:
            content = json.loads(line["text"])
        except ValueError:
            content = None
        yield line["file"], content, verdict


def events(name: str) -> list[dict[str, Any]]:
    """Verified traces of a repository, each emission once."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for _file, content, verdict in traces(name):
        if verdict == "verified" and content is not None:
            found.setdefault((content["signature"]["key_id"], content["event_id"]), content)
    return list(found.values())


def moment(text: str) -> datetime:
    """A time of an artifact, cut to microseconds."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}+00:00")


def names() -> list[str]:
    """Short names of the repositories."""
    return sorted(name.removeprefix("larkspur/") for name in truth()["repos"])


@cache
def inputs() -> PostureInputs:
    """The evidence as counted rows, one for each decision: the finest counting there is."""
    versions = {
        digest: read_tool_policy((VECTORS / "policies" / f"{POLICY}-{version}.yaml").read_bytes())
        for version, digest in rollout()["versions"].items()
    }
    return PostureInputs(
        decisions=[row for name in names() for row in _decisions(name)],
        artifacts=[row for name in names() for row in _artifacts(name)],
        approvals=[row for name in names() for row in _approvals(name)],
        tokens=[_tokens(name) for name in names()],
        approvers=[row for name in names() for row in _approvers(name)],
        keys=[row for name in names() for row in _keys(name)],
        regress=[row for name in names() for row in _regress(name)],
        inventories=[_inventory(name) for name in names()],
        policies=versions,
    )


def _decisions(name: str) -> Iterator[DecisionCount]:
    for event in events(name):
        at = moment(event["observed_at"])
        stopped = "kill_switch_active" in event.get("violations", ())
        yield DecisionCount(
            repository(name),
            event.get("environment", ""),
            event["policy_digest"],
            event["verdict"],
            at.date(),
            at,
            1,
            int(stopped),
            at,
            at,
        )


def _artifacts(name: str) -> Iterator[ArtifactCount]:
    seen: set[str] = set()
    for file, content, verdict in traces(name):
        text = json.dumps(content) if content is not None else file
        repeated = text in seen
        seen.add(text)
        at = moment(content["observed_at"]) if content is not None else WINDOW.until - timedelta(days=1)
        environment = (content or {}).get("environment", "")
        yield ArtifactCount(
            repository(name), environment, "trace", verdict, at.date(), int(not repeated), int(repeated), at
        )
    packs: Mapping[str, int] = truth()["repos"][f"larkspur/{name}"]["runpacks"]["status"]
    for verdict, number in packs.items():
        day = WINDOW.since
        yield ArtifactCount(repository(name), "", "runpack", verdict, day.date(), number, 0, day)


def _approvals(name: str) -> Iterator[ApprovalDelay]:
    asked: dict[tuple[str, str], dict[str, Any]] = {}
    allowed: dict[tuple[str, str], datetime] = {}
    for event in sorted(events(name), key=lambda item: moment(item["observed_at"])):
        call = (event["policy_digest"], event["intent_digest"])
        if event["verdict"] == "require_approval":
            asked.setdefault(call, event)
        elif event["verdict"] == "allow" and call in asked:
            allowed.setdefault(call, moment(event["observed_at"]))
    for call, event in asked.items():
        at = moment(event["observed_at"])
        minutes = (int(allowed[call].timestamp()) - int(at.timestamp())) // 60 if call in allowed else None
        yield ApprovalDelay(repository(name), event.get("environment", ""), minutes, 1, at)


def _tokens(name: str) -> TokenCount:
    found = [json.loads(line["text"]) for line in _lines(VECTORS / name / "approval_tokens.jsonl")]
    long = sum(moment(item["expires_at"]) - moment(item["created_at"]) > timedelta(hours=1) for item in found)
    return TokenCount(repository(name), len(found), long, sum("*" in item["scope"] for item in found))


def _approvers(name: str) -> Iterator[Approver]:
    found = [json.loads(line["text"]) for line in _lines(VECTORS / name / "approval_tokens.jsonl")]
    for approver, number in Counter(item["approver_identity"] for item in found).items():
        yield Approver(repository(name), approver, number)


def _keys(name: str) -> Iterator[KeyUse]:
    ids = [
        content["signature"]["key_id"]
        for _file, content, verdict in traces(name)
        if verdict == "unverifiable" and content is not None
    ]
    if ids:
        yield KeyUse(repository(name), len(set(ids)), len(ids))


def _regress(name: str) -> Iterator[RegressCount]:
    for result in truth()["repos"][f"larkspur/{name}"]["regress"]:
        day = WINDOW.since + timedelta(days=int(result["case"].removeprefix("day")))
        yield RegressCount(
            repository(name), day.date(), result["status"], result["vacuous"], result["drift_class"], 1
        )


def _inventory(name: str) -> Inventory:
    snapshot = json.loads((VECTORS / name / "scout_snapshot.json").read_text(encoding="utf-8"))
    snapshot = snapshot.get("snapshot", snapshot)
    items = tuple(
        InventoryItemFacts(
            item["id"], item["kind"], item["name"], item["locator"], item["risk_level"], (), ""
        )
        for item in snapshot["items"]
    )
    return Inventory(repository(name), snapshot["snapshot_id"], "0" * 64, items)
