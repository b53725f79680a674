# SPDX-License-Identifier: Apache-2.0
"""``gaitops fleet conformance`` over real bare mirrors and a real release (issue 3 item 11)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gaitops.cli.main import program
from gaitops.conformance import fleet_survey
from gaitops.report.text import plain, width
from gaitops.signing.keyfiles import generate_private_key
from tests.cli.harness import Run
from tests.conformance.fleet_builder import Mirrors
from tests.pin.pin_builder import NOW

PAY, LEDGER, WEB, BLOG = (f"github.com/acme/{name}" for name in ("pay", "ledger", "web-shop", "web-blog"))
KNOWN = ("pin.present", "pin.verifies", "pin.fresh", "policy.enforced", "gait.config")
"""Controls that need no evidence."""

Judge = Callable[..., Run]


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    """Four repositories; pay and web-shop are mirrored and conform, ledger lacks its pin, web-blog nobody shows."""
    made = Mirrors(tmp_path, (PAY, LEDGER, WEB, BLOG))
    made.mirror(PAY)
    made.mirror(WEB)
    made.mirror(LEDGER, pinned=False)
    made.list(*(made.row(name) for name in (PAY, LEDGER, WEB)))
    return made


@pytest.fixture
def judge(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Judge:
    """``judge("--json")`` runs the command on the manifest and the release, without the controls of evidence."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "GAITOPS_TRUST_ROOT"):
        monkeypatch.delenv(variable, raising=False)

    def run(*options: str | Path, manifest: bool = True, controls: tuple[str, ...] = KNOWN) -> Run:
        words: list[str | Path] = ["fleet", "conformance", "--trust-root", mirrors.fleet.trust_root]
        words += ["--manifest", mirrors.manifest] if manifest else []
        words += [word for name in controls for word in ("--control", name)]
        if "--fleet-repo" not in options:
            words += ["--release", mirrors.release]
        result = CliRunner().invoke(program, [*map(str, words), *map(str, options)])
        return Run(result.exit_code, result.stdout, result.stderr)

    return run


def place(run: Run, repository: str, environment: str = "production") -> dict[str, Any]:
    """One row of the result."""
    wanted = (repository, environment)
    return next(row for row in run.json["places"] if (row["repository"], row["environment"]) == wanted)


def test_everything_that_is_assigned_is_counted(judge: Judge) -> None:
    """Conformant, nonconformant and unknown add up to all assignments, whether they are in the manifest or not."""
    run = judge("--json")
    assert run.code == 3
    summary = {"total": 8, "conformant": 4, "nonconformant": 2, "unknown": 2, "conformantPercent": 50}
    assert run.json["summary"] == summary
    assert run.json["unknown"] == {"notListed": 2, "unreadable": 0, "insufficientData": 0}
    assert [row["repository"] for row in run.json["places"]] == sorted([LEDGER, PAY] * 2) + sorted(
        [BLOG, WEB] * 2
    )


def test_groups_and_controls(judge: Judge) -> None:
    """The same numbers per organization, project and environment; per control, unseen places have a count too."""
    document = judge("--json").json
    assert [(row["name"], row["total"], row["unknown"]) for row in document["orgs"]] == [("acme", 8, 2)]
    projects = {row["name"]: row for row in document["projects"]}
    assert projects["acme/payments"]["nonconformant"] == 2
    assert projects["acme/shop"]["unknown"] == 2
    assert {row["name"]: row["total"] for row in document["environments"]} == {"production": 4, "staging": 4}
    present = next(row for row in document["controls"] if row["control"] == "pin.present")
    assert (present["pass"], present["fail"], present["unknown"]) == (4, 2, 2)
    for row in document["controls"]:
        assert sum(number for name, number in row.items() if name != "control") == 8


def test_a_reason_and_a_remedy_for_each_finding(judge: Judge) -> None:
    """What fails says why and how to mend it; what is unknown says what is missing."""
    run = judge("--json")
    row = place(run, LEDGER)
    assert (row["status"], row["origin"]) == ("nonconformant", "clone")
    finding = row["findings"][0]
    assert (finding["control"], finding["outcome"]) == ("pin.present", "fail")
    assert "gaitops pin init" in finding["remedy"]
    assert place(run, BLOG)["problem"]["code"] == "conformance.not_listed"


