# SPDX-License-Identifier: Apache-2.0
"""``gaitops signals`` over the golden fleet, ingested by the command line: the queue, its proofs, its fixes, Gait's report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gaitops.report.text import width
from gaitops.signals.kinds import KINDS
from tests.cli.harness import Invoke, Run
from tests.gait.runpack_files import FLEET, REPOSITORIES
from tests.posture.larkspur_world import AT, SINCE, Larkspur, larkspur_world, run
from tests.signals.larkspur import TRUTH
from tests.signals.test_fleet_vectors import FINDINGS

SARIF_SCHEMA = Path(__file__).resolve().parents[1] / "vectors" / "standards" / "sarif-schema-2.1.0.json"
REFUNDS = "fam_5fbb0b6f1bd4"


@pytest.fixture(scope="module")
def larkspur(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larkspur]:
    """The golden fleet, ingested by the command line."""
    with larkspur_world(tmp_path_factory) as found:
        yield found


def signals(larkspur: Larkspur, *arguments: str) -> Run:
    """``gaitops signals`` at the end of the two weeks."""
    return run(
        "signals", *arguments,
        *("--store", str(larkspur.store), "--fleet-repo", str(larkspur.fleet), "--trust-root", larkspur.trust_root),
        *("--at", AT, "--since", SINCE, "--checkouts", str(FLEET)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def queue(larkspur: Larkspur) -> dict[str, Any]:
    """The whole queue as a document, valid against the schema."""
    return signals(larkspur, "--top", "0", "--json").json


def test_the_noun_alone_lists_what_is_true_of_the_fleet(queue: dict[str, Any]) -> None:
    """Each finding of the truth about the golden fleet is a signal about the right repositories."""
    for finding, kind in FINDINGS.items():
        found = {name for one in queue["signals"] if one["kind"] == kind for name in one["repositories"]}
        assert found == {f"github.com/{name}" for name in TRUTH["findings"][finding]}, finding
    incidents = {one["id"] for one in queue["signals"] if one["kind"] == "incident_family"}
    assert incidents == set(TRUTH["findings"]["incident_families"])


def test_the_queue_says_how_much_it_was_before(queue: dict[str, Any]) -> None:
    """Events before, signals after, in all and by kind; ranks are without gaps and scores fall."""
    assert queue["before"]["total"] > 10 * queue["after"]["total"]
    assert queue["after"]["total"] == len(queue["signals"])
    assert [one["rank"] for one in queue["signals"]] == list(range(1, len(queue["signals"]) + 1))
    totals = [one["score"]["total"] for one in queue["signals"]]
    assert totals == sorted(totals, reverse=True)
    assert queue["notes"] == []


def test_text_fits_a_terminal_and_says_what_is_left_out(larkspur: Larkspur) -> None:
    """Only words that can be copied may be longer than a line."""
    shown = signals(larkspur, "list", "--top", "3")
    assert (shown.code, shown.err) == (0, "")
    assert "signals, as of 2026-10-19T00:00:00Z" in shown.out
    assert "signals more; --top 0 shows all" in shown.out
    assert all(width(line) <= 100 for line in shown.out.splitlines())


def test_a_choice_of_signals(larkspur: Larkspur) -> None:
    """By kind, team and repository; the counts are those of the choice."""
    chosen = signals(
        larkspur, "--kind", "kill_switch", "--kind", "policy_drift", "--team", "platform", "--json"
    ).json
    assert [one["kind"] for one in chosen["signals"]] == ["kill_switch"]
    assert chosen["after"] == {"total": 1, "by_kind": {"kill_switch": 1}}
    own = signals(larkspur, "--repository", "infra-live", "--kind", "damaged_runs", "--proof", "--json").json
    (signal,) = own["signals"]
    assert len(signal["proof"]) == 2
    wrong = signals(larkspur, "--kind", "nothing")
    assert (wrong.code, "there is no kind nothing" in wrong.err) == (6, True)


def test_markdown_and_sarif(larkspur: Larkspur) -> None:
    """Markdown has a row per signal; SARIF is valid, and every kind is a rule."""
    text = signals(larkspur, "--top", "2", "--format", "markdown", "--proof", "--kind", "kill_switch").out
    assert text.startswith("**3 events in 1 signals**")
    assert "| 1 | 102 |" in text
    assert len(text.split("```")[1].split()) == 3
    log = json.loads(signals(larkspur, "--top", "0", "--format", "sarif").out)
    jsonschema.Draft7Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))).validate(log)
    (part,) = log["runs"]
    assert {rule["id"] for rule in part["tool"]["driver"]["rules"]} == set(KINDS)
    levels = {result["ruleId"]: result["level"] for result in part["results"]}
    assert (levels["policy_drift"], levels["approval_backlog"], levels["kill_switch"]) == (
        "error",
        "warning",
        "note",
    )


def test_one_signal_with_everything(larkspur: Larkspur) -> None:
    """A family by the beginning of its id: score, causes beside keywords, Gait's view, fixes, proof."""
    shown = signals(larkspur, "show", REFUNDS[:8], "--proof")
    assert shown.code == 0
    for said in (
        "2,004  The same failure again",
        "privilege × tier × radius × 10 + volume",
        "policy_change: contradicted",
        "severity       167 (critical)",
        "$ gait regress run --json",
    ):
        assert said in shown.out
    document = signals(larkspur, "show", REFUNDS, "--proof", "--json").json
    assert len(document["proof"]) == document["family"]["runs"] == 13
    assert document["family"]["gait"] == document["gait"]
    assert document["family"]["canonical"]["artifact"] in document["proof"]


