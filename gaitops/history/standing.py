# SPDX-License-Identifier: Apache-2.0
"""Where each partition stands while the history is folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.fleet.root import TrustedRoot
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
    newest_time: datetime | None = None
    """Newest time at which an approval that carried a decision was signed: no decision is made before it."""
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
            "newestTime": format_timestamp(self.newest_time) if self.newest_time is not None else None,
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
        newest = value["newestTime"]
        return cls(
            root=TrustedRoot.from_json(value["root"]),
            head=value["head"],
            position=value["position"],
            partitions={row[0]: Partition(*row) for row in value["partitions"]},
            born=value["born"],
            genesis=value["genesis"],
            newest_time=parse_timestamp(newest) if newest is not None else None,
            sequence=value["sequence"],
            audit_head=value["auditHead"],
            doubtful=value["doubtful"],
            stale=set(value["stale"]),
        )
