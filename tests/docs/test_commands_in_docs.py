# SPDX-License-Identifier: Apache-2.0
"""Commands that the pages tell people to type exist, with the options that are shown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from gaitops.cli.lazy import LazyGroup
from gaitops.cli.main import program
from tests.docs.source_tree import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for page in (ROOT / "docs").rglob("*.md") if "reference" not in page.parts)]
)
BLOCK = re.compile(r"```(?:console|sh|bash|shell)?\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`(gaitops(?: [^`]+)?)`")
ELLIPSIS = "…"


def shown(text: str) -> Iterator[str]:
    """Command lines of a page, in blocks and in running text."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ")
            if re.match(r"(?:\.venv/bin/)?gaitops ", command):
                yield command
    yield from INLINE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def words(command: str) -> list[str]:
    """Arguments of one command, without shell redirections and comments."""
    found = shlex.split(command, comments=True)[1:]
    ends = [index for index, word in enumerate(found) if word in {"|", ">", ">>", "&&", ";", "||"}]
    return found[: ends[0]] if ends else found


def problem(arguments: list[str]) -> str | None:
    """What of a command line does not exist."""
    command: click.Command = program
    context = click.Context(program, info_name="gaitops")
    rest = list(arguments)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        names = rest.pop(0).split("|")
        found = [command.get_command(context, name) for name in names]
        if None in found:
            return f"no command {'|'.join(names)}"
        command = next(item for item in found if item is not None)
    if isinstance(command, LazyGroup) and command.default is not None and rest:
        command = command.get_command(context, command.default) or command
    known = {"--help", "-h", "--version", "--json", "--format"}
    known |= {option for parameter in command.params for option in parameter.opts}
    options = [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]
    unknown = [option for option in options if option not in known]
    return f"no option {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_that_a_page_shows_exist(page: object) -> None:
    """Every command line of the page names a command and options that gaitops has."""
    text = page.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    wrong = []
    for command in shown(text):
        if ELLIPSIS in command.split():
            continue
        found = problem(words(command))
        if found is not None:
            wrong.append(f"{command}: {found}")
    assert wrong == []
