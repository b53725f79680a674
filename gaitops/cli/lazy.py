# SPDX-License-Identifier: Apache-2.0
"""Groups whose commands are imported only when they run, so that help and version stay fast (design 14)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from gaitops.cli.exit_codes import INVALID_INPUT


class Lazy(NamedTuple):
    """Where a command lives, and the one line that the list of commands shows for it."""

    target: str
    """``module:attribute`` of the command object."""
    summary: str
    """What the command does, in at most 70 characters."""


class Noun(NamedTuple):
    """Commands that share their first word."""

    summary: str
    """What the noun is about, in at most 70 characters."""
    commands: Mapping[str, Lazy]
    """Its verbs, in the order in which help shows them."""
    default: str | None = None
    """The verb that the noun alone means, also before options; without one the noun alone is a usage error."""


Table = Mapping[str, Lazy | Noun]
"""The whole command line as a value: names to commands and nouns, in the order of the help text."""


class LazyGroup(click.Group):
    """A group that knows its commands from a :data:`Table` and imports one only to run or describe it."""

    def __init__(
        self, name: str, summary: str, table: Table, *, default: str | None = None, **settings: Any
    ) -> None:
        super().__init__(name, help=summary, **settings)
        self._table = table
        self.default = default

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command named ``cmd_name``; ``None`` when the table has no such name."""
        row = self._table.get(cmd_name)
        if row is None:
            return None
        if isinstance(row, Noun):
            return LazyGroup(cmd_name, _noun_help(row), row.commands, default=row.default)
        module, _, attribute = row.target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{row.target} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List names and summaries from the table, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in self._table.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, but a missing command is the default one, or else a usage error with the help text.

        Whatever click's version. Options in the place of the command belong to the default one, but for help.
        """
        if self.default is not None and (
            not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        ):
            args = [self.default, *args]
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(INVALID_INPUT)
        return super().parse_args(ctx, args)


def _noun_help(noun: Noun) -> str:
    if noun.default is None:
        return noun.summary
    return f"{noun.summary}\n\nWithout a command: {noun.default}."
