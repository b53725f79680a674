# SPDX-License-Identifier: Apache-2.0
"""``gaitops demo``: the story is true, leaves nothing behind, touches nothing of the user's, and notices when it is not true."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaitops.cli import clock
from gaitops.demo import story
from gaitops.demo.actions import Action, Command, Edit, Export, Step, Travel, Write
from gaitops.demo.stage import Stage
from tests.cli.harness import Invoke


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, so that a test sees whether any stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _environment() -> dict[str, str]:
    """What the story changes for itself."""
    prefixes = ("HOME", "PATH", "XDG_", "GIT_", "GAITOPS_")
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}


def _story(monkeypatch: pytest.MonkeyPatch, *actions: Action) -> None:
    monkeypatch.setattr(story, "STORY", (Step("alice", "Something happens.", actions),))
    monkeypatch.setattr(story, "EVIDENCE_STORY", ())


def test_the_whole_story_is_true(gaitops: Invoke, scratch: Path) -> None:
    """Every action does what the story says, the frauds included; the scratch folder is gone afterwards."""
    environment, folder = _environment(), Path.cwd()
    run = gaitops("demo", "--json")
    assert run.code == 0, run.json["failure"]
    told = run.json
    assert (told["ok"], told["folder"], told["failure"]) == (True, None, None)
    actions = [action for step in told["steps"] for action in step["actions"]]
    assert all(action["ok"] for action in actions)
    refusals = [action["action"] for action in actions if action["exitCode"]]
    assert [" ".join(line.split()[:3]) for line in refusals] == [
        "gaitops check",
        "gaitops pin verify",
        "gaitops check",
        "gaitops verify",
        "gaitops fleet conformance",
        "gaitops rollout analyze",
        "gaitops rollout advance",
        "gaitops evidence verify",
    ]
    assert list(scratch.iterdir()) == []
    assert (_environment(), Path.cwd()) == (environment, folder)


def test_text_is_told_step_by_step_and_kept_without_keys(
    gaitops: Invoke, tmp_path: Path, scratch: Path
) -> None:
    """The text names every step and the frauds' codes without styles, and ``--keep`` leaves everything in its folder.

    With ``--keyless``, approvers and the pipeline sign through a double of Sigstore, and the text says what that is.
    """
    kept = tmp_path / "kept"
    run = gaitops("demo", "--keyless", "--keep", kept)
    assert run.code == 0, run.out[-2000:]
    assert f"Everything happens in {kept}" in run.out
    first, init, *others = story.story(evidence=True)
    sentences = [first.sentence, init.sentence, "Key files shall go.", *(step.sentence for step in others)]
    for number, sentence in enumerate(sentences, 1):
        assert f"\n{number:>2}  {sentence[:40]}" in run.out
    assert "Sigstore is a throw-away double on this machine" in " ".join(run.out.split())
    assert "approved by bob (sigstore)" in run.out
    envelopes = [json.loads(path.read_bytes()) for path in (kept / "fleet" / "approvals").rglob("*.json")]
    bundles = [envelope for envelope in envelopes if "mediaType" in envelope]
    assert len(bundles) >= 13
    assert len(envelopes) > len(bundles)
    assert "[pin.mismatch]" in run.out
    assert "[approval.separation_of_duties]" in run.out
    assert "Everything went as it should." in run.out
    assert "\x1b" not in run.out
    assert max(len(line) for line in run.out.splitlines() if str(kept) not in line) <= 110
    assert {"fleet", "release", "checkout", "keys", "tokens", "agents", "evidence"} <= {
        item.name for item in kept.iterdir()
    }
    assert b"larkspur" in (kept / "report" / "index.html").read_bytes()
    assert list(scratch.iterdir()) == []


def test_without_the_libraries_of_evidence_the_rest_is_told(
    gaitops: Invoke, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    """Whoever did not install the extra sees the other parts, and is told how to see the last one."""
    _story(monkeypatch, Command("git --version"))
    monkeypatch.setattr("gaitops.evidence.extras.find_spec", lambda _name: None)
    run = gaitops("demo")
    assert run.code == 0
    assert "pip install 'gaitops[evidence]'" in run.out


def test_a_story_may_be_told_at_another_time_and_leaves_the_clock_alone(
    gaitops: Invoke, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    """Commits of the story carry its time; afterwards commands see the real one again."""
    moment = datetime(2026, 9, 5, tzinfo=UTC)
    _story(
        monkeypatch,
        Travel(moment),
        Command("git init --quiet then"),
        Command("git -C then commit --quiet --allow-empty -m Then"),
        Command("git -C then log -1 --format=%cI", shows=("2026-09-05T00:00:00",)),
    )
    assert gaitops("demo").code == 0
    assert clock.now() > moment
    assert "GIT_COMMITTER_DATE" not in os.environ


def test_without_sigstore_the_keyless_story_is_not_told(
    gaitops: Invoke, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    """Whoever did not install the extra is told which one, before anything is made."""
    monkeypatch.setattr("gaitops.demo.keyless.find_spec", lambda _name: None)
    run = gaitops("demo", "--keyless", "--json")
    assert (run.code, run.codes) == (7, ["dependency.sigstore"])
    assert run.json["problems"][0]["remedy"] == "pip install 'gaitops[sigstore]'"
    assert list(scratch.iterdir()) == []


def test_a_folder_with_content_is_refused(gaitops: Invoke, tmp_path: Path) -> None:
    """``--keep`` never writes into a folder that holds something."""
    (tmp_path / "file").touch()
    run = gaitops("demo", "--keep", tmp_path, "--json")
    assert (run.code, run.codes) == (8, ["init.not_empty"])


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (Command("gaitops --version", exit_code=2), "exit code 0 instead of 2"),
        (Command("gaitops verify", exit_code=6, names="pin.mismatch"), "does not name pin.mismatch"),
        (Command("git --version", shows=("svn",)), "no line that starts with 'svn'"),
        (Export("GAITOPS_TRUST_ROOT", "trust root"), "no 'trust root' was printed"),
        (Edit("file", (("one", "two"),)), "'one' occurs 2 times in file"),
    ],
)
def test_a_story_that_is_not_true_fails(
    gaitops: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    scratch: Path,
    action: Command | Edit | Export,
    reason: str,
) -> None:
    """Anything else than what is told ends the demo with exit code 1 and says what happened."""
    _story(monkeypatch, Write("file", "one one"), action, Command("git --version"))
    run = gaitops("demo", "--json")
    assert run.code == 1
    assert reason in run.json["failure"]
    assert [item["ok"] for item in run.json["steps"][0]["actions"]] == [True, False]
    assert list(scratch.iterdir()) == []
    text = gaitops("demo")
    assert text.code == 1
    assert "This is not what should happen: " in text.out
    assert reason in text.out


def test_interrupted(gaitops: Invoke, monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    """Ctrl-C ends the demo as it ends every command, and nothing stays behind."""

    def interrupt(stage: Stage, action: Command) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Stage, "perform", interrupt)
    run = gaitops("demo")
    assert run.code == 130
    assert list(scratch.iterdir()) == []


def test_interrupted_inside_a_command(
    gaitops: Invoke, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    """A command of the story that was interrupted is not mistaken for one that failed."""
    _story(monkeypatch, Command("gaitops --version"))
    monkeypatch.setattr("gaitops.demo.stage.run", lambda arguments: 130)
    assert gaitops("demo").code == 130


def test_without_git(gaitops: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Git there is no story, and the message says what to install."""
    monkeypatch.setenv("PATH", "")
    run = gaitops("demo", "--json")
    assert (run.code, run.codes) == (7, ["git.not_installed"])
