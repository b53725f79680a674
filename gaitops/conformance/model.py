# SPDX-License-Identifier: Apache-2.0
"""What conformance says: outcomes, the result of one control, the result of one repository in one environment.

Values only; every surface (text, JSON, SARIF, JUnit, Markdown, signed statement, deployment gate) is made from these,
so that no two of them can disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from gaitops.documents.times import format_timestamp


class Outcome(StrEnum):
    """What a control says. Only ``PASS`` is a pass: what could not be looked at is never one."""

    PASS = "pass"  # noqa: S105  (an outcome, not a password)
    FAIL = "fail"
    WARN = "warn"
    """It holds, and somebody should act before it no longer does."""
    WAIVED = "waived"
    """It does not hold, and the fleet accepts that for a limited time."""
    INSUFFICIENT_DATA = "insufficient_data"
    """What would tell was not there."""
    NOT_APPLICABLE = "not_applicable"
    """There is nothing that it could be about."""


WAIVABLE = frozenset({Outcome.FAIL, Outcome.INSUFFICIENT_DATA})
"""Outcomes that a waiver accepts."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one control found, before waivers."""

    outcome: Outcome
    reason: str
    """The fact, with what was expected and what was found."""
    remedy: str | None = None
    """A command or a change that mends it here; the control's general remedy when absent."""
    path: str | None = None
    """File of the repository that it is about."""
    line: int | None = None
    """1-based line in ``path``."""


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver of verified content, as a result names it."""

    id: str
    """``org/project/name``."""
    control: str
    environment: str | None
    """Environment that it is limited to; ``None`` for all of the project."""
    owner: str
    ticket: str
    issued_at: datetime
    expires_at: datetime
    digest: str
    """SHA-256 of the document."""

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "id": self.id,
            "control": self.control,
            "environment": self.environment,
            "owner": self.owner,
            "ticket": self.ticket,
            "issuedAt": format_timestamp(self.issued_at),
            "expiresAt": format_timestamp(self.expires_at),
            "digest": self.digest,
        }


NoticeKind = Literal["expiring", "expired", "orphan", "unknown_control"]


@dataclass(frozen=True, slots=True)
class WaiverNotice:
    """Something about a waiver that somebody should know; always a warning, never a failure of its own."""

    kind: NoticeKind
    waiver: WaiverUse
    message: str

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {"kind": self.kind, "waiver": self.waiver.to_json(), "message": self.message}


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What one control says in the end."""

    control: str
    outcome: Outcome
    reason: str
    remedy: str | None = None
    """Set for every outcome that somebody can mend."""
    path: str | None = None
    line: int | None = None
    would_be: Outcome | None = None
    """What it would have been without the waiver; set exactly for ``WAIVED``."""
    waiver: WaiverUse | None = None
    """The waiver that was applied; set exactly for ``WAIVED``."""

    def to_json(self) -> dict[str, object]:
        """For machines; absent members have nothing to say."""
        members: dict[str, object] = {
            "control": self.control,
            "outcome": self.outcome.value,
            "reason": self.reason,
        }
        optional: dict[str, object] = {
            "remedy": self.remedy,
            "path": self.path,
            "line": self.line,
            "wouldBe": None if self.would_be is None else self.would_be.value,
            "waiver": None if self.waiver is None else self.waiver.to_json(),
        }
        return members | {name: value for name, value in optional.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """A policy version by name and by both of its digests."""

    name: str
    """``org/policy@version``."""
    digest: str
    """Version digest (design 7)."""
    gait_digest: str
    """What Gait prints for the policy file."""

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {"name": self.name, "digest": self.digest, "gaitDigest": self.gait_digest}


RequirementSource = Literal["release", "fleet", "pin"]
"""Who says what is required: the newest release, a fleet's verified state, or the statements of the pin itself."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What was required, in short: what a result must name so that it can be checked, and dies when it changes."""

    source: RequirementSource
    fleet: str
    release: int | None
    """Number of the release; ``None`` for a fleet's verified state."""
    commit: str
    """Fleet commit behind it."""
    root_version: int
    mode: str | None
    enforced: PolicyRef | None
    """``None`` when nothing is assigned."""
    candidate: PolicyRef | None

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "source": self.source,
            "fleet": self.fleet,
            "release": self.release,
            "commit": self.commit,
            "rootVersion": self.root_version,
            "mode": self.mode,
            "enforced": None if self.enforced is None else self.enforced.to_json(),
            "candidate": None if self.candidate is None else self.candidate.to_json(),
        }


@dataclass(frozen=True, slots=True)
class InputDigest:
    """Something that a result rests on."""

    uri: str
    sha256: str

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {"uri": self.uri, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class RepositoryResult:
    """Conformance of one repository in one environment at one time."""

    repository: str
    environment: str
    commit: str | None
    """Commit that was read; ``None`` for a working tree."""
    trust_root: str
    at: datetime
    requirement: Requirement | None
    """``None`` when nothing that verifies says what is required."""
    controls: tuple[ControlResult, ...]
    """In the order of the registry."""
    notices: tuple[WaiverNotice, ...]
    waivers: tuple[WaiverUse, ...]
    """Waivers that were applied."""
    inputs: tuple[InputDigest, ...]
    """What was read and relied on, by URI."""
    require: Literal["key", "keyless", "both"] = "key"
    """Signatures that the statements of the pin had to have."""

    @property
    def conformant(self) -> bool:
        """Whether nothing fails. Unknowns are no failures and no passes: see :attr:`complete`."""
        return not self.with_outcome(Outcome.FAIL)

    @property
    def complete(self) -> bool:
        """Whether every control could be judged."""
        return not self.with_outcome(Outcome.INSUFFICIENT_DATA)

    def with_outcome(self, outcome: Outcome) -> tuple[ControlResult, ...]:
        """The controls that came out like this."""
        return tuple(item for item in self.controls if item.outcome is outcome)

    def counts(self) -> dict[Outcome, int]:
        """How many controls came out how; every outcome is there, zero or not."""
        return count_outcomes(self.controls)

    def to_json(self) -> dict[str, object]:
        """For machines; the shape is described by ``schemas/output/conformance.schema.json``."""
        return {
            "repository": self.repository,
            "environment": self.environment,
            "commit": self.commit,
            "trustRoot": self.trust_root,
            "require": self.require,
            "at": format_timestamp(self.at),
            "conformant": self.conformant,
            "complete": self.complete,
            "requirement": None if self.requirement is None else self.requirement.to_json(),
            "counts": {outcome.value: number for outcome, number in self.counts().items()},
            "controls": [item.to_json() for item in self.controls],
            "notices": [item.to_json() for item in self.notices],
            "waivers": [item.to_json() for item in self.waivers],
            "inputs": [item.to_json() for item in self.inputs],
        }


def count_outcomes(controls: Iterable[ControlResult]) -> dict[Outcome, int]:
    """How many of these came out how; every outcome is there, zero or not."""
    found: Mapping[Outcome, int] = Counter(item.outcome for item in controls)
    return {outcome: found.get(outcome, 0) for outcome in Outcome}
