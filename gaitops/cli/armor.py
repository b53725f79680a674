# SPDX-License-Identifier: Apache-2.0
"""Envelopes as text that survives a comment on a pull request: written by ``approve --print``, read by ``collect``.

::

    -----BEGIN GAITOPS ENVELOPE-----
    # approvals/5f/0c…/dana.27b5d1f06c2e.json

    eyJwYXlsb2FkIjoi…
    -----END GAITOPS ENVELOPE-----

Forges change line ends and blanks around lines; people quote, answer and paste other things around a block. What
stands between the two markers is read strictly, and everything outside is ignored.
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from collections.abc import Iterator
from typing import Final

from gaitops.errors import Problem

_BEGIN: Final = "-----BEGIN GAITOPS ENVELOPE-----"
_END: Final = "-----END GAITOPS ENVELOPE-----"
_LINE: Final = re.compile(r"[A-Za-z0-9+/]{1,76}={0,2}")
_MOST_LINES: Final = 1200
"""More than the 64 KiB of the largest envelope take."""


def armored(path: str, data: bytes) -> str:
    """An envelope as text for a comment. The path only helps people: readers derive it again."""
    body = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 76))
    return f"{_BEGIN}\n# {path}\n\n{body}\n{_END}"


def blocks(text: str) -> Iterator[bytes | Problem]:
    """The bytes of every armored block in a text, in order, or why a block cannot be read (``armor.malformed``)."""
    body: list[str] | None = None
    for line in text.splitlines():
        word = line.strip()
        if word == _BEGIN:
            if body is not None:
                yield _malformed("it has no end")
            body = []
        elif word == _END and body is not None:
            yield _decoded(body)
            body = None
        elif body is not None and len(body) < _MOST_LINES:
            body.append(word)
    if body is not None:
        yield _malformed("it has no end")


def _decoded(lines: list[str]) -> bytes | Problem:
    if len(lines) >= _MOST_LINES:
        return _malformed("it is longer than an envelope can be")
    content = [line for line in lines if line and not line.startswith("#")]
    if not content or not all(_LINE.fullmatch(line) for line in content):
        return _malformed("between the markers only comment lines and base64 are expected")
    text = "".join(content)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return _malformed("it is not base64; a line may be missing")
    if base64.b64encode(data).decode() != text:
        return _malformed("it is not base64 in its one canonical spelling")
    return data


def _malformed(why: str) -> Problem:
    return Problem(
        "armor.malformed",
        f"the armored envelope cannot be read: {why}",
        remedy="paste what gaitops approve --print shows, from the first to the last line of dashes",
    )
