# SPDX-License-Identifier: Apache-2.0
"""The facts that judging asks for, answered from the ledger (``change.context.Facts``)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gaitops.change.attestation import MAX_ENVELOPE_BYTES, Attestation, read_attestation
from gaitops.change.context import (
    DOUBTFUL,
    AnalysisEvidence,
    Evidence,
    PreviousAssignment,
    Proof,
    RevokedIdentity,
    Signed,
)
from gaitops.change.deltas import Delta
from gaitops.change.forge import ForgeReview
from gaitops.content import FILE_MODES, Entry
from gaitops.documents.layout import analysis_path, classify, path_problem
from gaitops.documents.times import parse_timestamp
from gaitops.errors import Problem, VerificationError
from gaitops.fleet.people import Directory, Identity
from gaitops.fleet.root import TrustedRoot
from gaitops.git.repository import Repository
from gaitops.git.trees import TreeChange
from gaitops.history import ledger as spaces
from gaitops.history.events import needs
from gaitops.history.ledger import Ledger, problem_row, sequence_key
from gaitops.history.signatures import SignatureChecks
from gaitops.rollout.analysis import Analysis, read_analysis
from gaitops.signing.canonical import digest

PeopleOf = Callable[[tuple[str, ...]], Directory]
"""The people of the fleet and of these organizations in verified state."""
MAX_UNKNOWN = 64
"""Envelopes for one first delta, or withdrawals of one payload, from which on only those of known people are added."""


def delta_key(delta: Delta) -> str:
    """Name of a delta in the evidence index."""
    return digest(delta.to_json())


def _no_analysis(path: str, message: str) -> VerificationError:
    return VerificationError.of("rollout.analysis", f"ignored: {message}", path=path)


@dataclass
class _Tainted:
    """What a compromised identity helped to carry, so far: decisions are only added, and waiting changes ask again and again."""

    keys: frozenset[str]
    quorum: int = 0
    following: int = 0
    """Sequence number of the first decision that was not looked at yet."""


def _check_place(path: str, entry: Entry) -> None:
    fault = path_problem(path)
    if fault is not None or entry.mode not in FILE_MODES:
        message = fault.message if fault is not None else f"mode {entry.mode} is not a regular file"
        raise VerificationError.of("approval.malformed", f"ignored: {message}", path=path)


class LedgerFacts:
    """Facts of one history, from a ledger and the repository's objects."""

    def __init__(
        self,
        repository: Repository,
        ledger: Ledger,
        checks: SignatureChecks,
        root: TrustedRoot,
        skew: timedelta,
        doubtful: Container[str],
    ) -> None:
        self.trust_root = root.trust_root
        self.root = root
        self.skew = skew
        self._repository = repository
        self._doubtful = doubtful
        self._ledger = ledger
        self._checks = checks
        self._attestations: dict[str, Attestation] = {}
        self._analyses: dict[str, Analysis] = {}
        self._tainted: dict[tuple[str, int], _Tainted] = {}

    # -- taking in evidence --------------------------------------------------------------------------------

    def peek(self, change: TreeChange) -> Attestation | None:
        """An envelope that will be taken in later, if it can be read; nothing is remembered or reported."""
        try:
            if change.after is None or self._repository.size(change.after.oid) > MAX_ENVELOPE_BYTES:
                return None
            return self._read(change.after.oid, change.path)
        except VerificationError:
            return None

    def take_in(self, change: TreeChange, position: int, people: PeopleOf) -> set[str]:
        """Remember an envelope or an analysis that is new; partitions that it may help, none when it is junk."""
        if classify(change.path).kind == "analysis":
            analysis = self._take_analysis(change, position, people)
            return {analysis.org} if analysis is not None else set()
        attestation = self.take(change, position, people)
        return (
            {classify(item.path).partition for item in attestation.deltas}
            if attestation is not None
            else set()
        )

    def _take_analysis(self, change: TreeChange, position: int, people: PeopleOf) -> Analysis | None:
        """Remember an analysis that somebody known signed, under the name that is its own; else say why not."""
        if change.after is None:
            return None
        try:
            _check_place(change.path, change.after)
            if self._repository.size(change.after.oid) > MAX_ENVELOPE_BYTES:
                raise _no_analysis(
                    change.path, f"larger than the {MAX_ENVELOPE_BYTES} bytes that it may have"
                )
            analysis = self._read_analysis(change.after.oid, change.path)
            if change.path != analysis_path(
                analysis.org, analysis.project, analysis.rollout_id, analysis.payload_digest
            ):
                raise _no_analysis(change.path, "its path is not the one of its rollout and payload")
            if not self._has_signed(analysis, analysis.principal, people((analysis.org,))):
                raise _no_analysis(change.path, f"{analysis.principal} is not known to have signed it")
        except VerificationError as error:
            self._ignore(change.path, position, error)
            return None
        self._append(
            spaces.ANALYSES,
            f"{analysis.org}/{analysis.project}/{analysis.rollout_id}",
            [change.after.oid, change.path],
        )
        self._see(change.after.oid, position)
        return analysis

    def _read_analysis(self, oid: str, path: str) -> Analysis:
        analysis = self._analyses.get(oid)
        if analysis is None:
            analysis = self._analyses[oid] = read_analysis(self._repository.read(oid), path)
        return analysis

    def _ignore(self, path: str, position: int, error: VerificationError) -> None:
        """Report evidence that is junk; what cannot be read at all is missing evidence, and fatal."""
        if error.code == "git.corrupt_object":
            raise error  # It may be somebody's withdrawal.
        key = f"{sequence_key(position)}/{path}"
        self._ledger.put(spaces.IGNORED, key, [problem_row(problem) for problem in error.problems])

    def _see(self, oid: str, position: int) -> None:
        if self._ledger.get(spaces.SEEN, oid) is None:
            self._ledger.put(spaces.SEEN, oid, position)

    def take(self, change: TreeChange, position: int, people: PeopleOf) -> Attestation | None:
        """Remember an envelope that is new at a position; ``None`` when it is junk, which is reported.

        An envelope counts from where its bytes first entered, under whatever name (threats T5, T16, T22). Where there are
        many already, only what one of ``people`` signed is added: nobody else can make others weigh more and more.
        """
        if change.after is None:
            return None
        try:
            _check_place(change.path, change.after)
            if self._repository.size(change.after.oid) > MAX_ENVELOPE_BYTES:
                message = f"ignored: larger than the {MAX_ENVELOPE_BYTES} bytes that an envelope may have"
                raise VerificationError.of("approval.malformed", message, path=change.path)
            attestation = self._read(change.after.oid, change.path)
            if self._is_crowded(attestation) and not self._is_signed(attestation, people):
                message = f"ignored: nobody known signed it, and there are {MAX_UNKNOWN} envelopes or more beside it"
                raise VerificationError.of("approval.crowded", message, path=change.path)
        except VerificationError as error:
            self._ignore(change.path, position, error)
            return None
        row = [change.after.oid, change.path]
        self._append(spaces.EVIDENCE, delta_key(attestation.deltas[0]), row)
        for payload in attestation.withdraws:
            self._append(spaces.WITHDRAWALS, payload, row)
        if attestation.withdraws:
            self._take_back(attestation, people)
        self._see(change.after.oid, position)
        return attestation

    def _take_back(self, attestation: Attestation, people: PeopleOf) -> None:
        """Remember who took approvals back, because keys and trusted roots that show it today may be gone tomorrow."""
        directory = self._people_of(attestation, people)
        signers = {
            identity.principal
            for identity in directory.candidates(attestation.envelope)
            if isinstance(self.proof(attestation, identity, directory), Proof)
        }
        for payload in attestation.withdraws if signers else ():
            self._ledger.put(spaces.TAKEN_BACK, payload, sorted(signers | self.withdrawn_by(payload)))

    def _is_crowded(self, attestation: Attestation) -> bool:
        rows = [self._ledger.get(spaces.EVIDENCE, delta_key(attestation.deltas[0]))]
        rows += [self._ledger.get(spaces.WITHDRAWALS, payload) for payload in attestation.withdraws]
        return any(len(row or ()) >= MAX_UNKNOWN for row in rows)

    def _is_signed(self, attestation: Attestation, people: PeopleOf) -> bool:
        """Whether the principal who must sign an envelope did, as far as verified state knows that principal."""
        return self._has_signed(attestation, attestation.signed_by, self._people_of(attestation, people))

    def _people_of(self, attestation: Attestation, people: PeopleOf) -> Directory:
        """Those among whom whoever must sign an envelope is."""
        org, slash, _name = attestation.signed_by.partition("/")
        return people((org,) if slash else ())

    def _has_signed(self, signed: Signed, principal: str, directory: Directory) -> bool:
        return any(
            identity.principal == principal and isinstance(self.proof(signed, identity, directory), Proof)
            for identity in directory.candidates(signed.envelope)
        )

    def _append(self, space: str, key: str, row: list[str]) -> None:
        rows = self._ledger.get(space, key) or []
        if row not in rows:
            self._ledger.put(space, key, [*rows, row])

    def _read(self, oid: str, path: str) -> Attestation:
        attestation = self._attestations.get(oid)
        if attestation is None:
            attestation = read_attestation(self._repository.read(oid), path)
            self._attestations[oid] = attestation
        return attestation

    @property
    def ignored(self) -> tuple[Problem, ...]:
        """Why envelopes could not be read, oldest first."""
        return tuple(Problem(**row) for _key, rows in self._ledger.items(spaces.IGNORED) for row in rows)

    # -- change.context.Facts ------------------------------------------------------------------------------

    def position_of(self, commit: str) -> int | None:
        """See :class:`gaitops.change.context.Facts`; the same holds for the methods below."""
        position: int | None = self._ledger.get(spaces.POSITION, commit)
        return position

    def last_change(self, path: str) -> int:
        """Position of the newest verified change of a path."""
        row = self._ledger.get(spaces.CHANGED, path)
        return row[0] if row is not None else -1

    def is_used(self, payload_digest: str) -> bool:
        """Whether a payload already carried a decision."""
        return self._ledger.get(spaces.USED, payload_digest) is not None

    def is_spent(self, review: ForgeReview, partition: str) -> bool:
        """Whether a review already carried a decision that this one is no part of."""
        row = self._ledger.get(spaces.REVIEWS, review.key)
        return row is not None and (row[0] != review.commit or partition in row[1])

    def revoked(self, fingerprint: str) -> RevokedIdentity | None:
        """The revocation of an identity."""
        if self._ledger.get(spaces.ADMITTED, fingerprint) in self._doubtful:
            return RevokedIdentity(fingerprint, -1, DOUBTFUL)
        row = self._ledger.get(spaces.REVOKED, fingerprint)
        return RevokedIdentity(fingerprint, row[0], row[1]) if row is not None else None

    def candidates(self, deltas: Sequence[Delta]) -> Iterator[Evidence]:
        """Envelopes whose first delta is among ``deltas``."""
        for delta in deltas:
            for oid, path in self._ledger.get(spaces.EVIDENCE, delta_key(delta)) or ():
                position: int = self._ledger.get(spaces.SEEN, oid) or 0
                yield Evidence(self._read(oid, path), path, position)

    def withdrawn_by(self, payload_digest: str) -> frozenset[str]:
        """Who took a payload back."""
        return frozenset(self._ledger.get(spaces.TAKEN_BACK, payload_digest) or ())

    def withdrawals(self, payload_digest: str) -> Iterator[Attestation]:
        """Withdrawals that name a payload."""
        for oid, path in self._ledger.get(spaces.WITHDRAWALS, payload_digest) or ():
            yield self._read(oid, path)

    def proof(self, signed: Signed, identity: Identity, people: Directory) -> Proof | Problem:
        """How an identity signed an envelope."""
        return self._checks.envelope(signed, identity, people)

    def analyses(self, rollout: str) -> Iterator[AnalysisEvidence]:
        """Analyses of a rollout."""
        for oid, path in self._ledger.get(spaces.ANALYSES, rollout) or ():
            position: int = self._ledger.get(spaces.SEEN, oid) or 0
            yield AnalysisEvidence(self._read_analysis(oid, path), position)

    def entered(self, rollout: str) -> datetime | None:
        """When the current step of a rollout was entered."""
        row = self._ledger.get(spaces.ENTERED, rollout)
        return parse_timestamp(row) if row is not None else None

    def previous_assignment(
        self, org: str, project: str, environment: str, repository: str
    ) -> PreviousAssignment | None:
        """The assignment before the current one."""
        row = self._ledger.get(spaces.PREVIOUS, f"{org}/{project}/{environment}/{repository}")
        return PreviousAssignment(row[0], parse_timestamp(row[1])) if row is not None else None

    def claimed(self, repository: str) -> str | None:
        """Path of the document that lists a repository."""
        path: str | None = self._ledger.get(spaces.CLAIMED, repository.casefold())
        return path or None

    def is_withdrawn(self, org: str, policy: str, version: str) -> bool:
        """Whether a version was withdrawn."""
        return self._ledger.get(spaces.WITHDRAWN, f"{org}/{policy}@{version}") is not None

    def is_doubtful(self, path: str) -> bool:
        """Whether the content of a path is in doubt."""
        return path in self._doubtful

    def tainted_quorum(self, fingerprint: str, since: str) -> int | None:
        """The highest quorum among decisions since a commit that an identity helped to carry."""
        position = self.position_of(since)
        if position is None:
            return None
        found = self._tainted.setdefault((fingerprint, position), _Tainted(frozenset({fingerprint})))
        for _key, event in self._ledger.items(spaces.EVENT, sequence_key(found.following)):
            if event["position"] >= position and needs(event, found.keys):
                found.keys |= frozenset(event["admits"])
                found.quorum = max(found.quorum, event["requirement"]["quorum"])
            found.following = event["sequence"] + 1
        return found.quorum
