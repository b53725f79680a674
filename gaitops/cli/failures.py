# SPDX-License-Identifier: Apache-2.0
"""Turns every exception that can end a command into one value: exit code, text for people, JSON members.

======================================  =========================  =====================
exception                               exit code                  code
======================================  =========================  =====================
GaitopsError                            that of its class          that of its first problem
click usage errors                      6                          ``cli.usage``
OSError                                 1                          ``internal.os``
anything else                           1                          ``internal.defect``
KeyboardInterrupt                       130                        ``cli.interrupted``
a prompt without an answer, or "no"     6                          ``cli.declined``
======================================  =========================  =====================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from gaitops.cli import exit_codes
from gaitops.errors import GaitopsError, InternalError, Problem

DEBUG_VARIABLE = "GAITOPS_DEBUG"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command ended without a result."""

    exit_code: int
    category: str
    retryable: bool
    problems: tuple[Problem, ...]

    def document(self) -> dict[str, object]:
        """The members of the JSON document for errors (design 13), without ``schema``."""
        first = self.problems[0]
        return {
            "error": first.message,
            "error_code": first.code,
            "error_category": self.category,
            "retryable": self.retryable,
            "hint": first.remedy or "",
            "problems": [problem.to_json() for problem in self.problems],
        }

    def text(self) -> str:
        """One line per problem, each with its remedy."""
        from gaitops.report.problems import problem_lines

        return problem_lines(self.problems)


def describe(error: BaseException, command_path: str = "gaitops") -> Failure:
    """The failure that ``error`` stands for. ``command_path`` names the command whose help is recommended."""
    if isinstance(error, GaitopsError):
        return Failure(error.exit_code, error.category, error.retryable, error.problems)
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else command_path
        return _invalid("cli.usage", error.format_message(), f"See `{path} --help`.")
    if isinstance(error, KeyboardInterrupt) or _is_interrupted_prompt(error):
        problem = Problem("cli.interrupted", "interrupted")
        return Failure(exit_codes.INTERRUPTED, "interrupted", retryable=True, problems=(problem,))
    if isinstance(error, click.Abort):
        return _invalid("cli.declined", "not confirmed, so nothing was done", "Use `--yes` in scripts.")
    # A full disk may be emptied; a defect stays.
    retryable = InternalError.retryable and isinstance(error, OSError)
    return Failure(InternalError.exit_code, InternalError.category, retryable, (_internal_problem(error),))


def _is_interrupted_prompt(error: BaseException) -> bool:
    """Click turns Ctrl-C at a prompt into ``Abort`` and hides the cause."""
    return isinstance(error, click.Abort) and isinstance(error.__context__, KeyboardInterrupt)


def _invalid(code: str, message: str, remedy: str) -> Failure:
    problem = Problem(code, message, remedy=remedy)
    return Failure(exit_codes.INVALID_INPUT, "invalid_input", retryable=False, problems=(problem,))


def _internal_problem(error: BaseException) -> Problem:
    if isinstance(error, OSError):
        names: Sequence[object] = [name for name in (error.filename, error.filename2) if name is not None]
        where = ", ".join(str(name) for name in names)
        reason = error.strerror or str(error) or type(error).__name__
        return Problem("internal.os", f"{reason}: {where}" if where else reason)
    text = " ".join(str(error).split())[:300]
    return Problem(
        "internal.defect",
        f"unexpected {type(error).__name__}" + (f": {text}" if text else ""),
        remedy=f"This is a defect of gaitops; run again with {DEBUG_VARIABLE}=1 for a traceback to report.",
    )
