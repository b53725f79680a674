# SPDX-License-Identifier: Apache-2.0
"""From a folded history to what a release says: verified state only, partition by partition (design 5, 8).

Content that waits for approval is simply not in it; the version of a partition that was verified last is. What is in
doubt is not published at all: doubt stops its own partition, and doubt about the fleet stops every release.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gaitops.documents.layout import root_path, version_folder, version_path
from gaitops.documents.models.policy import PolicyVersion
from gaitops.documents.models.trust import Fleet
from gaitops.documents.times import parse_duration, parse_timestamp
from gaitops.errors import VerificationError
from gaitops.fleet.assignments import Assigned, resolve_project
from gaitops.fleet.checkpoints import newest_checkpoints
from gaitops.fleet.graph import version_digest
from gaitops.fleet.people import SIGSTORE_ROOT
from gaitops.fleet.root import check_not_expired
from gaitops.fleet.semver import precedence
from gaitops.fleet.state import FleetState
from gaitops.fleet.waivers import waivers_of
from gaitops.history import ledger as spaces
from gaitops.history.ledger import sequence_key
from gaitops.history.session import History
from gaitops.history.verdict import PartitionVerdict, Verdict
from gaitops.release.content import (
    AssignmentRow,
    Expiries,
    Grace,
    ReleaseContent,
    ReleasedOrg,
    ReleasedProject,
    ReleasedVersion,
    VersionRef,
)


def collect(history: History) -> ReleaseContent:
    """The content of a release at the history's head.

    Raises:
        VerificationError: ``release.unverified_state``: nothing is verified, the fleet is in doubt, the root has
            expired, or the head states no believable time.
    """
    verdict = history.verdict()
    state = _publishable(history, verdict)
    fleet = state.fleet()
    if fleet is None:  # Cannot happen: the rules refuse to remove fleet.yaml.
        raise _unverified("fleet.yaml is missing")
    head = history.standing.head
    chain = history.repository.first_parents(head)
    genesis = history.standing.genesis or 0
    return ReleaseContent(
        fleet=fleet.metadata.name,
        trust_root=history.standing.root.trust_root,
        root_chain=_root_chain(state, history.standing.root.version),
        commit=head,
        time=_time(history),
        history=tuple(reversed(chain))[genesis:],
        orgs=tuple(_org(history, state, item) for item in verdict.partitions if _is_published(item, state)),
        partitions={
            item.name: item.commit for item in verdict.partitions if item.commit and not item.doubtful
        },
        audit_head=history.standing.audit_head,
        expiries=_expiries(fleet),
        grace=Grace(parse_duration(fleet.spec.pin_grace), parse_duration(fleet.spec.withdrawn_grace)),
        checkpoints=newest_checkpoints(state),
        sigstore_root=_sigstore_root(state),
    )


def _publishable(history: History, verdict: Verdict) -> FleetState:
    if not history.standing.born:
        raise VerificationError(
            [*_unverified("the first tree is not authorized").problems, *verdict.all_problems()]
        )
    check_not_expired(history.standing.root, history.at)
    fleet = next(item for item in verdict.partitions if item.name == "fleet")
    if fleet.doubtful:
        raise VerificationError([*_unverified("the fleet partition is in doubt").problems, *fleet.problems()])
    return history.state()


def _unverified(message: str) -> VerificationError:
    return VerificationError.of(
        "release.unverified_state",
        f"nothing can be published: {message}",
        remedy="run gaitops verify and mend what it lists",
    )


def _is_published(item: PartitionVerdict, state: FleetState) -> bool:
    return item.name != "fleet" and not item.doubtful and state.organization(item.name) is not None


def _root_chain(state: FleetState, newest: int) -> tuple[bytes, ...]:
    chain = []
    for number in range(1, newest + 1):
        entry = state.snapshot.entry(root_path(number))
        if entry is None:  # Cannot happen: root metadata is add-only in verified state.
            raise _unverified(f"{root_path(number)} is missing")
        chain.append(state.snapshot.read(entry.oid))
    return tuple(chain)


def _sigstore_root(state: FleetState) -> bytes | None:
    entry = state.snapshot.entry(SIGSTORE_ROOT)
    return None if entry is None else state.snapshot.read(entry.oid)


def _time(history: History) -> datetime:
    """Committer time of the head, from which expiries count; it must be one at which a decision could be made."""
    seconds = history.repository.commit(history.standing.head).committer.time
    time = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    newest = history.standing.newest_time
    if time is None or time > history.at + history.fold.facts.skew:
        raise _unverified("the newest commit states no believable time")
    return max(time, newest) if newest is not None else time


def _expiries(fleet: Fleet) -> Expiries:
    release = fleet.spec.release
    return Expiries(
        parse_duration(release.timestamp_expiry),
        parse_duration(release.snapshot_expiry),
        parse_duration(release.targets_expiry),
    )


def _org(history: History, state: FleetState, item: PartitionVerdict) -> ReleasedOrg:
    org = item.name
    versions = [
        _version(history, state, org, policy, number)
        for policy in state.policies(org)
        for number in sorted(state.versions(org, policy), key=precedence)
    ]
    projects = tuple(_project(state, org, project) for project in state.projects(org))
    return ReleasedOrg(org, item.commit or history.standing.head, tuple(versions), projects)


def _version(history: History, state: FleetState, org: str, policy: str, number: str) -> ReleasedVersion:
    descriptor = _descriptor(state, org, policy, number)
    document = state.policy(org, policy)
    folder = version_folder(org, policy, number)
    files = {
        path.removeprefix(folder + "/"): state.snapshot.read(entry.oid)
        for path, entry in state.snapshot.walk(folder)
    }
    event = _carried_by(history, version_path(org, policy, number))
    return ReleasedVersion(
        ref=VersionRef(org, policy, number, version_digest(descriptor)),
        gait_digest=descriptor.spec.gait.digest,
        gait_scheme=descriptor.spec.gait.scheme,
        risk=document.spec.risk if document is not None else "critical",
        parents=tuple(
            VersionRef(org, policy, parent.version, parent.digest) for parent in descriptor.spec.parents
        ),
        files=files,
        approvals=tuple(sorted({*(item["payload"] for item in event["approvals"]), *event["proposals"]})),
        commit=event["commit"],
        withdrawn=history.fold.facts.is_withdrawn(org, policy, number),
        withdrawn_at=_withdrawn_at(history, org, policy, number),
    )


def _withdrawn_at(history: History, org: str, policy: str, number: str) -> datetime | None:
    """When a version was withdrawn; behind a trusted release no later than that release."""
    row = history.fold.ledger.get(spaces.WITHDRAWN, f"{org}/{policy}@{number}")
    return None if row is None else parse_timestamp(row[1])


def _descriptor(state: FleetState, org: str, policy: str, number: str) -> PolicyVersion:
    descriptor = state.version(org, policy, number)
    if descriptor is None:  # Cannot happen: rules.policies refuses a version folder without its descriptor.
        raise _unverified(f"{version_path(org, policy, number)} is missing")
    return descriptor


def _carried_by(history: History, path: str) -> dict[str, Any]:
    """The audit event of the decision that carried a path's content."""
    row = history.fold.ledger.get(spaces.CHANGED, path)
    event: dict[str, Any] = history.fold.ledger.get(spaces.EVENT, sequence_key(row[1]))
    return event


