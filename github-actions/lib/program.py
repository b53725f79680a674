# SPDX-License-Identifier: Apache-2.0
"""Running ``gaitops`` and ``git``: arguments as lists, no shell, and no token in the environment of either."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import workflow

COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_QUIET: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0")


_HELPER: Final = '!f() { if [ "$1" = get ]; then echo username=x-access-token; echo "password=$GAITOPS_GIT_TOKEN"; fi; }; f'
BOT_EMAIL: Final = "41898282+github-actions[bot]@users.noreply.github.com"
"""Address of the account that workflows act as."""


@dataclass(frozen=True)
class Done:
    """How a program ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document of ``gaitops … --json``; ends the step when there is none."""
        try:
            document = json.loads(self.out)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            workflow.log(self.out, self.err)
            workflow.stop("gaitops failed", f"gaitops ended with {self.code} and without a report.", 1)
        return document


def gaitops(*arguments: str | Path, variables: Mapping[str, str] | None = None) -> Done:
    """Run the installed ``gaitops`` in the job's working folder."""
    return _run([os.environ["GAITOPS_PATH"], *map(str, arguments)], {**_environment(), **(variables or {})})


def report(
    folder: Path, *arguments: str | Path, formats: Mapping[str, str], once: Sequence[str] = ()
) -> Done:
    """Run a command once for its JSON document and once for each further format.

    Args:
        folder: Gets ``report.json`` and a file for each of ``formats``. gaitops keeps its checkpoint below it, so that
            only the first run judges the whole history.
        arguments: The command.
        formats: File name by format.
        once: More arguments for the first run.
    """
    variables = {"XDG_STATE_HOME": str(folder / "state")}
    done = gaitops(*arguments, *once, "--json", variables=variables)
    (folder / "report.json").write_text(done.out, encoding="utf-8")
    if "error_code" in done.json:
        return done
    for style, name in formats.items():
        again = gaitops(*arguments, "--format", style, variables=variables)
        if again.code != done.code:
            workflow.log(again.err)
            workflow.stop("gaitops failed", f"The report as {style} ended with {again.code}.", 1)
        (folder / name).write_text(again.out, encoding="utf-8")
    return done


def failed(done: Done) -> str:
    """Say why a command could not do its work, as annotations and in the log; the reason in one line."""
    document = done.json
    problems = document.get("problems") or [{"code": document["error_code"], "message": document["error"]}]
    workflow.log(*(f"{item['code']}: {item['message']}" for item in problems), done.err)
    workflow.annotate_problems("error", problems, workflow.given("repo"))
    workflow.summary(workflow.block("\n".join(f"{item['code']}: {item['message']}" for item in problems)))
    return f"{document['error_code']}: {document['error']}"


def git(folder: str | Path, *arguments: str, token: str = "", identity: bool = False) -> Done:
    """Run ``git`` with hooks off; with ``token`` the server of this workflow is asked in its name."""
    variables = credentials(token) | (bot() if identity else {})
    return _run(["git", "-C", str(folder), *_QUIET, *arguments], {**_environment(), **variables})


def bot() -> dict[str, str]:
    """Variables under which ``git`` and gaitops commit as the account of workflows."""
    person = {"NAME": "github-actions[bot]", "EMAIL": BOT_EMAIL}
    return {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in person.items()}


def credentials(token: str) -> dict[str, str]:
    """Variables that make ``git`` offer a token to this workflow's server and to no other, without writing it anywhere.

    A helper and not a header: where the checkout left a header of its own, the server would refuse two.
    """
    server = os.environ.get("GITHUB_SERVER_URL", "")
    if not token or not server.startswith("https://"):
        return {}
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": f"credential.{server}.helper",
        "GIT_CONFIG_VALUE_1": _HELPER,
        "GIT_TERMINAL_PROMPT": "0",
        "GAITOPS_GIT_TOKEN": token,
    }


def fetched_commit(folder: str, commit: str, token: str) -> None:
    """Have the objects of a commit, of a fork's pull request too, without checking anything out."""
    if not COMMIT.fullmatch(commit):
        workflow.stop("Wrong input", "A full commit id is expected.")
    if git(folder, "cat-file", "-e", commit + "^{commit}").code == 0:
        return
    done = git(
        folder, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "origin", commit, token=token
    )
    if done.code != 0:
        workflow.log(done.err)
        workflow.stop("Cannot fetch", f"The commit {commit} cannot be fetched from origin.", 1)


def fetched_branch(folder: str, branch: str, token: str) -> str:
    """Have the newest state of a branch of ``origin``; the name of the reference that holds it."""
    check_branch(folder, branch)
    target = f"refs/remotes/origin/{branch}"
    options = ("--quiet", "--no-tags", "--no-recurse-submodules")
    done = git(folder, "fetch", *options, "origin", f"+refs/heads/{branch}:{target}", token=token)
    if done.code != 0:
        workflow.log(done.err)
        workflow.stop("Cannot fetch", "The base branch cannot be fetched from origin.", 1)
    return target


def check_branch(folder: str, name: str) -> None:
    """End the step unless ``name`` can be a branch, and nothing that Git could take for an option or a mapping."""
    if name.startswith("-") or git(folder, "check-ref-format", f"refs/heads/{name}").code != 0:
        workflow.stop("Wrong input", "The name of a branch is expected.")


def named(folder: str, name: str, commit: str) -> str:
    """A reference of this job to a commit: gaitops keeps a checkpoint for what has a name."""
    reference = f"refs/gaitops/{name}"
    done = git(folder, "update-ref", reference, commit)
    if done.code != 0:
        workflow.log(done.err)
        workflow.stop("Cannot write", "The clone cannot be written to.", 1)
    return reference


def _environment() -> dict[str, str]:
    """The step's environment without its inputs, among which are tokens."""
    return {name: value for name, value in os.environ.items() if not name.startswith("INPUT_")}


def _run(command: list[str], environment: Mapping[str, str]) -> Done:
    done = subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
