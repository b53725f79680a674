# SPDX-License-Identifier: Apache-2.0
"""Signals from the evidence itself: what does not prove anything, what claims another origin, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from gaitops.gait.scout import DESTRUCTIVE, EXECUTE, READ, WRITE
from gaitops.signals.kinds import Thresholds
from gaitops.signals.making import Sighting, count_of, signal, together
from gaitops.signals.model import Signal
from gaitops.signals.rows import DoubtRow, FindingRow, RepositoryRow, Seen

RECORDS: Final = frozenset({"trace", "runpack", "pack", "session_journal", "session_chain"})
"""Kinds that record what agents did and that Gait can sign with a producer key."""
RUNS: Final = frozenset({"runpack", "pack"})
_BROKEN: Final = frozenset({"failed", "rejected"})

_DoubtRule = tuple[str, Callable[[DoubtRow], bool], int, str, str]
_DOUBTS: Final[tuple[_DoubtRule, ...]] = (
    (
        "unverifiable_evidence",
        lambda row: row.verdict == "unverifiable" and row.kind in RECORDS,
        WRITE,
        "nobody can prove what these calls did",
        "signed by {keys} that nobody registered",
    ),
    (
        "failed_evidence",
        lambda row: row.verdict in _BROKEN and row.kind not in RUNS and row.kind != "unknown",
        DESTRUCTIVE,
        "what was altered may have been anything",
        "damaged, altered or ambiguous",
    ),
    (
        "damaged_runs",
        lambda row: row.verdict in _BROKEN and row.kind in RUNS,
        DESTRUCTIVE,
        "what was altered may have been anything",
        "damaged, altered or ambiguous",
    ),
    (
        "unsigned_traces",
        lambda row: row.verdict == "unsigned" and row.kind == "trace",
        WRITE,
        "nobody can prove what these calls did",
        "without the signature that Gait gives them",
    ),
    (
        "unsigned_where_required",
        lambda row: row.verdict == "unsigned" and row.kind in RECORDS and row.required,
        WRITE,
        "nobody can prove what these calls did",
        "unsigned where signatures are required",
    ),
)
"""Kind, whether a row belongs to it, privilege that counts and why, what the message says."""


def from_doubts(rows: Iterable[DoubtRow]) -> Iterator[Signal]:
    """One signal per kind of doubt and repository."""
    found = list(rows)
    for kind, belongs, privilege, why, says in _DOUBTS:
        own = [row for row in found if belongs(row)]
        for repository in sorted({row.where.repository for row in own}):
            here = [row for row in own if row.where.repository == repository]
            sightings = together((row.where, row.seen) for row in here)
            what = ", ".join(sorted({f"{row.verdict} {row.kind}" for row in here}))
            keys = sum(row.keys for row in here)
            said = says.format(keys=f"{keys:,} key{'' if keys == 1 else 's'}")
            yield signal(
                kind,
                (repository,),
                f"{repository or 'no repository'}: {count_of(sightings):,} artifacts {said} ({what})",
                sightings,
                privilege=privilege,
                why=why,
                selector={
                    "table": "artifacts",
                    "repository": repository,
                    "verdict": sorted({row.verdict for row in here}),
                    "kind": sorted({row.kind for row in here}),
                    **({"required": "true"} if kind == "unsigned_where_required" else {}),
                },
            )


_FAMILIES: Final = {
    "attribution": ("attribution_conflict", EXECUTE, "it counts where it was collected"),
    "producer": ("producer_misuse", WRITE, "somebody else may hold the key"),
}
"""Family of finding codes → kind of signal, privilege that counts, and why."""


def from_findings(rows: Iterable[FindingRow]) -> Iterator[Signal]:
    """Conflicts between what artifacts claim, where they were collected, and what their keys are registered for."""
    found = list(rows)
    for family, (kind, privilege, why) in _FAMILIES.items():
        own = [row for row in found if row.code.partition(".")[0] == family]
        for repository in sorted({row.where.repository for row in own}):
            here = [row for row in own if row.where.repository == repository]
            sightings = together((row.where, row.seen) for row in here)
            codes = sorted({row.code for row in here})
            yield signal(
                kind,
                (repository,),
                f"{repository or 'no repository'}: {count_of(sightings):,} artifacts with {', '.join(codes)}",
                sightings,
                privilege=privilege,
                why=why,
                selector={"table": "findings", "repository": repository, "code": codes},
            )


def from_repositories(
    rows: Iterable[RepositoryRow], at: datetime, thresholds: Thresholds
) -> Iterator[Signal]:
    """Silence, repeated deliveries, decisions without a repository, and committed policies that are assigned nowhere."""
    for row in sorted(rows, key=lambda one: one.where.repository):
        yield from _silent(row, at, timedelta(days=thresholds.silent_days))
        if row.repeated is not None and row.repeated.count:
            yield _about(
                "repeated_deliveries",
                row,
                row.repeated,
                f"{row.repeated.count:,} deliveries of what was known",
                (READ, "nothing is counted twice"),
                {"table": "artifacts", "duplicate": "true"},
            )
        if row.unclaimed is not None and row.unclaimed.count:
            yield _about(
                "unclaimed_decisions",
                row,
                row.unclaimed,
                f"{row.unclaimed.count:,} verified decisions name no repository",
                (READ, "they count where they were collected"),
                {"table": "decisions", "unclaimed": "true"},
            )
        yield from _committed(row)


def _silent(row: RepositoryRow, at: datetime, allowed: timedelta) -> Iterator[Signal]:
    last = row.last_evidence
    if not row.assigned or (last is not None and at - last <= allowed):
        return
    said = (
        "never showed a verified event"
        if last is None
        else f"no verified event since {last:%Y-%m-%dT%H:%M:%SZ}, for {(at - last).days} days"
    )
    yield _about(
        "silent_repository",
        row,
        Seen(1, last, last, row.last_artifacts),
        said,
        (WRITE, "whatever runs there is not seen"),
        {"table": "artifacts", "newest": "true"},
    )


def _committed(row: RepositoryRow) -> Iterator[Signal]:
    if row.committed_digest is None or row.committed_assigned:
        return
    yield _about(
        "committed_policy",
        row,
        Seen(1, None, None, ()),
        f"{row.committed_path} has Gait digest {row.committed_digest[:12]}, which is assigned to none of its environments",
        (WRITE, "the next run may be decided by it"),
        {"table": "decisions", "policy_digest": row.committed_digest},
    )


def _about(
    kind: str,
    row: RepositoryRow,
    seen: Seen,
    said: str,
    privilege: tuple[int, str],
    selector: dict[str, str],
) -> Signal:
    repository = row.where.repository
    sightings: list[Sighting] = [(row.where, seen)]
    return signal(
        kind,
        (repository,),
        f"{repository or 'no repository'}: {said}",
        sightings,
        privilege=privilege[0],
        why=privilege[1],
        selector={**selector, "repository": repository},
    )
