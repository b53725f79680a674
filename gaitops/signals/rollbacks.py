# SPDX-License-Identifier: Apache-2.0
"""Rollback candidates: the way back to what a place was assigned before, as a command or as a changed document (design 4, 9)."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable

from gaitops.documents.editing import edited
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.models.tenancy import PolicyReference
from gaitops.fleet.candidates import environments_of
from gaitops.fleet.state import FleetState
from gaitops.signals.model import Fix
from gaitops.signals.rows import AssignmentChange

_REVERSIBLE = frozenset({"running", "paused", "completed"})


def rollback(
    state: FleetState, org: str, project: str, change: AssignmentChange, artifacts: tuple[str, ...]
) -> Fix | None:
    """How to undo ``change`` in verified state ``state``.

    A rollout that brought the version is rolled back by its own command; else the environment's document is shown with the
    version before. ``None`` when neither fits any more: the place runs something else by now.
    """
    owner, _, before = change.before.rpartition("@")
    _owner, _, after = change.after.rpartition("@")
    found = _rollout(state.rollouts(org, project), change.environment, before, after)
    if found is not None:
        place = f"{org}/{project}/{found}"
        return Fix(
            "rollback",
            f"rollout {place} brought {change.after}; everything returns to {change.before}",
            commands=(f"gaitops rollout rollback {shlex.quote(place)} --branch rollback-{found}",),
            artifacts=artifacts,
        )
    return _environment(state, (org, project, change.environment), (owner, before), change, artifacts)


def _rollout(
    rollouts: Iterable[tuple[str, Rollout]], environment: str, before: str, after: str
) -> str | None:
    """Id of the newest rollout that moved an environment from one version to the other and can still be rolled back."""
    moves = [
        (rollout.status.started_at or "", name)
        for name, rollout in rollouts
        if rollout.status.phase in _REVERSIBLE
        and (rollout.spec.from_version, rollout.spec.to_version) == (before, after)
        and environment in environments_of(rollout.spec)
    ]
    return max(moves)[1] if moves else None


def _environment(
    state: FleetState,
    place: tuple[str, str, str],
    version: tuple[str, str],
    change: AssignmentChange,
    artifacts: tuple[str, ...],
) -> Fix | None:
    org, project, name = place
    document = state.environment(org, project, name)
    path = f"orgs/{org}/projects/{project}/environments/{name}.yaml"
    entry = state.snapshot.entry(path)
    owner, _, policy = version[0].rpartition("/")
    if document is None or entry is None or not version[1]:
        return None
    if document.spec.policy.name != policy or document.spec.policy.version == version[1]:
        return None
    reference = PolicyReference(org=None if owner == org else owner, name=policy, version=version[1])
    wanted = document.model_copy(update={"spec": document.spec.model_copy(update={"policy": reference})})
    before = state.snapshot.read(entry.oid)
    text = edited(before, path, wanted, [("spec", "policy")]).decode("utf-8")
    return Fix(
        "rollback",
        f"environment {org}/{project}/{name} returns to {change.before}; one approver is enough within the fleet's "
        "rollback window",
        commands=(f"git add {shlex.quote(path)}", f"git commit -S -m 'Return {name} to {change.before}'"),
        files={path: text},
        replaces={path: hashlib.sha256(before).hexdigest()},
        artifacts=artifacts,
    )
