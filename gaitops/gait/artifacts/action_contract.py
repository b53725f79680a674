# SPDX-License-Identifier: Apache-2.0
"""Action contracts: proposals of another product, and what Gait made of them by activation (Gait contract 9.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gaitops.gait.artifacts.digests import bare, digest_or_none
from gaitops.gait.artifacts.documents import expect_word, other_facts, refuse_unknown
from gaitops.gait.artifacts.facts import OtherFacts
from gaitops.gait.artifacts.fields import (
    SIGNATURE,
    Anything,
    Flag,
    Free,
    Integer,
    Obj,
    OptionalTime,
    Spec,
    Text,
    Texts,
    Time,
    checked,
    extras,
    project,
)
from gaitops.gait.artifacts.model import Inspection, Keyring, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, member, text
from gaitops.gait.artifacts.signatures import Judgement, judge_digests, signatures_of
from gaitops.gait.artifacts.times import moment
from gaitops.gait.quoting import quote

ACTIVATED: Final = "https://gait.dev/schemas/v1/activated-action-contract-artifact.schema.json"
PROPOSED: Final = "https://wrkr.dev/schemas/v1/proposed-action-contract-artifact.schema.json"
_VERSION: Final = "1"
_PREFIXED: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_ID_DIGITS: Final = 16
_BLANK_SIGNATURE: Final = {"alg": "", "key_id": "", "sig": ""}
"""What stands for the signature while the contract is digested."""

_IDS: Final = {
    "schema_id": Text(always=True),
    "schema_version": Text(always=True),
    "artifact_id": Text(always=True),
    "contract_id": Text(always=True),
    "contract_family_id": Text(always=True),
    "revision": Integer(always=True),
    "producer": Free(),
}
ACTION_CONTRACT: Final = Spec(
    **_IDS,
    proposal=Free(),
    policy_digest=Text(always=True),
    activating_principal=Text(always=True),
    authority_refs=Texts(always=True),
    target=Text(always=True),
    environment=Text(always=True),
    activation_mode=Text(always=True),
    validity=Obj(Spec(not_before=Time(), not_after=OptionalTime()), always=True),
    explicit_exceptions=Anything(always=True),
    report_only=Flag(always=True),
    development_signing=Flag(always=True),
    signature=Obj(SIGNATURE),
)
PROPOSAL: Final = Spec(
    **_IDS,
    source_scan_refs=Anything(),
    composition_refs=Anything(),
    resolution_key=Anything(),
    creation_evidence=Anything(),
    canonical_content_digest=Text(always=True),
    variant=Free(),
    report_only=Flag(always=True),
    contract=Free(),
)


def read(source: Source) -> Inspection:
    """Judge an activated contract. Whether it is in force depends on when somebody asks, and on the proposal."""
    value = checked(ACTION_CONTRACT, source.document)
    whole = _signable_digest(value)
    judgement = _judge(value, whole, source.keys)
    notes = Notes(judgement)
    notes.expect_schema(value, ACTIVATED, _VERSION, gait=True)
    refuse_unknown(notes, ACTION_CONTRACT, value)
    _check_id(notes, value, judgement, whole)
    expect_word(notes, value, "activation_mode", ("context_only", "enforce_floor", "required"))
    _expect_prefixed(notes, value, "policy_digest")
    if value.get("development_signing") is True:
        # The development key follows from a public constant: anybody can sign with it.
        notes.fails("contract.development_signing", "signed with the development key", gait=True)
    if value.get("report_only") is True:
        notes.forged("contract.report_only", "an activated contract is never report_only")
    validity = member(value, "validity")
    begins, ends = moment(validity.get("not_before")), moment(validity.get("not_after"))
    if begins is not None and ends is not None and ends <= begins:
        notes.notes("contract.never_valid", "not_after does not lie after not_before")
    return _concluded("action_contract", source, value, notes)


def read_proposal(source: Source) -> Inspection:
    """Judge a proposed contract. How its content digest is computed is the other product's matter."""
    value = checked(PROPOSAL, source.document)
    notes = Notes()
    notes.expect_schema(value, PROPOSED, _VERSION, gait=True)
    refuse_unknown(notes, PROPOSAL, value)
    _expect_prefixed(notes, value, "canonical_content_digest")
    if value.get("report_only") is not True:
        notes.forged("contract.report_only", "a proposal is always report_only")
    return _concluded("action_contract_proposal", source, value, notes)


def contract_artifact_id(signable_digest: str) -> str:
    """``artifact_id`` of an activated contract, from the digest that is signed."""
    return f"gact-{signable_digest[:_ID_DIGITS]}"


def _signable_digest(value: Mapping[str, object]) -> str | None:
    """Digest of the contract without id and signature, which are blank rather than absent (contract 0.3)."""
    return digest_or_none({**value, "artifact_id": "", "signature": _BLANK_SIGNATURE})


def _judge(value: Mapping[str, object], whole: str | None, keys: Keyring) -> Judgement:
    signatures = signatures_of(value, "signature")
    if not any(text(signature, "sig") for signature in signatures):
        return Judgement(Verdict.UNSIGNED, (), None)
    judgement = judge_digests(signatures, (whole, _signable_digest(project(ACTION_CONTRACT, value))), keys)
    if judgement.verdict is not Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS:
        return judgement
    return Judgement(judgement.verdict, judgement.findings, judgement.key_id, extras(ACTION_CONTRACT, value))


def _check_id(notes: Notes, value: Mapping[str, object], judgement: Judgement, whole: str | None) -> None:
    signed = text(member(value, "signature"), "signed_digest")
    derived = signed if judgement.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS else whole
    if derived is not None and text(value, "artifact_id") != contract_artifact_id(derived):
        message = f"artifact_id does not follow from the content, which gives {contract_artifact_id(derived)}"
        notes.forged("contract.id_mismatch", message)


def _expect_prefixed(notes: Notes, value: Mapping[str, object], name: str) -> None:
    if _PREFIXED.fullmatch(found := text(value, name)) is None:
        notes.forged("artifact.digest_shape", f"{name} is {quote(found)}, not sha256: and 64 hex digits")


def _concluded(kind: str, source: Source, value: Mapping[str, object], notes: Notes) -> Inspection:
    head = other_facts(value)
    facts = OtherFacts(
        head.schema_id,
        moment(member(value, "validity").get("not_before")),
        text(member(value, "producer"), "version"),
    )
    return notes.conclude(
        kind,
        source,
        ids={name: value.get(name) for name in ("artifact_id", "contract_id", "contract_family_id")},
        digests={
            "policy_digest": bare(value.get("policy_digest")),
            "canonical_content_digest": bare(value.get("canonical_content_digest")),
        },
        facts=facts,
    )
