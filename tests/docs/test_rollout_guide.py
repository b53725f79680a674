# SPDX-License-Identifier: Apache-2.0
"""The rollout guide is true: its plan is one that gaitops reads, and its commands print what it shows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gaitops.cli.main import program
from gaitops.documents.load import load_document
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.times import format_timestamp
from gaitops.rollout.measure import METRICS
from gaitops.rollout.transitions import EDGES
from tests.docs.source_tree import ROOT
from tests.history.rollouts import OTHER_POLICY, PATH, PLACE, Fleet
from tests.simulator import DAY, environment_document, policy_files, repository_document, version_digest_of

TEXT = (ROOT / "docs" / "rollout-guide.md").read_text(encoding="utf-8")
(PLAN,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
SHOPS = ("cart", "checkout", "fraud", "invoices", "ledger", "mail", "refunds", "search")
POLICY = "orgs/acme/policies/payments-guard/versions"


def test_the_plan_of_the_guide_is_read() -> None:
    """Copied as it stands, it is a plan."""
    document = load_document(PLAN.encode(), PATH)
    assert isinstance(document, Rollout)
    assert document.status.phase == "pending"


def test_every_metric_and_edge_is_explained() -> None:
    """The tables of the guide are complete."""
    for name in (*METRICS, *(edge for edge in EDGES if edge not in ("start", "advance", "complete"))):
        assert f"| `{name}` |" in TEXT, name


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """The fleet that the guide is about, as the current folder, with everything that its commands name."""
    fleet = Fleet(tmp_path / "fleet", repositories=0)
    world = fleet.world
    first = policy_files("payments-guard", "1.0.0")
    parent = version_digest_of(first[f"{POLICY}/1.0.0/version.yaml"], "payments-guard", "1.0.0")
    second = policy_files(
        "payments-guard", "1.1.0", text=OTHER_POLICY, parents=[("1.0.0", parent)], risk=None
    )
    folder = "orgs/acme/projects/pay"
    reference = {"name": "payments-guard", "version": "1.0.0"}
    rest = {
        f"{folder}/environments/production.yaml": environment_document("production", "production", reference)
    }
    for name in SHOPS:
        rest[f"{folder}/repositories/{name}.yaml"] = repository_document(
            name, url=f"https://github.com/acme/{name}"
        )
    for files in (first, second, rest):
        world.land(files, by="alice", approvers=["bob", "carol"])
    world.tick(DAY - (world.now - world.now.replace(hour=9, minute=0)))
    for module in ("opening", "rollout_change", "rollout_delivery"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: world.now)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("GAITOPS_TRUST_ROOT", world.trust_root)
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "rosa")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "rosa@example.com")
    monkeypatch.chdir(world.path)
    key = Path("ana.pem")
    key.write_bytes(world.actor("ana").private_pem)
    key.chmod(0o600)
    return fleet


def evidence(fleet: Fleet, blocked: int) -> None:
    """``summary.json``: 300 decisions of each repository under each version, some of the candidate's blocked."""
    old, new = (
        json.loads(fleet.world.read(f"{POLICY}/{version}/version.yaml"))["spec"]["gait"]["digest"]
        for version in ("1.0.0", "1.1.0")
    )
    start, end = format_timestamp(fleet.world.now - DAY), format_timestamp(fleet.world.now)
    rows = [
        {
            "repository": f"github.com/acme/{name}",
            "environment": "production",
            "artifacts": {"verified": 600},
            "policies": [
                {"gaitPolicyDigest": old, "allow": 300},
                {"gaitPolicyDigest": new, "allow": 300 - blocked, "block": blocked},
            ],
            "comparisons": [{"enforced": old, "candidate": new, "both": 300, "unexpectedBlocks": blocked}],
        }
        for name in SHOPS
    ]
    body = {
        "schema": "gaitops.dev/evidence-summary/v1",
        "trustRoot": fleet.world.trust_root,
        "generatedAt": end,
        "window": {"start": start, "end": end},
        "repositories": rows,
    }
    Path("summary.json").write_text(json.dumps(body), encoding="utf-8")


def printed(command: str, code: int = 0) -> str:
    """What a command of the guide prints; what nobody can know before stands as ``…``."""
    assert command in TEXT
    result = CliRunner().invoke(program, shlex.split(command)[1:])
    assert result.exit_code == code, result.output
    return re.sub(r"\b[0-9a-f]{12,64}\b", "…", result.output).strip()


def merge(fleet: Fleet, branch: str, by: str, *approvers: str) -> None:
    """What the pull requests of the guide end with."""
    fleet.world.sign(branch, by, "propose")
    fleet.world.approve(branch, *approvers)
    fleet.world.merge(branch, by=by)


def story(fleet: Fleet) -> Iterator[str]:
    """Everything that the guide shows, in its order."""
    name = "/".join(PLACE)
    analyze = f"gaitops rollout analyze {name} --evidence summary.json --as ana --key ana.pem"
    Path(PATH).parent.mkdir(parents=True)
    Path(PATH).write_text(PLAN, encoding="utf-8")
    yield printed(f"gaitops rollout plan {name}")
    yield printed(f"gaitops rollout start {name} --branch start-tighten")
    merge(fleet, "start-tighten", "alice", "bob", "carol")
    yield printed(f"gaitops rollout advance {name} --branch rehearse", 3)
    fleet.wait(1)
    yield printed(f"gaitops rollout advance {name} --branch rehearse")
    merge(fleet, "rehearse", "rosa")
    fleet.wait(2)
    evidence(fleet, 3)
    yield printed(f"{analyze} --branch rehearsed")
    fleet.world.merge("rehearsed", by="ana")
    yield printed(f"gaitops rollout status {name}")
    printed(f"gaitops rollout advance {name} --branch some")
    merge(fleet, "some", "rosa")
    fleet.wait(1)
    evidence(fleet, 60)
    printed(f"{analyze} --branch blocked", 5)
    fleet.world.merge("blocked", by="ana")
    yield printed(f"gaitops rollout status {name} --exit-code", 5)
    yield printed(f"gaitops rollout rollback {name} --branch rollback --reason 'INC-12'")
    merge(fleet, "rollback", "rosa")
    assert fleet.codes() == set()


def test_the_guide_shows_what_is_printed(fleet: Fleet) -> None:
    """Every block of output in the guide is what the command above it prints."""
    assert re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL) == [f"{text}\n" for text in story(fleet)]
