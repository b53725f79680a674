# SPDX-License-Identifier: Apache-2.0
"""``gaitops demo``: the whole story, told while it happens."""

from __future__ import annotations

import re
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from gaitops.cli.command import command, prints_text
from gaitops.cli.exit_codes import INTERNAL, MEANINGS, SUCCESS
from gaitops.cli.output import Result, write_text
from gaitops.report.text import Style, counted, styled

if TYPE_CHECKING:
    from gaitops.demo.actions import Action, Step
    from gaitops.demo.keyless import Instance
    from gaitops.demo.stage import Outcome, Stage

_TITLE = (
    "A fleet of agent policies, from its first key to two weeks of evidence: real commits, real artifacts."
)
_COLUMNS = 100
_INDENT = "    "
_DIGEST_FOLDER = re.compile(r"/[0-9a-f]{62}/")
"""The part of an envelope's path that is too long for a line and says nothing to a person."""


@command(example="gaitops demo\ngaitops demo --keep larkspur-demo\ngaitops demo --keyless")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Work in this folder, which must be empty or not exist yet, and leave it there to look around in.",
)
@click.option(
    "--keyless",
    is_flag=True,
    help="Approvers sign in instead of using key files, with a throw-away double of Sigstore on this machine.",
)
def demo(*, keep: Path | None, keyless: bool) -> Result:
    """Tell the whole story in a scratch folder, with real Git commits and real signatures.

    A fleet begins, a policy changes and needs two approvals, publishers sign a release, a consumer pins it and
    verifies it offline, an attacker and an insider are caught, and the change is rolled back. Then a version moves
    through forty repositories in stages: a gate fails, the rollout goes back, and a mended version arrives. At the end,
    two weeks of evidence of twelve repositories become posture, signals and a page to look at; that part needs the
    extra ``evidence``. With ``--keyless``, which needs the extra ``sigstore``, approvers sign in and the operator of
    rollouts is a pipeline; Sigstore is a double that lets anybody in and listens on this machine only. Every step shows the commands that a user would type and checks what they do. Nothing of the
    user's own is read or changed.
    """
    from gaitops.demo.stage import scene
    from gaitops.demo.story import story

    # Text is told while it happens; JSON is one document at the end.
    told = prints_text()
    started = time.monotonic()
    steps: list[dict[str, Any]] = []
    wrong: Outcome | None = None
    with _sigstore(keyless=keyless) as sigstore, _folder(keep) as folder, scene(folder) as stage:
        parts = story(evidence=has_evidence(), sigstore=sigstore)
        if told:
            write_text(f"{_TITLE}\nEverything happens in {folder}.", sys.stdout)
        for number, step in enumerate(parts, 1):
            if told:
                write_text(f"\n{_heading(number, step)}", sys.stdout)
            actions, wrong = _perform(stage, step, told=told)
            steps.append(
                {"number": number, "sentence": step.sentence, "ok": wrong is None, "actions": actions}
            )
            if wrong is not None:
                break
    document = {
        "ok": wrong is None,
        "folder": None if keep is None else str(keep),
        "steps": steps,
        "failure": None if wrong is None else f"{wrong.line}: {wrong.wrong}",
    }
    text = _ending(time.monotonic() - started, steps, wrong, keep)
    if wrong is None and not has_evidence():
        text += (
            "\nThe part about evidence was left out: pip install 'gaitops[evidence]' brings what it needs."
        )
    return Result("demo", document, text, exit_code=SUCCESS if wrong is None else INTERNAL)


def has_evidence() -> bool:
    """Whether the libraries are there that the last part needs."""
    from gaitops.evidence.extras import is_installed

    return is_installed("evidence")


@contextmanager
def _sigstore(*, keyless: bool) -> Iterator[Instance | None]:
    """The double of Sigstore, where it is wanted; it listens as long as the story is told."""
    if not keyless:
        yield None
        return
    from gaitops.demo.keyless import instance

    with instance() as listening:
        yield listening


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder of the story: the user's own, or one that is gone afterwards, also after Ctrl-C."""
    from gaitops.cli.new_folder import require_vacant

    if keep is not None:
        require_vacant(keep)
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with TemporaryDirectory(prefix="gaitops-demo-") as folder:
        yield Path(folder).resolve()


