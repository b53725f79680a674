# SPDX-License-Identifier: Apache-2.0
"""Small fleets and plans, written as documents and read as everything else is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from gaitops.content import MemorySnapshot
from gaitops.documents.load import load_document
from gaitops.documents.models.rollout import Rollout, RolloutSpec
from gaitops.fleet.state import DocumentCache, FleetState

PROJECT = "orgs/acme/projects/pay"

MakeSpec = Callable[..., RolloutSpec]
MakeFleet = Callable[..., FleetState]


def document(kind: str, name: str, spec: Mapping[str, Any]) -> bytes:
    """One document as bytes; JSON is YAML."""
    return json.dumps(
        {"apiVersion": "gaitops.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    ).encode()


def rollout_spec(**members: Any) -> RolloutSpec:
    """A plan over everything in ``prod``: watch, try with a quarter, enforce; members replace or add."""
    spec: dict[str, Any] = {
        "policy": {"name": "guard"},
        "from": "1.0.0",
        "to": "2.0.0",
        "selector": {"all": True},
        "steps": [
            {"name": "watch", "mode": "observe", "percent": 100, "environments": ["prod"], "soak": "3d"},
            {"name": "try", "mode": "dry_run", "percent": 25, "environments": ["prod"], "soak": "24h"},
            {"name": "all", "mode": "enforce", "percent": 100, "environments": ["prod"], "soak": "90m"},
        ],
        **members,
    }
    found = load_document(document("Rollout", "guard-2", spec), f"{PROJECT}/rollouts/guard-2.yaml")
    assert isinstance(found, Rollout)
    return found.spec


def fleet_state(
    repositories: Sequence[str] | Mapping[str, Mapping[str, str]],
    *,
    environments: Mapping[str, Mapping[str, Any]] | None = None,
    org_caps: Mapping[str, int] | None = None,
    fleet_caps: Mapping[str, int] | None = None,
) -> FleetState:
    """A fleet with one project; environments are ``prod`` over everything unless given."""
    labels = repositories if isinstance(repositories, Mapping) else {name: {} for name in repositories}
    files = {
        "fleet.yaml": document("Fleet", "acme-fleet", {"rules": 1, "caps": fleet_caps or {}}),
        "orgs/acme/org.yaml": document(
            "Organization", "acme", {"displayName": "Acme", "caps": org_caps or {}}
        ),
    }
    for name, own in labels.items():
        spec = {"url": f"https://github.com/acme/{name}", "labels": own}
        files[f"{PROJECT}/repositories/{name}.yaml"] = document("Repository", name, spec)
    for name, members in (environments or {"prod": {}}).items():
        spec = {
            "tier": "production",
            "selector": {"all": True},
            "policy": {"name": "guard", "version": "1.0.0"},
            **members,
        }
        files[f"{PROJECT}/environments/{name}.yaml"] = document("Environment", name, spec)
    return FleetState(MemorySnapshot(files), DocumentCache())


@pytest.fixture(scope="session")
def make_spec() -> MakeSpec:
    """See :func:`rollout_spec`."""
    return rollout_spec


@pytest.fixture(scope="session")
def make_fleet() -> MakeFleet:
    """See :func:`fleet_state`."""
    return fleet_state
