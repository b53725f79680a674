# SPDX-License-Identifier: Apache-2.0
"""Which envelopes that strangers hand in belong to a change: the sieve before anything is committed for them.

The text comes from comments that anybody can write. An envelope passes only if it would count as evidence for
exactly this change: right form, right fleet, right bytes, and signed by somebody whom verified state knows.
Whether it is enough, and whether its signer may approve, is for the judgement of the change, as for every envelope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gaitops.change.attestation import Attestation, read_attestation
from gaitops.change.context import Change, Evidence, Occasion
from gaitops.change.deltas import Delta, deltas_digest
from gaitops.change.effects import effects
from gaitops.change.envelopes import Refused, weigh
from gaitops.change.interpret import interpret
from gaitops.change.judge import after_part
from gaitops.documents.layout import classify, envelope_path, path_problem
from gaitops.errors import GaitopsError, MissingDependencyError, Problem, VerificationError
from gaitops.git.repository import Repository
from gaitops.history.session import History
from gaitops.history.signable import Signable
from gaitops.signing.dsse import to_bytes, verified_by
from gaitops.signing.envelopes import canonical_bundle

MOST_ENVELOPES: Final = 64
"""Envelopes that one run takes: as many as one change may have (design 2)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Bytes that claim to be an envelope, and where they were found."""

    source: str
    content: bytes | Problem
    """The bytes, or why there are none."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """What became of one candidate."""

    source: str
    path: str | None = None
    """Where the fleet repository keeps it; ``None`` when it could not be read."""
    principal: str | None = None
    intent: str | None = None
    data: bytes | None = None
    """The bytes to commit, when it is taken."""
    problem: Problem | None = None
    """Why it is refused."""

    @property
    def outcome(self) -> str:
        """``taken``, ``present`` (the branch has it already) or ``refused``."""
        if self.problem is not None:
            return "refused"
        return "taken" if self.data is not None else "present"


def sift(
    history: History, signables: Sequence[Signable], candidates: Iterable[Candidate], commits: Sequence[str]
) -> list[Sifted]:
    """Judge every candidate, in order; none can spoil another.

    Args:
        history: folded history of the base.
        signables: the parts of the change that the candidates are said to be about.
        candidates: what was found, not trusted in any way.
        commits: commits whose envelopes need not be added again.
    """
    shelf = _Shelf(history.repository, commits)
    return [shelf.place(_sifted(history, signables, candidate)) for candidate in candidates]


class _Shelf:
    """What is there already and what was taken so far, with a limit for both."""

    def __init__(self, repository: Repository, commits: Sequence[str]) -> None:
        self._snapshots = [repository.snapshot(commit) for commit in commits]
        self._folders: dict[str, set[str]] = {}
        self._taken = 0

    def place(self, item: Sifted) -> Sifted:
        """The item as it is, or without its bytes when they are there already, or refused when there are too many."""
        if item.path is None:
            return item
        folder, _, name = item.path.rpartition("/")
        names = self._names(folder)
        if name in names:
            return replace(item, data=None, problem=None)
        if item.data is None:
            return item
        if self._taken >= MOST_ENVELOPES or len(names) >= MOST_ENVELOPES:
            return replace(item, data=None, problem=_too_many(item.path))
        self._taken += 1
        names.add(name)
        return item

    def _names(self, folder: str) -> set[str]:
        if folder not in self._folders:
            self._folders[folder] = {name for found in self._snapshots for name in found.children(folder)}
        return self._folders[folder]


def _sifted(history: History, signables: Sequence[Signable], candidate: Candidate) -> Sifted:
    if isinstance(candidate.content, Problem):
        return Sifted(candidate.source, problem=candidate.content)
    try:
        attestation = read_attestation(candidate.content, candidate.source)
        path = _path(attestation, history.standing.root.trust_root)
    except GaitopsError as error:
        return Sifted(candidate.source, problem=error.problems[0])
    told = Sifted(candidate.source, path, attestation.principal, attestation.intent)
    try:
        evidence = Evidence(attestation, path, history.standing.position + 1)
        change = _change(signables, attestation)
        problem = _refusal(history, change, evidence)
        if problem is not None:
            return replace(told, problem=problem)
        return replace(told, data=_only_what_verifies(attestation, change))
    except MissingDependencyError:
        raise  # It says nothing about the envelope.
    except GaitopsError as error:
        return replace(told, problem=error.problems[0])


def _path(attestation: Attestation, trust_root: str) -> str:
    """Where the envelope belongs, from what it says itself; the name that somebody wrote beside it is nobody's word."""
    subject = deltas_digest(trust_root, attestation.deltas)
    payload = hashlib.sha256(attestation.envelope.payload).hexdigest()
    path = envelope_path(subject, attestation.principal, payload)
    if classify(path).kind != "envelope" or path_problem(path) is not None:
        raise VerificationError.of("approval.malformed", "it names an impossible principal")
    if attestation.subject != subject:
        raise VerificationError.of(
            "approval.wrong_fleet",
            "the subject is not the digest of these deltas in this fleet",
            remedy="sign the change in this fleet",
        )
    return path


def _change(signables: Sequence[Signable], attestation: Attestation) -> Change:
    """The part of the change that holds everything the envelope is about."""
    for item in signables:
        if item.judgement.change.delta_set.issuperset(attestation.deltas):
            return item.judgement.change
    raise VerificationError.of(
        "approval.coverage",
        f"{attestation.principal} signed other bytes than this change has, at {attestation.deltas[0].path}",
        remedy="sign the change as it is now",
    )


def _refusal(history: History, change: Change, evidence: Evidence) -> Problem | None:
    """Why the engine would not weigh this envelope for the change."""

    def derive(deltas: tuple[Delta, ...]) -> list[Mapping[str, object]]:
        part = after_part(change, deltas)
        moves = effects(deltas, change.before, part)
        return [item.to_json() for item in interpret(deltas, change.before, part, moves)]

    occasion = Occasion(evidence.position, history.at)
    outcome = weigh(evidence, change, history.fold.facts, occasion, derive)
    return outcome.problem if isinstance(outcome, Refused) else None


def _only_what_verifies(attestation: Attestation, change: Change) -> bytes:
    """The envelope with one signature of who must sign it and nothing else: no stranger's bytes enter the repository."""
    envelope, identities = attestation.envelope, change.directory.identities_of(attestation.signed_by)
    if envelope.bundle is not None:
        return canonical_bundle(envelope.bundle)
    keys = [identity.key for identity in identities if identity.key is not None]
    kept = [
        replace(envelope, signatures=(entry,))
        for entry in envelope.signatures
        if any(verified_by(replace(envelope, signatures=(entry,)), key) for key in keys)
    ]
    return to_bytes(kept[0])


def _too_many(path: str) -> Problem:
    return Problem(
        "collect.too_many",
        f"there are {MOST_ENVELOPES} envelopes already, in this run or for these bytes",
        path=path,
        remedy="run it again, or prune envelopes that carried a decision",
    )
