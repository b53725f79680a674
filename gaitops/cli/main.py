# SPDX-License-Identifier: Apache-2.0
"""The entry point: run one command, print one result or one failure, and exit with the right code.

No exception reaches the user as a traceback unless ``GAITOPS_DEBUG=1`` asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from gaitops import __version__
from gaitops.cli.exit_codes import OUTPUT_CLOSED, SUCCESS
from gaitops.cli.lazy import LazyGroup
from gaitops.cli.signer_imports import hide_clients
from gaitops.cli.table import COMMANDS

PROGRAM = "gaitops"
_COMPLETION_VARIABLE = "_GAITOPS_COMPLETE"
_SUMMARY = """GitOps control plane for fleets of Gait agent policies.

A Git repository governs who may change which policy, how a change is approved, and which repositories
follow it. Everything that gaitops publishes can be verified offline from one pinned digest.
"""


class _Program(LazyGroup):
    """The root of the command line; its ``main`` is the only place where errors become exit codes."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> Any:
        """Run and exit; click's own error handling (which exits with 1 and 2) is replaced by :func:`run`."""
        if _COMPLETION_VARIABLE in os.environ:
            return super().main(args, prog_name=PROGRAM, complete_var=_COMPLETION_VARIABLE)
        sys.exit(run(sys.argv[1:] if args is None else args))


program = _Program(
    PROGRAM,
    _SUMMARY,
    COMMANDS,
    params=[],
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
click.version_option(__version__, message="gaitops %(version)s")(program)


def main() -> None:
    """Entry point of the ``gaitops`` program."""
    program.main()


def run(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` (without the program's name) and return the exit code."""
    _open_closed_streams()
    # Models must mean the same on every machine: no plugin that happens to be installed takes part in validation.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    hide_clients()
    try:
        code = _run(arguments)
    except BrokenPipeError:
        # Whoever read our output has gone; saying so would only clutter their terminal.
        code = OUTPUT_CLOSED
    except OSError as error:
        # The document that tells a failure could not be written either; standard error is left.
        code = _fail(error, as_json=False)
    _settle_output()
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where everything ends
        return _fail(error, as_json=_wants_json(arguments))
    return code


def _invoke(arguments: Sequence[str]) -> int:
    try:
        with program.make_context(PROGRAM, list(arguments)) as context:
            program.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return SUCCESS


def _fail(error: BaseException, *, as_json: bool) -> int:
    from gaitops.cli import failures, output

    if os.environ.get(failures.DEBUG_VARIABLE) == "1":
        import traceback

        traceback.print_exception(error)
    failure = failures.describe(error)
    output.emit_failure(failure, as_json=as_json)
    return failure.exit_code


def _wants_json(arguments: Sequence[str]) -> bool:
    from gaitops.cli.output import wants_json

    return wants_json(arguments)


def _open_closed_streams() -> None:
    """Python sets a standard stream that the caller closed to ``None``; what is written to it goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - until exit


def _settle_output() -> None:
    """If standard output does not take what is left for it, let it lead nowhere: the interpreter flushes it again."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError):  # a stream without a descriptor has nothing that could fail later
            os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    main()
