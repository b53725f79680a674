# SPDX-License-Identifier: Apache-2.0
"""The shell of each job, run for real with a stand-in for the installed ``gaitops`` program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gaitops.scaffold.parameters import FleetParameters
from gaitops.scaffold.repositories import render_fleet, render_publisher

_PROGRAM = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$1" in
  publish) [ -z "$KEY_PEM" ] && mkdir -p release && echo "$RELEASE" > release/file && cat "${KEY_FILE:-/dev/null}" > "$CALLS.key" ;;
  *) echo "::error::from the change"; exit "$STATUS" ;;
esac
"""


@dataclass(frozen=True)
class Outcome:
    """What a step did."""

    code: int
    log: str
    calls: list[str]


class Runner:
    """Runs one step of a workflow as the forge would, in a folder of its own."""

    def __init__(self, folder: Path, workflow: bytes) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.summary = folder / "summary.md"
        self.output = folder / "output"
        self._jobs = yaml.safe_load(workflow)["jobs"]
        program = folder / "temp/gaitops/bin/gaitops"
        program.parent.mkdir(parents=True)
        program.write_text(_PROGRAM)
        program.chmod(0o755)

    def step(self, job: str, name: str, **env: str) -> Outcome:
        """Run the named step with these variables on top of what every runner sets."""
        (script,) = [step["run"] for step in self._jobs[job]["steps"] if step["name"] == name]
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_RUN_ID": "7",
            "CALLS": str(self.calls),
            "STATUS": "0",
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(
            command,
            env={**settings, **env},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        return Outcome(done.returncode, done.stdout, calls)


@pytest.fixture
def publisher(tmp_path: Path, parameters: FleetParameters) -> Runner:
    """Runs steps of the publisher's workflow."""
    return Runner(tmp_path, render_publisher(parameters)[".github/workflows/publish.yml"])


_SIGN = {"MODE": "publish", "KEY_URI": "gcpkms:projects/p", "KEY_PEM": "", "RELEASE": "1"}


@pytest.mark.parametrize(
    ("mode", "arguments"),
    [("publish", " --previous release"), ("refresh", " --refresh"), ("first", " --first")],
)
def test_publisher_verifies_and_signs(publisher: Runner, mode: str, arguments: str) -> None:
    """Each mode verifies first and then publishes with the arguments it stands for."""
    outcome = publisher.step("publish", "Verify and sign", **{**_SIGN, "MODE": mode})
    assert outcome.code == 0, outcome.log
    expected = f"publish --repo fleet --out release --key gcpkms:projects/p{arguments}"
    assert outcome.calls == ["verify --repo fleet", expected]
    assert publisher.output.read_text() == "verdict=0\n"


def test_second_publisher_cosigns(publisher: Runner) -> None:
    """With a release that the first publisher staged, a run adds its signature instead of making its own release."""
    _put(publisher, "first/staged/metadata/2.snapshot.json")
    _put(publisher, "release/metadata/1.snapshot.json")
    outcome = publisher.step("publish", "Verify and sign", **_SIGN)
    assert outcome.calls[1].endswith("--out release --key gcpkms:projects/p --previous release --cosign")
    assert (publisher.folder / "release/staged/metadata/2.snapshot.json").exists()


@pytest.mark.parametrize("staged", ["first/metadata/1.root.json", "first/staged/metadata/1.snapshot.json"])
def test_second_publisher_waits(publisher: Runner, staged: str) -> None:
    """Without anything staged, or with what was completed already, the second publisher only verifies."""
    _put(publisher, staged)
    _put(publisher, "release/metadata/1.snapshot.json")
    outcome = publisher.step("publish", "Verify and sign", **_SIGN)
    assert (outcome.code, outcome.calls) == (0, ["verify --repo fleet"])
    assert "nothing new" in outcome.log


def test_first_publisher_continues_what_the_last_completed(publisher: Runner) -> None:
    """What was completed makes room for the complete release, and refreshing is the last publisher's."""
    _put(publisher, "release/.git/HEAD")
    _put(publisher, "release/staged/metadata/1.snapshot.json")
    _put(publisher, "complete/metadata/1.snapshot.json")
    _put(publisher, "complete/.git/HEAD")
    _put(publisher, "complete/metadata/timestamp.json")
    outcome = publisher.step("publish", "Verify and sign", **_SIGN)
    assert outcome.calls[1].endswith("--out release --key gcpkms:projects/p --previous release")
    assert (publisher.folder / "release/metadata/timestamp.json").exists()
    assert not (publisher.folder / "release/staged").exists()
    assert (publisher.folder / "release/.git/HEAD").exists()
    _put(publisher, "complete/metadata/timestamp.json")
    outcome = publisher.step("publish", "Verify and sign", **{**_SIGN, "MODE": "refresh"})
    assert outcome.calls[2:] == ["verify --repo fleet"]


@pytest.mark.parametrize(
    ("mode", "signs"), [("publish", " --sigstore"), ("first", " --sigstore"), ("refresh", "")]
)
def test_publisher_signs_as_its_workflow(publisher: Runner, mode: str, signs: str) -> None:
    """Where the variable says so, what is published is signed as this workflow too, and a new timestamp is not."""
    outcome = publisher.step("publish", "Verify and sign", **{**_SIGN, "MODE": mode, "SIGSTORE": "true"})
    (call,) = (line for line in outcome.calls if line.startswith("publish"))
    assert call.endswith(signs)
    assert ("--sigstore" in call) == bool(signs)


def test_what_waits_for_the_last_publisher_stays(publisher: Runner) -> None:
    """A staged release that nobody completed yet is there for the next run, whose bundles are then the same."""
    _put(publisher, "release/.git/HEAD")
    _put(publisher, "release/staged/metadata/2.snapshot.json")
    _put(publisher, "complete/metadata/1.snapshot.json")
    publisher.step("publish", "Verify and sign", **_SIGN)
    assert (publisher.folder / "release/staged/metadata/2.snapshot.json").exists()


def test_second_publisher_signs_with_its_key_alone(publisher: Runner) -> None:
    """Whoever adds a signature takes over the bundles that the first publisher made."""
    _put(publisher, "first/staged/metadata/2.snapshot.json")
    _put(publisher, "release/metadata/1.snapshot.json")
    outcome = publisher.step("publish", "Verify and sign", **{**_SIGN, "SIGSTORE": "true"})
    (call,) = (line for line in outcome.calls if line.startswith("publish"))
    assert call.endswith(" --cosign")


def _put(publisher: Runner, path: str) -> None:
    file = publisher.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def test_private_key_is_a_file_for_one_command_only(publisher: Runner) -> None:
    """A key from a secret is written with mode 0600, never put into a program's environment, and removed."""
    file = publisher.folder / "temp/publisher.pem"
    outcome = publisher.step(
        "publish", "Verify and sign", **{**_SIGN, "KEY_PEM": "PRIVATE", "KEY_FILE": str(file)}
    )
    assert outcome.code == 0, outcome.log
    assert f"--key file:{file}" in outcome.calls[1]
    assert (publisher.folder / "calls.key").read_text() == "PRIVATE\n"
    assert not file.exists()
    assert "PRIVATE" not in outcome.log


def test_unauthorized_part_is_reported_after_the_rest_is_published(publisher: Runner) -> None:
    """One organization's unauthorized commit holds up nobody else, but the run does not end green."""
    assert publisher.step("publish", "Verify and sign", **_SIGN, STATUS="2").code == 0
    assert publisher.output.read_text() == "verdict=2\n"
    assert publisher.step("publish", "Report a fleet that is not fully verified", VERDICT="2").code == 2
    assert publisher.step("publish", "Report a fleet that is not fully verified", VERDICT="0").code == 0


def _release(publisher: Runner, mode: str, content: str) -> Outcome:
    """One run over a forge that is a bare repository beside it, in a fresh working folder."""
    server = {"GITHUB_SERVER_URL": str(publisher.folder), "GITHUB_REPOSITORY": "forge.git"}
    subprocess.run(["rm", "-rf", publisher.folder / "release"], check=True)
    fetched = publisher.step("publish", "Fetch the previous release", MODE=mode, **server)
    if fetched.code != 0:
        return fetched
    signed = publisher.step("publish", "Verify and sign", **{**_SIGN, "MODE": mode, "RELEASE": content})
    assert signed.code == 0, signed.log
    return publisher.step("publish", "Push the release")


def _git(publisher: Runner, *arguments: str) -> str:
    command = ["git", "--git-dir", str(publisher.folder / "forge.git"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_releases_follow_each_other_on_the_branch(publisher: Runner) -> None:
    """The first run makes the branch, later ones advance it, and a run without news leaves it alone."""
    _git(publisher, "init", "--quiet", "--bare")
    assert _release(publisher, "publish", "1").code != 0, "there is no previous release yet"
    for mode, content in (("first", "1"), ("publish", "2"), ("publish", "2")):
        outcome = _release(publisher, mode, content)
        assert outcome.code == 0, outcome.log
    assert "Nothing new" in outcome.log
    assert _git(publisher, "rev-list", "--count", "release").strip() == "2"
    assert _git(publisher, "show", "release:file") == "2\n"


def test_first_release_never_replaces_a_branch(publisher: Runner) -> None:
    """Starting over (R11) is refused by the forge, because the push is not forced."""
    _git(publisher, "init", "--quiet", "--bare")
    assert _release(publisher, "first", "1").code == 0
    assert _release(publisher, "first", "other").code != 0
    assert _git(publisher, "show", "release:file") == "1\n"


def test_lost_race_does_not_overwrite_the_winner(publisher: Runner, tmp_path: Path) -> None:
    """R11: a release pushed between fetch and push stays; the slower run fails."""
    _git(publisher, "init", "--quiet", "--bare")
    assert _release(publisher, "first", "1").code == 0
    server: Mapping[str, str] = {"GITHUB_SERVER_URL": str(publisher.folder), "GITHUB_REPOSITORY": "forge.git"}
    (publisher.folder / "release").rename(publisher.folder / "other")
    assert publisher.step("publish", "Fetch the previous release", MODE="publish", **server).code == 0
    slow = publisher.folder / "slow"
    (publisher.folder / "release").rename(slow)
    assert _release(publisher, "publish", "2").code == 0
    subprocess.run(["rm", "-rf", publisher.folder / "release"], check=True)
    slow.rename(publisher.folder / "release")
    (publisher.folder / "release/file").write_text("3\n")
    assert publisher.step("publish", "Push the release").code != 0
    assert _git(publisher, "show", "release:file") == "2\n"


def _gitlab(folder: Path, files: Mapping[str, bytes], **env: str) -> Outcome:
    """Run the GitLab check job in a clone whose origin has a target branch that moved on."""
    program = folder / "gaitops"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    script = "\n".join(yaml.safe_load(files[".gitlab-ci.yml"])["check"]["script"])
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "CALLS": str(folder / "calls"),
        "CI_COMMIT_SHA": "h" * 40,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script.replace("/tmp/gaitops/bin/gaitops", str(program))],  # noqa: S108
        env={**settings, **env},
        cwd=folder / "clone",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, (folder / "calls").read_text().splitlines())


@pytest.mark.parametrize(
    ("status", "setting", "expected"),
    [("0", "", 0), ("2", "pass", 2), ("4", "", 4), ("4", "fail", 4), ("4", "pass", 0)],
)
def test_gitlab_check_compares_with_the_target_branch_as_it_is_now(
    tmp_path: Path, parameters: FleetParameters, status: str, setting: str, expected: int
) -> None:
    """The base is the target's newest commit, and only missing approvals may be told to pass."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main", origin], check=True)
    subprocess.run([*git, "-C", origin, "commit", "--quiet", "--allow-empty", "-m", "1"], check=True)
    subprocess.run([*git, "clone", "--quiet", origin, clone], check=True)
    subprocess.run([*git, "-C", origin, "commit", "--quiet", "--allow-empty", "-m", "2"], check=True)
    newest = subprocess.run(
        [*git, "-C", origin, "rev-parse", "main"], check=True, capture_output=True, text=True
    )

    outcome = _gitlab(tmp_path, render_fleet(parameters), STATUS=status, GAITOPS_WHILE_PENDING=setting)

    assert outcome.code == expected, outcome.log
    assert outcome.calls == [f"check --base {newest.stdout.strip()} --head {'h' * 40}"]
