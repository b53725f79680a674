# SPDX-License-Identifier: Apache-2.0
"""Good artifacts of every format, for properties that hold for all of them.

To add a format, write a function that yields :class:`Sample` and put it into :data:`SOURCES`. A sample is JSON, JSONL or a
zip; ``free`` names members whose inside belongs to their user, so that a new member there is content and not an extra.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.gait.artifacts.documents import documents
from tests.gait.artifacts.packs import guard_pack
from tests.gait.artifacts.vectors import VECTORS, archives, lines, traces

FREE: Final = frozenset({"args", "result", "details", "retrieval_params"})
"""Members that any format leaves to its user."""


_FREE_MEMBERS: Final = frozenset({"args", "result", "details", "retrieval_params"})


@dataclass(frozen=True)
class Sample:
    """One good artifact."""

    kind: str
    name: str
    data: bytes
    free: frozenset[str] = FREE
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


def _packs() -> Iterator[Sample]:
    # Not authorizations: their bundle holds digests of evidence, which does not hold with more in it.
    wanted = {"run-signed-second-key", "run-unsigned", "job-completed", "job-stopped-unsigned", "call-signed"}
    free = FREE | {"payload", "attributes", "event", "controls", "metadata"}
    for vector in archives("packs.jsonl"):
        if vector.name in wanted:
            yield Sample("pack", vector.name, vector.data, free, strict=True)


def _sessions() -> Iterator[Sample]:
    for kind, path in (
        ("session_chain", "good-three/chain.json"),
        ("session_journal", "good/journal.jsonl"),
        ("session_journal", "good-three/journal_compacted.jsonl"),
    ):
        yield Sample(kind, path.replace("/", "-"), (VECTORS / "sessions" / path).read_bytes())


def _bundles() -> Iterator[Sample]:
    with zipfile.ZipFile(VECTORS / "packs" / "authorization-signed.zip") as archive:
        bundle = archive.read("authorization_bundle.json")
    yield Sample("authorization_bundle", "signed", bundle, strict=True)
    yield Sample("guard_pack", "signed", guard_pack())


_CONTRACT_MEMBERS: Final = frozenset({"producer", "proposal", "creation_evidence", "variant", "contract"})
"""Members of action contracts that another product defines."""
_STRICT: Final = frozenset(
    {"context_envelope", "encrypted_artifact", "action_contract", "action_contract_proposal"}
)


def _documents() -> Iterator[Sample]:
    for kind, data in documents().items():
        free = _FREE_MEMBERS | _CONTRACT_MEMBERS if kind.startswith("action_contract") else _FREE_MEMBERS
        yield Sample(kind, "plain", data, free, strict=kind in _STRICT)


def texts(kind: str, found: Iterable[tuple[str, str]], *, strict: bool = False) -> Iterator[Sample]:
    """Samples of (name, text)."""
    for name, text in found:
        yield Sample(kind, name, text.encode(), strict=strict)


def compact(value: object) -> bytes:
    """A JSON value as bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


SOURCES: Final[list[Callable[[], Iterable[Sample]]]] = [_traces, _runpacks, _packs, _sessions, _bundles]
"""Where samples come from."""


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, in a fixed order."""
    return tuple(sample for source in SOURCES for sample in source())


__all__ = ["SOURCES", "Sample", "compact", "lines", "samples", "texts"]
