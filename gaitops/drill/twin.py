# SPDX-License-Identifier: Apache-2.0
"""The twin: a copy of a fleet that is founded anew with throw-away keys, and worked on through the command line.

A drill is told in steps. Commands run on the demo's stage: in this process, without the user's settings, at a time
that the drill moves. What a command must end with is part of the runbook; where it ends otherwise, the runbook does
not work in this fleet, which is a result and not an accident.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

from gaitops.demo.actions import Command, Setting, Travel
from gaitops.demo.stage import Outcome, Stage
from gaitops.documents.models.drill import DoneCommand, Proof, Step
from gaitops.drill.keyring import Keyring, ThrowAway
from gaitops.drill.survey import CopiedFile, Survey
from gaitops.errors import InternalError, MissingDependencyError

PERSON: Final = "gaitops-drill"
"""Who makes the commits of a twin; authority comes from envelopes alone."""
_TICK: Final = timedelta(minutes=1)
_INTERNAL: Final = 1
"""Exit code of gaitops that says nothing about what it was asked to judge."""
_LONGEST: Final = 1500
"""Characters of a command line or of what was observed that a report holds."""

Told = Callable[["Step | DoneCommand | Proof"], None]
"""Is told of everything as it happens: a step when it begins, a command or a proof when it is done."""


class StoppedError(Exception):
    """A step of the runbook cannot be carried out in this fleet; the step says why."""


@dataclass
class _Running:
    """A step that is being carried out."""

    title: str
    commands: list[DoneCommand] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)


class Twin:
    """A copy of the fleet, its keys, its clock, and the minutes of what is done with it."""

    def __init__(self, stage: Stage, folder: Path, found: Survey, start: datetime, told: Told) -> None:
        self.found = found
        self.folder = folder
        self.fleet = "fleet"
        """Folder of the fleet repository that is worked in, below :attr:`folder`."""
        self.now = start
        self.files: dict[str, CopiedFile] = {}
        """Content of the copy's first tree, without its root."""
        self.trust_root = ""
        """Trust root of the copy, once it is founded."""
        self.substitutions: list[str] = []
        """What is different in the copy."""
        self._stage = stage
        self._told = told
        self._steps: list[_Running] = []
        keys = folder / "keys"
        keys.mkdir()
        self.keys = Keyring(keys, self._make_ssh)
        stage.enter(PERSON)
        self.travel(timedelta())

    # -- minutes -------------------------------------------------------------------------------------------

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was done up to now."""
        return tuple(
            Step(number=number, title=step.title, commands=tuple(step.commands), proofs=tuple(step.proofs))
            for number, step in enumerate(self._steps, 1)
        )

    def step(self, title: str) -> None:
        """The next step of the runbook begins, a minute later."""
        self.travel(_TICK)
        self._steps.append(_Running(title))
        self._told(Step(number=len(self._steps), title=title))

    def prove(self, claim: str, holds: bool, observed: str) -> None:
        """Write down a claim and whether it holds."""
        proof = Proof(claim=_cut(claim), proven=holds, observed=_cut(observed))
        self._steps[-1].proofs.append(proof)
        self._told(proof)

    def proven(self, claim: str, observed: str) -> None:
        """A claim that holds, because the commands before it did what they had to, or by the fleet's structure."""
        self.prove(claim, holds=True, observed=observed)

    def unproven(self, claim: str, observed: str) -> None:
        """A claim that does not hold."""
        self.prove(claim, holds=False, observed=observed)

    # -- commands ------------------------------------------------------------------------------------------

    def run(self, line: str) -> Outcome:
        """Carry out a command that must succeed.

        Raises:
            StoppedError: it does not; the step says so.
            InternalError: ``drill.command_failed``, as for every command: the machine or gaitops is at fault.
        """
        outcome = self._perform(Command(line))
        if outcome.wrong is not None:
            self.stop(f"this step can be carried out: {line}", _essence(outcome))
        return outcome

    def stop(self, claim: str, observed: str) -> NoReturn:
        """The runbook cannot go on.

        Raises:
            StoppedError: always.
        """
        self.unproven(claim, observed)
        raise StoppedError(claim)

    def ask(self, line: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """The JSON document of a command that must end with one of ``codes``.

        Raises:
            StoppedError: it ends with another.
        """
        outcome = self._perform(Command(f"{line} --json"))
        if outcome.exit_code not in codes:
            self.stop(f"this step can be carried out: {line}", _essence(outcome))
        document: dict[str, Any] = json.JSONDecoder().raw_decode(outcome.output)[0]
        return document

    def holds(self, claim: str, line: str) -> None:
        """Prove a claim by a command that succeeds."""
        outcome = self._perform(Command(line))
        self.prove(
            claim, outcome.wrong is None, _essence(outcome) if outcome.wrong else f"`{line}` ends with 0"
        )

    def refused(self, claim: str, line: str, code: int, names: str) -> None:
        """Prove a claim by a command that is refused for one reason and no other."""
        outcome = self._perform(Command(line, code, names))
        right = f"`{line}` ends with {code}: {names}"
        self.prove(claim, outcome.wrong is None, _essence(outcome) if outcome.wrong else right)

    def git(self, arguments: str) -> None:
        """Carry out Git where it is not what people decide about; it is not written down."""
        outcome = self._stage.perform(Command(f"git {arguments}"))
        if outcome.wrong is not None:
            self.stop(f"Git does its part: git {arguments}", _essence(outcome))

    def different(self, *sentences: str) -> None:
        """Write down what is different in the copy, once."""
        self.substitutions.extend(text for text in sentences if text not in self.substitutions)

    # -- files and time ------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes | None, *, executable: bool = False) -> None:
        """A file of the twin's working tree as from an editor; ``None`` removes it."""
        target = self.folder / self.fleet / path
        if data is None:
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o755 if executable else 0o644)

    def read(self, path: str) -> bytes:
        """A file of the twin's working tree."""
        return (self.folder / self.fleet / path).read_bytes()

    def keep_copy(self, name: str, copy: str) -> None:
        """Put a copy of a folder of the twin aside, as an archive would."""
        shutil.copytree(self.folder / name, self.folder / copy)

    def travel(self, step: timedelta) -> None:
        """Let time pass, for gaitops and for Git."""
        self.now += step
        self._stage.perform(Travel(self.now))

    def trust(self, digest: str) -> None:
        """Let the trust root be the one that a person has in the environment."""
        self._stage.perform(Setting("GAITOPS_TRUST_ROOT", f"sha256:{digest}"))

    def enter(self, fleet: str) -> Path:
        """Work in a fleet repository, made here if it is new; its folder."""
        self.fleet = fleet
        folder = self.folder / fleet
        folder.mkdir(exist_ok=True)
        self._stage.perform(Command(shlex.join(["cd", str(folder)])))
        return folder

    def path(self, key: ThrowAway) -> str:
        """A private key as it is named on a command line in the working tree."""
        return f"../keys/{key.file}"

    def _make_ssh(self, path: Path) -> None:
        if shutil.which("ssh-keygen") is None:
            raise MissingDependencyError.of(
                "dependency.ssh_keygen",
                "the program ssh-keygen was not found",
                remedy="Install the OpenSSH client.",
            )
        making = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "drill", "-f", str(path)]
        outcome = self._stage.perform(Command(shlex.join(making)))
        if outcome.wrong is not None:
            raise InternalError.of("key.write", f"ssh-keygen made no key: {outcome.output.strip()}")

    def _perform(self, command: Command) -> Outcome:
        outcome = self._stage.perform(command)
        if outcome.exit_code == _INTERNAL:
            raise InternalError.of(
                "drill.command_failed",
                f"a command of the drill failed, not because of the fleet: {_essence(outcome)}",
                remedy="Look for a full disk or missing permissions; otherwise report it as a defect of gaitops.",
            )
        done = DoneCommand(line=_cut(command.line), exit_code=max(outcome.exit_code, 0))
        self._steps[-1].commands.append(done)
        self._told(done)
        return outcome


def _essence(outcome: Outcome) -> str:
    """What a command that went wrong said: its exit code and its errors, or the end of what it printed."""
    lines = [line.strip() for line in outcome.output.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("error") or "[" in line] or lines[-3:]
    return _cut(f"`{outcome.line}` ends with {outcome.exit_code}: {'; '.join(said[:4])}")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
