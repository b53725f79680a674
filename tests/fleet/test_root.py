# SPDX-License-Identifier: Apache-2.0
"""The root of trust: T2 and T3 of the threat model, and the ceremony that makes roots."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import CryptoSigner, SSlibKey

from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.fleet.root import (
    PRINCIPAL_FIELD,
    TrustedRoot,
    check_not_expired,
    root_chain,
    verify_first_root,
    verify_next_root,
)
from gaitops.release.ceremony import missing_root_signatures, new_root, next_root, sign_root
from gaitops.signing.keys import fingerprint
from tests.release.release_builder import TIME, first_root, key, named, rotated, signer

LATER = TIME + timedelta(days=3650)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def signed(data: bytes, *names: str) -> bytes:
    for name in names:
        data = sign_root(data, signer(name))
    return data


def forged(data: bytes, change: Callable[[dict[str, Any]], object], *names: str) -> bytes:
    """``data`` with its signed part changed and signed anew without any of the ceremony's checks."""
    from securesystemslib.formats import encode_canonical

    value = json.loads(data)
    change(value["signed"])
    payload = encode_canonical(value["signed"])
    assert payload is not None
    value["signatures"] = [signer(name).sign(payload.encode()).to_dict() for name in names]
    return json.dumps(value).encode()


def root_code(error: pytest.ExceptionInfo[GaitopsError]) -> str:
    return error.value.code


def first() -> tuple[bytes, TrustedRoot]:
    data = first_root()
    return data, verify_first_root(data, digest(data))


class TestFirstRoot:
    def test_trusted_values(self) -> None:
        """The pinned root yields its people, thresholds and publishers."""
        data, root = first()
        assert [item.principal for item in root.keys] == ["ana", "ben"]
        assert (root.version, root.threshold, root.targets_threshold, root.solo) == (1, 2, 1, False)
        assert root.sha256 == root.trust_root == digest(data)
        assert root.keys[0].fingerprint == fingerprint(key("ana"))
        assert [fingerprint(item) for item in root.publishers] == [fingerprint(key("pub1"))]

    def test_json_round_trip(self) -> None:
        """A root stored in a checkpoint comes back equal, through JSON text."""
        _, root = first()
        assert TrustedRoot.from_json(json.loads(json.dumps(root.to_json()))) == root

    def test_other_digest(self) -> None:
        """T2: a root other than the pinned one is refused."""
        data, _ = first()
        with pytest.raises(VerificationError) as error:
            verify_first_root(data, "0" * 64)
        assert root_code(error) == "trust.root_mismatch"

    def test_unsigned(self) -> None:
        """Root 1 must carry the threshold of its own signatures, pinned or not."""
        data = signed(new_root(named("ana", "ben"), 2, named("pub1"), 1, LATER), "ana")
        with pytest.raises(VerificationError) as error:
            verify_first_root(data, digest(data))
        assert root_code(error) == "trust.root_invalid"

    def test_solo(self) -> None:
        """One person alone is possible and always marked."""
        data = signed(new_root(named("ana"), 1, named("pub1"), 1, LATER), "ana")
        assert verify_first_root(data, digest(data)).solo

    def test_expired(self) -> None:
        """The final root must not have expired."""
        data = first_root(expires=TIME)
        root = verify_first_root(data, digest(data))
        check_not_expired(root, TIME - timedelta(seconds=1))
        with pytest.raises(VerificationError) as error:
            check_not_expired(root, TIME)
        assert root_code(error) == "trust.root_expired"


