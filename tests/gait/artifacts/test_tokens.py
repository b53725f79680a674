# SPDX-License-Identifier: Apache-2.0
"""Approval and delegation tokens: every golden vector, and what is noted of a token."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gaitops.gait.artifacts.facts import TokenFacts
from gaitops.gait.artifacts.model import PROVEN, Inspection, Verdict
from gaitops.gait.artifacts.tokens import WRONG_KEY, standing
from tests.gait.artifacts.documents import judged, key_id, named, signature_over, signed
from tests.gait.artifacts.vectors import VECTORS, codes, lines

Json = dict[str, Any]


def cases(file: str, key: str) -> list[Any]:
    """Text, what is known of it, and the key of its role, for every token of a vector file."""
    return [
        pytest.param(text, facts, line[key], id=f"{line['name']}-{index}")
        for line in lines(file)
        for index, (text, facts) in enumerate(zip(line["tokens"], line["token_facts"], strict=True))
    ]


TOKENS = [
    *cases("approvals.jsonl", "approval_public_key"),
    *cases("delegations.jsonl", "delegation_public_key"),
]


def token(name: str, file: str = "approvals.jsonl", **changes: Any) -> Json:
    """The first token of a line, changed."""
    return {**json.loads(named(name, file)["tokens"][0]), **changes}


def resigned(name: str, file: str = "approvals.jsonl", **changes: Any) -> Inspection:
    """The inspection of a changed token that a registered key signed after the change."""
    changed = token(name, file, **changes)
    changed.pop("signature")
    return judged(signed(changed))


@pytest.mark.parametrize(("text", "known", "role_key"), TOKENS)
def test_every_token_has_the_standing_of_its_vector(text: str, known: Json, role_key: str) -> None:
    """Verified by the key of its role, by another registered key, or not at all."""
    inspection = judged(text)
    expected = known.get("signature", "rejected")
    assert standing(inspection, {key_id(role_key)}) == expected, inspection.findings


@pytest.mark.parametrize(("text", "known", "role_key"), TOKENS)
def test_what_is_noted_of_every_token(text: str, known: Json, role_key: str) -> None:
    """Ids that do not follow, wildcards and lifetimes are those of the vectors; they change no verdict."""
    inspection = judged(text)
    if "rejected" in known:
        assert (inspection.verdict, inspection.facts) == (Verdict.REJECTED, None)
        return
    facts = inspection.facts
    assert isinstance(facts, TokenFacts)
    assert facts.token_id == inspection.ids["token_id"] == known["token_id"]
    assert ("token.id_not_derived" in codes(inspection)) is not known["token_id_derived"]
    assert ("token.wildcard_scope" in codes(inspection)) is ("*" in facts.scope)
    if "ttl_seconds" in known:
        assert facts.created_at is not None
        assert facts.expires_at is not None
        assert int((facts.expires_at - facts.created_at).total_seconds()) == known["ttl_seconds"]
        assert ("token.long_lived" in codes(inspection)) is (known["ttl_seconds"] > 3600)


@pytest.mark.parametrize(("text", "known", "role_key"), TOKENS)
def test_gaits_verdict_over_delegation_tokens(text: str, known: Json, role_key: str) -> None:
    """``gait_verdict`` is verified where the program verified the token, apart from its end."""
    if "gait_delegate_verify_exit" in known:
        expired = known["expired_at_evaluation"]
        accepted = judged(text).gait_verdict in PROVEN
        assert (accepted and not expired) == (known["gait_delegate_verify_exit"] == 0)


def test_facts_of_an_approval() -> None:
    """Who approved what for how long."""
    facts = judged(token("limits-kept")).facts
    assert isinstance(facts, TokenFacts)
    assert (facts.form, facts.approver, facts.delegate) == ("approval", "ines@larkspur.example", "")
    assert facts.scope == ("tool:catalog.publish",)
    assert facts.max_targets > 0
    assert facts.max_ops > 0
    assert facts.policy_digest


def test_facts_of_a_delegation() -> None:
    """Who may act for whom."""
    inspection = judged(token("bound", "delegations.jsonl"))
    facts = inspection.facts
    assert isinstance(facts, TokenFacts)
    assert (facts.form, facts.approver, facts.delegate) == (
        "delegation",
        "agent.support-copilot",
        "svc-cart",
    )
    assert inspection.digests["intent_digest"] == facts.intent_digest
    assert facts.expires_at is not None
    assert facts.expires_at.tzinfo is UTC
    assert facts.expires_at > datetime(2026, 10, 6, tzinfo=UTC)


def test_approval_tokens_of_the_fleet_are_verified() -> None:
    """Every token of two weeks is signed by the change desk, and its id follows from its fields."""
    texts = [
        json.loads(line)["text"]
        for file in sorted((VECTORS / "fleet").glob("*/approval_tokens.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    approvers = {key_id("keys/change-desk_public.key")}
    assert len(texts) > 100
    for text in texts:
        inspection = judged(text)
        assert standing(inspection, approvers) == "verified"
        assert codes(inspection) <= {"token.long_lived"}


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_id": "gait.gate.trace"},
        {"schema_version": "2.0.0"},
        {"intent_digest": "A" * 64},
        {"policy_digest": "sha256:" + "a" * 64},
        {"delegation_binding_digest": "x"},
    ],
)
def test_what_gait_does_not_write_is_rejected_though_signed(changes: Json) -> None:
    """A registered key that signs another schema or a digest of another shape is not Gait."""
    inspection = resigned("granted", **changes)
    assert (inspection.verdict, inspection.facts) == (Verdict.REJECTED, None)


def test_a_token_that_nobody_signed_but_has_a_wrong_digest_fails() -> None:
    """Without a valid signature it is not intact."""
    changed = token("granted", intent_digest="A" * 64)
    changed.pop("signature")
    assert judged(changed).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("expires_at", "expected"),
    [("0001-01-01T00:00:00Z", True), ("2026-10-06T07:01:59Z", True), ("2026-10-06T07:02:30Z", False)],
)
def test_tokens_that_are_never_valid(expires_at: str, expected: bool) -> None:
    """No end is read as expired by Gait; an end before the beginning leaves nothing."""
    inspection = resigned("granted", expires_at=expires_at)
    assert ("token.never_valid" in codes(inspection)) is expected
    assert inspection.verdict is Verdict.VERIFIED


def test_ids_follow_from_times_in_any_spelling() -> None:
    """A time with needless zeros is read as Gait writes it; it is an extra, and the id still follows."""
    changed = token("granted")
    changed["expires_at"] = changed["expires_at"].replace("Z", "0Z")
    assert "token.id_not_derived" not in codes(judged(changed))


def test_unsigned_extras_of_a_token_are_told_apart() -> None:
    """A member that the signature does not cover is reported and never read."""
    inspection = judged(token("granted", on_behalf_of="mallory"))
    assert inspection.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert "artifact.unsigned_extras" in codes(inspection)
    assert inspection.facts == judged(token("granted")).facts


def test_a_proven_token_of_another_role_is_named_so_with_extras_too() -> None:
    """Extras do not hide that the key was the wrong one."""
    inspection = judged(token("granted", note="x"))
    assert standing(inspection, set()) == WRONG_KEY
    assert standing(inspection, {str(inspection.key_id)}) == "verified_with_unsigned_extras"


def test_a_signature_over_something_else_fails() -> None:
    """The digest must be that of this token."""
    assert judged(token("granted", signature=signature_over("0" * 64))).verdict is Verdict.FAILED
