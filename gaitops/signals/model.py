# SPDX-License-Identifier: Apache-2.0
"""A signal: one thing to look at, with its score, its causes, the way to fix it and the evidence behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gaitops.documents.times import format_timestamp
from gaitops.signals.causes import Attribution
from gaitops.signals.priority import Score


@dataclass(frozen=True, slots=True)
class Fix:
    """One proposal: files to add or a command to run, made from the evidence and nothing else."""

    kind: str
    """``policy_fixture``, ``regress_fixture``, ``rollback``, ``pin_update`` or ``investigate``."""
    summary: str
    repository: str = ""
    """Repository id in which to apply it; empty for the fleet repository, or where it makes no difference."""
    commands: tuple[str, ...] = ()
    """Shell lines, in order."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path in the repository → text."""
    objects: Mapping[str, str] = field(default_factory=dict)
    """Path in the repository → SHA-256 of the artifact whose bytes belong there."""
    replaces: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 of the file that the text was made from and takes the place of."""
    artifacts: tuple[str, ...] = ()
    """SHA-256 of the artifacts that it was made from."""

    def to_json(self) -> dict[str, object]:
        """All of it, files included."""
        return {
            "kind": self.kind,
            "summary": self.summary,
            "repository": self.repository or None,
            "commands": list(self.commands),
            "files": dict(self.files),
            "objects": dict(self.objects),
            "replaces": dict(self.replaces),
            "artifacts": list(self.artifacts),
        }


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing to look at. Equal evidence gives an equal signal, whatever was delivered twice or in another order."""

    kind: str
    """One of :data:`gaitops.signals.kinds.KINDS`."""
    key: tuple[str, ...]
    """What makes it the same signal tomorrow: names and digests, never counts or times."""
    message: str
    """The fact, in one sentence."""
    repositories: tuple[str, ...]
    environments: tuple[str, ...]
    owners: tuple[str, ...]
    """Teams of the repositories."""
    events: int
    """Distinct events that it stands for: runs, decisions, calls or artifacts."""
    first_seen: datetime | None
    last_seen: datetime | None
    score: Score
    artifacts: tuple[str, ...]
    """Representative artifacts, at most ten; the selector finds all."""
    selector: Mapping[str, str]
    """What finds every artifact behind it: a table, and values of its columns."""
    attributions: tuple[Attribution, ...] = ()
    fixes: tuple[Fix, ...] = ()
    spread: Mapping[str, int] = field(default_factory=dict)
    """Repository → events there."""
    gait: Mapping[str, Any] | None = None
    """Of a family: what Gait's own report says of it, unchanged."""

    @property
    def id(self) -> str:
        """Gait's family id for a family; for anything else a digest of kind and key."""
        if self.gait is not None:
            return str(self.gait["family_id"])
        identity = json.dumps([self.kind, *self.key], ensure_ascii=True)
        return f"sig_{hashlib.sha256(identity.encode('ascii')).hexdigest()[:12]}"

    def to_json(self) -> dict[str, Any]:
        """One entry of the queue, without its rank."""
        return {
            "id": self.id,
            "kind": self.kind,
            "message": self.message,
            "score": self.score.to_json(),
            "events": self.events,
            "first_seen": _time(self.first_seen),
            "last_seen": _time(self.last_seen),
            "repositories": list(self.repositories),
            "environments": list(self.environments),
            "owners": list(self.owners),
            "spread": dict(self.spread),
            "artifacts": list(self.artifacts),
            "selector": dict(self.selector),
            "attributions": [one.to_json() for one in self.attributions],
            "fixes": [fix.to_json() for fix in self.fixes],
            "gait": None if self.gait is None else dict(self.gait),
        }


def _time(value: datetime | None) -> str | None:
    return None if value is None else format_timestamp(value)