@pytest.mark.parametrize(
    "arguments", [("show", "sig_"), ("fix", "fam_5fbb", "--kind", "rollback", "--out", "nowhere")]
)
def test_a_signal_that_is_not_one(larkspur: Larkspur, arguments: tuple[str, ...]) -> None:
    """An id that several signals begin with, and a fix that a signal does not have, are errors with a remedy."""
    failed = signals(larkspur, *arguments, "--json")
    assert failed.code == 6
    assert failed.codes == ["signals.not_found"]


def test_a_fix_becomes_files(larkspur: Larkspur, tmp_path: Path) -> None:
    """The runpack has the bytes of the artifact; a configuration that is there keeps its fixtures; nothing is overwritten."""
    config = tmp_path / "gait.yaml"
    config.write_text('{"schema_id": "gait.regress.config", "fixtures": [{"name": "golden"}]}')
    done = signals(
        larkspur, "fix", REFUNDS, "--kind", "regress_fixture", "--out", str(tmp_path), "--json"
    ).json
    folder = "fixtures/fam-5fbb0b6f1bd4"
    assert done["written"] == [f"{folder}/fixture.json", f"{folder}/runpack.zip", "gait.yaml"]
    (fix,) = done["fixes"]
    written = (tmp_path / folder / "runpack.zip").read_bytes()
    assert hashlib.sha256(written).hexdigest() == fix["objects"][f"{folder}/runpack.zip"]
    assert [one["name"] for one in json.loads(config.read_text())["fixtures"]] == [
        "golden",
        "fam-5fbb0b6f1bd4",
    ]
    config.unlink()
    config.symlink_to(tmp_path / "elsewhere")
    again = signals(larkspur, "fix", REFUNDS, "--kind", "regress_fixture", "--out", str(tmp_path), "--json")
    assert (again.code, again.codes) == (8, ["input.exists"])
    assert not (tmp_path / "elsewhere").exists()


def test_without_a_fleet_it_says_what_is_missing(larkspur: Larkspur) -> None:
    """The store alone shows incidents; a note names what cannot be known, and checkouts need a fleet."""
    alone = run("signals", "--store", str(larkspur.store), "--at", AT, "--json").json
    assert len(alone["notes"]) == 1
    assert "policy_drift" not in alone["after"]["by_kind"]
    assert alone["after"]["by_kind"]["incident_family"] == 2
    refused = run("signals", "--store", str(larkspur.store), "--at", AT, "--checkouts", str(FLEET))
    assert refused.code == 6
    turned = run("signals", "--store", str(larkspur.store), "--since", AT, "--until", SINCE)
    assert turned.code == 6


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_gaits_report_of_files(gaitops: Invoke, repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the files that Gait was given the report has Gait's bytes; damaged runpacks in the folder are left out."""
    monkeypatch.chdir(FLEET / repository)
    shown = gaitops("signals", "gait-report", "--runpacks", "runpacks", "--regress", "regress")
    expected = Path("scout_signal.json").read_text(encoding="utf-8")
    assert (shown.code, shown.out) == (0, expected + "\n")
    damaged = TRUTH["repos"][f"larkspur/{repository}"]["runpacks"]["bad"]
    assert shown.err.count("left out: ") == len(damaged)
    assert all(f"runpacks/{name}" in shown.err for name in damaged)


def test_gaits_report_takes_expanded_lists(gaitops: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several values after one option, as a shell leaves them; --json is the same document; --strict is an exit code."""
    folder = FLEET / "infra-live"
    monkeypatch.chdir(folder)
    files = sorted(str(path.relative_to(folder)) for path in folder.glob("runpacks/*.zip"))
    results = sorted(str(path.relative_to(folder)) for path in folder.glob("regress/*/regress_result.json"))
    strict = gaitops(
        "signals", "gait-report", "--runpacks", *files, "--regress", *results, "--strict", "--json"
    )
    assert strict.code == 2
    assert json.loads(strict.out) == json.loads(Path("scout_signal.json").read_text(encoding="utf-8"))
    version = gaitops("signals", "gait-report", "--runpacks", files[0], "--producer-version", "1.4.0")
    report = json.loads(version.out)
    assert (report["producer_version"], report["run_count"]) == ("1.4.0", 1)
    missing = gaitops("signals", "gait-report", "--runpacks", "nothing.zip")
    assert missing.code == 6
    stray = gaitops("signals", "gait-report", "--runpacks", files[0], "--strict", files[1])
    assert stray.code == 6


def test_gaits_report_names_what_is_no_such_artifact(gaitops: Invoke, tmp_path: Path) -> None:
    """A file that was named and is something else is left out by name; characters that printing would escape stay JSON."""
    (tmp_path / "odd.zip").write_bytes(b"PK")
    (tmp_path / "t.json").write_text('{"schema_id": "gait.regress.result"}')
    shown = gaitops(
        "signals", "gait-report", "--runpacks", tmp_path / "odd.zip", "--traces", tmp_path / "t.json"
    )
    assert shown.code == 0
    assert json.loads(shown.out)["run_count"] == 0
    assert shown.err.count("left out: ") == 2
