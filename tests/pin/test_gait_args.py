# SPDX-License-Identifier: Apache-2.0
"""What ``gait gate eval`` is given in each mode, and the wrapper of the consumer guide with a Gait that only takes notes."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gaitops.errors import InvalidInputError
from gaitops.pin.folder import read_folder
from gaitops.pin.gait_args import GaitRun, gait_runs
from gaitops.pin.update import init_pin
from gaitops.pin.verify import verify_pin
from tests.pin.pin_builder import NOW, REQUEST, code
from tests.release.release_builder import Fleet, org, row, withdrawn

GUIDE = Path(__file__).parents[2] / "docs" / "consumer-guide.md"
MODES = ["enforce", "dry_run", "observe"]
FAKE_GAIT = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$GAIT_CALLS"
case "$*" in
  */candidate/*) echo '{"verdict":"allow"}'; exit "$CANDIDATE_EXIT" ;;
esac
echo '{"verdict":"block"}'
exit "$ENFORCED_EXIT"
"""


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def _pinned(fleet: Fleet, consumer: Path, mode: str) -> None:
    candidate = None if mode == "enforce" else "1.1.0"
    fleet.publish(org(row(candidate=candidate, mode=mode), versions=["1.0.0", "1.1.0"]), step=2)
    init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)


def _runs(fleet: Fleet, consumer: Path) -> tuple[GaitRun, ...]:
    return gait_runs(verify_pin(read_folder(consumer), fleet.trust_root), "production")


class TestRuns:
    def test_enforce(self, fleet: Fleet, pinned: Path) -> None:
        """Without a candidate there is one run, and the policy file is all that it is told."""
        (run,) = _runs(fleet, pinned)
        assert run.arguments == ("--policy", ".gaitops/production/enforced/gait.policy.yaml")
        assert (run.which, run.folder, run.notes) == ("enforced", None, ())
        assert (pinned / run.arguments[1]).is_file()

    @pytest.mark.parametrize("mode", ["dry_run", "observe"])
    def test_candidate(self, fleet: Fleet, consumer: Path, mode: str) -> None:
        """A candidate uses nothing of the enforced policy's state and gets no credentials; only observe simulates."""
        _pinned(fleet, consumer, mode)
        enforced, candidate = _runs(fleet, consumer)
        assert enforced.arguments == ("--policy", ".gaitops/production/enforced/gait.policy.yaml")
        options = dict(zip(candidate.arguments, candidate.arguments[1:], strict=False))
        assert options["--policy"] == ".gaitops/production/candidate/gait.policy.yaml"
        assert (consumer / options["--policy"]).is_file()
        assert candidate.folder is not None
        for option in ("--rate-limit-state", "--trace-out"):
            assert options[option].startswith(candidate.folder + "/")
        assert options["--credential-broker"] == "off"
        assert ("--simulate" in candidate.arguments) == (mode == "observe")
        assert not any("approval" in argument for argument in candidate.arguments)
        assert any("oss-prod" in text for text in candidate.notes)
        assert str(candidate.version) == "acme/guard@1.1.0"

    def test_withdrawn_version(self, fleet: Fleet, consumer: Path) -> None:
        """A withdrawn version can still be run, and the run says so."""
        acme = org(row())
        fleet.publish(replace(acme, versions=(withdrawn(acme.versions[0]),)), step=2)
        init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        (run,) = _runs(fleet, consumer)
        assert run.notes == ("acme/guard@1.0.0 was withdrawn; run gaitops pin update",)

    def test_environment_that_is_not_pinned(self, fleet: Fleet, pinned: Path) -> None:
        """The pinned environments are named."""
        with pytest.raises(InvalidInputError, match="production") as error:
            gait_runs(verify_pin(read_folder(pinned), fleet.trust_root), "staging")
        assert code(error) == "pin.not_pinned"