def test_missing_data_is_unknown_and_never_a_pass(judge: Judge) -> None:
    """Without evidence its controls lack data: nothing fails, and nothing is called conformant."""
    run = judge("--json", controls=(*KNOWN, "evidence.recent"))
    assert place(run, PAY)["status"] == "unknown"
    assert place(run, PAY)["unknown"] == "insufficient_data"
    assert run.json["summary"]["conformant"] == 0
    assert run.json["unknown"]["insufficientData"] == 4


def test_unknown_fails_only_when_asked(judge: Judge, mirrors: Mirrors) -> None:
    """Unknown alone leaves the exit code alone, unless --strict says otherwise."""
    mirrors.list(mirrors.row(PAY))
    assert judge("--json").code == 0
    assert judge("--json", "--strict").code == 3


def test_an_unreadable_mirror_costs_its_own_places(judge: Judge, mirrors: Mirrors) -> None:
    """A mirror that is missing, shallow or empty is unknown, with the reason; the others are judged."""
    shallow = mirrors.folder / "mirrors" / "web-shop.git" / "shallow"
    shallow.write_text("0" * 40 + "\n")
    mirrors.list(mirrors.row(PAY), mirrors.row(WEB), {"repository": LEDGER, "path": "nowhere"})
    run = judge("--json")
    assert place(run, PAY)["status"] == "conformant"
    assert (place(run, WEB)["unknown"], place(run, WEB)["problem"]["code"]) == ("unreadable", "git.shallow")
    assert place(run, LEDGER)["problem"]["code"] == "git.not_a_repository"
    assert run.json["unknown"]["unreadable"] == 4


def test_one_environment_may_be_read_elsewhere(judge: Judge, mirrors: Mirrors) -> None:
    """A row for one environment shows only that; without one for the other, the other is unknown."""
    mirrors.list(mirrors.row(PAY, environment="staging", rev="main"))
    run = judge("--json")
    assert place(run, PAY, "staging")["status"] == "conformant"
    assert place(run, PAY)["status"] == "unknown"


def test_what_is_not_assigned_is_told_and_not_counted(judge: Judge, mirrors: Mirrors) -> None:
    """Repositories that the fleet does not know do not make the numbers better."""
    mirrors.list(mirrors.row(PAY), {"repository": "github.com/other/thing", "path": "mirrors/pay.git"})
    run = judge("--json")
    assert run.json["unassigned"] == ["github.com/other/thing"]
    assert run.json["summary"]["total"] == 8


def test_a_pin_of_another_repository_does_not_count(judge: Judge, mirrors: Mirrors) -> None:
    """A manifest that shows one good mirror under many names convinces nobody."""
    mirrors.list(mirrors.row(PAY), {"repository": BLOG, "path": "mirrors/pay.git"})
    run = judge("--json")
    assert place(run, PAY)["status"] == "conformant"
    assert place(run, BLOG)["status"] == "nonconformant"


