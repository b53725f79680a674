# SPDX-License-Identifier: Apache-2.0
"""The verdict on a history: what is verified, what waits and why, what is in doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from gaitops.change.judge import Judgement
from gaitops.documents.times import format_timestamp
from gaitops.errors import InvalidInputError, Problem


def undecided(partition: str) -> Problem:
    """What waits could be authorized now, but decisions are made at commits."""
    return Problem(
        "history.undecided",
        f"what waits in {partition} is authorized by now, but was not yet when its newest commit was made",
        remedy="approve it again, or push another commit that touches the same partition",
    )


@dataclass(frozen=True)
class Waiting:
    """Content of a partition that the head has and verified state does not."""

    commits: tuple[str, ...]
    """Commits that wait, oldest first."""
    judgement: Judgement
    """Judgement of the change from verified state to the newest of them, at the head."""


@dataclass(frozen=True)
class PartitionVerdict:
    """What is known of one partition."""

    name: str
    commit: str | None
    """Newest commit whose content of this partition is verified; ``None`` when nothing is."""
    waiting: Waiting | None
    doubtful: tuple[tuple[str, int], ...] = ()
    """(path, sequence number of the doubtful decision), by path."""
    late: tuple[Problem, ...] = ()
    """Commits at which what waits could not be decided, because of the times that they state."""

    @property
    def verified(self) -> bool:
        """Whether everything at the head is authorized and beyond doubt."""
        return self.commit is not None and self.waiting is None and not self.doubtful

    def problems(self) -> tuple[Problem, ...]:
        """Every reason against it."""
        found = [*self.waiting.judgement.problems(), *self.late] if self.waiting is not None else []
        if self.waiting is not None and not found:
            found.append(undecided(self.name))
        found.extend(
            Problem(
                "decision.doubtful",
                f"decision {sequence} carried this content with a key that is compromised since before it",
                path=path,
                remedy="affirm it (gaitops approve --affirm), restore it, or change it with keys in good standing",
            )
            for path, sequence in self.doubtful
        )
        return tuple(found)


@dataclass(frozen=True)
class Verdict:
    """What ``gaitops verify`` says."""

    head: str
    at: datetime
    trust_root: str
    root_version: int
    solo: bool
    """The root has one person: for trying out; every verdict says so."""
    partitions: tuple[PartitionVerdict, ...]
    problems: tuple[Problem, ...]
    """Problems of the history as a whole: root expiry, genesis."""
    ignored: tuple[Problem, ...]
    """Envelopes that could not be read. They harm nothing."""
    audit_head: str
    decisions: int
    anchored_by: str | None = None
    """Release that the history was judged from instead of genesis."""
    folded: int = 0
    """Commits judged by this run; the others were known from the checkpoint."""

    @property
    def verified(self) -> bool:
        """Whether all of the head's protected content is authorized."""
        return bool(self.partitions) and not self.problems and all(item.verified for item in self.partitions)

    def all_problems(self) -> tuple[Problem, ...]:
        """Every reason against it, without repetition."""
        found = [*self.problems, *(problem for item in self.partitions for problem in item.problems())]
        return tuple(dict.fromkeys(found))

    def only(self, org: str) -> Verdict:
        """The verdict on one organization and what it depends on, the fleet partition (design 5, ``--org``).

        Raises:
            InvalidInputError: ``org.unknown``: a mistyped name must not look like success.
        """
        if self.partitions and org not in {item.name for item in self.partitions[1:]}:
            raise InvalidInputError.of("org.unknown", f"there is no organization {org!r} at {self.head}")
        kept = tuple(item for item in self.partitions if item.name in ("fleet", org))
        return replace(self, partitions=kept)

    def to_json(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "verified": self.verified,
            "head": self.head,
            "at": format_timestamp(self.at),
            "trustRoot": self.trust_root,
            "rootVersion": self.root_version,
            "solo": self.solo,
            "anchoredBy": self.anchored_by,
            "decisions": self.decisions,
            "auditHead": self.audit_head,
            "folded": self.folded,
            "partitions": [_partition(item) for item in self.partitions],
            "problems": [problem.to_json() for problem in self.all_problems()],
            "ignored": [problem.to_json() for problem in self.ignored],
        }


def _partition(item: PartitionVerdict) -> dict[str, object]:
    return {
        "name": item.name,
        "verified": item.verified,
        "commit": item.commit,
        "waiting": list(item.waiting.commits) if item.waiting is not None else [],
        "pending": item.waiting.judgement.pending if item.waiting is not None else False,
        "doubtful": [{"path": path, "decision": sequence} for path, sequence in item.doubtful],
    }
