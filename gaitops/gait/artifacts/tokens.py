# SPDX-License-Identifier: Apache-2.0
"""Approval and delegation tokens (Gait contract 5.4, 5.6).

A token is good for one intent under one policy, or for one pair of identities, until it expires. Gait checks neither its
id nor its lifetime, and takes it any number of times. All of that is reported here and changes no verdict: a token
that Gait grants is not called broken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from gaitops.gait.artifacts.digests import bare, short_id
from gaitops.gait.artifacts.documents import HEAD, expect_digest
from gaitops.gait.artifacts.facts import TokenFacts
from gaitops.gait.artifacts.fields import SIGNATURE, Integer, Obj, Spec, Text, Texts, Time, checked
from gaitops.gait.artifacts.model import PROVEN, Inspection, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, number, text, texts
from gaitops.gait.artifacts.signatures import judge
from gaitops.gait.artifacts.times import moment, written

LONG_LIFE_SECONDS: Final = 3_600
"""Longest life that Gait's approval runbook recommends (contract 11); high risk asks for half of it or less."""
WRONG_KEY: Final = "verified_with_other_key"
"""Standing of a token that a registered key signed which may not sign such tokens."""

APPROVAL_TOKEN: Final = Spec(
    **HEAD,
    token_id=Text(always=True),
    approver_identity=Text(always=True),
    reason_code=Text(always=True),
    intent_digest=Text(always=True),
    policy_digest=Text(always=True),
    delegation_binding_digest=Text(),
    scope=Texts(always=True),
    max_targets=Integer(),
    max_ops=Integer(),
    expires_at=Time(),
    signature=Obj(SIGNATURE),
)
DELEGATION_TOKEN: Final = Spec(
    **HEAD,
    token_id=Text(always=True),
    delegator_identity=Text(always=True),
    delegate_identity=Text(always=True),
    scope=Texts(always=True),
    scope_class=Text(),
    intent_digest=Text(),
    policy_digest=Text(),
    expires_at=Time(),
    signature=Obj(SIGNATURE),
)


def approval_token_id(token: Mapping[str, object]) -> str:
    """The id that follows from the fields of an approval token (contract 5.4)."""
    return short_id(
        *(
            text(token, name)
            for name in ("intent_digest", "policy_digest", "approver_identity", "reason_code")
        ),
        ",".join(texts(token, "scope")),
        str(number(token, "max_targets")),
        str(number(token, "max_ops")),
        written(text(token, "expires_at")),
    )


def delegation_token_id(token: Mapping[str, object]) -> str:
    """The id that follows from the fields of a delegation token (contract 5.6)."""
    return short_id(
        text(token, "delegator_identity"),
        text(token, "delegate_identity"),
        ",".join(texts(token, "scope")),
        *(text(token, name) for name in ("scope_class", "intent_digest", "policy_digest")),
        written(text(token, "expires_at")),
    )


def standing(inspection: Inspection, role_keys: Collection[str]) -> str:
    """The verdict over a token, or :data:`WRONG_KEY` when it is proven by a key that is not one of ``role_keys``.

    Which key may approve and which may delegate is not in the token. Gait is given one key per role.

    Args:
        inspection: of a token, with all registered keys at hand.
        role_keys: ids of the keys that may sign tokens of its form.
    """
    if inspection.verdict in PROVEN and inspection.key_id not in role_keys:
        return WRONG_KEY
    return inspection.verdict.value


def read_approval(source: Source) -> Inspection:
    """Judge an approval token."""
    token = checked(APPROVAL_TOKEN, source.document)
    notes = Notes(judge(token, APPROVAL_TOKEN, source.keys))
    _expect_schema(notes, token, "gait.gate.approval_token")
    expect_digest(notes, token, "intent_digest", "policy_digest")
    expect_digest(notes, token, "delegation_binding_digest", optional=True)
    return _concluded("approval", source, token, notes, approval_token_id(token))


def read_delegation(source: Source) -> Inspection:
    """Judge a delegation token."""
    token = checked(DELEGATION_TOKEN, source.document)
    notes = Notes(judge(token, DELEGATION_TOKEN, source.keys))
    _expect_schema(notes, token, "gait.gate.delegation_token")
    expect_digest(notes, token, "intent_digest", "policy_digest", optional=True)
    return _concluded("delegation", source, token, notes, delegation_token_id(token))


def _expect_schema(notes: Notes, token: Mapping[str, object], schema_id: str) -> None:
    """Gait looks at the schema first; where the signature does not hold either, that says more."""
    notes.expect_schema(token, schema_id, gait=notes.judgement.verdict is not Verdict.FAILED)


def _concluded(
    form: str, source: Source, token: Mapping[str, object], notes: Notes, derived: str
) -> Inspection:
    facts = TokenFacts(
        form=form,
        token_id=text(token, "token_id"),
        approver=text(token, "approver_identity" if form == "approval" else "delegator_identity"),
        delegate=text(token, "delegate_identity"),
        reason_code=text(token, "reason_code"),
        intent_digest=text(token, "intent_digest"),
        policy_digest=text(token, "policy_digest"),
        scope=texts(token, "scope"),
        created_at=moment(token.get("created_at")),
        expires_at=moment(token.get("expires_at")),
        max_targets=number(token, "max_targets"),
        max_ops=number(token, "max_ops"),
    )
    if facts.token_id != derived:
        notes.notes("token.id_not_derived", f"token_id does not follow from the fields, which give {derived}")
    if "*" in facts.scope:
        notes.notes("token.wildcard_scope", "the scope is everything")
    _note_life(notes, facts)
    return notes.conclude(
        f"{form}_token",
        source,
        ids={"token_id": facts.token_id},
        digests={
            "intent_digest": bare(facts.intent_digest),
            "policy_digest": bare(facts.policy_digest),
            "delegation_binding_digest": bare(token.get("delegation_binding_digest")),
        },
        facts=facts,
    )


def _note_life(notes: Notes, token: TokenFacts) -> None:
    """Whether a token has expired depends on when somebody asks, and is not said here."""
    if token.expires_at is None:
        notes.notes("token.never_valid", "the token has no end, which Gait reads as expired")
    elif token.created_at is not None:
        seconds = int((token.expires_at - token.created_at).total_seconds())
        if seconds <= 0:
            notes.notes("token.never_valid", "the token ends before it begins")
        elif seconds > LONG_LIFE_SECONDS:
            message = f"valid for {seconds} s; at most {LONG_LIFE_SECONDS} s are recommended"
            notes.notes("token.long_lived", message)