def test_processes_agree_with_one(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes give the same result as one, to the last byte."""
    options = ("--json", "--at", _now())
    one = judge(*options, "--jobs", "1")
    monkeypatch.setattr(fleet_survey, "FEW", 1)
    monkeypatch.setattr(fleet_survey, "CHUNK", 1)
    two = judge(*options, "--jobs", "2")
    assert two.out == one.out


def test_changes_since_the_last_run(judge: Judge, mirrors: Mirrors, tmp_path: Path) -> None:
    """What got worse, better, appeared or went away since an earlier result, with the controls that moved."""
    before = tmp_path / "before.json"
    document = json.loads(judge("--json").out)
    document["places"] = [
        row for row in document["places"] if (row["repository"], row["environment"]) != (WEB, "staging")
    ]
    document["places"].append({**document["places"][0], "repository": "github.com/acme/gone"})
    before.write_text(json.dumps(document))
    mirrors.mirror(BLOG)
    mirrors.list(mirrors.row(BLOG), mirrors.row(LEDGER), mirrors.row(WEB))
    run = judge("--json", "--previous", before)
    changes = run.json["changes"]
    counts = {name: changes[name] for name in ("worse", "better", "changed", "appeared", "gone")}
    assert counts == {"worse": 2, "better": 2, "changed": 0, "appeared": 1, "gone": 1}
    assert [item["direction"] for item in changes["items"]] == ["worse"] * 2 + ["better"] * 2 + [
        "appeared",
        "gone",
    ]
    worse = changes["items"][0]
    assert (worse["repository"], worse["before"], worse["after"]) == (PAY, "conformant", "unknown")
    assert "2 worse, 2 better, 1 appeared, 1 gone" in judge("--previous", before).out


def test_a_control_that_moved_is_named(judge: Judge, mirrors: Mirrors, tmp_path: Path) -> None:
    """A new release turns what was required into something else; the change names the controls."""
    before = tmp_path / "before.json"
    before.write_text(judge("--json").out)
    mirrors.publish("1.1.0", step=2)
    run = judge("--json", "--previous", before)
    assert place(run, PAY)["status"] == "conformant", "within pinGrace it is a warning"
    change = next(item for item in run.json["changes"]["items"] if item["repository"] == PAY)
    assert change["direction"] == "changed"
    assert change["controls"] == [{"control": "policy.enforced", "before": "pass", "after": "warn"}]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{}", "document.value"),
        ("[]", "document.value"),
        ("nonsense", "document.syntax"),
        ('{"trustRoot": "x", "at": "2026-01-01T00:00:00Z", "places": []}', "conformance.previous"),
    ],
)
def test_an_earlier_result_that_is_none(judge: Judge, tmp_path: Path, content: str, code: str) -> None:
    """Comparing with something else is an error, not an empty list of changes."""
    previous = tmp_path / "previous.json"
    previous.write_text(content)
    run = judge("--json", "--previous", previous)
    assert (run.code, run.json["error_code"]) == (6, code)


def test_text_fits_the_terminal_and_draws_bars(judge: Judge) -> None:
    """At most 100 columns, a bar for every group, and unknown in words and in a character of its own."""
    text = judge().out
    assert max(width(line) for line in text.splitlines()) <= 100
    assert "4 of 8 conformant (50%), 2 nonconformant, 2 unknown: 2 not listed" in text
    bars = re.findall(r"█+▒+·+", plain(text))
    assert len(bars[0]) == 60
    assert all(len(one) == 30 for one in bars[1:])
    assert bars[0] == "█" * 30 + "▒" * 15 + "·" * 15


def test_rows_and_markdown(judge: Judge) -> None:
    """One JSON document a line, and tables for a job summary."""
    rows = [json.loads(line) for line in judge("--format", "jsonl").out.splitlines()]
    assert len(rows) == 8
    assert {row["status"] for row in rows} == {"conformant", "nonconformant", "unknown"}
    page = judge("--format", "markdown").out
    assert "| acme/payments | 2 | 2 | 0 | 4 | 50% |" in page
    assert "| `pin.present` | 4 | 2 | 0 | 0 | 0 | 0 | 2 |" in page


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "document.type"),
        ([{"repository": PAY}], "document.missing_field"),
        ([{"repository": "pay", "path": "x"}], "document.value"),
        ([{"repository": PAY, "path": "x", "branch": "main"}], "document.unknown_field"),
        (
            [{"repository": PAY, "path": "x"}, {"repository": f"https://{PAY}.git", "path": "y"}],
            "conformance.manifest",
        ),
        (
            [{"repository": PAY, "path": "x"}, {"repository": PAY, "path": "y", "environment": "production"}],
            "conformance.manifest",
        ),
    ],
)
def test_a_manifest_that_is_none(
    judge: Judge, mirrors: Mirrors, rows: list[dict[str, object]], code: str
) -> None:
    """Everything about a manifest that is not clear is refused before anything is read."""
    mirrors.list(*rows)
    run = judge("--json")
    assert (run.code, run.json["error_code"]) == (6, code)


def test_options_that_do_not_fit(judge: Judge, tmp_path: Path) -> None:
    """Nothing is judged without somebody who says what is required, and no summary without a key."""
    assert judge("--json", "--fleet-repo", tmp_path, "--release", tmp_path).code == 6
    assert judge("--json", "--vsa", tmp_path).code == 6
    assert judge("--json", "--control", "no.such").code == 6


def submit(mirrors: Mirrors, folder: Path, repository: str, key: Path, *options: str) -> None:
    """What a repository's own pipeline does: judge itself, sign, hand in."""
    folder.mkdir(exist_ok=True)
    name = repository.rpartition("/")[2]
    words = ["conformance", "--repo", str(mirrors.folder / "mirrors" / f"{name}.git"), "--rev", "main"]
    words += ["--environment", "production", "--repository", repository, "--key", str(key)]
    words += ["--trust-root", mirrors.fleet.trust_root, "--release", str(mirrors.release)]
    words += ["--vsa", str(folder / f"{name}.json"), *options]
    result = CliRunner().invoke(program, words)
    assert (folder / f"{name}.json").exists(), result.output


def test_submitted_summaries_stand_in_for_mirrors(judge: Judge, mirrors: Mirrors, tmp_path: Path) -> None:
    """A summary signed by a trusted verifier counts where no mirror is; a mirror always wins."""
    key, inbox = tmp_path / "ci.pem", tmp_path / "inbox"
    generate_private_key(key)
    for name in (PAY, LEDGER):
        submit(mirrors, inbox, name, key)
    mirrors.list(mirrors.row(WEB))
    trust = ("--vsa", inbox, "--verifier-key", f"{key}.pub")
    run = judge("--json", *trust)
    assert (place(run, PAY)["status"], place(run, PAY)["origin"]) == ("conformant", "summary")
    assert place(run, LEDGER)["status"] == "nonconformant"
    assert place(run, PAY, "staging")["unknown"] == "not_listed"
    assert place(run, WEB)["origin"] == "clone"
    assert run.json["rejected"] == []
    without_manifest = judge("--json", *trust, manifest=False)
    assert place(without_manifest, PAY)["status"] == "conformant"
    mirrors.list(mirrors.row(LEDGER), mirrors.row(PAY))
    assert place(judge("--json", *trust), PAY)["origin"] == "clone"


def test_summaries_that_do_not_count(judge: Judge, mirrors: Mirrors, tmp_path: Path) -> None:
    """A stranger's signature, an edited or outdated summary: rejected with the reason, and the place stays unknown."""
    key, stranger, inbox = tmp_path / "ci.pem", tmp_path / "stranger.pem", tmp_path / "inbox"
    generate_private_key(key)
    generate_private_key(stranger)
    mirrors.mirror(BLOG)
    submit(mirrors, inbox, PAY, stranger)
    submit(mirrors, inbox, WEB, key)
    submit(mirrors, inbox, BLOG, key)
    (inbox / "junk.json").write_text("{}")
    edited = json.loads((inbox / "web-blog.json").read_text())
    edited["payload"] = json.loads((inbox / "web-shop.json").read_text())["payload"]
    (inbox / "web-blog.json").write_text(json.dumps(edited))
    mirrors.publish("1.1.0", step=2)
    trust = ("--vsa", inbox, "--verifier-key", f"{key}.pub")
    run = judge("--json", *trust, manifest=False)
    reasons = {(problem["path"], problem["code"]) for problem in run.json["rejected"]}
    assert ("pay.json", "signature.invalid") in reasons
    assert ("web-blog.json", "signature.invalid") in reasons
    assert ("web-shop.json", "conformance.outdated") in reasons
    assert "junk.json" in {path for path, _code in reasons}
    assert run.json["summary"]["unknown"] == 8


def test_a_summary_lacks_what_it_does_not_have(judge: Judge, mirrors: Mirrors, tmp_path: Path) -> None:
    """Controls that its maker could not judge stay unknown, whatever the signature."""
    key, inbox = tmp_path / "ci.pem", tmp_path / "inbox"
    generate_private_key(key)
    submit(mirrors, inbox, PAY, key)
    run = judge("--json", "--vsa", inbox, "--verifier-key", f"{key}.pub", manifest=False, controls=())
    assert (place(run, PAY)["status"], place(run, PAY)["unknown"]) == ("unknown", "insufficient_data")


def _now() -> str:
    return NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
