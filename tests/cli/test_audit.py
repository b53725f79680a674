# SPDX-License-Identifier: Apache-2.0
"""``gaitops audit``: attribution, selections, CSV, and proof against a repository or a release."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from pathlib import Path

import pytest

from tests.attacks.release_tools import Scene, scene, story
from tests.cli.harness import Invoke, Run
from tests.simulator import World, project_files

__all__ = ["scene", "story"]


@pytest.fixture
def fleet(gaitops: Invoke, tmp_path: Path) -> Fleet:
    """A fleet with a decision that two people took part in."""
    return Fleet(gaitops, World(tmp_path / "fleet"))


class Fleet:
    """A fleet and the command line on it."""

    def __init__(self, gaitops: Invoke, world: World) -> None:
        self.gaitops = gaitops
        self.world = world
        world.land(project_files(), by="alice", approvers=["bob"])

    def audit(self, *words: str | Path) -> Run:
        """``gaitops audit`` on this fleet."""
        options = ("--repo", self.world.path, "--trust-root", self.world.trust_root)
        return self.gaitops("audit", *words, *options, "--at", f"{self.world.now:%Y-%m-%dT%H:%M:%SZ}")

    def exported(self, file: Path, *words: str, form: str = "jsonl") -> Path:
        """An export in a file."""
        file.write_bytes(self.audit("export", "--format", form, *words).out.encode())
        return file


def test_every_signature_is_attributed(fleet: Fleet) -> None:
    """Proposers and approvers come with identity, assurance, time and its source, and the envelope's digest."""
    event = fleet.audit("export", "--json").json["events"][-1]
    (approval,) = event["approvals"]
    envelope = fleet.world.read(approval["envelope"])
    assert approval["envelopeSha256"] == hashlib.sha256(envelope).hexdigest()
    assert (approval["principal"], approval["timeSource"], approval["log"]) == ("bob", "statement", None)
    assert approval["identity"]["type"] == "key"
    assert approval["signedAt"] == json.loads(_payload(envelope))["predicate"]["issuedAt"]
    (proposer,) = event["proposedBy"]
    assert (proposer["principal"], proposer["timeSource"], proposer["signature"]) == (
        "alice",
        "commit",
        "ssh",
    )
    assert len(proposer["commit"]) == 40


def _payload(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


def test_csv_has_a_row_for_each_signature(fleet: Fleet, tmp_path: Path) -> None:
    """CSV says the same as JSON lines, and verifies as it is and with the line ends of a spreadsheet."""
    events = fleet.audit("export", "--json").json["events"]
    file = fleet.exported(tmp_path / "audit.csv", form="csv")
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert len(rows) == sum(max(1, len(item["proposedBy"]) + len(item["approvals"])) for item in events)
    assert rows[-1]["envelope_sha256"] == events[-1]["approvals"][0]["envelopeSha256"]
    assert fleet.audit("verify", file, "--json").json["events"] == len(events)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert fleet.audit("verify", file).code == 0


@pytest.mark.parametrize("spoil", ["change", "drop", "add"])
def test_csv_that_was_edited_is_refused(fleet: Fleet, tmp_path: Path, spoil: str) -> None:
    """A changed, missing or added row is found."""
    file = fleet.exported(tmp_path / "audit.csv", form="csv")
    lines = file.read_text().splitlines(keepends=True)
    lines = {
        "change": [*lines[:-1], lines[-1].replace("bob", "eve")],
        "drop": lines[:-1],
        "add": [*lines, lines[-1]],
    }[spoil]
    file.write_text("".join(lines))
    run = fleet.audit("verify", file, "--json")
    assert (run.code, run.codes) == (2, ["audit.mismatch"])


def test_a_selection_is_proven_with_what_selected_it(fleet: Fleet, tmp_path: Path) -> None:
    """Scope, person and time select; the same options prove that nothing selected is missing, others do not fit."""
    fleet.world.land(project_files("ops", repositories=()), by="alice", approvers=["carol"])
    file = fleet.exported(tmp_path / "carol.jsonl", "--principal", "carol")
    found = [json.loads(line) for line in file.read_text().splitlines()]
    everything = fleet.audit("export", "--json").json["events"]
    assert 0 < len(found) < len(everything)
    assert fleet.audit("verify", file, "--principal", "carol").code == 0
    assert fleet.audit("verify", file, "--principal", "bob").code == 2
    assert fleet.audit("verify", file).code == 2
    lines = fleet.exported(file, "--principal", "bob").read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]))
    run = fleet.audit("verify", file, "--principal", "bob", "--json")
    assert (run.code, run.codes) == (2, ["audit.mismatch"])
    last = everything[-1]
    assert fleet.audit("export", "--since", last["time"], "--json").json["events"][-1] == last
    assert last not in fleet.audit("export", "--until", last["time"], "--json").json["events"]
    assert fleet.audit("export", "--scope", "org/nobody", "--json").json["events"] == []


def test_an_export_is_proven_by_a_release(scene: Scene) -> None:
    """Without the fleet's repository: the log ends with the event that the release's signed audit head names."""
    events = scene.run("audit", "export", "--repo", scene / "fleet").json["events"]
    lines = [json.dumps(event) for event in events]
    file = scene / "audit.jsonl"

    def verify(content: list[str]) -> Run:
        file.write_text("".join(line + "\n" for line in content))
        return scene.run("audit", "verify", file, "--release", scene / "two")

    assert verify(lines).json["against"] == "release 2"
    forged = json.dumps({**events[1], "contributors": ["eve"]})
    for wrong in (lines[:-1], [lines[0], forged, *lines[2:]], lines[1:], [*lines, lines[-1]]):
        run = verify(wrong)
        assert (run.code, run.codes) == (2, ["audit.mismatch"])


def test_a_release_proves_no_selection(scene: Scene, tmp_path: Path) -> None:
    """A hash chain with gaps proves nothing, so asking is an error of usage."""
    file = tmp_path / "audit.jsonl"
    file.write_text("{}\n")
    run = scene.run("audit", "verify", file, "--release", scene / "two", "--principal", "bob")
    assert run.code == 6
