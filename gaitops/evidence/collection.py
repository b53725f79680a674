# SPDX-License-Identifier: Apache-2.0
"""What is to be ingested: the files below a path or URL, and what their place says of each.

A *layout* reads repository and environment out of paths. It is matched against the whole path below the place, segment by
segment: ``{host}``, ``{owner}``, ``{name}`` and ``{environment}`` each take one segment, ``{repository}`` takes
``owner/name`` or ``host/owner/name`` as the fixed parts around it demand, ``*`` takes a segment or a part of one, and ``**``
any number of segments. Files that it does not match are skipped, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gaitops.errors import InvalidInputError
from gaitops.evidence.attribution import Envelope
from gaitops.evidence.stores import Files

_SEGMENT: Final = "[^/]+"
_PLACEHOLDERS: Final = {
    "host": r"(?P<host>[^/]+)",
    "owner": r"(?P<owner>[^/]+)",
    "name": r"(?P<name>[^/]+)",
    "environment": r"(?P<environment>[^/]+)",
    "repository": r"(?P<repository>(?:[^/]+\.[^/]+/)?[^/]+/[^/]+)",
}
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*\*)|(\*)|([^{}*]+)|(.)", re.DOTALL)
_REMEDY: Final = "For example '{owner}/{name}/{environment}/**' or 'gait/{repository}/**'."


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to be looked at."""

    path: str
    """Below the place; empty when the place is the file."""
    size: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something below the place that is not looked at."""

    path: str
    reason: str = ""
    """Why it cannot be read; empty when the layout does not know the path."""


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that the collector says of the files below a place."""

    url: str
    """Path or URL."""
    repository: str | None = None
    """Of all files; else the layout may say."""
    environment: str | None = None
    prefix: str = ""
    """Put before repositories that the layout names without a host: ``github.com/acme``."""
    layout: str | None = None

    def __post_init__(self) -> None:
        """Refuse a layout that cannot be meant, before anything is read."""
        if self.layout is not None:
            compiled(self.layout)


class Sorter:
    """Turns paths below a place into entries."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._pattern = compiled(place.layout) if place.layout is not None else None
        self._base = place.url.rstrip("/")

    def entry(self, path: str, size: int) -> Entry | None:
        """The entry of a file; ``None`` when the layout does not know it."""
        place = self._place
        repository, environment = place.repository, place.environment
        if self._pattern is not None:
            match = self._pattern.fullmatch(path)
            if match is None:
                return None
            parts = {name: part and _text(part) for name, part in match.groupdict().items()}
            repository = repository or _repository(parts, place.prefix)
            environment = environment or parts.get("environment")
        source = _text(f"{self._base}/{path}" if path else self._base)
        return Entry(path, size, Envelope(source, repository, environment))


def _text(path: str) -> str:
    """A path as text: bytes in it that are not UTF-8, which tables cannot hold, are escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def entries(files: Files, place: Place) -> Iterator[Entry | LeftOut]:
    """What lies below a place, by path."""
    sorter = Sorter(place)
    left_out: list[LeftOut] = []
    for path, size in files.list("", lambda path, reason: left_out.append(LeftOut(_text(path), reason))):
        yield from left_out
        left_out.clear()
        yield sorter.entry(path, size) or LeftOut(_text(path))
    yield from left_out


def compiled(layout: str) -> re.Pattern[str]:
    """The layout as an expression over whole paths.

    Raises:
        InvalidInputError: ``evidence.layout``: an unknown or repeated placeholder, or one that names no whole segment.
    """
    if not layout or layout.startswith("/"):
        raise _bad(layout, "expected a pattern relative to the place")
    seen: set[str] = set()
    expression = ""
    for match in _TOKEN.finditer(layout):
        name, deep, star, text, odd = match.groups()
        if odd is not None:
            raise _bad(layout, f"unexpected {odd!r}")
        if name is not None:
            expression += _placeholder(layout, match, seen)
        elif deep is not None:
            expression += _deep(layout, match)
        elif star is not None:
            expression += "[^/]*"
        else:
            expression += re.escape(text)
    return re.compile(expression)


def _placeholder(layout: str, match: re.Match[str], seen: set[str]) -> str:
    name = match[1]
    if name not in _PLACEHOLDERS:
        raise _bad(layout, f"unknown placeholder {{{name[:40]}}}")
    if name in seen:
        raise _bad(layout, f"{{{name}}} stands twice")
    seen.add(name)
    before, after = layout[: match.start()], layout[match.end() :]
    if (before and not before.endswith("/")) or (after and not after.startswith("/")):
        raise _bad(layout, f"{{{name}}} has to be a whole segment")
    return _PLACEHOLDERS[name]


def _deep(layout: str, match: re.Match[str]) -> str:
    before, after = layout[: match.start()], layout[match.end() :]
    if (before and not before.endswith("/")) or (after and not after.startswith("/")):
        raise _bad(layout, "** has to be a whole segment")
    # At the end it stands for a file at any depth, elsewhere for folders; the slash that follows stays.
    return ".+" if not after else f"(?:{_SEGMENT}/)*{_SEGMENT}"


def _repository(parts: dict[str, str | None], prefix: str) -> str | None:
    name = parts.get("repository")
    if name is None and parts.get("name"):
        name = "/".join(part for part in (parts.get("host"), parts.get("owner"), parts["name"]) if part)
    if name is None:
        return None
    # A first part with a dot is a host.
    if prefix and "." not in name.partition("/")[0]:
        name = f"{prefix.strip('/')}/{name}"
    return name


def _bad(layout: str, reason: str) -> InvalidInputError:
    return InvalidInputError.of("evidence.layout", f"layout {layout[:200]!r}: {reason}", remedy=_REMEDY)
