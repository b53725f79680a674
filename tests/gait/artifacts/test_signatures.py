# SPDX-License-Identifier: Apache-2.0
"""Signatures of our own making: over the whole, over Gait's projection, by one key of several, by nobody we know."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.fields import SIGNATURE, Obj, Objs, Spec, Text, Time, project
from gaitops.gait.artifacts.model import Keyring, Verdict
from gaitops.gait.artifacts.signatures import Judgement, judge
from gaitops.gait.gait_keys import GaitPrivateKey, read_private_key

SPEC = Spec(
    id=Text(always=True), note=Text(), at=Time(), signature=Obj(SIGNATURE), signatures=Objs(SIGNATURE)
)


def key(number: int) -> GaitPrivateKey:
    """A key pair made from a number."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = bytes([number]) * 32
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return read_private_key(base64.b64encode(seed + public))


ONE, TWO, STRANGER = key(1), key(2), key(3)
KEYS = Keyring([ONE.public, TWO.public])
CONTENT = {"id": "x", "at": "2026-04-02T08:00:00Z"}


def signed(content: dict[str, Any], private: GaitPrivateKey = ONE, **changes: str) -> dict[str, Any]:
    """A signature object over ``content``, with ``changes``."""
    signed_digest = digest(content)
    sig = base64.b64encode(private.sign(bytes.fromhex(signed_digest))).decode()
    return {
        "alg": "ed25519",
        "key_id": private.public.key_id,
        "sig": sig,
        "signed_digest": signed_digest,
    } | changes


def judged(value: dict[str, Any], member: str = "signature") -> Judgement:
    """The judgement by both registered keys."""
    return judge(value, SPEC, KEYS, member=member)


def test_a_signature_over_everything() -> None:
    """The object as it stands was signed, also with members that are new since: those are covered."""
    for content in (CONTENT, CONTENT | {"added_later": [1, 2]}):
        found = judged(content | {"signature": signed(content)})
        assert (found.verdict, found.key_id, found.extras) == (Verdict.VERIFIED, ONE.public.key_id, ())


def test_a_signature_over_what_gait_knows() -> None:
    """What was added to the file after signing is told apart by name."""
    value = CONTENT | {"note": "", "new": True, "signature": signed(CONTENT) | {"comment": "hi"}}
    found = judged(value)
    assert found.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert set(found.extras) == {"note", "new", "signature.comment"}


def test_an_offset_that_gait_rewrites_is_an_extra() -> None:
    """The projection was signed; the file spells a time differently."""
    value = CONTENT | {"at": "2026-04-02T08:00:00.0+00:00"}
    assert project(SPEC, value) == CONTENT
    assert judged(value | {"signature": signed(CONTENT)}).extras == ("at",)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sig": ""}, "signature.missing"),
        ({"signed_digest": ""}, "signature.digest_missing"),
        ({"signed_digest": digest({})}, "signature.digest_mismatch"),
        ({"alg": "Ed25519"}, "signature.algorithm"),
        ({"sig": "AAAA"}, "signature.malformed"),
        ({"sig": "*" * 88}, "signature.malformed"),
        ({"key_id": "ABC"}, "signature.key_id_malformed"),
        ({"key_id": TWO.public.key_id}, "signature.invalid"),
        ({"sig": base64.b64encode(bytes(64)).decode()}, "signature.invalid"),
    ],
)
def test_a_signature_that_does_not_hold(changes: dict[str, str], code: str) -> None:
    """Each fault has its code, and Gait refuses it too."""
    found = judged(CONTENT | {"signature": signed(CONTENT, ONE, **changes)})
    assert (found.verdict, [(finding.code, finding.gait) for finding in found.findings]) == (
        Verdict.FAILED,
        [(code, True)],
    )


def test_an_unknown_key_proves_nothing_but_a_wrong_digest_disproves() -> None:
    """Without its key a signature is unverifiable; that the content is not what was signed needs no key."""
    assert judged(CONTENT | {"signature": signed(CONTENT, STRANGER)}).verdict is Verdict.UNVERIFIABLE
    assert judged(CONTENT | {"id": "y", "signature": signed(CONTENT, STRANGER)}).verdict is Verdict.FAILED


def test_line_ends_in_base64_and_an_empty_key_id_are_tolerated_as_gait_does() -> None:
    """Gait's decoder skips line ends; a signature without a key id is tried with every registered key."""
    signature = signed(CONTENT, TWO, key_id="")
    signature["sig"] = signature["sig"][:40] + "\r\n" + signature["sig"][40:]
    found = judged(CONTENT | {"signature": signature})
    assert (found.verdict, found.key_id) == (Verdict.VERIFIED, TWO.public.key_id)
    stranger = judged(CONTENT | {"signature": signed(CONTENT, STRANGER, key_id="")})
    assert (stranger.verdict, stranger.key_id) == (Verdict.UNVERIFIABLE, None)


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([], Verdict.VERIFIED),
        ([signed(CONTENT, STRANGER)], Verdict.VERIFIED),
        ([signed(CONTENT, TWO, sig="AAAA")], Verdict.VERIFIED),
        ([None], Verdict.VERIFIED),
    ],
)
def test_one_good_signature_of_several_is_enough(others: list[Any], verdict: Verdict) -> None:
    """What does not hold beside it is noted."""
    for order in ([signed(CONTENT), *others], [*others, signed(CONTENT)]):
        found = judged(CONTENT | {"signatures": order}, "signatures")
        assert found.verdict is verdict
        assert {finding.code for finding in found.findings} <= {"signature.other_invalid"}


def test_several_signatures_of_which_none_is_good() -> None:
    """One that fails outweighs one that nobody can check."""
    value = CONTENT | {"signatures": [signed(CONTENT, STRANGER), signed(CONTENT, ONE, sig="AAAA")]}
    assert judged(value, "signatures").verdict is Verdict.FAILED


@pytest.mark.parametrize("nothing", [{}, {"signature": None}, {"signatures": []}, {"signatures": None}])
def test_no_signature(nothing: dict[str, Any]) -> None:
    """Absent, null and an empty list are no signature; an empty object is one that does not hold."""
    assert judged(CONTENT | nothing, next(iter(nothing), "signature")).verdict is Verdict.UNSIGNED
    assert judged(CONTENT | {"signature": {}}).verdict is Verdict.FAILED


def test_thousands_of_signatures_cost_no_more_than_a_few() -> None:
    """Only the first are looked at, and that is told."""
    value = CONTENT | {"signatures": [signed(CONTENT, ONE, sig="AAAA")] * 5_000}
    found = judged(value, "signatures")
    assert found.verdict is Verdict.FAILED
    assert found.findings[0].code == "signature.too_many"
    assert len(found.findings) < 100
