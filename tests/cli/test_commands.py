# SPDX-License-Identifier: Apache-2.0
"""What every command owes its users: help, an example that is itself, a schema, a place in the reference."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import jsonschema
import pytest

from gaitops.cli import output_schemas, reference
from gaitops.cli.command import Command
from gaitops.cli.lazy import Noun
from gaitops.cli.main import program
from gaitops.cli.table import COMMANDS
from gaitops.report.text import width
from tests.cli.harness import Invoke

ALL = {name: (summary, command) for name, summary, command in reference.commands()}


@pytest.mark.parametrize("name", ALL)
def test_help_and_example(gaitops: Invoke, name: str) -> None:
    """``--help`` of every command says what it does and shows examples of that very command."""
    _, command = ALL[name]
    assert command.help, "needs a docstring"
    run = gaitops(*name.split(), "--help")
    assert (run.code, run.err) == (0, "")
    for line in command.example.splitlines():
        assert shlex.split(line)[: 1 + len(name.split())] == ["gaitops", *name.split()]
        assert line in run.out
    assert "--json" in run.out
    assert max(map(width, run.out.splitlines())) <= 100


@pytest.mark.parametrize("name", ALL)
def test_examples_parse(name: str) -> None:
    """The options and arguments of every example exist."""
    _, command = ALL[name]
    for line in command.example.splitlines():
        if set(line) & set("|>$"):
            continue
        arguments = shlex.split(line, comments=True)[1 + len(name.split()) :]
        context = click.Context(command, info_name=name, resilient_parsing=True)
        command.make_parser(context).parse_args(arguments)


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_explained(name: str) -> None:
    """No option is left to be guessed."""
    _, command = ALL[name]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} needs help"
        elif isinstance(parameter, click.Argument):
            assert parameter.human_readable_name.split("...")[0].strip("[]") in (command.help or "")


def test_summaries() -> None:
    """The lists of commands fit on a line and end in a full stop."""
    for row in COMMANDS.values():
        summaries = (
            [row.summary, *(verb.summary for verb in row.commands.values())]
            if isinstance(row, Noun)
            else [row.summary]
        )
        for summary in summaries:
            assert len(summary) <= 70
            assert summary.endswith(".")


def test_all_commands_are_ours() -> None:
    """Every leaf is a Command, so that ``--json`` and the example cannot be missing."""
    assert all(isinstance(command, Command) for _, command in ALL.values())
    assert isinstance(program, click.Group)


@pytest.mark.parametrize("name", output_schemas.names())
def test_output_schemas(name: str) -> None:
    """Every output schema is valid, knows its own name, and allows nothing that it does not describe."""
    schema = output_schemas.load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"https://gaitops.dev/schemas/output/{name}.schema.json"
    assert schema["properties"]["schema"] == {"const": schema["$id"]}
    assert schema["additionalProperties"] is False
    assert schema["description"]
    assert output_schemas.text(name).decode() == json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def test_reference_pages_are_up_to_date() -> None:
    """The pages in docs/reference are what the code says (``python -m gaitops.cli.reference --write``)."""
    assert reference.stale_pages() == []


def test_reference_describes_every_command() -> None:
    """Each command has its section, its options and its example in the reference."""
    page = reference.command_reference()
    for name, (_, command) in ALL.items():
        section = page.split(f"\n## gaitops {name}\n")[1].split("\n## ")[0]
        assert command.example in section
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in section


def test_writing_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The generator reports stale pages, writes them, and is then content."""
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "docs")
    assert reference.main([]) == 1
    assert "commands.md is out of date" in capsys.readouterr().err
    assert reference.main(["--write"]) == 0
    assert reference.main([]) == 0
