# SPDX-License-Identifier: Apache-2.0
"""What an inspection of one artifact says: verdict, findings, identifiers, digests and facts (design 11).

The verdict is gaitops's own and strict. ``gait_verdict`` is what Gait itself would say of the same bytes, so that a
check that Gait does not make is never mistaken for Gait's answer (contract 11, 15.7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gaitops.gait.artifacts.facts import Facts
from gaitops.gait.gait_keys import GaitPublicKey

Buffer = bytes | memoryview
"""The bytes of an artifact; a memoryview over a mapped file where it is too large to hold."""


class Verdict(StrEnum):
    """How far an artifact can be believed, from best to worst."""

    VERIFIED = "verified"
    """A registered key signed all of it, and everything recomputed agrees."""
    VERIFIED_WITH_UNSIGNED_EXTRAS = "verified_with_unsigned_extras"
    """As verified, with further content that no signature covers and nobody may use."""
    UNSIGNED = "unsigned"
    """Intact as far as it can be told, and nobody signed it."""
    UNVERIFIABLE = "unverifiable"
    """Signed by a key that nobody registered, or, once it is collected, not for that place or time."""
    FAILED = "failed"
    """Readable, but what is signed or hashed does not hold."""
    REJECTED = "rejected"
    """Not readable, ambiguous, unsafe, or not what Gait writes."""


PROVEN = frozenset({Verdict.VERIFIED, Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS})
"""Verdicts whose facts are signed by a known key."""


class Effect(StrEnum):
    """What a finding does to the verdict."""

    REJECTS = "rejects"
    FAILS = "fails"
    NOTES = "notes"
    """Nothing: worth knowing, and no reason to disbelieve the artifact."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed: a stable code, a sentence, and what follows from it."""

    code: str
    """Dotted, stable, documented in ``docs/artifacts.md``: ``trace.event_id_mismatch``, ``zip.duplicate_name``."""
    message: str
    """The fact with expected and found; never a secret, never unbounded text of the artifact."""
    effect: Effect = Effect.NOTES
    gait: bool = False
    """Whether Gait itself refuses the artifact for this reason; else it is a check of ours."""

    def to_json(self) -> dict[str, str]:
        """As ``evidence inspect`` prints it."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything that is known of one artifact from its bytes and the keys at hand."""

    kind: str
    """What it is, by content: one of :data:`gaitops.gait.artifacts.kinds.KINDS`; ``unknown`` when nothing fits."""
    verdict: Verdict
    gait_verdict: Verdict
    """The verdict without the checks that Gait does not make."""
    sha256: str
    """Of the bytes, in hex."""
    size: int
    findings: tuple[Finding, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    """Identifiers under Gait's names: ``trace_id``, ``run_id``, ``pack_id``, ``token_id``, …"""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digests to join on, in bare lower-case hex: ``policy_digest``, ``intent_digest``, ``manifest_digest``, …"""
    key_id: str | None = None
    """Key whose signature holds, or else the one that the artifact names."""
    facts: Facts | None = None
    """What it says, typed. ``None`` for rejected artifacts; of the others only proven facts may decide anything."""
    members: tuple[Inspection, ...] = ()
    """Artifacts inside it: the runpack of a run pack, the traces of an authorization pack."""

    def to_json(self, file: str) -> dict[str, object]:
        """One line of ``evidence inspect --json``."""
        return {
            "file": file,
            "kind": self.kind,
            "verdict": self.verdict.value,
            "gait_verdict": self.gait_verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
            "sha256": self.sha256,
            "size": self.size,
            "key_id": self.key_id,
            "ids": dict(self.ids),
            "digests": dict(self.digests),
        }


class Keyring:
    """Public keys by Gait's key id."""

    def __init__(self, keys: Iterable[GaitPublicKey] = ()) -> None:
        self._keys = {key.key_id: key for key in keys}

    def get(self, key_id: str) -> GaitPublicKey | None:
        """The key of this id, compared exactly."""
        return self._keys.get(key_id)

    def __iter__(self) -> Iterator[GaitPublicKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)


class Neighbours(Protocol):
    """Artifacts that were collected together with the one inspected: session chains name runpacks, audits name traces."""

    def runpack(self, manifest_digest: str, name: str) -> Buffer | None:
        """The runpack with this manifest digest, or else the file of this base name; ``None`` when there is neither."""

    def trace(self, trace_id: str) -> Buffer | None:
        """A trace that states this id; ``None`` when there is none. All of them record one decision (contract 2.2)."""
