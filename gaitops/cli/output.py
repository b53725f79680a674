# SPDX-License-Identifier: Apache-2.0
"""Everything that is printed: results on standard output, failures and progress on standard error.

Under ``--json`` standard output carries exactly one JSON document, whether the command succeeds or fails; for the few
commands that judge any number of files it carries one document per line.
Text never carries raw control characters from documents or commits to a terminal: whoever reads what is
about to be approved must see what is there, not what an escape sequence makes of it (threats T11, T31).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from gaitops.cli.failures import Failure

SCHEMA_BASE = "https://gaitops.dev/schemas/output/"
_PROGRESS_AFTER_SECONDS = 1.0
_PROGRESS_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found or did, in every form in which it can be printed."""

    schema: str
    """Name of the JSON Schema of ``document``: ``schemas/output/<name>.schema.json``; empty for a document of somebody
    else, which is printed as it is."""
    document: Mapping[str, object] | Callable[[], Mapping[str, object]]
    """Members of the JSON document, without ``schema``; as a function where making it takes long."""
    text: str | Callable[[], str]
    """For people; may be styled with :mod:`gaitops.report.text`. Printed with one final line end."""
    renderings: Mapping[str, Callable[[], str | Iterator[str]]] = field(default_factory=dict)
    """Further formats by name (``jsonl``, ``dot``, ``markdown``), made only when asked for; in pieces of whole lines
    where there are too many to hold."""
    exit_code: int | Callable[[], int] = 0
    """One of :mod:`gaitops.cli.exit_codes`; a report of bad news is printed in full and then leaves with it. As a function
    where it is only known when everything has been printed."""
    lines: Callable[[], Iterator[Mapping[str, object]]] | None = None
    """Under ``--json``, documents without ``schema``, one per line as they are made, in the place of ``document``."""


def schema_url(name: str) -> str:
    """Identifier of an output schema, as it stands in ``schema`` and as the schema's ``$id``."""
    return f"{SCHEMA_BASE}{name}.schema.json"


def emit(result: Result, output_format: str) -> None:
    """Print ``result`` to standard output in ``output_format``; ``KeyError`` for a format it does not have."""
    if output_format == "json" and result.lines is not None:
        for line in result.lines():
            write_json_line({**_schema(result), **line})
    elif output_format == "json":
        members = result.document() if callable(result.document) else result.document
        write_json({**_schema(result), **members})
    elif output_format == "text":
        write_text(result.text() if callable(result.text) else result.text, sys.stdout)
    else:
        made = result.renderings[output_format]()
        for piece in (made,) if isinstance(made, str) else made:
            write_text(piece, sys.stdout)


def _schema(result: Result) -> Mapping[str, object]:
    return {"schema": schema_url(result.schema)} if result.schema else {}


def emit_failure(failure: Failure, *, as_json: bool) -> None:
    """Print why a command failed: the JSON document to standard output, or text to standard error."""
    if as_json:
        write_json({"schema": schema_url("error"), **failure.document()})
    else:
        write_text(failure.text(), sys.stderr)


def write_json(document: Mapping[str, object]) -> None:
    """Write one indented JSON document in UTF-8, whatever the locale says.

    Lone surrogates (file names that are not UTF-8) become U+FFFD, so that every strict parser can read it.
    """
    _write_document(document, indent=2, separators=None)


def write_json_line(document: Mapping[str, object]) -> None:
    """Write one JSON document on a line of its own, as :func:`write_json` does otherwise."""
    _write_document(document, indent=None, separators=(",", ":"))


def _write_document(
    document: Mapping[str, object], *, indent: int | None, separators: tuple[str, str] | None
) -> None:
    import json

    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    sys.stdout.flush()
    stream = getattr(sys.stdout, "buffer", None)
    data = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if stream is None:
        sys.stdout.write(data + "\n")
    else:
        stream.write(data.encode() + b"\n")
        stream.flush()


def write_text(text: str, stream: TextIO) -> None:
    """Write text for people; nothing for an empty text. Styles survive only on a terminal without ``NO_COLOR``."""
    from gaitops.report.text import for_terminal

    if not text:
        return
    encoding = stream.encoding or "utf-8"
    plain = for_terminal(text, colour=colour_wanted(stream))
    stream.write(plain.encode(encoding, "replace").decode(encoding).rstrip("\n") + "\n")


def colour_wanted(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal whose user did not decline colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def note(text: str) -> None:
    """Tell a person something beside the result, on standard error."""
    write_text(text, sys.stderr)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show progress of long work on standard error; yields ``advance(steps)``.

    Nothing appears unless standard error is a terminal and the work takes more than a second (design 13).
    ``total`` is the number of steps, if known; then the line says how long the rest will take. The line is erased at the end.
    """
    line = _ProgressLine(label, total, sys.stderr)
    try:
        yield line.advance
    finally:
        line.erase()


class _ProgressLine:
    """One line of a terminal that is rewritten at most ten times a second."""

    def __init__(self, label: str, total: int | None, stream: TextIO) -> None:
        self._label, self._total, self._stream = label, total, stream
        self._done = 0
        self._shown = False
        self._visible = stream.isatty()
        self._began = time.monotonic()
        self._next = self._began + _PROGRESS_AFTER_SECONDS

    def advance(self, steps: int = 1) -> None:
        """Record that ``steps`` more steps are done."""
        self._done += steps
        now = time.monotonic()
        if not self._visible or now < self._next:
            return
        self._next = now + _PROGRESS_EVERY_SECONDS
        self._stream.write(f"\r\x1b[K{self._label}: {self._state(now - self._began)}")
        self._stream.flush()
        self._shown = True

    def _state(self, seconds: float) -> str:
        """What is done, how fast, and how long the rest will take at that rate."""
        rate = self._done / seconds
        pace = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
        if not self._total:
            return f"{self._done:,}, {pace}"
        left = max(self._total - self._done, 0) / rate if rate else 0.0
        return f"{self._done:,} of {self._total:,}, {pace}, {duration(left)} left"

    def erase(self) -> None:
        """Leave the terminal as it was."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def duration(seconds: float) -> str:
    """A time that somebody waits: ``8 s``, ``2 min 5 s``, ``3 h 20 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the caller asked for JSON, read from the bare arguments: also known when parsing them failed."""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return False
        if argument in {"--json", "--format=json"}:
            return True
        if argument == "--format" and list(arguments[position + 1 : position + 2]) == ["json"]:
            return True
    return False
