# SPDX-License-Identifier: Apache-2.0
"""What judging a change needs to know besides the two states: evidence, history and people.

``history`` implements :class:`Facts` over its ledger; tests implement it over dictionaries. Keeping it a protocol
is what lets this package stay ignorant of Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol

from gaitops.change.attestation import Attestation
from gaitops.change.deltas import Delta
from gaitops.change.forge import ForgeReview
from gaitops.content import Entry
from gaitops.errors import Problem
from gaitops.fleet.people import Directory, Identity
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import FleetState
from gaitops.rollout.analysis import Analysis
from gaitops.signing.dsse import Envelope
from gaitops.signing.sigstore.verify import LogEntry


@dataclass(frozen=True)
class Evidence:
    """An envelope and where it entered the history."""

    attestation: Attestation
    path: str
    position: int
    """Position on the first-parent chain at which it was first present; the head's for a pull request."""


@dataclass(frozen=True)
class AnalysisEvidence:
    """A signed rollout analysis and where it entered the history."""

    analysis: Analysis
    position: int


@dataclass(frozen=True, slots=True)
class Proof:
    """How a signature was established."""

    source: str
    """Who says when it was made: ``statement`` (its signer), ``rekor`` or ``rfc3161`` (authorities)."""
    signed_at: datetime | None = None
    """The time that authorities vouch for; ``None`` when there is only the signer's word."""
    log: LogEntry | None = None
    """Where a transparency log holds it."""


UNTIMED = Proof("statement")
"""A signature by a key: it verifies, and says nothing about when it was made."""


@dataclass(frozen=True)
class Touch:
    """One commit of the range that changed one path: who vouches for it, who else took part."""

    commit: str
    position: int
    """First-parent position at which the commit became part of the chain."""
    identities: tuple[Identity, ...]
    """Known identities whose signature over the commit verifies."""
    problem: Problem | None
    """Why the signature vouches for nobody: missing, by nobody known, over other bytes."""
    emails: frozenset[str]
    """Addresses of author, committer and co-authors, case folded. They can bar, never permit."""
    made_at: datetime | None = None
    """When it was made, by its author's word: as an OpenPGP signature says, else the committer time, if it can be read."""
    kind: str | None = None
    """Kind of the signature: ``ssh``, ``openpgp`` or ``x509``; ``None`` without one."""
    proof: Proof = UNTIMED
    """How the signature was established."""


DOUBTFUL = "doubtful"
"""Cause of not believing an identity that a decision in doubt admitted, for as long as it is in doubt."""


@dataclass(frozen=True)
class RevokedIdentity:
    """A key that must not be believed for evidence that entered after a position."""

    fingerprint: str
    position: int
    cause: str


@dataclass(frozen=True)
class PreviousAssignment:
    """What one repository ran in one environment before its newest change, and when that change was made."""

    version: str
    """``org/policy@version``."""
    changed_at: datetime


class Signed(Protocol):
    """Something in an envelope."""

    @property
    def envelope(self) -> Envelope:
        """Payload and signatures."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file."""

    @property
    def payload_digest(self) -> str:
        """SHA-256 of the payload."""


class Facts(Protocol):
    """What the history up to now says."""

    trust_root: str
    root: TrustedRoot
    skew: timedelta

    def position_of(self, commit: str) -> int | None:
        """Position of a commit on the first-parent chain; ``None`` when it is not on it."""

    def last_change(self, path: str) -> int:
        """Position at which verified state last changed ``path``; -1 when it never did."""

    def is_used(self, payload_digest: str) -> bool:
        """Whether a payload already helped to carry a decision."""

    def is_spent(self, review: ForgeReview, partition: str) -> bool:
        """Whether a review at a forge already carried a decision that this one is no part of.

        One review is of one commit, and may carry what that commit does to several partitions, each once.
        """

    def revoked(self, fingerprint: str) -> RevokedIdentity | None:
        """The revocation of an identity, if there is one."""

    def candidates(self, deltas: Sequence[Delta]) -> Iterable[Evidence]:
        """Every envelope whose first delta is among ``deltas``."""

    def withdrawals(self, payload_digest: str) -> Iterable[Attestation]:
        """Every withdrawal that names a payload, whoever signed it."""

    def withdrawn_by(self, payload_digest: str) -> frozenset[str]:
        """Principals who were known to sign a withdrawal of a payload when it entered; today's people may tell of more."""

    def proof(self, signed: Signed, identity: Identity, people: Directory) -> Proof | Problem:
        """How this identity of these people signed an envelope, or why it did not."""

    def analyses(self, rollout: str) -> Iterable[AnalysisEvidence]:
        """Every analysis of a rollout, ``org/project/id``, whoever signed it."""

    def entered(self, rollout: str) -> datetime | None:
        """When the step in which a rollout is was entered, or taken up again after a pause, by the history's own time.

        ``None`` when the history that is known does not say: it begins later.
        """

    def previous_assignment(
        self, org: str, project: str, environment: str, repository: str
    ) -> PreviousAssignment | None:
        """The assignment before the current one, unless it was the first."""

    def claimed(self, repository: str) -> str | None:
        """Path of the document that lists a repository in verified state, whatever the case of its name."""

    def is_withdrawn(self, org: str, policy: str, version: str) -> bool:
        """Whether a policy version has been withdrawn."""

    def is_doubtful(self, path: str) -> bool:
        """Whether the content of a path rests on a decision that is in doubt (design 4)."""

    def tainted_quorum(self, fingerprint: str, since: str) -> int | None:
        """The highest quorum among decisions since a commit that an identity helped to carry.

        ``None`` when the commit is not on the chain.
        """


def revocation_of(identity: Identity, facts: Facts) -> RevokedIdentity | None:
    """The earliest revocation of an identity under whichever of its marks: giving it another name does not undo one."""
    earliest: RevokedIdentity | None = None
    for mark in identity.marks:
        found = facts.revoked(mark)
        if found is not None and (earliest is None or found.position < earliest.position):
            earliest = found
    return earliest


@dataclass(frozen=True)
class Occasion:
    """Where on the chain, and when, evidence is weighed."""

    position: int
    at: datetime


@dataclass(frozen=True)
class Change:
    """One partition's difference between its verified state and a commit."""

    partition: str
    """``fleet`` or an organization's name."""
    deltas: tuple[Delta, ...]
    entries: Mapping[str, tuple[Entry | None, Entry | None]]
    """Entries before and after, for every delta's path."""
    before: FleetState
    after: FleetState
    touches: Mapping[str, tuple[Touch, ...]]
    """For every delta's path, the commits of the range that touched it."""
    directory: Directory
    """The people whom this partition believes, from verified state."""

    def covered_by(self, paths: Iterable[str]) -> frozenset[Delta]:
        """The deltas of these paths."""
        return frozenset(self._by_path[path] for path in paths if path in self._by_path)

    @cached_property
    def delta_set(self) -> frozenset[Delta]:
        """:attr:`deltas`, to look them up."""
        return frozenset(self.deltas)

    @cached_property
    def _by_path(self) -> Mapping[str, Delta]:
        return {item.path: item for item in self.deltas}