class TestGuide:
    @pytest.mark.parametrize("mode", MODES)
    def test_shows_what_is_printed(self, fleet: Fleet, consumer: Path, mode: str) -> None:
        """The arguments that the guide shows for a mode are those that the command prints."""
        _pinned(fleet, consumer, mode)
        shown = dict(zip(MODES, _blocks("text"), strict=True))
        printed = "".join(shlex.join(run.arguments) + "\n" for run in _runs(fleet, consumer))
        assert shown[mode] == printed

    @pytest.mark.parametrize("script", _blocks("bash"))
    def test_scripts_are_bash(self, script: str) -> None:
        """Every script of the guide is syntactically right."""
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0

    @pytest.mark.parametrize("mode", MODES)
    def test_wrapper(self, fleet: Fleet, consumer: Path, tmp_path: Path, mode: str) -> None:
        """The enforced run decides with all that the caller adds; a candidate's run gets none of it and is recorded."""
        _pinned(fleet, consumer, mode)
        wrapper = _Wrapper(fleet, consumer, tmp_path)
        done = wrapper("call 1.json", "--approval-token", "token.json", enforced=4, candidate=3)
        assert (done.returncode, done.stdout) == (4, '{"verdict":"block"}\n')
        policy = "gate eval --policy .gaitops/production/{}/gait.policy.yaml"
        first, *rest = wrapper.calls()
        assert first == f"{policy.format('enforced')} --intent call 1.json --approval-token token.json"
        if mode == "enforce":
            assert rest == []
            return
        (second,) = rest
        assert second.startswith(policy.format("candidate"))
        assert ("--simulate" in second) == (mode == "observe")
        assert "token" not in second
        results = list((consumer / ".gait-out/gaitops/production/candidate").glob("*.result.json"))
        assert [json.loads(path.read_text()) for path in results] == [{"verdict": "allow"}]
        trace = results[0].name.replace(".result.json", ".trace.json")
        assert second.endswith(f"--trace-out .gait-out/gaitops/production/candidate/{trace}")

    def test_wrapper_with_a_candidate_that_cannot_run(
        self, fleet: Fleet, consumer: Path, tmp_path: Path
    ) -> None:
        """Whatever becomes of the candidate, the enforced decision stands."""
        _pinned(fleet, consumer, "dry_run")
        wrapper = _Wrapper(fleet, consumer, tmp_path)
        for exit_code in (1, 6, 127):
            assert wrapper("call.json", enforced=0, candidate=exit_code).returncode == 0

    def test_wrapper_without_runs(self, fleet: Fleet, consumer: Path, tmp_path: Path) -> None:
        """When the pin did not verify there are no lines, and then nothing is allowed and Gait is not even asked."""
        _pinned(fleet, consumer, "dry_run")
        wrapper = _Wrapper(fleet, consumer, tmp_path)
        runs = consumer / ".gait-out/gaitops/production/runs"
        for spoil in (lambda: runs.write_text(""), runs.unlink):
            spoil()
            assert wrapper("call.json", enforced=0, candidate=0).returncode == 1
        assert wrapper.calls() == []


class _Wrapper:
    """The guide's wrapper in a consumer repository, with a program ``gait`` that notes how it was called."""

    def __init__(self, fleet: Fleet, consumer: Path, folder: Path) -> None:
        self._consumer = consumer
        self._notes = folder / "calls"
        _, self._script = _blocks("bash")
        programs = folder / "bin"
        programs.mkdir()
        gait = programs / "gait"
        gait.write_text(FAKE_GAIT)
        gait.chmod(gait.stat().st_mode | stat.S_IXUSR)
        self._path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        state = consumer / ".gait-out/gaitops/production"
        (state / "candidate").mkdir(parents=True)
        lines = [shlex.join(run.arguments) for run in _runs(fleet, consumer)]
        (state / "runs").write_text("".join(line + "\n" for line in lines))

    def __call__(self, *arguments: str, enforced: int, candidate: int) -> subprocess.CompletedProcess[str]:
        environment: Mapping[str, str] = {
            "PATH": self._path,
            "GAIT_CALLS": str(self._notes),
            "ENFORCED_EXIT": str(enforced),
            "CANDIDATE_EXIT": str(candidate),
        }
        return subprocess.run(
            ["bash", "-c", self._script, "gate.sh", *arguments],
            cwd=self._consumer,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """How ``gait`` was called, one line a call."""
        return self._notes.read_text().splitlines() if self._notes.exists() else []
