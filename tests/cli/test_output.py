# SPDX-License-Identifier: Apache-2.0
"""What reaches the terminal: one JSON document, colour only where wanted, progress only for people who wait."""

from __future__ import annotations

import io
import json

import pytest

from gaitops.cli import output
from gaitops.report.text import Style, styled


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "--json"], True),
        (["check", "--format", "json"], True),
        (["check", "--format=json"], True),
        (["check", "--format", "jsonl"], False),
        (["check", "--format"], False),
        (["policy", "digest", "--", "--json"], False),
        ([], False),
    ],
)
def test_wants_json(arguments: list[str], expected: bool) -> None:
    """Whether JSON is wanted is known even when the arguments cannot be parsed."""
    assert output.wants_json(arguments) is expected


def test_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour appears on a terminal, unless NO_COLOR or a dumb terminal says otherwise, and never in a pipe."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = Terminal(), io.StringIO()
    output.write_text(styled("x", Style.RED), terminal)
    output.write_text(styled("x", Style.RED), pipe)
    assert (terminal.getvalue(), pipe.getvalue()) == ("\x1b[31mx\x1b[0m\n", "x\n")
    monkeypatch.setenv("TERM", "dumb")
    assert not output.colour_wanted(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.colour_wanted(Terminal())


def test_text_survives_a_poor_locale() -> None:
    """A terminal without Unicode shows replacements instead of failing."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    output.write_text("├─ é", stream)
    stream.flush()
    assert raw.getvalue() == b"?? ?\n"


def test_json_is_utf8_without_surrogates(capsys: pytest.CaptureFixture[str]) -> None:
    """File names that are not UTF-8 do not make the document unreadable."""
    output.write_json({"name": "a\udc80é"})
    assert json.loads(capsys.readouterr().out) == {"name": "a\ufffd\ufffd\ufffdé"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (12000, "3 h 20 min"),
    ],
)
def test_waiting_times_have_two_units_at_most(seconds: float, text: str) -> None:
    """Seconds matter only while there are few of them."""
    assert output.duration(seconds) == text


def test_progress_is_for_waiting_people_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a pipe, nothing for quick work; later one line that disappears again."""
    clock = iter([0.0, 0.5, 1.5, 1.55, 2.0])
    monkeypatch.setattr("gaitops.cli.output.time.monotonic", lambda: next(clock))
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with output.progress("Reading", 4000) as advance:
        for _ in range(4):
            advance(1000)
    shown = ("2,000 of 4,000, 1,333/s, 2 s left", "4,000 of 4,000, 2,000/s, 0 s left")
    assert terminal.getvalue() == "".join(f"\r\x1b[KReading: {text}" for text in shown) + "\r\x1b[K"
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    monkeypatch.setattr("gaitops.cli.output.time.monotonic", lambda: 1e9)
    with output.progress("Reading") as advance:
        advance(1)
    assert pipe.getvalue() == ""
