# SPDX-License-Identifier: Apache-2.0
"""Every way in which a command can end has its exit code and its words (design 13)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gaitops.cli import main as main_module
from gaitops.cli.command import command
from gaitops.cli.lazy import Lazy, LazyGroup
from gaitops.cli.output import Result
from gaitops.errors import (
    ApprovalRequiredError,
    GaitopsError,
    InternalError,
    InvalidInputError,
    MissingDependencyError,
    PolicyBlockedError,
    Problem,
    UnsafeOperationError,
    VerificationError,
)

ERRORS: tuple[tuple[type[GaitopsError], int], ...] = (
    (InternalError, 1),
    (VerificationError, 2),
    (PolicyBlockedError, 3),
    (ApprovalRequiredError, 4),
    (InvalidInputError, 6),
    (MissingDependencyError, 7),
    (UnsafeOperationError, 8),
)


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes every command name run one command that ends with the given exception."""

    def install(error: BaseException) -> None:
        @command(example="gaitops fail")
        def fail() -> Result:
            """End with an error."""
            raise error

        def get_command(*_: object) -> click.Command:
            return fail

        monkeypatch.setattr(LazyGroup, "get_command", get_command)

    return install


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main_module.program, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("kind", "code"), ERRORS)
def test_error_classes_have_their_exit_codes(
    ending: Callable[[BaseException], None], kind: type[GaitopsError], code: int
) -> None:
    """Each error class of gaitops ends with its own exit code, as text and as JSON."""
    ending(kind.of("some.code", "a fact", path="a/b.yaml", line=3, remedy="Do this."))
    assert run("fail") == (code, "", "error: a/b.yaml:3: a fact [some.code]\n  fix: Do this.\n")
    status, out, err = run("fail", "--json")
    document = json.loads(out)
    assert (status, err) == (code, "")
    assert document["error_code"] == "some.code"
    assert document["hint"] == "Do this."
    assert document["error_category"] == kind.category
    assert document["retryable"] is kind.retryable


def test_all_problems_are_shown(ending: Callable[[BaseException], None]) -> None:
    """An error with several problems shows each of them, in both forms."""
    ending(InvalidInputError([Problem("a.b", "first"), Problem("c.d", "second")]))
    assert run("fail")[2] == "error: first [a.b]\nerror: second [c.d]\n"
    assert [item["code"] for item in json.loads(run("fail", "--json")[1])["problems"]] == ["a.b", "c.d"]