def _perform(stage: Stage, step: Step, *, told: bool) -> tuple[list[dict[str, Any]], Outcome | None]:
    """Carry out one step; its actions for JSON, and the one that went wrong, which is the last."""
    done: list[dict[str, Any]] = []
    stage.enter(step.actor)
    for action in step.actions:
        outcome = stage.perform(action)
        done.append({"action": outcome.line, "exitCode": outcome.exit_code, "ok": outcome.wrong is None})
        if told:
            write_text("\n".join(_shown(action, outcome)), sys.stdout)
            sys.stdout.flush()
        if outcome.wrong is not None:
            return done, outcome
    return done, None


def _heading(number: int, step: Step) -> str:
    lines = textwrap.wrap(step.sentence, _COLUMNS - len(_INDENT), break_on_hyphens=False)
    first, *rest = (styled(line, Style.BOLD) for line in lines)
    return "\n".join([f"{number:>2}  {first}", *(_INDENT + line for line in rest)])


def _shown(action: Action, outcome: Outcome) -> list[str]:
    from gaitops.demo.actions import Command, Edit
    from gaitops.demo.stage import essential

    if isinstance(action, Edit):
        pairs = [(f"- {old}", f"+ {new}") for old, new in action.changes]
        return [_action(outcome.line), *(_output(line) for pair in pairs for line in pair)]
    if not isinstance(action, Command):
        return [_prompt(outcome.line) if outcome.line.startswith("export") else _action(outcome.line)]
    lines = [_prompt(outcome.line), *(_output(line) for line in essential(action, outcome.output))]
    if outcome.exit_code != SUCCESS and outcome.wrong is None:
        meaning = f"exit {outcome.exit_code}: {MEANINGS[outcome.exit_code]}"
        lines.append(_INDENT * 2 + styled(meaning, Style.YELLOW))
    return lines


def _prompt(line: str) -> str:
    return "\n".join(
        _INDENT + (styled(f"$ {part}", Style.GREEN) if first else styled(part, Style.GREEN))
        for first, part in zip([True, *[False] * line.count("\n")], line.split("\n"), strict=True)
    )


def _action(line: str) -> str:
    return _INDENT + styled(f"({line})", Style.DIM)


def _output(line: str) -> str:
    bare = line.lstrip()
    before = _INDENT * 2 + " " * (len(line) - len(bare))
    bare = _DIGEST_FOLDER.sub("/…/", bare)
    wrapped = textwrap.wrap(
        bare, _COLUMNS - len(before), break_long_words=False, break_on_hyphens=False, subsequent_indent="  "
    )
    return "\n".join(before + styled(part) for part in wrapped)


def _ending(seconds: float, steps: list[dict[str, Any]], wrong: Outcome | None, keep: Path | None) -> str:
    if wrong is not None:
        hint = (
            "gaitops demo --keep DIR leaves everything in DIR to look at." if keep is None else f"See {keep}."
        )
        return "\n".join(
            [
                "",
                styled(f"This is not what should happen: {wrong.wrong}", Style.RED, Style.BOLD),
                f"{_INDENT}{styled(wrong.line)}",
                *(_INDENT * 2 + styled(line) for line in wrong.output.splitlines()),
                hint,
            ]
        )
    count = sum(len(step["actions"]) for step in steps)
    lines = [
        "",
        styled("Everything went as it should.", Style.GREEN, Style.BOLD)
        + f" {counted(len(steps), 'step')}, {counted(count, 'action')}, {seconds:.1f} seconds.",
    ]
    if keep is not None:
        lines.append(
            f"Everything is in {keep}: keys, fleets, release, checkout with its pin, forty shops, evidence, report."
        )
        lines.append("Export the trust root as in step 2 before you run gaitops there.")
    return "\n".join(lines)
