# SPDX-License-Identifier: Apache-2.0
"""The copy's content: throw-away keys in the place of everybody's own, and rules that accept them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.models.trust import ApprovalRule, Principal
from gaitops.drill.copied import copied, with_key, with_more
from gaitops.drill.keyring import Keyring
from gaitops.drill.survey import CopiedFile, Survey
from gaitops.signing.keyfiles import generate_private_key
from tests.openpgp_keys import Certificate
from tests.simulator import Actor, document, principal_document


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    """Keys in a folder of their own; PEM keys stand for SSH keys, which need a program."""
    return Keyring(tmp_path, lambda path: (generate_private_key(path), None)[1])


def surveyed(found: Survey, files: dict[str, str]) -> Survey:
    """The same fleet with these files alone."""
    return replace(
        found, files={path: CopiedFile(text.encode(), executable=False) for path, text in files.items()}
    )


def principal(data: bytes, path: str) -> Principal:
    """A principal's document."""
    loaded = load_document(data, path)
    assert isinstance(loaded, Principal)
    return loaded


def test_accounts_at_a_forge_become_keys(found: Survey, keys: Keyring) -> None:
    """Whoever reviews at a forge approves with a key in the copy, validity and all."""
    account = {
        "id": "hub", "type": "forge", "provider": "github", "host": "github.com", "accountId": "7", "login": "d",
        "validUntil": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    path = "trust/principals/dora.yaml"
    files = {path: document("Principal", "dora", {"type": "human", "identities": [account]})}
    made = copied(surveyed(found, files), keys)
    (identity,) = principal(made.files[path].data, path).spec.identities
    assert (identity.id, identity.type, identity.valid_until) == ("hub", "key", "2099-01-01T00:00:00Z")
    assert keys.daily("dora") is not None
    assert made.substitutions == ("identities of type forge: 1, which are keys in files in the copy",)


def test_rules_accept_what_took_the_place(found: Survey, keys: Keyring) -> None:
    """Kinds of identity that no file can be are replaced, attesters of a forge go; other rules stay byte for byte."""
    asks = {"assurance": ["sigstore", "forge", "ssh-sk"], "forgeAttesters": ["bot"]}
    files = {
        "trust/approvals/kinds.yaml": document(
            "ApprovalRule", "kinds", {"match": {"operations": ["policy.*"]}, "require": asks}
        ),
        "trust/approvals/plain.yaml": document(
            "ApprovalRule", "plain", {"match": {"operations": ["gate.*"]}, "require": {"quorum": 2}}
        ),
    }
    made = copied(surveyed(found, files), keys)
    loaded = load_document(made.files["trust/approvals/kinds.yaml"].data, "trust/approvals/kinds.yaml")
    assert isinstance(loaded, ApprovalRule)
    assert (loaded.spec.require.assurance, loaded.spec.require.forge_attesters) == (("key", "ssh"), ())
    plain = "trust/approvals/plain.yaml"
    assert made.files[plain].data == files[plain].encode()
    assert made.substitutions[-1].endswith(": kinds")


def test_a_root_key_that_a_principal_lists_is_one_key_in_the_copy(found: Survey, keys: Keyring) -> None:
    """Losing it loses both, as in the real fleet; everybody else's keys differ."""
    path = "trust/principals/alice.yaml"
    made = copied(surveyed(found, {path: principal_document(Actor("alice"))}), keys)
    assert keys.root["alice"] is keys.daily("alice")
    (identity,) = principal(made.files[path].data, path).spec.identities
    assert identity.type == "key"
    assert identity.public_key.strip() == keys.root["alice"].public.strip()
    assert identity.public_key.strip() != Actor("alice").pem.strip()
    assert len({key.fingerprint for key in keys.root.values()}) == 3


def test_changing_keys_of_a_document(keys: Keyring) -> None:
    """One key in the place of another, or one more."""
    path = "trust/principals/dora.yaml"
    old, new = keys.new("dora", "laptop"), keys.new("dora", "laptop")
    assert (old.file, new.file) == ("dora.laptop.pem", "dora.laptop-2.pem")
    spec = {"type": "human", "identities": [{"id": "laptop", "type": "key", "publicKey": old.public}]}
    data = document("Principal", "dora", spec).encode()
    replaced = principal(with_key(data, path, old, new), path).spec.identities
    assert [(item.id, item.type == "key" and item.public_key) for item in replaced] == [
        ("laptop", new.public)
    ]
    more = principal(with_more(data, path, new), path).spec.identities
    assert [item.id for item in more] == ["laptop", "drill-1"]


def test_keys_by_kind(keys: Keyring) -> None:
    """The newest key of a kind that a rule accepts; none where there is none."""
    pem, ssh = keys.new("dora", "a"), replace(keys.new("dora", "b"), kind="ssh")
    keys.give("dora", pem)
    keys.give("dora", ssh)
    assert keys.daily("dora") is ssh
    assert keys.daily("dora", frozenset({"key"})) is pem
    keys.take("dora", pem)
    assert keys.daily("dora", frozenset({"key"})) is None
    assert keys.daily("nobody") is None


def test_openpgp_never_approves(found: Survey, keys: Keyring) -> None:
    """A certificate signs commits only, so whoever has nothing else approves nothing in the copy either."""
    pytest.importorskip("pysequoia")
    armored = Certificate("dora", found.at - timedelta(days=1)).armored
    identity = {"id": "pgp", "type": "openpgp", "certificate": armored}
    path = "trust/principals/dora.yaml"
    files = {path: document("Principal", "dora", {"type": "human", "identities": [identity]})}
    made = copied(surveyed(found, files), keys)
    assert [item.type for item in principal(made.files[path].data, path).spec.identities] == ["key"]
    assert keys.daily("dora") is None
    assert made.substitutions == ("identities of type openpgp: 1, which are keys in files in the copy",)
