# SPDX-License-Identifier: Apache-2.0
"""Drill ``left-company``: somebody leaves, and what they decided before stays decided."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.documents.models.drill import Finding
from gaitops.drill.ceremonies import go_on
from gaitops.drill.changes import Asked, proposer_of
from gaitops.drill.deciding import decided, decides_without, home_scope, no_doubt, refused_afterwards
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.leaving import Revoked, revoke, strip, without_root_key
from gaitops.drill.opening import open_twin
from gaitops.drill.probes import probe_for
from gaitops.drill.structure import need, quorum_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin


def findings(found: Survey, principal: str | None) -> tuple[Finding, ...]:
    """What the fleet could no longer decide."""
    return quorum_findings(found, principal or "", severity="failure")


def run(twin: Twin, principal: str | None) -> None:
    """Carry the runbook out for one person.

    Raises:
        StoppedError: it cannot be carried out in this fleet.
    """
    name = principal or ""
    memory = open_twin(twin)
    probe = probe_for(twin.found, name)
    if probe is not None:
        twin.step(f"Before: {name} approves a change that is merged")
        decided(twin, probe, name, 1)
    keys = list(twin.keys.by_owner.get(name, ()))
    if name in twin.keys.root:
        without_root_key(twin, name)
    if keys:
        twin.step(f"Revoke every key of {name} with cause retired")
        _revoke(twin, name, keys)
        no_doubt(twin, f"what {name} approved before stays decided")
    twin.step(f"Take {name} out of groups and roles")
    strip(twin, name)
    holds_nothing(twin, name)
    if probe is not None and keys:
        twin.step(f"Afterwards: an approval by {name} does not count, and others can decide without")
        refused_afterwards(twin, probe, name, 2, "identity.revoked", keys[0])
        decides_without(twin, probe, name, 3)
    go_on(twin, memory, "a consumer follows without a new trust root")


def _revoke(twin: Twin, name: str, keys: Sequence[ThrowAway]) -> None:
    """By the others, or where they are too few by the owner, whose own signature is enough while it is there.

    Raises:
        StoppedError: it cannot be approved.
    """
    scope, gone = home_scope(name), Revoked(name, keys, "retired")
    needed = need(twin.found, "revocation.identity", scope)
    others = needed is not None and needed.reachable(frozenset({name}))
    observed = needed.missing(frozenset({name})) if needed is not None else "rules contradict each other"
    twin.prove(f"the others can revoke the keys of {name}", others, observed)
    if others:
        revoke(
            twin, gone, proposer_of(twin, "revocation.identity", scope, never=(name,)), Asked(never=(name,))
        )
    else:
        revoke(twin, gone, name, Asked())


def holds_nothing(twin: Twin, name: str) -> None:
    """Prove that verified state gives somebody no role, no group and no key that counts.

    Raises:
        StoppedError: ``trust show`` fails.
    """
    shown = twin.ask("gaitops trust show")
    person = next((item for item in shown["principals"] if item["name"] == name), None)
    if person is None:
        twin.proven(f"{name} holds nothing", "verified state does not know the name")
        return
    roles = [f"{item['role']} at {item['scope']}" for item in person["roles"]]
    counting = [item["id"] for item in person["identities"] if item["revoked"] is None]
    free = not roles and not person["groups"] and not counting
    parts = [
        *roles,
        *(f"group {group}" for group in person["groups"]),
        *(f"identity {item}" for item in counting),
    ]
    twin.prove(
        f"{name} holds nothing",
        free,
        "no role, no group, no identity that counts" if free else ", ".join(parts),
    )
