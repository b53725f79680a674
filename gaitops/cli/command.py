# SPDX-License-Identifier: Apache-2.0
"""The one kind of command: it has help, an example and ``--json``, and returns a :class:`Result` to print.

A command module looks like this::

    @command(example="gaitops thing show blue")
    @click.argument("name")
    def show(name: str) -> Result:
        \"\"\"Show one thing.\"\"\"
        thing = load(name)  # raises GaitopsError: main() turns it into text or JSON and an exit code
        return Result("thing", {"name": thing.name}, text=render(thing))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import click

from gaitops.cli.output import Result, emit

TEXT_AND_JSON = ("text", "json")
_FORMAT = "gaitops.cli.format"
_JSON = "gaitops.cli.json"


class Command(click.Command):
    """A command that must come with an example, and whose callback returns what is to be printed.

    ``formats`` beyond text and JSON add a ``--format`` option; ``--json`` is always there and means
    ``--format json``. The callback never sees either: it returns a :class:`Result` that can be rendered
    in every format, and this class prints it and sets the exit code.
    """

    def __init__(
        self, name: str | None, *, example: str, formats: Sequence[str] = TEXT_AND_JSON, **settings: Any
    ) -> None:
        super().__init__(name, **settings)
        if not example.strip():
            raise ValueError(f"command {name} needs an example")
        self.example = inspect.cleandoc(example)
        self.formats = tuple(formats)
        if self.formats != TEXT_AND_JSON:
            self.params.append(_format_option(self.formats))
        self.params.append(_json_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """End the help text with the example, line by line as it is to be typed."""
        with formatter.section("Example" if "\n" not in self.example else "Examples"):
            for line in self.example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def invoke(self, ctx: click.Context) -> None:
        """Run the callback, print its result, and leave with its exit code."""
        result = super().invoke(ctx)
        if not isinstance(result, Result):
            raise TypeError(f"{ctx.command_path} returned {type(result).__name__}, not a Result")
        emit(result, _chosen_format(ctx))
        ctx.exit(result.exit_code() if callable(result.exit_code) else result.exit_code)


def command(
    name: str | None = None, *, example: str, formats: Sequence[str] = TEXT_AND_JSON, **settings: Any
) -> Callable[[Callable[..., Result]], Command]:
    """Decorator that makes a function a :class:`Command`; ``example`` is one or more shell lines."""
    return click.command(name, cls=Command, example=example, formats=formats, **settings)


def prints_text() -> bool:
    """Whether the running command prints text; only for commands that tell about long work while it happens."""
    return _chosen_format(click.get_current_context()) == "text"


def _chosen_format(ctx: click.Context) -> str:
    chosen: str | None = ctx.meta.get(_FORMAT)
    if not ctx.meta.get(_JSON):
        return chosen or "text"
    if chosen not in {None, "json"}:
        raise click.UsageError(f"--json and --format {chosen} exclude each other", ctx)
    return "json"


def _format_option(formats: Sequence[str]) -> click.Option:
    def remember(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        ctx.meta[_FORMAT] = value

    return click.Option(
        ["--format"],
        type=click.Choice(formats),
        expose_value=False,
        callback=remember,
        help="How to print the result; text by default.",
    )


def _json_option() -> click.Option:
    def remember(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        ctx.meta[_JSON] = value

    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Print one JSON document, also for errors.",
    )
