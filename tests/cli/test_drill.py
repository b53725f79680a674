# SPDX-License-Identifier: Apache-2.0
"""``gaitops drill``: told while it happens, signed at the end, and nothing is left behind or written into the fleet."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from gaitops.cli import drill as module
from gaitops.drill.catalogue import DRILLS
from gaitops.drill.twin import Twin
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke, Run


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, so that a test sees whether any stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def fleet(gaitops: Invoke, tmp_path: Path) -> Fleet:
    """A fleet of three people without organizations."""
    return Fleet(gaitops, tmp_path)


def _run(fleet: Fleet, name: str, out: Path, *options: str | Path) -> Run:
    return fleet.gaitops(
        "drill", "run", name, "--repo", fleet.path, "--trust-root", fleet.trust_root,
        "--out", out, "--key", fleet.key("alice"), *options,
    )  # fmt: skip


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_list(gaitops: Invoke) -> None:
    """Every drill is listed with what it proves, and is what ``run`` takes."""
    listed = gaitops("drill", "list", "--json").json["drills"]
    assert [item["name"] for item in listed] == [item.name for item in DRILLS] == list(module._NAMES)
    assert [item["name"] for item in listed if item["principal"]] == ["compromised-approver", "left-company"]
    text = gaitops("drill")
    assert text.code == 0
    assert all(f"{item.name}\n  {item.summary}\n  proves: {item.proves}" in text.out for item in DRILLS)


def test_a_drill_leaves_its_report_and_nothing_else(fleet: Fleet, tmp_path: Path, scratch: Path) -> None:
    """JSON says what was proven; the report verifies by key and by repository; the fleet was only read."""
    before, environment, current = _content(fleet.path), dict(os.environ), Path.cwd()
    out = tmp_path / "drill.json"
    run = _run(fleet, "expired-root", out, "--json")
    assert run.code == 0
    assert (run.json["passed"], run.json["folder"]) == (True, None)
    report = run.json["report"]
    assert (report["drill"], report["trustRoot"]) == ("expired-root", fleet.trust_root)
    assert {proof["proven"] for step in report["steps"] for proof in step["proofs"]} == {True}
    assert _content(fleet.path) == before
    assert list(scratch.iterdir()) == []
    assert (dict(os.environ), Path.cwd()) == (environment, current)
    by_key = fleet.gaitops("drill", "verify", out, "--public-key", f"{fleet.key('alice')}.pub", "--json")
    assert (by_key.code, by_key.json["signer"]["principal"]) == (0, None)
    assert by_key.json["report"] == report
    repo = ("--repo", fleet.path, "--trust-root", fleet.trust_root)
    by_repo = fleet.gaitops("drill", "verify", out, *repo, "--json")
    assert (by_repo.json["signer"]["principal"], by_repo.json["fails"]) == ("alice", [])
    assert fleet.gaitops("drill", "verify", out, *repo).out.startswith("signed by  alice (")
    other = fleet.gaitops("drill", "verify", out, "--public-key", f"{fleet.key('bob')}.pub", "--json")
    assert (other.code, other.codes) == (2, ["drill.signer"])


def test_a_drill_that_finds_something_says_so_and_exits_with_5(
    gaitops: Invoke, tmp_path: Path, scratch: Path
) -> None:
    """Text names steps, commands, proofs and findings; ``--keep`` leaves the copy; the report is written all the same."""
    fleet = Fleet(gaitops, tmp_path, private=("alice", "bob"))
    kept, out = tmp_path / "kept", tmp_path / "drill.json"
    run = _run(fleet, "left-company", out, "--principal", "bob", "--keep", kept)
    assert run.code == 5, run.out
    assert "\n 1  Found a copy of the fleet with throw-away keys" in run.out
    assert "    proven: the copy verifies from its own trust root" in run.out
    assert "    failure: without bob:" in run.out
    assert "drill left-company for bob found what would fail in this fleet" in run.out
    assert "\x1b" not in run.out
    assert max(len(line) for line in run.out.splitlines() if str(tmp_path) not in line) <= 100
    assert {"fleet", "keys", "release", "home"} <= {item.name for item in kept.iterdir()}
    assert list(scratch.iterdir()) == []
    assert json.loads(out.read_bytes())["payloadType"] == "application/vnd.in-toto+json"
    verified = fleet.gaitops("drill", "verify", out, "--public-key", f"{fleet.key('alice')}.pub", "--json")
    assert (verified.code, verified.json["passed"]) == (0, False)
    assert any("without bob" in text for text in verified.json["fails"])


def test_places_that_are_refused(fleet: Fleet, tmp_path: Path, scratch: Path) -> None:
    """Nothing is written into the repository, nothing is overwritten, before any work."""
    taken = tmp_path / "taken"
    taken.write_bytes(b"x")
    for out, options, code in (
        (fleet.path / "drill.json", (), "drill.inside_repository"),
        (tmp_path / "drill.json", ("--keep", fleet.path / "copy"), "drill.inside_repository"),
        (taken, (), "input.exists"),
        (tmp_path / "drill.json", ("--keep", tmp_path), "init.not_empty"),
    ):
        run = _run(fleet, "rotate-root", out, *options, "--json")
        assert (run.code, run.codes) == (8, [code])
    assert not (tmp_path / "drill.json").exists()


def test_people_who_are_refused(fleet: Fleet, tmp_path: Path) -> None:
    """A name that nobody has, and a name for a drill about nobody."""
    run = _run(fleet, "left-company", tmp_path / "drill.json", "--principal", "nobody", "--json")
    assert (run.code, run.codes) == (6, ["drill.principal"])
    run = _run(fleet, "rotate-root", tmp_path / "drill.json", "--principal", "bob", "--json")
    assert (run.code, run.codes) == (6, ["cli.usage"])


def test_a_failure_of_the_machine_is_not_a_finding(
    fleet: Fleet, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that fails internally says nothing about the fleet: no report, and the copy is gone."""
    monkeypatch.setattr(
        "gaitops.demo.stage._gaitops", lambda _arguments: (1, "error: disk full [internal.os]")
    )
    run = _run(fleet, "rotate-root", tmp_path / "drill.json", "--json")
    assert (run.code, run.codes) == (1, ["drill.command_failed"])
    assert "disk full" in run.json["problems"][0]["message"]
    assert not (tmp_path / "drill.json").exists()
    assert list(scratch.iterdir()) == []


def test_interrupted(fleet: Fleet, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a drill as it ends every command, and nothing stays behind."""

    def interrupt(_twin: Twin, _title: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Twin, "step", interrupt)
    assert _run(fleet, "rotate-root", tmp_path / "drill.json").code == 130
    assert list(scratch.iterdir()) == []


def test_verify_wants_one_way_to_know_the_signer(gaitops: Invoke, tmp_path: Path) -> None:
    """Either a key or a repository; and a file that is a report."""
    report = tmp_path / "drill.json"
    report.write_text("{}", encoding="utf-8")
    assert gaitops("drill", "verify", report, "--json").codes == ["cli.usage"]
    public = tmp_path / "key.pub"
    public.write_text("x", encoding="utf-8")
    run = gaitops("drill", "verify", report, "--public-key", public, "--json")
    assert (run.code, run.codes) == (6, ["envelope.malformed"])
