# SPDX-License-Identifier: Apache-2.0
"""Whose signature holds over what (contract 0.2, 0.3).

A signature is made over 32 digest bytes. What was digested is either the object as it stands without its signatures, or
Gait's projection of it; both are tried, in this order. Only the first covers members that Gait does not know.

One valid signature of a registered key is enough. A digest that nobody signed fails without any key; a signature of
an unknown key over the right digest proves nothing and disproves nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.digests import HEX_DIGEST, digest_or_none
from gaitops.gait.artifacts.fields import SIGNATURE, Spec, extras, project
from gaitops.gait.artifacts.model import Effect, Finding, Keyring, Verdict
from gaitops.gait.gait_keys import GaitPublicKey
from gaitops.gait.quoting import quote

_SIGNATURE_BYTES: Final = 64
_MAX_SIGNATURES: Final = 64
"""More are not looked at: each may cost a curve operation."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the signatures of one artifact say."""

    verdict: Verdict
    """Verified, with or without extras; unsigned, unverifiable or failed. Never rejected."""
    findings: tuple[Finding, ...]
    key_id: str | None
    """Key whose signature holds, or else the first that is named."""
    extras: tuple[str, ...] = ()
    """Members that no signature covers; only where the verdict says that there are any."""


@dataclass(frozen=True, slots=True)
class _One:
    """Outcome for one signature: verified over the whole or the projection, unverifiable, or failed for a reason."""

    verdict: Verdict
    key_id: str
    code: str = ""
    message: str = ""
    whole: bool = False


def judge(value: Mapping[str, object], spec: Spec, keys: Keyring, *, member: str = "signature") -> Judgement:
    """Judge the signatures in ``member``, one object or a list of them, over the rest of ``value``.

    ``value`` must be :func:`~gaitops.gait.artifacts.fields.checked` by ``spec``. For other signable forms there is
    :func:`judge_digests`.
    """
    found = signatures_of(value, member)
    if not found:
        return judge_digests((), (), keys)
    content = dict(value)
    content.pop(member, None)
    whole = digest_or_none(content)
    if whole is not None and all(signature.get("signed_digest") == whole for signature in found):
        forms: tuple[str | None, ...] = (whole,)
    else:
        projected = project(spec, content)
        projected.pop(member, None)
        forms = (whole, digest_or_none(projected))
    judgement = judge_digests(found, forms, keys)
    if judgement.verdict is not Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS:
        return judgement
    names = (*extras(spec, content), *judgement.extras)
    return Judgement(judgement.verdict, judgement.findings, judgement.key_id, names)


def signatures_of(value: Mapping[str, object], member: str) -> tuple[Mapping[str, object], ...]:
    """The signature objects in ``member``, which may hold one, a list, ``null`` or nothing."""
    held = value.get(member)
    if isinstance(held, dict):
        return (held,)
    return tuple(item or {} for item in held) if isinstance(held, list) else ()


def judge_digests(
    signatures: Sequence[Mapping[str, object]], forms: Sequence[str | None], keys: Keyring
) -> Judgement:
    """Judge ``signatures``, whose members are checked, over hex digests that Gait may have signed.

    Args:
        signatures: objects of :data:`~gaitops.gait.artifacts.fields.SIGNATURE`.
        forms: digest of the whole content first, then of other forms that leave something out; ``None`` for a form
            that has no digest. Only the first covers everything.
        keys: the registered keys.
    """
    if not signatures:
        return Judgement(Verdict.UNSIGNED, (), None)
    outcomes = [_judge_one(signature, forms, keys) for signature in signatures[:_MAX_SIGNATURES]]
    findings = []
    if len(signatures) > _MAX_SIGNATURES:
        findings.append(
            Finding(
                "signature.too_many",
                f"{len(signatures)} signatures; only the first {_MAX_SIGNATURES} were looked at",
            )
        )
    good = [one for one in outcomes if one.verdict is Verdict.VERIFIED]
    best = next((one for one in good if one.whole), good[0] if good else None)
    if best is not None:
        findings += _notes(one for one in outcomes if one.verdict is Verdict.FAILED)
        unknown = _unknown(signatures)
        complete = best.whole and not unknown
        verdict = Verdict.VERIFIED if complete else Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
        return Judgement(verdict, tuple(findings), best.key_id, unknown)
    failed = [one for one in outcomes if one.verdict is Verdict.FAILED]
    for one in failed:
        findings.append(Finding(one.code, one.message, Effect.FAILS, gait=True))
    key_id = next((one.key_id for one in outcomes if one.key_id), None)
    if failed:
        return Judgement(Verdict.FAILED, tuple(findings), key_id)
    message = f"signed by {key_id or 'a key without a name'}, which is not registered"
    findings.append(Finding("signature.unknown_key", message))
    return Judgement(Verdict.UNVERIFIABLE, tuple(findings), key_id)


def _judge_one(signature: Mapping[str, object], forms: Sequence[str | None], keys: Keyring) -> _One:
    alg, key_id, sig, signed = (
        str(signature.get(name) or "") for name in ("alg", "key_id", "sig", "signed_digest")
    )

    def failed(code: str, message: str) -> _One:
        return _One(Verdict.FAILED, key_id, code, message)

    if not sig:
        return failed("signature.missing", "the signature has no sig")
    if not signed:
        return failed("signature.digest_missing", "the signature names no signed_digest")
    if signed not in forms:
        expected = next((form for form in forms if form), "none")
        return failed(
            "signature.digest_mismatch", f"the content has digest {expected}, signed was {quote(signed)}"
        )
    if alg != "ed25519":
        return failed("signature.algorithm", f"the algorithm is {quote(alg)}, not ed25519")
    raw = _decoded(sig)
    if raw is None:
        return failed("signature.malformed", "sig is not base64 of 64 bytes")
    if key_id and HEX_DIGEST.fullmatch(key_id) is None:
        return failed("signature.key_id_malformed", f"{quote(key_id)} is not a key id")
    key = keys.get(key_id) if key_id else _key_of(raw, signed, keys)
    if key is None:
        return _One(Verdict.UNVERIFIABLE, key_id)
    if key_id and not key.verifies(raw, bytes.fromhex(signed)):
        return failed("signature.invalid", f"the signature is not one of {key_id}")
    return _One(Verdict.VERIFIED, key_id or key.key_id, whole=signed == forms[0])


def _key_of(raw: bytes, signed: str, keys: Keyring) -> GaitPublicKey | None:
    """The registered key that made a signature without a key id, which Gait tolerates."""
    digest = bytes.fromhex(signed)
    return next((key for key in keys if key.verifies(raw, digest)), None)


def _decoded(sig: str) -> bytes | None:
    try:
        # Gait's decoder skips line ends inside base64.
        raw = base64.b64decode(sig.replace("\r", "").replace("\n", ""), validate=True)
    except ValueError:
        return None
    return raw if len(raw) == _SIGNATURE_BYTES else None


def _notes(outcomes: Iterable[_One]) -> list[Finding]:
    return [
        Finding("signature.other_invalid", f"another signature does not hold: {one.message}")
        for one in outcomes
    ]


def _unknown(signatures: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """Members of signatures that Gait does not know: a signature never covers itself."""
    return tuple(
        f"signature.{name}" for signature in signatures for name in signature if name not in SIGNATURE.names
    )
