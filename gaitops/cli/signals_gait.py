# SPDX-License-Identifier: Apache-2.0
"""``gaitops signals gait-report``: Gait's own signal report over artifact files, for comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.cli.command import Command
from gaitops.cli.exit_codes import SUCCESS, VERIFICATION_FAILED
from gaitops.cli.output import Result, note

if TYPE_CHECKING:
    from gaitops.gait.artifacts.facts import RegressFacts, RunFacts, TraceFacts
    from gaitops.gait.artifacts.model import Inspection

_LISTS = ("--runpacks", "--traces", "--regress")


class _WithLists(Command):
    """Takes several values after one option, as shells leave them behind when they expand ``*``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``--runpacks a b`` means ``--runpacks a --runpacks b``; nothing else may stand without an option."""
        return super().parse_args(ctx, list(_spread(args)))


def _spread(args: Sequence[str]) -> Iterator[str]:
    current, fresh = "", False
    for arg in args:
        if arg.startswith("-"):
            current, fresh = (arg, True) if arg in _LISTS else ("", False)
            yield arg
        elif current and not fresh:
            yield from (current, arg)
        else:
            fresh = False
            yield arg


_Function = TypeVar("_Function", bound=Callable[..., Any])


def _paths(*names: str, required: bool = False, help_text: str) -> Callable[[_Function], _Function]:
    return click.option(
        *names,
        multiple=True,
        required=required,
        type=click.Path(exists=True),
        metavar="PATH…",
        help=f"{help_text}: files, or folders to search. Takes several values; may be repeated.",
    )


@click.command(
    "gait-report",
    cls=_WithLists,
    example="gaitops signals gait-report --runpacks gait-out/runpacks --traces gait-out/traces\n"
    "gaitops signals gait-report --runpacks a.zip b.zip --regress gait-out/regress_result.json",
)
@_paths("--runpacks", required=True, help_text="Runpacks")
@_paths("--traces", help_text="Traces of the same repository")
@_paths("--regress", help_text="Regress results of the same repository")
@click.option(
    "--producer-version",
    metavar="VERSION",
    help="Version of the Gait to compare with; that of a Gait built without a release when absent.",
)
@click.option("--strict", is_flag=True, help="Exit with code 2 when an artifact was left out.")
def gait_report(
    *,
    runpacks: Sequence[str],
    traces: Sequence[str],
    regress: Sequence[str],
    producer_version: str | None,
    strict: bool,
) -> Result:
    """Print the report that `gait scout signal` makes of the same files, and nothing else.

    The text is Gait's report byte for byte on one line, and --json the same document with line breaks. Gait stops at the first
    artifact that it cannot read; here it is left out and named on standard error, and with --strict the exit code
    is 2. Signatures are not looked at, as Gait does not look at them here.
    """
    from gaitops.gait.scout_report import UNRELEASED, report_bytes, signal_report

    read = _Read()
    report = signal_report(
        list(read.runs(runpacks)),
        list(read.traces(traces)),
        list(read.results(regress)),
        producer_version=producer_version or UNRELEASED,
    )
    for path, reason in read.left_out:
        note(f"left out: {path}: {reason}")
    return Result(
        "",
        report,
        lambda: _printable(report_bytes(report).decode("utf-8")),
        exit_code=VERIFICATION_FAILED if strict and read.left_out else SUCCESS,
    )


@dataclass
class _Read:
    """Artifacts by kind, as Gait would read them; what it would stop at is left out with a reason."""

    left_out: list[tuple[str, str]] = field(default_factory=list)

    def runs(self, paths: Sequence[str]) -> Iterator[tuple[str, RunFacts]]:
        """Runpacks with the paths that Gait would be given."""
        from gaitops.gait.artifacts.facts import RunFacts

        for path, inspection in self._inspected(paths, "runpack", (".zip",)):
            if isinstance(inspection.facts, RunFacts):
                yield path, inspection.facts

    def traces(self, paths: Sequence[str]) -> Iterator[TraceFacts]:
        """Traces; whoever signed them, as Gait does not ask here."""
        from gaitops.gait.artifacts.facts import TraceFacts

        for _path, inspection in self._inspected(paths, "trace", (".json",)):
            if isinstance(inspection.facts, TraceFacts):
                yield inspection.facts

    def results(self, paths: Sequence[str]) -> Iterator[RegressFacts]:
        """Regress results."""
        from gaitops.gait.artifacts.facts import RegressFacts

        for _path, inspection in self._inspected(paths, "regress_result", (".json",)):
            if isinstance(inspection.facts, RegressFacts):
                yield inspection.facts

    def _inspected(
        self, paths: Sequence[str], kind: str, suffixes: tuple[str, ...]
    ) -> Iterator[tuple[str, Inspection]]:
        """Artifacts of one kind. In folders others are passed over, for they were not asked for by name."""
        from gaitops.cli.evidence_files import Unreadable, inspect_file
        from gaitops.gait.artifacts.model import Keyring
        from gaitops.gait.artifacts.neighbours import Collected

        keys, alone = Keyring(), Collected(())
        for path, named in _files(paths, suffixes):
            inspection = inspect_file(Path(path), keys, alone)
            if isinstance(inspection, Unreadable):
                self.left_out.append((path, inspection.reason))
                continue
            if inspection.kind != kind and not named:
                continue
            reason = _stops_gait(inspection, kind)
            if reason is None:
                yield path, inspection
            else:
                self.left_out.append((path, reason))


def _files(paths: Sequence[str], suffixes: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """(path, whether it was named) in the order given; folders sorted. Paths stay as they were written."""
    for text in paths:
        if not Path(text).is_dir():
            yield text, True
            continue
        for found in sorted(Path(text).rglob("*")):
            if found.suffix in suffixes and found.is_file() and not found.is_symlink():
                yield f"{text.rstrip('/')}/{found.relative_to(text).as_posix()}", False


def _stops_gait(inspection: Inspection, kind: str) -> str | None:
    """Why Gait would not take an artifact: traces and results need to be readable, runpacks need to hold as well."""
    if inspection.kind != kind:
        return f"{inspection.kind}, not {kind}"
    if inspection.facts is None:
        return inspection.findings[0].message if inspection.findings else "not readable"
    if kind != "runpack":
        return None
    for finding in inspection.findings:
        family, _, name = finding.code.partition(".")
        refused = finding.gait and finding.effect.value != "notes" and family != "signature"
        if refused or name == "content_unreadable":
            return finding.message
    mode, digest = (
        getattr(inspection.facts, name) for name in ("context_evidence_mode", "context_set_digest")
    )
    return "context evidence is required and has no digest" if mode == "required" and not digest else None


def _printable(text: str) -> str:
    """JSON in which no character is left that printing would escape in a way that JSON does not know."""
    from gaitops.report.text import safe

    return "".join(
        char
        if char.isascii() and char.isprintable()
        else json.dumps(char)[1:-1]
        if safe(char) != char
        else char
        for char in text
    )
