# SPDX-License-Identifier: Apache-2.0
"""The part of GitHub's expression language that the actions use; everything else is an error.

Source: docs.github.com, "Evaluate expressions in workflows and actions". Values are null, booleans, numbers and text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Value = str | bool | int | None
Lookup = Callable[[list[str]], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)"
    r"|(?P<sign>&&|\|\||==|!=|!|\(|\)))"
)
_LITERALS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
_TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def evaluate(expression: str, lookup: Lookup, functions: Mapping[str, Callable[[], bool]]) -> Value:
    """The value of one expression without ``${{ }}``."""
    parser = _Parser(_tokens(expression), lookup, functions)
    value = parser.either()
    if parser.tokens:
        raise ValueError(f"cannot read {expression!r} from {parser.tokens[0]}")
    return value


def fill(text: str, lookup: Lookup) -> str:
    """``text`` with every ``${{ }}`` replaced by its value."""
    return _TEMPLATE.sub(lambda match: as_text(evaluate(match[1], lookup, {})), text)


def as_text(value: Value) -> str:
    """A value as it reaches an environment variable."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while expression[position:].strip():
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"cannot read {expression[position:]!r}")
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        position = match.end()
    return found


class _Parser:
    def __init__(
        self,
        tokens: list[tuple[str, str]],
        lookup: Lookup,
        functions: Mapping[str, Callable[[], bool]],
    ) -> None:
        self.tokens = tokens
        self._lookup = lookup
        self._functions = functions

    def either(self) -> Value:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Value:
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Value:
        value = self._one()
        for sign in ("==", "!="):
            if self._take(sign):
                # GitHub compares text without regard to case.
                same = as_text(value).casefold() == as_text(self._one()).casefold()
                return same if sign == "==" else not same
        return value

    def _one(self) -> Value:
        if self._take("!"):
            return not self._one()
        if self._take("("):
            value = self.either()
            self._expect(")")
            return value
        kind, word = self.tokens.pop(0)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return int(word)
        if kind == "name" and self._take("("):
            self._expect(")")
            return self._functions[word]()
        if kind == "name":
            return _LITERALS[word] if word in _LITERALS else self._lookup(word.split("."))
        raise ValueError(f"unexpected {word!r}")

    def _take(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise ValueError(f"{sign} expected")
