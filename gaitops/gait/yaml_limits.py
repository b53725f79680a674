# SPDX-License-Identifier: Apache-2.0
"""Where libyaml and Gait's YAML library part ways, and what that means for a file.

Two questions are answered here. While libyaml reads a text: could the other library read this form differently?
Then :class:`UncertainError` stops the reading. When libyaml refuses a text: is it certain that the other one
refuses it too? The answers follow the scanner of goccy/go-yaml 1.19 and were checked against results of ``gait``
(contract 1.3 and 16.2 to 16.7). Line numbers in reasons are 1-based.
"""

from __future__ import annotations

import re
from typing import Protocol

import yaml

from gaitops.errors import Problem
from gaitops.gait.quoting import quote
from gaitops.gait.yaml_scalars import UncertainError, resolve

_UNSAFE_CHARACTER = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Control characters (libyaml refuses them, Gait does not) and line ends that only libyaml knows."""
_UNSAFE_ASCII = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE_CR = re.compile(r"\r(?!\n)")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_LONE_QUESTION_MARK = re.compile(r"^[ -]*\?[ \r]*$", re.MULTILINE)
_SURROGATE_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_MARK = re.compile(r"\?[ ]+\Z")
_MAX_MARK_GAP = 256
_ANCHOR = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SPLITTING_COLON = re.compile(r":(?!/)")
_ALIAS_TAIL = re.compile(r"\*[A-Za-z0-9_-]+[\]},]*(?:\s|\Z)")
_BLOCK_HEADER = re.compile(r"[|>][-+]?[ ]*+\n")
_INDENTED_COMMENT = re.compile(r"\n*+[ ]++#")

_CERTAIN_IN_FLOW = frozenset(
    {
        "did not find expected ',' or ']'",
        "did not find expected ',' or '}'",
        "found unexpected end of stream",
        "found unexpected document indicator",
        "found unknown escape character",
    }
)
_CERTAIN_IN_BLOCK = _CERTAIN_IN_FLOW | {
    "mapping values are not allowed in this context",
    "block sequence entries are not allowed in this context",
    "did not find expected key",
    "did not find expected '-' indicator",
    "could not find expected ':'",
}
"""libyaml's complaints about plain slips of the pen, which every YAML reader refuses."""
_RESERVED = "@`"


class Mark(Protocol):
    """A position, counted from 0, with ``index`` in characters from the start."""

    line: int
    column: int
    index: int


