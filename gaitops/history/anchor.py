# SPDX-License-Identifier: Apache-2.0
"""Starting a verification at a release that the caller trusts, instead of genesis (design 5, ``--from-release``).

The publisher's signature stands in for the judgement of everything before; the verdict says so (``anchored_by``). What
the release does not tell is taken the strict way: approvals based on older commits do not count, keys that are revoked at
the anchor are believed for nothing, and no assignment is known that a rollback could safely return to. Steps of rollouts
count from the newest commit that changed the rollout, and analyses as if they had entered at the anchor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gaitops.documents.layout import classify, repository_path, rollout_path
from gaitops.documents.models.tenancy import repository_id
from gaitops.documents.models.trust import Revocation
from gaitops.documents.times import format_timestamp
from gaitops.errors import VerificationError
from gaitops.fleet.candidates import ACTIVE
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.git.repository import Repository
from gaitops.history import ledger as spaces
from gaitops.history.fold import Fold
from gaitops.history.ledger import Ledger
from gaitops.history.signatures import SignatureChecks
from gaitops.history.standing import Partition, Standing
from gaitops.history.trees import FLEET_PARTITION, PartitionTrees


@dataclass(frozen=True)
class Anchor:
    """A verified release, as far as a history needs it."""

    name: str
    """How the verdict names it."""
    root: TrustedRoot
    commit: str
    """Head of the history that was published."""
    partitions: Mapping[str, str]
    """Partition → commit whose content of it was verified."""
    time: datetime
    """When it was issued."""


def anchored_fold(
    repository: Repository, head: str, anchor: Anchor, checks: SignatureChecks, at: datetime
) -> Fold:
    """A fold that stands at the anchor.

    Raises:
        VerificationError: ``history.not_descendant``: a commit of the release is not on the first-parent chain.
    """
    chain = repository.first_parents(head)
    chain.reverse()
    positions = {commit: position for position, commit in enumerate(chain)}
    for commit in (anchor.commit, *anchor.partitions.values()):
        if commit not in positions:
            raise VerificationError.of(
                "history.not_descendant",
                f"commit {commit} of {anchor.name} is not on the first-parent history of {head}",
                remedy="the protected branch was rewritten, or the release is of another branch",
            )
    position = positions[anchor.commit]
    waiting = _waiting(repository, anchor, positions)
    standing = Standing(
        anchor.root,
        anchor.commit,
        position=position,
        partitions=waiting,
        born=True,
        genesis=0,
        bounds={FLEET_PARTITION: anchor.time},
        latest=anchor.time,
    )
    ledger = Ledger()
    _remember_revocations(repository, anchor, ledger)
    _remember_claims(repository, anchor, ledger)
    fold = Fold(repository, standing, ledger, checks, at=at)
    # Who made what waits is found in the commits since it was verified; none before the anchor is a base (design 5).
    oldest = min([position, *(max(item.position, 0) for item in waiting.values())])
    fold.chain.pass_over(repository.reachable(chain[oldest - 1]) if oldest else ())
    for index in range(oldest, position):
        fold.chain.extend(chain[index], index, is_base=False)
    fold.chain.extend(anchor.commit, position)
    _remember_steps(repository, anchor, ledger, chain, positions)
    _remember_analyses(fold, anchor, position)
    _remember_names(fold)
    return fold


def _waiting(repository: Repository, anchor: Anchor, positions: Mapping[str, int]) -> dict[str, Partition]:
    """Partitions that were not verified at the anchor wait there, from what was verified of them."""
    waiting: dict[str, Partition] = {}
    for name in (FLEET_PARTITION, *PartitionTrees(repository).orgs(anchor.commit)):
        commit = anchor.partitions.get(name)
        if commit != anchor.commit:
            known = positions[commit] if commit is not None else -1
            waiting[name] = Partition(name, commit, known, [positions[anchor.commit]])
    return waiting


def _remember_claims(repository: Repository, anchor: Anchor, ledger: Ledger) -> None:
    for org, commit in anchor.partitions.items():
        if org == FLEET_PARTITION:
            continue
        state = FleetState(repository.snapshot(commit), DocumentCache())
        for project in state.projects(org):
            for name, document in state.repositories(org, project):
                path = repository_path(org, project, name)
                ledger.put(spaces.CLAIMED, repository_id(document.spec.url).casefold(), path)


def _remember_steps(
    repository: Repository,
    anchor: Anchor,
    ledger: Ledger,
    chain: Sequence[str],
    positions: Mapping[str, int],
) -> None:
    """From when rollouts are in their step: whoever writes the document chooses the time in it."""
    for org, commit in anchor.partitions.items():
        if org == FLEET_PARTITION:
            continue
        state = FleetState(repository.snapshot(commit), DocumentCache())
        for project in state.projects(org):
            for name, rollout in state.rollouts(org, project):
                entered = anchor.time
                if rollout.status.phase in ACTIVE:
                    path = rollout_path(org, project, name)
                    entered = _last_change(repository, path, chain, positions[commit]) or entered
                ledger.put(spaces.ENTERED, f"{org}/{project}/{name}", format_timestamp(entered))


def _last_change(repository: Repository, path: str, chain: Sequence[str], position: int) -> datetime | None:
    """Time of the newest commit up to a position that changed a path; ``None`` when nobody can read it."""
    entry = repository.snapshot(chain[position]).entry(path)
    while position > 0 and repository.snapshot(chain[position - 1]).entry(path) == entry:
        position -= 1
    seconds = repository.commit(chain[position]).committer.time
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def _remember_analyses(fold: Fold, anchor: Anchor, position: int) -> None:
    """Analyses that lie at the anchor, or that somebody removed since the fleet was verified."""
    commits = dict.fromkeys((anchor.partitions.get(FLEET_PARTITION), anchor.commit))
    for commit in commits:
        for change in fold.trees.step(None, commit).evidence if commit is not None else ():
            if classify(change.path).kind == "analysis":
                fold.facts.take_in(change, position, fold.people)


def _remember_names(fold: Fold) -> None:
    """What is revoked at the anchor is so under every name that it has there (see ``history.recording``)."""
    roots = {key.fingerprint for key in fold.standing.root.keys}
    state = fold.verified()
    named = [document.spec.identity for _name, document in state.documents("trust/revocations", Revocation)]
    owners = {item.principal.rpartition("/")[0] for item in named if item is not None}
    for org in sorted(owners):
        for identity in fold.people((org,) if org else ()).identities:
            row = fold.ledger.get(spaces.REVOKED, identity.fingerprint)
            for mark in identity.marks - roots if row is not None else ():
                fold.ledger.put(spaces.REVOKED, mark, row)


def _remember_revocations(repository: Repository, anchor: Anchor, ledger: Ledger) -> None:
    commit = anchor.partitions.get(FLEET_PARTITION)
    if commit is None:
        return
    state = FleetState(repository.snapshot(commit), DocumentCache())
    for _name, document in state.documents("trust/revocations", Revocation):
        spec = document.spec
        if spec.identity is not None:
            ledger.put(spaces.REVOKED, spec.identity.fingerprint, [-1, spec.cause])
        elif spec.policy_version is not None:
            named = spec.policy_version
            row = [-1, format_timestamp(anchor.time)]
            ledger.put(spaces.WITHDRAWN, f"{named.org}/{named.policy}@{named.version}", row)
