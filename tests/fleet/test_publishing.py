# SPDX-License-Identifier: Apache-2.0
"""The field of root metadata that names publishing workloads: read strictly, kept over rotations, signed by people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root

from gaitops.errors import InvalidInputError, VerificationError
from gaitops.fleet.publishing import KeylessPublishing, described
from gaitops.fleet.root import PUBLISHING_FIELD, TrustedRoot, root_chain, verify_first_root
from gaitops.release.ceremony import next_root, sign_root
from tests.release.keyless_builder import named, publishing, workload
from tests.release.release_builder import TIME, first_root, rotated, signer

LATER = TIME + timedelta(days=3650)


def _chain(*roots: bytes) -> TrustedRoot:
    return root_chain(roots, hashlib.sha256(roots[0]).hexdigest())


def _with_field(value: object) -> list[bytes]:
    """A first root, and one after it in which the people signed for this value."""
    first = first_root()
    metadata = Metadata[Root].from_bytes(next_root(first, expires=LATER))
    metadata.signed.unrecognized_fields[PUBLISHING_FIELD] = value
    data = metadata.to_bytes()
    return [first, sign_root(sign_root(data, signer("ana")), signer("ben"))]


def test_a_root_names_workloads() -> None:
    """What the people signed is what a verified root says, and nothing else differs."""
    first = first_root()
    assert _chain(first).publishing is None
    root = _chain(first, named(first, publishing()))
    assert root.publishing == publishing()
    assert root.publishing is not None
    assert [item.repository_id for item in root.publishing.workloads] == ["1296269"]


def test_rotations_keep_it() -> None:
    """Whoever rotates keys says nothing about workloads, and leaves them as they were; one option ends them."""
    first = first_root()
    second = named(first, publishing())
    third = rotated(second, ("pub2",))
    assert _chain(first, second, third).publishing == publishing()
    assert _chain(first, second, third, named(third, None)).publishing is None


def test_stored_and_restored() -> None:
    """A root that was stored comes back with its workloads, and with none if it had none."""
    first = first_root()
    for root in (_chain(first), _chain(first, named(first, publishing()))):
        assert TrustedRoot.from_json(json.loads(json.dumps(root.to_json()))) == root


def test_signatures_cover_it() -> None:
    """A workload that was added after the people signed makes the root one that nobody signed."""
    first = first_root()
    data = json.loads(named(first, publishing()))
    data["signed"][PUBLISHING_FIELD]["workloads"][0]["repositoryId"] = "77"
    with pytest.raises(VerificationError) as error:
        _chain(first, json.dumps(data).encode())
    assert error.value.code == "trust.root_rotation"


def _set(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda said: said["workloads"][0].__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(more=1),
        lambda said: said.pop("workloads"),
        lambda said: said.pop("sigstoreTrustedRoot"),
        lambda said: said.update(workloads=[]),
        lambda said: said.update(workloads={}),
        lambda said: said.update(workloads=["publisher"]),
        lambda said: said.update(workloads=said["workloads"] * 2),
        lambda said: said.update(workloads=[workload(repositoryId=str(n)) for n in range(1, 18)]),
        lambda said: said.update(sigstoreTrustedRoot="AB" * 32),
        lambda said: said.update(sigstoreTrustedRoot=None),
        _set("id", "publisher"),
        _set("type", "workload"),
        _set("validUntil", "2031-01-01T00:00:00Z"),
        _set("subject", "x"),
        _set("triggers", ["pull_request_target"]),
        _set("refs", []),
        _set("repositoryId", 1296269),
        _set("names", []),
        _set("signer", {"workflow": "https://github.com/acme/ci/.github/workflows/sign.yml", "digests": []}),
    ],
)  # fmt: skip
def test_malformed(change: Callable[[dict[str, Any]], object]) -> None:
    """A field that is not exactly of the known form is no root, whoever signed it; nothing is guessed or passed over."""
    said: dict[str, Any] = json.loads(json.dumps(publishing().to_json()))
    change(said)
    with pytest.raises(InvalidInputError) as read:
        KeylessPublishing.from_json(said)
    assert read.value.code == "trust.root_invalid"
    roots = _with_field(said)
    with pytest.raises(VerificationError) as error:
        _chain(*roots)
    assert error.value.code == "trust.root_rotation"


@pytest.mark.parametrize("value", [None, [], "", 0, {}])
def test_not_even_an_object(value: object) -> None:
    """Something else under the name of the field is not the same as no field."""
    roots = _with_field(value)
    with pytest.raises(VerificationError) as error:
        _chain(*roots)
    assert error.value.code == "trust.root_rotation"


def test_a_first_root_may_have_it() -> None:
    """The rules hold for the first root, too."""
    metadata = Metadata[Root].from_bytes(first_root())
    metadata.signed.unrecognized_fields[PUBLISHING_FIELD] = {"workloads": []}
    metadata.signatures.clear()
    data = sign_root(sign_root(metadata.to_bytes(), signer("ana")), signer("ben"))
    with pytest.raises(VerificationError) as error:
        verify_first_root(data, hashlib.sha256(data).hexdigest())
    assert error.value.code == "trust.root_invalid"


def test_the_ceremony_refuses_what_would_not_verify() -> None:
    """A root whose field is malformed is not prepared, and goes on to nobody for signing."""
    first = _with_field({"workloads": []})[1]
    with pytest.raises(InvalidInputError) as error:
        next_root(first, expires=LATER)
    assert error.value.code == "trust.root_invalid"


def test_words() -> None:
    """People who sign see everything that a certificate is compared with."""
    named_signer = {
        "workflow": "https://github.com/acme/ci/.github/workflows/sign.yml",
        "digests": ["c" * 40],
    }
    alias = {
        "repository": "https://github.com/acme/old",
        "workflow": "https://github.com/acme/old/.github/workflows/publish.yml",
        "validUntil": "2030-01-01T00:00:00Z",
    }
    names = [*workload()["names"], alias]  # type: ignore[misc]
    said = workload(signer=named_signer, names=names, workflowDigests=["d" * 40])
    text = described(publishing(said).identities[0])
    for part in (
        "https://github.com/acme/publisher/.github/workflows/publish.yml of https://github.com/acme/publisher",
        "(until 2030-01-01T00:00:00Z) of https://github.com/acme/old",
        "repository 1296269, owner 9919",
        "issuer https://token.actions.githubusercontent.com",
        "on refs/heads/main",
        "started by push, schedule",
        "running github-hosted",
        f"workflow at {'d' * 40}",
        f"signed by https://github.com/acme/ci/.github/workflows/sign.yml at {'c' * 40}",
    ):
        assert part in text