class Event(Protocol):
    """What is used of PyYAML's events. libyaml always sets the marks, which its stubs leave open."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None
    explicit: bool


def is_plain_anchor(name: str) -> bool:
    """Whether both libraries take ``name`` as a name, and not as a number or keyword."""
    return _ANCHOR.fullmatch(name) is not None and resolve(name) == name


def splits_at_colon(text: str) -> bool:
    """Whether Gait's library cuts this unquoted text at a colon, in a list inside braces (contract 16.3).

    Raises:
        UncertainError: for texts such as ``https://host:1``, with a colon of either kind.
    """
    if ":" not in text:
        return False
    splits = _SPLITTING_COLON.search(text) is not None
    if splits and ":/" in text:
        raise UncertainError(f"the unquoted text {quote(text)} in a list inside braces")
    return splits


class Source:
    """The text of a file, with the checks that need to see more of it than libyaml's events show."""

    def __init__(self, text: str) -> None:
        """Check what can be seen without parsing.

        Raises:
            UncertainError: the text has characters or forms that are not read.
        """
        if found := (_UNSAFE_ASCII if text.isascii() else _UNSAFE_CHARACTER).search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise UncertainError(f"line {line} has the character U+{ord(found.group()):04X}")
        if "\r" in text and _LONE_CR.search(text):
            raise UncertainError("carriage returns alone end lines")
        if "%" in text and _DIRECTIVE.search(text):
            raise UncertainError("the file has a YAML directive")
        if "?" in text and _LONE_QUESTION_MARK.search(text):
            raise UncertainError("the file has a key marked with '?'")
        if "..." in text:
            _check_document_ends(text)
        self.text = text
        self._rewritten = False
        if "\\ud" in text or "\\uD" in text:
            # libyaml refuses surrogates; the pair is one character to Gait (contract 16.5). Columns to the right
            # of a pair are two less than in the file.
            self.text, count = _SURROGATE_PAIR.subn(_join_surrogates, text)
            self._rewritten = count > 0
        self._has_marks = "? " in self.text
        self._quoted: list[tuple[int, int]] | None = [] if "\t" in text else None

    def check_scalar(self, event: Event) -> None:
        """Forms of a scalar, wherever it stands."""
        if self._rewritten and event.style != '"' and "\\U000" in event.value:
            raise UncertainError(f"line {event.start_mark.line + 1} has an escape outside of double quotes")
        if event.style in ("|", ">"):
            self._check_block_scalar(event, event.style)
        elif event.end_mark.line != event.start_mark.line:
            self._check_multiline(event)
        elif event.style and self._quoted is not None:
            self._quoted.append((event.start_mark.index, event.end_mark.index))

    def _check_multiline(self, event: Event) -> None:
        raw = self.text[event.start_mark.index : event.end_mark.index]
        odd = "\r" in raw or "\t" in raw
        if not event.style:
            further = [line.strip() for line in raw.split("\n")[1:]]
            odd = odd or any(not line or line.startswith("-") for line in further)
        elif event.style == '"':
            odd = odd or "\\" in raw
        if odd:
            raise UncertainError(
                f"line {event.start_mark.line + 1} starts a text that is folded in an unusual way"
            )

    def _check_block_scalar(self, event: Event, style: str) -> None:
        """Only blocks of evenly indented lines, with nothing that folding or chopping could treat in two ways."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.anchor is not None:
            start = self.text.index(style, start)
        raw = self.text[start:end]
        header = _BLOCK_HEADER.match(raw)
        lines = raw[header.end() :].rstrip("\n ").split("\n") if header else []
        indents = {len(line) - len(line.lstrip(" ")) for line in lines}
        odd = "\t" in raw or "\r" in raw or any(not line or line.endswith(" ") for line in lines)
        if not header or len(indents) != 1 or odd or _INDENTED_COMMENT.match(self.text, end):
            raise UncertainError(f"line {event.start_mark.line + 1} starts a block text in an unusual form")

    def check_flow_value(self, event: Event) -> None:
        """An unquoted value in brackets or braces."""
        value = event.value
        multiline = event.start_mark.line != event.end_mark.line
        if multiline or not value or value == "-" or value[0] in ":?":
            raise UncertainError(
                f"line {event.start_mark.line + 1} has an unusual value in brackets or braces"
            )

    def check_key(self, event: Event, *, flow: bool) -> None:
        """A key: on one line, not marked with ``?``, and in braces without a colon inside."""
        start = event.start_mark
        marked = self._has_marks and _MARK.search(self.text, max(0, start.index - _MAX_MARK_GAP), start.index)
        if marked or (flow and not event.style and ":" in event.value):
            raise UncertainError(f"line {start.line + 1} has a key in an unusual form")

    def check_flow_start(self, event: Event) -> None:
        """A mapping in brackets or braces: pairs without braces, ``[a: b]``, are not read."""
        start = event.start_mark
        if self.text[start.index] not in "{&":
            raise UncertainError(f"line {start.line + 1} has a pair without braces in a list")

    def check_flow_alias(self, event: Event) -> None:
        """An alias in brackets or braces: Gait's library looks for white space to end its name."""
        if not _ALIAS_TAIL.match(self.text, event.start_mark.index):
            raise UncertainError(f"line {event.start_mark.line + 1} has an alias with text right after it")

    def check_document_start(self, event: Event) -> None:
        """``---`` stands alone on its line."""
        if event.explicit:
            start = event.start_mark.index + len("---")
            end = self.text.find("\n", start)
            line = self.text[start : end if end >= 0 else len(self.text)].strip()
            if line and not line.startswith("#"):
                raise UncertainError(f"line {event.start_mark.line + 1} starts a document and has content")

    def check_end(self, *, documents: int) -> None:
        """After the last event: nothing but comments when there is no document, and no tabs in odd places."""
        lines = [] if documents else self.text.split("\n")
        if any((stripped := line.strip()) and not stripped.startswith("#") for line in lines):
            raise UncertainError("the file has no document, but is not empty")
        if self._quoted is not None:
            self._check_tabs(self._quoted)

    def _check_tabs(self, quoted: list[tuple[int, int]]) -> None:
        """Tabs may stand in quoted texts and in comments."""
        parts, position = [], 0
        for start, end in quoted:
            parts += [self.text[position:start], "x"]
            position = end
        unquoted = "".join([*parts, self.text[position:]])
        for line in unquoted.split("\n"):
            before = line.partition("\t")[0]
            if "\t" in line and not before.startswith("#") and " #" not in before:
                raise UncertainError("the file has a tab outside of quotes and comments")


def certain_rejection(error: yaml.YAMLError, text: str, *, in_flow: bool, after_key: bool) -> Problem | None:
    """The problem, when libyaml's ``error`` means that Gait refuses the file too; ``None`` when that is open.

    ``in_flow`` and ``after_key`` tell what was read before: an open bracket or brace, a key in the file.
    """
    mark = getattr(error, "problem_mark", None)
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return None
    at = text[mark.index : mark.index + 1]
    if error.problem == "found character that cannot start any token":
        certain = at != "" and at in _RESERVED
        if at == "\t":
            # A tab that indents is refused; after some spaces, or in brackets, it may be skipped.
            certain = mark.column == 0 and after_key and not in_flow
    elif error.problem == "did not find expected node content":
        certain = text.startswith("- ", mark.index)
    else:
        # In braces, a second colon is text to Gait's library: {a: b: c}.
        known = _CERTAIN_IN_FLOW if in_flow else _CERTAIN_IN_BLOCK
        certain = error.problem in known and "\t" not in text and not (in_flow and at == ":")
    if not certain:
        return None
    context = f"{error.context}: " if error.context else ""
    return Problem("policy.not_yaml", f"{context}{error.problem}", line=mark.line + 1, column=mark.column + 1)


def _check_document_ends(text: str) -> None:
    """After ``...`` there may be comments, and then nothing or another ``---``."""
    ended = False
    for line in text.split("\n"):
        content = line.strip(" \r")
        if line.startswith("..."):
            ended = True
            content = content[3:].lstrip(" ")
        elif line.startswith("---"):
            ended = False
        if ended and content and not content.startswith("#"):
            raise UncertainError("something follows the end of a document")


def _join_surrogates(match: re.Match[str]) -> str:
    high, low = int(match.group(2), 16), int(match.group(3), 16)
    return f"{match.group(1)}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"
