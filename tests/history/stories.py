# SPDX-License-Identifier: Apache-2.0
"""Small pieces that stories about a history share."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.history.audit import events_of
from gaitops.history.events import Event
from gaitops.history.verdict import PartitionVerdict, Verdict
from tests.simulator import World, binding_document, document, principal_document


def project(name: str = "pay", *, org: str = "acme", summary: str = "payments") -> dict[str, str]:
    """A project without repositories: the smallest change that needs one approval."""
    body = {"summary": summary, "owners": ["alice"]}
    return {f"orgs/{org}/projects/{name}/project.yaml": document("Project", name, body, org=org)}


def rule(name: str, operations: Sequence[str], **require: object) -> dict[str, str]:
    """An approval rule."""
    spec = {"match": {"operations": list(operations)}, "require": require}
    return {f"trust/approvals/{name}.yaml": document("ApprovalRule", name, spec)}


def by_root(world: World, files: dict[str, str]) -> None:
    """A change that needs the root keys."""
    world.land(files, by="alice", approvers=["alice", "bob"])


def hire(world: World, name: str, role: str = "platform_admin") -> None:
    """One more person of the fleet."""
    by_root(
        world,
        {
            f"trust/principals/{name}.yaml": principal_document(world.actor(name)),
            f"trust/roles/{name}.yaml": binding_document(name, role, "fleet", [name]),
        },
    )


def approve_main(world: World, *names: str) -> None:
    """Approvals of what waits on main, committed to main."""
    for name in names:
        files = world.envelopes(world.signables("main", include_pending=True), name, "approve")
        world.commit(files, by=name)


def codes(verdict: Verdict) -> set[str]:
    """Codes of everything against a verdict."""
    return {problem.code for problem in verdict.all_problems()}


def partition(verdict: Verdict, name: str) -> PartitionVerdict:
    """One partition of a verdict."""
    return next(item for item in verdict.partitions if item.name == name)


def events(world: World) -> list[Event]:
    """The audit log of main."""
    with world.history() as history:
        return events_of(history)