def publication_times(history: History, content: ReleaseContent) -> dict[VersionRef, datetime]:
    """When each version of a release was decided."""
    refs = [version.ref for org in content.orgs for version in org.versions]
    return {
        ref: parse_timestamp(_carried_by(history, version_path(ref.org, ref.policy, ref.version))["time"])
        for ref in refs
    }


def _project(state: FleetState, org: str, project: str) -> ReleasedProject:
    resolved = list(resolve_project(state, org, project))
    named = {version for row in resolved for version in (row.enforced, row.candidate) if version is not None}
    references = {version: _reference(state, version) for version in named}
    rows = [
        AssignmentRow(
            repository=row.repository,
            environment=row.environment,
            tier=row.tier,
            enforced=references[row.enforced],
            candidate=None if row.candidate is None else references[row.candidate],
            mode=row.mode,
        )
        for row in resolved
    ]
    return ReleasedProject(
        org,
        project,
        tuple(sorted(rows, key=lambda row: (row.repository, row.environment))),
        waivers_of(state, org, project),
    )


def _reference(state: FleetState, assigned: Assigned) -> VersionRef:
    descriptor = _descriptor(state, assigned.org, assigned.policy, assigned.version)
    return VersionRef(assigned.org, assigned.policy, assigned.version, version_digest(descriptor))