class TestRotation:
    def test_chain(self) -> None:
        """An expired root in between is followed, as in TUF; the digest of root 1 stays the identity."""
        one = first_root(expires=TIME)
        two = rotated(one, ["pub2"])
        root = root_chain([one, two], digest(one), TIME + timedelta(days=1))
        assert (root.version, root.trust_root, root.sha256) == (2, digest(one), digest(two))
        assert [fingerprint(item) for item in root.publishers] == [fingerprint(key("pub2"))]

    def test_new_people_need_both_thresholds(self) -> None:
        """T3: a new root signed by its own people only is refused."""
        data, root = first()
        new = next_root(data, people=named("eve", "mallory"), expires=LATER)
        with pytest.raises(VerificationError) as error:
            verify_next_root(root, signed(new, "eve", "mallory"))
        assert root_code(error) == "trust.root_rotation"
        both = signed(new, "eve", "mallory", "ana", "ben")
        assert [item.principal for item in verify_next_root(root, both).keys] == ["eve", "mallory"]

    def test_old_people_alone(self) -> None:
        """T3: the people of the old root cannot appoint others who have not signed."""
        data, root = first()
        new = next_root(data, people=named("cid", "dee"), expires=LATER)
        with pytest.raises(VerificationError) as error:
            verify_next_root(root, signed(new, "ana", "ben"))
        assert root_code(error) == "trust.root_rotation"

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda root: root.update(version=3), id="version skipped"),
            pytest.param(lambda root: root.update(version=1), id="version repeated"),
            pytest.param(lambda root: root.update(version=True), id="version not an integer"),
            pytest.param(lambda root: root["roles"]["root"].update(threshold=0), id="threshold 0"),
            pytest.param(lambda root: root["roles"]["root"].update(threshold=-1), id="threshold negative"),
            pytest.param(lambda root: root["roles"]["root"].update(threshold=3), id="threshold above keys"),
            pytest.param(lambda root: root["roles"]["root"].update(threshold=1), id="threshold of one"),
            pytest.param(lambda root: root["roles"]["targets"].update(threshold=2), id="targets threshold"),
            pytest.param(lambda root: root.update(consistent_snapshot=False), id="no consistent snapshot"),
            pytest.param(
                lambda root: root["roles"]["targets"]["keyids"].append(key("ana").keyid),
                id="root key publishes",
            ),
            pytest.param(
                lambda root: root["roles"].update(mirrors={"keyids": [], "threshold": 1}), id="role"
            ),
            pytest.param(
                lambda root: root["keys"][key("ben").keyid].update({PRINCIPAL_FIELD: "ana"}),
                id="one person with two keys",
            ),
            pytest.param(
                lambda root: root["keys"][key("ben").keyid].pop(PRINCIPAL_FIELD), id="key without a person"
            ),
            pytest.param(lambda root: root["roles"]["root"]["keyids"].append("00"), id="unknown key"),
            pytest.param(lambda root: root.update(expires=5), id="malformed"),
        ],
    )
    def test_broken_rules(self, change: Callable[[dict[str, Any]], object]) -> None:
        """T3: each rule of design 4 holds however many people sign."""
        data, root = first()
        new = next_root(data, expires=LATER)
        with pytest.raises(VerificationError) as error:
            verify_next_root(root, forged(new, change, "ana", "ben"))
        assert root_code(error) == "trust.root_rotation"

    def test_same_key_under_two_ids(self) -> None:
        """T3: python-tuf would meet a threshold of two with one key under two ids."""
        data, root = first()

        def double(value: dict[str, Any]) -> None:
            copy = dict(value["keys"][key("ana").keyid])
            copy[PRINCIPAL_FIELD] = "cid"
            value["keys"]["f" * 64] = copy
            value["roles"]["root"]["keyids"] = [key("ana").keyid, "f" * 64]

        with pytest.raises(VerificationError) as error:
            verify_next_root(root, forged(next_root(data, expires=LATER), double, "ana", "ben"))
        assert root_code(error) == "trust.root_rotation"
        assert "not the key's own" in str(error.value)

    def test_same_key_under_two_types(self) -> None:
        """T3: one ECDSA key as keytype ``ecdsa`` and as the legacy keytype has two ids that are both its own."""
        twin = CryptoSigner.generate_ecdsa().public_key
        assert isinstance(twin, SSlibKey)
        data, root = first()

        def double(value: dict[str, Any]) -> None:
            for keytype, person in (("ecdsa", "ana"), ("ecdsa-sha2-nistp256", "ben")):
                other = SSlibKey("", keytype, twin.scheme, twin.keyval)
                value["keys"][keytype] = {**other.to_dict(), PRINCIPAL_FIELD: person}
            value["roles"]["root"]["keyids"] = ["ecdsa", "ecdsa-sha2-nistp256"]

        with pytest.raises(VerificationError) as error:
            verify_next_root(root, forged(next_root(data, expires=LATER), double, "ana", "ben"))
        assert root_code(error) == "trust.root_rotation"

    def test_duplicate_json_key(self) -> None:
        """A file that two JSON readers could read differently is no root."""
        data, root = first()
        new = signed(next_root(data, expires=LATER), "ana", "ben")
        twice = new.replace(b'"version": 2', b'"version": 2, "version": 2')
        with pytest.raises(VerificationError) as error:
            verify_next_root(root, twice)
        assert root_code(error) == "trust.root_rotation"

    def test_damaged_signature_text(self) -> None:
        """A signature that is not hex counts for nobody and breaks nothing."""
        data, root = first()
        value = json.loads(signed(next_root(data, expires=LATER), "ana", "ben"))
        value["signatures"][0]["sig"] = "not hex"
        with pytest.raises(VerificationError) as error:
            verify_next_root(root, json.dumps(value).encode())
        assert root_code(error) == "trust.root_rotation"


