# SPDX-License-Identifier: Apache-2.0
"""Where each partition stands while the history is folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.scopes import FLEET
from gaitops.history.checkpoint import FORMAT
from gaitops.history.events import FIRST


@dataclass
class Partition:
    """One partition: what of it is verified, and which commits wait."""

    name: str
    commit: str | None = None
    """Commit whose content is verified; ``None`` before the first."""
    position: int = -1
    """Position of that commit."""
    queue: list[int] = field(default_factory=list)
    """Positions of commits that changed the partition and are not verified, oldest first."""


@dataclass
class Standing:
    """Everything of a fold that is not in the ledger."""

    root: TrustedRoot
    head: str
    position: int = -1
    """Position of ``head``."""
    partitions: dict[str, Partition] = field(default_factory=dict)
    born: bool = False
    """Whether genesis is verified."""
    genesis: int | None = None
    """Position of the first commit that holds the pinned root."""
    bounds: dict[str, datetime] = field(default_factory=dict)
    """Partition → newest time at which an approval that carried one of its decisions was signed."""
    latest: datetime | None = None
    """Newest time for which anything was decided; what was asked about an earlier time needs another answer."""
    sequence: int = 0
    """Number of the next audit event."""
    audit_head: str = FIRST
    doubtful: dict[str, int] = field(default_factory=dict)
    """Path → sequence number of the doubtful decision that carried its content."""
    stale: set[str] = field(default_factory=set)
    """Partitions whose queue must be judged again, because evidence or a state they depend on changed."""

    def partition(self, name: str) -> Partition:
        """The partition of this name, made when it is first asked for."""
        return self.partitions.setdefault(name, Partition(name))

    def bound(self, partition: str) -> datetime | None:
        """Time before which nothing of a partition is decided: what was signed last in it, or in the fleet's.

        Not in any other: an organization whose approvers date their signatures ahead harms itself only (threat T29).
        """
        return max((self.bounds[name] for name in {FLEET, partition} if name in self.bounds), default=None)

    @property
    def newest_time(self) -> datetime | None:
        """The newest bound of all partitions."""
        return max(self.bounds.values(), default=None)

    def to_json(self, chain: dict[str, Any]) -> dict[str, Any]:
        """The checkpoint's meta row."""
        return {
            "format": FORMAT,
            "trustRoot": self.root.trust_root,
            "root": self.root.to_json(),
            "head": self.head,
            "position": self.position,
            "born": self.born,
            "genesis": self.genesis,
            "bounds": {name: format_timestamp(time) for name, time in self.bounds.items()},
            "latest": format_timestamp(self.latest) if self.latest is not None else None,
            "sequence": self.sequence,
            "auditHead": self.audit_head,
            "doubtful": self.doubtful,
            "stale": sorted(self.stale & {name for name, item in self.partitions.items() if item.queue}),
            "partitions": [[p.name, p.commit, p.position, p.queue] for p in self.partitions.values()],
            "chain": chain,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Standing:
        """Read the meta row back."""
        latest = value["latest"]
        return cls(
            root=TrustedRoot.from_json(value["root"]),
            head=value["head"],
            position=value["position"],
            # Copies: the meta row is compared later with what the file still holds.
            partitions={
                name: Partition(name, commit, position, list(queue))
                for name, commit, position, queue in value["partitions"]
            },
            born=value["born"],
            genesis=value["genesis"],
            bounds={name: parse_timestamp(time) for name, time in value["bounds"].items()},
            latest=parse_timestamp(latest) if latest is not None else None,
            sequence=value["sequence"],
            audit_head=value["auditHead"],
            doubtful=dict(value["doubtful"]),
            stale=set(value["stale"]),
        )
