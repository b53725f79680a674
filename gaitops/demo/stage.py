# SPDX-License-Identifier: Apache-2.0
"""Where the story happens: a scratch folder, an environment without the user's settings, and one step after the other.

``gaitops`` runs in this process (starting Python for every command would take longer than the commands), ``git`` as
the program that it is. Neither sees the user's configuration, hooks, keys or trust root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from gaitops.cli import clock
from gaitops.cli.exit_codes import INTERRUPTED
from gaitops.cli.main import run
from gaitops.demo.actions import Action, Command, Each, Edit, Export, Made, Setting, Travel, Write
from gaitops.demo.fleet_of_forty import CLONES, names
from gaitops.documents.times import format_timestamp
from gaitops.errors import MissingDependencyError

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM")
"""Variables of the user that the story keeps: none of them says what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did."""

    line: str
    """The command, or what was done in its place."""
    exit_code: int = 0
    output: str = ""
    """Everything that a command printed."""
    wrong: str | None = None
    """Why this is not what the story says; ``None`` when it is."""


class Stage:
    """Carries out actions below ``folder``, starting in it; use inside :func:`scene`."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._printed = ""

    def enter(self, actor: str) -> None:
        """Let ``actor`` be who Git believes the user to be."""
        self._home.mkdir(exist_ok=True)
        (self._home / ".gitconfig").write_text(
            f"[user]\n\tname = {actor}\n\temail = {actor}@example.com\n"
            "[init]\n\tdefaultBranch = main\n[commit]\n\tgpgSign = false\n[core]\n\tautocrlf = false\n",
            encoding="utf-8",
        )

    def perform(self, action: Action) -> Outcome:
        """Carry out one action and compare what happened with what the story says.

        Raises:
            KeyboardInterrupt: also when Ctrl-C reached a command of the story.
            OSError: the scratch folder cannot be written.
        """
        match action:
            case Command():
                return self._command(action)
            case Export():
                return self._export(action)
            case Setting():
                os.environ[action.variable] = action.value
                return Outcome(f"export {action.variable}={action.value}")
            case Write():
                return _write(action)
            case Edit():
                return _edit(action)
            case Made():
                action.make()
                return Outcome(action.sentence)
            case Each():
                return self._each(action)
            case Travel():
                return _travel(action)

    def _command(self, command: Command) -> Outcome:
        arguments = shlex.split(command.line.replace("\\\n", " "))
        if arguments[0] == "cd":
            os.chdir(arguments[1])
            return Outcome(command.line)
        code, output = _gaitops(arguments[1:]) if arguments[0] == "gaitops" else _program(arguments)
        self._printed = output
        wrong = None
        if code != command.exit_code:
            wrong = f"exit code {code} instead of {command.exit_code}"
        elif command.names is not None and f"[{command.names}]" not in output:
            wrong = f"the output does not name {command.names}"
        else:
            wrong = _silent(command.shows, output)
        return Outcome(command.line, code, output, wrong)

    def _each(self, each: Each) -> Outcome:
        """The same in every clone; the first thing that goes wrong is what is told."""
        start = Path.cwd()
        for name in names():
            (start / CLONES / name).mkdir(parents=True, exist_ok=True)
            os.chdir(start / CLONES / name)
            for line in each.lines:
                outcome = self._command(Command(line.format(name=name)))
                if outcome.wrong is not None:
                    return outcome
        os.chdir(start)
        return Outcome(each.sentence)

    def _export(self, export: Export) -> Outcome:
        match = re.search(rf"^{re.escape(export.label)}\s+(\S+)$", self._printed, re.MULTILINE)
        if match is None:
            return Outcome(f"export {export.variable}=…", wrong=f"no {export.label!r} was printed")
        os.environ[export.variable] = match.group(1)
        return Outcome(f"export {export.variable}={match.group(1)}")


@contextmanager
def scene(folder: Path) -> Iterator[Stage]:
    """The stage in ``folder``; the environment and the current folder are the user's again afterwards.

    Raises:
        MissingDependencyError: ``git.not_installed``.
    """
    if shutil.which("git") is None:
        raise MissingDependencyError.of(
            "git.not_installed", "the program git was not found", remedy="Install Git."
        )
    environment, current = dict(os.environ), Path.cwd()
    home = folder / "home"
    try:
        os.environ.clear()
        os.environ.update({name: environment[name] for name in _KEPT if name in environment})
        os.environ.update(
            {
                "HOME": str(home),
                "XDG_CONFIG_HOME": str(home / "config"),
                "XDG_STATE_HOME": str(home / "state"),
                "XDG_CACHE_HOME": str(home / "cache"),
                "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_TERMINAL_PROMPT": "0",
            }
        )
        os.chdir(folder)
        with clock.telling():
            yield Stage(folder)
    finally:
        os.chdir(current)
        os.environ.clear()
        os.environ.update(environment)


def essential(command: Command, output: str) -> list[str]:
    """The lines of ``output`` that the story wants to be seen, in their order."""
    return [line.rstrip() for line in output.splitlines() if line.strip().startswith(command.shows)]


def _silent(shows: Sequence[str], output: str) -> str | None:
    """A story that shows nothing where it promised something would not be true any more."""
    if shows and not any(line.strip().startswith(tuple(shows)) for line in output.splitlines()):
        return f"the output has no line that starts with {' or '.join(map(repr, shows))}"
    return None


def _gaitops(arguments: Sequence[str]) -> tuple[int, str]:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code, out.getvalue() + err.getvalue()


def _program(arguments: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(
        list(arguments),
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    return done.returncode, done.stdout


def _write(action: Write) -> Outcome:
    path = Path(action.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(action.text, encoding="utf-8", newline="\n")
    return Outcome(f"write {action.path}")


def _edit(action: Edit) -> Outcome:
    path = Path(action.path)
    text = path.read_text(encoding="utf-8")
    wrong = None
    for old, new in action.changes:
        if text.count(old) != 1:
            wrong = f"{old!r} occurs {text.count(old)} times in {action.path}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8", newline="\n")
    return Outcome(f"edit {action.path}", wrong=wrong)


def _travel(action: Travel) -> Outcome:
    clock.tell(action.moment)
    at = format_timestamp(action.moment)
    os.environ.update({"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at})
    return Outcome(f"it is {at}")