def test_unexpected_exception_is_one_line_and_a_hint(ending: Callable[[BaseException], None]) -> None:
    """A defect never shows a traceback by itself, but says how to get one."""
    ending(ValueError("boom\nsecond line"))
    code, out, err = run("fail")
    assert (code, out) == (1, "")
    assert err.startswith("error: unexpected ValueError: boom second line [internal.defect]\n")
    assert "GAITOPS_DEBUG=1" in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(
    ending: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """GAITOPS_DEBUG=1 adds the traceback and changes nothing else."""
    monkeypatch.setenv("GAITOPS_DEBUG", "1")
    ending(ValueError("boom"))
    code, _, err = run("fail")
    assert code == 1
    assert "Traceback" in err


def test_os_error_names_the_file(ending: Callable[[BaseException], None]) -> None:
    """A failing machine is reported as such, with the file, and may be retried."""
    ending(OSError(28, "No space left on device", "out/x"))
    assert run("fail")[::2] == (1, "error: No space left on device: out/x [internal.os]\n")
    assert json.loads(run("fail", "--json")[1])["retryable"] is True


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interruption_and_refusal(ending: Callable[[BaseException], None], error: BaseException) -> None:
    """Ctrl-C ends with 130; an unanswered question ends as unusable input and says how scripts answer."""
    ending(error)
    code, _, err = run("fail")
    assert code == (130 if isinstance(error, KeyboardInterrupt) else 6)
    assert "Traceback" not in err


def test_interrupted_prompt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at a question is an interruption, although click reports it as an abort."""

    @command(example="gaitops ask")
    def ask() -> Result:
        """Ask."""
        click.confirm("Really?", abort=True)
        return Result("key", {}, "")

    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    def get_command(*_: object) -> click.Command:
        return ask

    monkeypatch.setattr(LazyGroup, "get_command", get_command)
    monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
    with pytest.raises(SystemExit) as leave:
        main_module.program.main(["ask"])
    assert leave.value.code == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["--nope"],
        ["key", "nope"],
        ["key", "show"],
        ["key", "show", "--nope", "x"],
        ["key", "show", "a", "b"],
    ],
)
def test_usage_errors_exit_with_6(arguments: list[str]) -> None:
    """Unknown commands, unknown options, missing and surplus arguments are usage errors, also as JSON."""
    code, out, err = run(*arguments)
    assert (code, out) == (6, "")
    assert "[cli.usage]" in err
    assert "--help" in err
    code, out, _ = run(*arguments, "--json")
    assert code == 6
    assert json.loads(out)["error_code"] == "cli.usage"


@pytest.mark.parametrize("arguments", [[], ["policy"], ["key"]])
def test_missing_command_shows_help_on_standard_error(arguments: list[str]) -> None:
    """A group without a command explains itself, and a script notices that nothing was done."""
    code, out, err = run(*arguments)
    assert (code, out) == (6, "")
    assert err.startswith("Usage: gaitops")


def test_result_is_printed_before_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad news is a full report on standard output, and then the exit code."""

    @command(example="gaitops report", formats=("text", "json", "dot"))
    def report() -> Result:
        """Report."""
        return Result("key", {"a": 1}, "two\nlines", {"dot": lambda: "digraph {}"}, exit_code=2)

    def get_command(*_: object) -> click.Command:
        return report

    monkeypatch.setattr(LazyGroup, "get_command", get_command)
    assert run("report") == (2, "two\nlines\n", "")
    assert run("report", "--format", "dot") == (2, "digraph {}\n", "")
    assert json.loads(run("report", "--json")[1]) == {
        "schema": "https://gaitops.dev/schemas/output/key.schema.json",
        "a": 1,
    }
    assert run("report", "--format", "json")[1] == run("report", "--json")[1]
    assert run("report", "--format", "dot", "--json")[0] == 6


def test_a_command_that_returns_nothing_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command cannot forget to say what it did."""

    @command(example="gaitops silent")
    def silent() -> Result:
        """Say nothing."""
        return None  # type: ignore[return-value]

    def get_command(*_: object) -> click.Command:
        return silent

    monkeypatch.setattr(LazyGroup, "get_command", get_command)
    code, _, err = run("silent")
    assert code == 1
    assert "not a Result" in err


def test_a_command_needs_an_example() -> None:
    """An empty example is refused when the command is defined."""
    with pytest.raises(ValueError, match="needs an example"):

        @command(example=" ")
        def bad() -> Result:
            """Do nothing."""
            return Result("key", {}, "")


def test_lazy_target_must_be_a_command() -> None:
    """A wrong line in the table is found by name."""
    group = LazyGroup("g", "G.", {"x": Lazy("gaitops.cli.exit_codes:SUCCESS", "X.")})
    with pytest.raises(TypeError, match=r"exit_codes:SUCCESS is not a command"):
        group.get_command(click.Context(group), "x")


def _gaitops(arguments: list[str], stdout: int) -> tuple[int, bytes]:
    """Exit code and standard error of a real process; buffered, as Python is for users."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gaitops.cli.main", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    _, err = process.communicate()
    return process.returncode, err


@pytest.mark.parametrize("arguments", [["--help"], ["schema", "list", "--json"], ["nope", "--json"]])
def test_closed_pipe_is_quiet(arguments: list[str]) -> None:
    """When the reader of standard output goes away, gaitops ends without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert _gaitops(arguments, writer) == (141, b"")
    finally:
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["schema", "list"], ["schema", "list", "--json"], ["nope", "--json"]]
)
def test_full_disk_is_an_internal_failure(arguments: list[str]) -> None:
    """Output that cannot be written is a failure told on standard error, never a success without output."""
    with Path("/dev/full").open("wb") as full:
        code, err = _gaitops(arguments, full.fileno())
    assert (code, err) == (1, b"error: No space left on device [internal.os]\n")


def test_closed_standard_output_is_no_error() -> None:
    """Who closes standard output wants no output, and still gets the exit code."""
    command = [sys.executable, "-m", "gaitops.cli.main", "schema", "list"]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
