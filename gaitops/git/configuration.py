# SPDX-License-Identifier: Apache-2.0
"""The few settings of a repository that say how to read its files; all others are ignored.

This reads the text of one configuration file, without includes, and only to *refuse*: nothing that a configuration
says makes gaitops do something. The format is git-config(1), "Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEADER: Final = re.compile(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\](.*)', re.DOTALL)
_SETTING: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*(?:=(.*))?", re.DOTALL)
_COMMENT: Final = re.compile(r'((?:[^"#;\\]|\\.|"(?:[^"\\]|\\.)*")*)[#;].*', re.DOTALL)
_FALSE: Final = frozenset({"false", "no", "off", "0", ""})


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a configuration: section and key in lower case."""

    section: str
    subsection: str
    key: str
    value: str | None
    """``None`` when the line has no ``=``, which means true."""

    def is_true(self) -> bool:
        """Whether Git reads the value as anything but false."""
        return self.value is None or self.value.lower() not in _FALSE


def settings(data: bytes) -> Iterator[Setting]:
    """All settings of a configuration file, in order; lines that are none are passed over."""
    text = data.decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n").replace("\\\n", "")
    section = subsection = ""
    for raw_line in text.split("\n"):
        line = raw_line.strip()
        # A setting may follow its section header on the same line.
        while header := _HEADER.fullmatch(line):
            name, dot, rest = header[1].partition(".")
            section = name.lower()
            subsection = header[2] if header[2] is not None else rest.lower() if dot else ""
            line = header[3].strip()
        setting = _SETTING.fullmatch(line)
        if setting is not None:
            yield Setting(section, subsection, setting[1].lower(), _value(setting[2]))


def _value(text: str | None) -> str | None:
    if text is None:
        return None
    comment = _COMMENT.fullmatch(text)
    return (comment[1] if comment else text).strip().replace('"', "")
