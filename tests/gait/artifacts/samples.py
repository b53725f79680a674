# SPDX-License-Identifier: Apache-2.0
"""Good artifacts of every format, for properties that hold for all of them.

To add a format, write a function that yields :class:`Sample` and put it into :data:`SOURCES`. A sample is JSON, JSONL or a
zip; ``free`` names members whose inside belongs to their user, so that a new member there is content and not an extra.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.gait.artifacts.vectors import archives, lines, traces


@dataclass(frozen=True)
class Sample:
    """One good artifact."""

    kind: str
    name: str
    data: bytes
    free: frozenset[str] = frozenset({"args", "result", "details", "retrieval_params"})
    """Names of members whose content is not Gait's."""
    strict: bool = False
    """Gait refuses unknown members here, and so the verdict fails; the facts stay."""

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"


def _traces() -> Iterator[Sample]:
    wanted = {
        "no-attribution",
        "script-1",
        "delegation-expired",
        "mcp-3",
        "kill-switch-2",
        "agent-0",
        "freeze-2",
        "sandbox-3",
    }
    for vector in traces():
        if vector.name in wanted:
            yield Sample("trace", vector.name, vector.data)


def _runpacks() -> Iterator[Sample]:
    wanted = {
        "signed-basic",
        "signed-raw",
        "signed-receipts-many",
        "unsigned-2",
        "proxy-made",
        "signed-timeline",
    }
    for vector in archives("runpacks.jsonl"):
        if vector.name in wanted:
            yield Sample("runpack", vector.name, vector.data)


def texts(kind: str, found: Iterable[tuple[str, str]], *, strict: bool = False) -> Iterator[Sample]:
    """Samples of (name, text)."""
    for name, text in found:
        yield Sample(kind, name, text.encode(), strict=strict)


def compact(value: object) -> bytes:
    """A JSON value as bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


SOURCES: Final[list[Callable[[], Iterable[Sample]]]] = [_traces, _runpacks]
"""Where samples come from."""


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, in a fixed order."""
    return tuple(sample for source in SOURCES for sample in source())


__all__ = ["SOURCES", "Sample", "compact", "lines", "samples", "texts"]
