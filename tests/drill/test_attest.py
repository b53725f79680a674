# SPDX-License-Identifier: Apache-2.0
"""The signed report: its form, its subjects, and whose signature stands for it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gaitops.documents.models.drill import DoneCommand, DrillReport, Finding, Proof, Step
from gaitops.documents.schema import schema
from gaitops.drill.attest import PREDICATE_TYPE, read_report, sealed_report, signed_by, signed_with
from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.signing.dsse import seal
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject, parse_statement
from tests.simulator import Actor, World, document, principal_document


def report(**changes: Any) -> DrillReport:
    """A small report; ``changes`` by name."""
    proof = Proof(claim="it holds", proven=True, observed="seen")
    step = Step(
        number=1, title="Begin", commands=(DoneCommand(line="gaitops verify", exit_code=0),), proofs=(proof,)
    )
    members: dict[str, Any] = {
        "drill": "rotate-root",
        "fleet": "larkspur",
        "trust_root": "a" * 64,
        "root_version": 1,
        "commit": "b" * 40,
        "gaitops_version": "0.1.0",
        "started_at": "2026-11-01T12:00:00Z",
        "passed": True,
        "findings": (Finding(severity="note", about="root-reserve", text="one may be lost"),),
        "steps": (step,),
    }
    return DrillReport(**{**members, **changes})


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fleet in which gus has a key that ends."""
    extra = {"trust/principals/gus.yaml": principal_document(Actor("gus"), validUntil="2026-11-01T10:00:00Z")}
    return World(tmp_path / "fleet", extra={path: text.encode() for path, text in extra.items()})


def about(world: World, **changes: Any) -> DrillReport:
    """A report about this fleet."""
    return report(trust_root=world.trust_root, commit=world.head(), **changes)


def test_a_report_is_read_back_as_it_was(tmp_path: Path) -> None:
    """The envelope holds an in-toto statement about commit and trust root, and nothing is lost on the way."""
    data = sealed_report(report(principal="dana"), Actor("alice").signer)
    signed = read_report(data, "drill.json")
    assert signed.report == report(principal="dana")
    signed_with(signed, Actor("alice").signer.public_key)
    statement = parse_statement(signed.envelope.payload)
    assert statement.predicate_type == PREDICATE_TYPE
    assert [dict(item.digest) for item in statement.subjects] == [
        {"gitCommit": "b" * 40},
        {"sha256": "a" * 64},
    ]
    jsonschema.Draft202012Validator(schema("DrillReport")).validate(statement.predicate)


def test_the_bytes_depend_on_nothing_but_report_and_key() -> None:
    """Signing twice gives the same file."""
    assert sealed_report(report(), Actor("alice").signer) == sealed_report(report(), Actor("alice").signer)


def test_another_key_is_refused() -> None:
    """A signature by somebody else proves nothing."""
    signed = read_report(sealed_report(report(), Actor("mallory").signer), "drill.json")
    with pytest.raises(VerificationError) as caught:
        signed_with(signed, Actor("alice").signer.public_key)
    assert caught.value.code == "drill.signer"


def _altered(
    change: dict[str, Any], subjects: tuple[Subject, ...] | None = None, kind: str = PREDICATE_TYPE
) -> bytes:
    statement = parse_statement(
        read_report(sealed_report(report(), Actor("alice").signer), "r").envelope.payload
    )
    other = Statement(subjects or statement.subjects, kind, {**statement.predicate, **change})
    return seal(PAYLOAD_TYPE, other.to_bytes(), [Actor("alice").signer])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_altered({"passed": "yes"}), "predicate.passed"),
        (_altered({"extra": 1}), "predicate.extra"),
        (_altered({"root_version": 1}), "predicate.root_version"),
        (_altered({"drill": "another"}), "predicate.drill"),
        (_altered({}, kind="https://example.com/other"), "expected a statement with predicate"),
        (_altered({}, (Subject("larkspur", {"gitCommit": "c" * 40}),)), "the subjects are not"),
        (_altered({"commit": "c" * 40}), "the subjects are not"),
    ],
)
def test_what_is_no_report_is_refused(data: bytes, message: str) -> None:
    """Members that are wrong, unknown or about something else, also when they are signed."""
    with pytest.raises(InvalidInputError) as caught:
        read_report(data, "drill.json")
    assert caught.value.code == "drill.report"
    assert message in caught.value.problems[0].message


def test_an_envelope_of_another_type_is_refused() -> None:
    """A payload type that says something else is not read as a statement of a drill."""
    payload = read_report(sealed_report(report(), Actor("alice").signer), "r").envelope.payload
    with pytest.raises(InvalidInputError) as caught:
        read_report(seal("application/json", payload, [Actor("alice").signer]), "drill.json")
    assert caught.value.code == "drill.report"


def test_an_altered_payload_is_signed_by_nobody(world: World) -> None:
    """Whoever changes a byte of the payload loses the signature."""
    value = json.loads(sealed_report(about(world), Actor("alice").signer))
    other = json.loads(sealed_report(about(world, passed=False), Actor("alice").signer))
    value["payload"] = other["payload"]
    assert _refusal(world, json.dumps(value).encode()) == "drill.signer"


def test_a_principal_stands_for_a_report(world: World) -> None:
    """With the repository the signer is a principal of verified state."""
    signed = read_report(sealed_report(about(world), Actor("bob").signer), "drill.json")
    with world.history() as history:
        identity = signed_by(signed, history)
    assert identity.principal == "bob"


def _refusal(world: World, data: bytes) -> str:
    with pytest.raises(GaitopsError) as caught, world.history() as history:
        signed_by(read_report(data, "drill.json"), history)
    return caught.value.code


def test_a_stranger_stands_for_nothing(world: World) -> None:
    """A key that verified state does not list is nobody's."""
    assert _refusal(world, sealed_report(about(world), Actor("mallory").signer)) == "drill.signer"


@pytest.mark.parametrize("change", [{"trust_root": "a" * 64}, {"commit": "c" * 40}])
def test_a_report_about_another_fleet_is_refused(world: World, change: dict[str, str]) -> None:
    """Trust root and commit must be of this history."""
    other = about(world).model_copy(update=change)
    assert _refusal(world, sealed_report(other, Actor("alice").signer)) == "drill.other_fleet"


def test_an_identity_that_had_ended_is_refused(world: World) -> None:
    """It must have been valid when the drill began."""
    assert _refusal(world, sealed_report(about(world), Actor("gus").signer)) == "identity.expired"


@pytest.mark.parametrize(("cause", "refused"), [("retired", False), ("compromised", True)])
def test_revoked_signers(world: World, cause: str, refused: bool) -> None:
    """A retired key still stands for what it signed, a compromised one for nothing."""
    dora = Actor("dora")
    world.now -= timedelta(0)
    world.land(
        {"trust/principals/dora.yaml": principal_document(dora)}, by="alice", approvers=("alice", "bob")
    )
    with world.history() as history:
        keys = history.fold.people(()).identities_of("dora")
    identity = {"principal": "dora", "fingerprint": keys[0].fingerprint}
    spec = {"revokes": "identity", "cause": cause, "identity": identity, "reason": "drill"}
    world.land(
        {"trust/revocations/dora.yaml": document("Revocation", "dora", spec)}, by="alice", approvers=("bob",)
    )
    assert world.verify().verified
    data = sealed_report(about(world), dora.signer)
    if refused:
        assert _refusal(world, data) == "identity.revoked"
    else:
        with world.history() as history:
            assert signed_by(read_report(data, "drill.json"), history).principal == "dora"
