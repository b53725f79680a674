# SPDX-License-Identifier: Apache-2.0
"""Gait key files and registry packs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.errors import InvalidInputError
from gaitops.gait.gait_keys import GaitPrivateKey, GaitPublicKey, read_private_key, read_public_key
from gaitops.gait.registry_pack import Artifact, build_registry_pack, pin_text, read_pin, verify_registry_pack
from gaitops.signing.canonical import canonical_json

WHEN = datetime(2026, 11, 22, 21, 0, 0, tzinfo=UTC)
FILES = [Artifact("policy.yaml", "a" * 64), Artifact("mcp/trust.json", "b" * 64, "application/json")]
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def private_key(vectors: Path) -> GaitPrivateKey:
    return read_private_key((vectors / "keys" / "checkout-ci_private.key").read_bytes())


@pytest.fixture
def public_key(vectors: Path) -> GaitPublicKey:
    return read_public_key((vectors / "keys" / "checkout-ci_public.key").read_bytes())


@pytest.fixture
def other_key(vectors: Path) -> GaitPublicKey:
    return read_public_key((vectors / "keys" / "contractor-laptop_public.key").read_bytes())


def build(key: GaitPrivateKey, **changes: Any) -> bytes:
    values: dict[str, Any] = {
        "publisher": "Acme-Sec",
        "source": "Registry.Acme.Example",
        "producer_version": "1.2.3",
    }
    values |= changes
    files = values.pop("artifacts", FILES)
    return build_registry_pack(
        "payments-guard", "1.1.0", files, values.pop("created_at", WHEN), private_key=key, **values
    )


def edited(pack: bytes, edit: Edit) -> bytes:
    manifest = json.loads(pack)
    edit(manifest)
    return json.dumps(manifest).encode()


def resigned(pack: bytes, key: GaitPrivateKey, edit: Edit) -> bytes:
    """The pack after an edit, signed as Gait would sign the raw content."""
    manifest = json.loads(edited(pack, edit))
    signature = manifest.pop("signatures")[0]
    digest = hashlib.sha256(canonical_json(manifest)).digest()
    signature |= {"signed_digest": digest.hex(), "sig": base64.b64encode(key.sign(digest)).decode()}
    return json.dumps(manifest | {"signatures": [signature]}).encode()


# -- keys ----------------------------------------------------------------------------------------------------------


def test_key_files_of_gait_are_read(vectors: Path) -> None:
    """Key ids are those that Gait computes."""
    for entry in json.loads((vectors / "keys" / "keys.json").read_text(encoding="utf-8"))["keys"]:
        key = read_public_key(entry["public_key_base64"].encode() + b"\n")
        assert key.key_id == entry["key_id"]


def test_the_halves_of_a_private_key_belong_together(
    private_key: GaitPrivateKey, public_key: GaitPublicKey
) -> None:
    """The public half is the key that verifies."""
    assert private_key.public == public_key
    raw = private_key.seed + bytes(32)
    with pytest.raises(InvalidInputError, match="halves"):
        read_private_key(base64.b64encode(raw))
    assert "seed" not in repr(private_key)


@pytest.mark.parametrize("data", [b"", b"!!", b"AAAA", base64.b64encode(bytes(33)), b"A" * 5000, b"\xff"])
def test_other_files_are_no_keys(data: bytes) -> None:
    """The message does not repeat what was in the file."""
    for read in (read_public_key, read_private_key):
        with pytest.raises(InvalidInputError) as caught:
            read(data, "k.key")
        assert caught.value.code == "gait_key.malformed"


def test_a_bare_seed_is_no_private_key(private_key: GaitPrivateKey) -> None:
    """Gait refuses it too."""
    with pytest.raises(InvalidInputError):
        read_private_key(base64.b64encode(private_key.seed))


# -- packs ---------------------------------------------------------------------------------------------------------


def test_a_pack_verifies_with_its_key(private_key: GaitPrivateKey, public_key: GaitPublicKey) -> None:
    """And says what was put in, with publisher and source in lower case."""
    result = verify_registry_pack(build(private_key), public_key)
    assert result.status == "verified", result
    assert result.pack is not None
    assert (result.pack.name, result.pack.version, result.pack.pack_type) == (
        "payments-guard",
        "1.1.0",
        "policy",
    )
    assert (result.pack.publisher, result.pack.source) == ("acme-sec", "registry.acme.example")
    assert result.pack.created_at == "2026-11-22T21:00:00Z"
    assert set(result.pack.artifacts) == set(FILES)


def test_the_same_arguments_give_the_same_bytes(private_key: GaitPrivateKey) -> None:
    """Neither the order of files nor the time zone matters."""
    local = WHEN.astimezone(timezone(timedelta(hours=2)))
    assert build(private_key) == build(private_key, artifacts=FILES[::-1], created_at=local)


def test_the_signature_is_over_the_digest_bytes(
    private_key: GaitPrivateKey, public_key: GaitPublicKey
) -> None:
    """Not over its hex text, and not over the JSON (contract 0.2)."""
    manifest = json.loads(build(private_key))
    signature = manifest.pop("signatures")[0]
    digest = hashlib.sha256(canonical_json(manifest)).digest()
    assert signature["signed_digest"] == digest.hex()
    assert signature["key_id"] == public_key.key_id
    assert public_key.verifies(base64.b64decode(signature["sig"]), digest)
    assert not public_key.verifies(base64.b64decode(signature["sig"]), digest.hex().encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"artifacts": []},
        {"artifacts": [Artifact("a", "A" * 64)]},
        {"artifacts": [Artifact("a", "a" * 64), Artifact("a", "b" * 64)]},
        {"artifacts": [Artifact("", "a" * 64)]},
        {"created_at": WHEN.replace(tzinfo=None)},
    ],
)
def test_nonsense_is_not_signed(private_key: GaitPrivateKey, changes: dict[str, Any]) -> None:
    """No files, a path twice, a digest of another form, a time without a zone."""
    with pytest.raises(InvalidInputError) as caught:
        build(private_key, **changes)
    assert caught.value.code == "gait_pack.invalid"


@pytest.mark.parametrize(
    "edit",
    [
        lambda pack: pack["artifacts"][0].update(sha256="c" * 64),
        lambda pack: pack.update(pack_version="9.9.9"),
        lambda pack: pack.update(publisher="mallory"),
        lambda pack: pack["artifacts"].pop(),
        lambda pack: pack["signatures"][0].update(signed_digest="d" * 64),
        lambda pack: pack["signatures"][0].update(sig=base64.b64encode(bytes(64)).decode()),
        lambda pack: pack["signatures"][0].update(sig="?"),
        lambda pack: pack["signatures"][0].update(alg="none"),
    ],
)
def test_changed_packs_fail(private_key: GaitPrivateKey, public_key: GaitPublicKey, edit: Edit) -> None:
    """Content, digest, signature and algorithm all count."""
    assert verify_registry_pack(edited(build(private_key), edit), public_key).status == "failed"


def test_whose_signature_counts(
    private_key: GaitPrivateKey, public_key: GaitPublicKey, other_key: GaitPublicKey
) -> None:
    """Unsigned, signed by others, and one good signature of several are told apart."""
    pack = build(private_key)
    assert (
        verify_registry_pack(edited(pack, lambda item: item.pop("signatures")), public_key).status
        == "unsigned"
    )
    assert verify_registry_pack(pack, other_key).status == "unverifiable"
    spoiled = {"alg": "ed25519", "key_id": "e" * 64, "sig": "", "signed_digest": "f" * 64}
    several = edited(pack, lambda item: item["signatures"].insert(0, spoiled))
    assert verify_registry_pack(several, public_key).status == "verified"
    nameless = edited(pack, lambda item: item["signatures"][0].update(key_id=""))
    assert verify_registry_pack(nameless, public_key).status == "verified"
    assert verify_registry_pack(nameless, other_key).status == "unverifiable"


@pytest.mark.parametrize(
    "edit",
    [
        lambda pack: pack.update(note="unsigned"),
        lambda pack: pack.update(use_case=""),
        lambda pack: pack.update(created_at="2026-11-22T21:00:00.000Z"),
        lambda pack: pack.update(created_at="2026-11-22T21:00:00+00:00"),
        lambda pack: pack["artifacts"][0].update(note="unsigned"),
    ],
)
def test_unsigned_extras_are_told_apart(
    private_key: GaitPrivateKey, public_key: GaitPublicKey, edit: Edit
) -> None:
    """Gait accepts them; nobody signed them (contract 0.3)."""
    result = verify_registry_pack(edited(build(private_key), edit), public_key)
    assert result.status == "verified_with_unsigned_extras"
    assert result.digest == json.loads(build(private_key))["signatures"][0]["signed_digest"]


def test_members_of_a_newer_producer_may_be_signed(
    private_key: GaitPrivateKey, public_key: GaitPublicKey
) -> None:
    """What is unknown but signed is verified."""
    pack = resigned(build(private_key), private_key, lambda item: item.update(note="new"))
    assert verify_registry_pack(pack, public_key).status == "verified"


def test_case_of_publisher_and_source_is_not_signed(
    private_key: GaitPrivateKey, public_key: GaitPublicKey
) -> None:
    """Gait lowers them before it digests."""
    pack = edited(build(private_key), lambda item: item.update(publisher="ACME-Sec"))
    assert verify_registry_pack(pack, public_key).status == "verified"


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('"pack_name"', '"Pack_Name"'),
        lambda text: text.replace('{"artifacts"', '{"pack_name":"x","artifacts"'),
        lambda text: text.replace('{"artifacts"', '{"PACK_NAME":"x","artifacts"'),
        lambda text: text.replace('"path"', '"Path"'),
        lambda text: text.replace('"alg"', '"ALG"'),
        lambda text: text.replace("gait.registry.pack", "gait.registry.park"),
        lambda text: text.replace('"1.0.0"', '"2.0.0"'),
        lambda text: text.replace("2026-11-22T21:00:00Z", "yesterday"),
        lambda text: text.replace('"pack_version":"1.1.0"', '"pack_version":1'),
        lambda text: text.replace('"publisher":"acme-sec"', '"publisher":null'),
        lambda text: text.replace('"policy.yaml"', "NaN"),
        lambda text: text.replace("a" * 64, "A" * 64),
        lambda text: text.replace('"acme-sec"', '"\\ud800"'),
        lambda text: text[:-2],
        lambda text: "\ufeff" + text,
        lambda text: "[" * 100_000,
        lambda text: "[]",
        lambda text: text.replace('"artifacts":[', '"artifacts":["x",'),
        lambda text: text.replace('"signatures":[', '"signatures":["x",'),
        lambda text: " " * 1_100_000 + text,
    ],
)
def test_ambiguous_and_malformed_packs_are_rejected(
    private_key: GaitPrivateKey, public_key: GaitPublicKey, edit: Callable[[str], str]
) -> None:
    """Where two readers could read two things, nothing is read (contract 0.4)."""
    text = edit(build(private_key).decode())
    result = verify_registry_pack(text.encode(), public_key)
    assert result.status == "rejected"
    assert result.reason


@settings(max_examples=150, deadline=None)
@given(data=st.one_of(st.binary(max_size=100), st.text('{}[]":,x01\\', max_size=60).map(str.encode)))
def test_no_input_makes_the_verifier_fail(data: bytes) -> None:
    """Whatever is not a pack is rejected."""
    assert verify_registry_pack(data, GaitPublicKey(bytes(32))).status == "rejected"


def test_pins_hold_the_digest(private_key: GaitPrivateKey, public_key: GaitPublicKey) -> None:
    """Written and read again; anything else is refused."""
    digest = verify_registry_pack(build(private_key), public_key).digest
    assert digest is not None
    assert pin_text(digest) == f"sha256:{digest}\n"
    assert read_pin(pin_text(digest).encode()) == digest
    for data in (b"", digest.encode(), b"sha256:" + digest.upper().encode(), b"\xff"):
        with pytest.raises(InvalidInputError) as caught:
            read_pin(data, "pins/x.pin")
        assert caught.value.code == "gait_pack.pin_malformed"