class TestCeremony:
    def test_order_of_signing_does_not_matter(self) -> None:
        """The bytes are the same whoever signed first."""
        data = new_root(named("ana", "ben"), 2, named("pub1"), 1, LATER)
        assert signed(data, "ana", "ben") == signed(data, "ben", "ana")
        assert signed(data, "ana", "ana") == signed(data, "ana")

    def test_progress(self) -> None:
        """During a rotation both roots say who has signed and who may still sign."""
        one = first_root()
        two = next_root(one, people=named("ana", "cid"), expires=LATER)
        half = missing_root_signatures(one, signed(two, "ana"))
        assert [(role.version, role.signed, role.open, role.missing) for role in half.roles] == [
            (2, ("ana",), ("cid",), 1),
            (1, ("ana",), ("ben",), 1),
        ]
        assert not half.complete
        assert missing_root_signatures(one, signed(two, "ana", "cid", "ben")).complete

    def test_rotation_keeps_what_is_not_named(self) -> None:
        """Only what is given changes."""
        one = first_root(["pub1", "pub2"], threshold=2)
        two = json.loads(next_root(one, expires=LATER))["signed"]
        old = json.loads(one)["signed"]
        assert (two["keys"], two["roles"], two["version"]) == (old["keys"], old["roles"], 2)

    def test_key_types(self) -> None:
        """Keys that other TUF clients cannot read stay out of metadata."""
        key_521 = SSlibKey.from_crypto(ec.generate_private_key(ec.SECP521R1()).public_key())
        with pytest.raises(InvalidInputError) as error:
            new_root([*named("ana"), ("ben", key_521)], 2, named("pub1"), 1, LATER)
        assert root_code(error) == "key.unsupported"

    @pytest.mark.parametrize(
        ("people", "threshold", "publishers"),
        [(["ana", "ben"], 1, ["pub1"]), (["ana", "ben"], 3, ["pub1"]), (["ana", "ben"], 2, ["ana"])],
    )
    def test_refuses_what_would_be_refused(
        self, people: list[str], threshold: int, publishers: list[str]
    ) -> None:
        """Nobody signs a root that no verifier would take."""
        with pytest.raises(InvalidInputError) as error:
            new_root(named(*people), threshold, named(*publishers), 1, LATER)
        assert root_code(error) == "trust.root_invalid"
