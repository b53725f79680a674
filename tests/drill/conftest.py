# SPDX-License-Identifier: Apache-2.0
"""Two fleets to rehearse on: one with all kinds of people, rules and keys, and one as small as a fleet can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.models.trust import Principal
from gaitops.drill.survey import Survey, survey
from gaitops.fleet.people import identities_of
from tests import simulator
from tests.simulator import (
    Actor,
    World,
    binding_document,
    document,
    policy_files,
    principal_document,
    project_files,
)

SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO5lHDDYcTUSbnoGxnW7p8bAjEbvVxDvfGkQbLdUyN2j dora"


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Root 2 of 3; in ``acme`` people with SSH keys, keyless identities and groups, and rules that ask for them."""
    with today():
        world = World(tmp_path_factory.mktemp("large") / "fleet", orgs=("acme", "beta"), extra=_extra())
        world.land(
            {"trust/revocations/emil-old.yaml": _revocation()},
            by="alice",
            approvers=("bob",),
        )
    return world


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two root people who must both sign, no organization, nothing assigned."""
    with today():
        return World(tmp_path_factory.mktemp("small") / "fleet", people=("alice", "bob"), orgs=())


@pytest.fixture(scope="session")
def solo(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One root person alone."""
    with today():
        return World(tmp_path_factory.mktemp("solo") / "fleet", people=("alice",), threshold=1, solo=True)


@pytest.fixture(scope="session")
def found(large: World) -> Survey:
    """The survey of the large fleet."""
    return surveyed(large)


def surveyed(world: World) -> Survey:
    """What a drill knows of a fleet."""
    with world.history() as history:
        return survey(history)


@contextmanager
def today() -> Iterator[None]:
    """python-tuf's client reads the machine's clock, so what it fetches must not lie in the past."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulator, "START", datetime.now(tz=UTC).replace(microsecond=0) - timedelta(hours=2))
        yield


def _extra() -> dict[str, bytes]:
    keyless = {
        "id": "sso",
        "type": "sigstore",
        "issuer": "https://id.example.com",
        "subject": "fay@example.com",
    }
    dora = {
        "type": "human",
        "groups": ["leads"],
        "identities": [{"id": "token", "type": "key", "publicKey": SSH}],
    }
    emil = {
        "type": "human",
        "groups": ["leads"],
        "identities": [
            {"id": "now", "type": "key", "publicKey": Actor("emil").pem},
            {"id": "old", "type": "key", "publicKey": Actor("emil-old").pem},
        ],
    }
    rule = {
        "match": {"operations": ["policy.*"], "scope": "org/acme"},
        "require": {"quorum": 2, "groups": ["acme/leads"], "assurance": ["sigstore", "ssh", "key"]},
    }
    keyless_rule = {
        "match": {"operations": ["project.change"], "scope": "org/beta"},
        "require": {"assurance": ["sigstore"]},
    }
    files: dict[str, str] = {
        "orgs/acme/principals/dora.yaml": document("Principal", "dora", dora),
        "orgs/acme/principals/emil.yaml": document("Principal", "emil", emil),
        "orgs/acme/principals/fay.yaml": document(
            "Principal", "fay", {"type": "human", "identities": [keyless]}
        ),
        "orgs/acme/roles/leads.yaml": binding_document("leads", "approver", "org/acme", [], ["acme/leads"]),
        "orgs/acme/roles/authors.yaml": binding_document(
            "authors", "policy_author", "org/acme", ["acme/fay"]
        ),
        "orgs/acme/roles/admins.yaml": binding_document(
            "admins", "platform_admin", "org/acme", ["acme/dora", "acme/emil"]
        ),
        "trust/principals/gus.yaml": principal_document(Actor("gus"), validUntil="2026-01-01T00:00:00Z"),
        "trust/approvals/leads.yaml": document("ApprovalRule", "leads", rule),
        "trust/approvals/keyless.yaml": document("ApprovalRule", "keyless", keyless_rule),
        **policy_files("guard", "1.0.0", risk="high"),
        **project_files(environments={"production": ("production", {"name": "guard", "version": "1.0.0"})}),
    }
    return {path: text.encode() for path, text in files.items()}


def _revocation() -> str:
    loaded = load_document(_extra()["orgs/acme/principals/emil.yaml"], "orgs/acme/principals/emil.yaml")
    assert isinstance(loaded, Principal)
    old = next(item for item in identities_of("acme/emil", loaded) if item.label == "old")
    identity = {"principal": "acme/emil", "fingerprint": old.fingerprint}
    spec = {"revokes": "identity", "cause": "retired", "identity": identity, "reason": "replaced"}
    return document("Revocation", "emil-old", spec)
