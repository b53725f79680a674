# SPDX-License-Identifier: Apache-2.0
"""The signed verification summary: what it says, and when it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from gaitops.conformance.model import RepositoryResult
from gaitops.conformance.vsa import (
    OURS,
    VSA_TYPE,
    Expected,
    VerifiedSummary,
    summary_statement,
    verify_summary,
)
from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.pin.require import Require
from gaitops.signing.dsse import seal
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject
from tests.conformance.conformance_builder import DAY, NOT_CONSUMER, NOW, Consumer, waived
from tests.release.release_builder import PAY, signer

FIXTURES = "regress.fixtures"


def failing() -> Consumer:
    """A consumer without regress fixtures."""
    consumer = Consumer()
    del consumer.files["gait.yaml"]
    return consumer


def expected(**members: Any) -> Expected:
    """What whoever asks wants to know about."""
    consumer = Consumer()
    values = {"trust_root": consumer.trust_root, "repository": PAY, "environment": "production", "at": NOW}
    return Expected(**{**values, **members})


def sealed(
    result: RepositoryResult, key: str = "ci", edit: Callable[[dict[str, Any]], object] | None = None
) -> bytes:
    """The summary of a result, signed; ``edit`` changes its predicate first."""
    statement = summary_statement(result, "1.2.3")
    predicate = dict(statement.predicate)
    if edit is not None:
        edit(predicate)
    return seal(PAYLOAD_TYPE, Statement(statement.subjects, VSA_TYPE, predicate).to_bytes(), [signer(key)])


def verified(data: bytes, want: Expected | None = None) -> VerifiedSummary:
    """Verified by somebody who trusts the key of ``ci``."""
    return verify_summary(data, [signer("other").public_key, signer("ci").public_key], want or expected())


def refused(data: bytes, code: str, want: Expected | None = None) -> GaitopsError:
    """The summary does not count, for this reason."""
    with pytest.raises(VerificationError) as error:
        verified(data, want)
    assert error.value.code == code, error.value
    return error.value


def test_says_what_slsa_asks() -> None:
    """Every required member of a verification summary 1.x is there, and says what the result says."""
    result = Consumer().judge()
    statement = summary_statement(result, "1.2.3")
    predicate = dict(statement.predicate)
    assert statement.predicate_type == "https://slsa.dev/verification_summary/v1"
    assert statement.subjects == (Subject(PAY, {"gitCommit": "c" * 40}),)
    assert predicate["verifier"] == {"id": "https://gaitops.dev/conformance", "version": {"gaitops": "1.2.3"}}
    assert predicate["resourceUri"] == "git+https://github.com/acme/pay"
    assert predicate["timeVerified"] == result.to_json()["at"]
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["GAITOPS_CONFORMANT_WITH_UNKNOWNS"]
    enforced = result.requirement.enforced if result.requirement else None
    assert enforced is not None
    assert predicate["policy"] == {"uri": "gaitops:acme/guard@1.0.0", "digest": {"sha256": enforced.digest}}
    inputs = {item["uri"] for item in predicate["inputAttestations"]}  # type: ignore[attr-defined]
    assert ".gaitops/release.dsse.json" in inputs


def test_levels() -> None:
    """A failure reaches no level; a result without unknowns reaches the whole one."""
    assert summary_statement(failing().judge(), "1").predicate["verifiedLevels"] == ["FAILED"]
    waivers = [waived("evidence.recent"), waived("evidence.verifiable", name="v")]
    whole = Consumer().judge(waivers=waivers)
    assert summary_statement(whole, "1").predicate["verifiedLevels"] == ["GAITOPS_CONFORMANT"]


def test_nothing_required() -> None:
    """A repository of which nobody knows what is required has a failed summary without a policy digest."""
    statement = summary_statement(Consumer({}).judge(release=None), "1")
    assert statement.predicate["policy"] == {"uri": "gaitops:unassigned"}
    assert statement.predicate["verificationResult"] == "FAILED"


def test_round_trip() -> None:
    """Whoever verifies it gets the result back."""
    for result in (Consumer().judge(), failing().judge(), failing().judge(waivers=[waived(FIXTURES)])):
        found = verified(sealed(result))
        assert found.result == result
        assert found.verifier_version == "1.2.3"


def test_working_tree() -> None:
    """There is no statement about files that nobody committed."""
    with pytest.raises(InvalidInputError) as error:
        summary_statement(replace(Consumer().judge(), commit=None), "1")
    assert error.value.code == "conformance.no_commit"


@pytest.mark.parametrize("data", [b"junk", b"{}", b'{"payload": "", "payloadType": "x", "signatures": []}'])
def test_no_envelope(data: bytes) -> None:
    """Bytes that nobody signed do not count."""
    refused(data, "signature.invalid")


def test_unknown_verifier() -> None:
    """A key that the caller does not trust is nobody."""
    refused(sealed(Consumer().judge(), key="eve"), "signature.invalid")


def test_other_statement() -> None:
    """A statement of another type, genuinely signed, is no summary."""
    payload = Statement((Subject("x", {"sha256": "00" * 32}),), "https://example.com/v1", {}).to_bytes()
    refused(seal(PAYLOAD_TYPE, payload, [signer("ci")]), "statement.invalid")


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda p: p.update(verificationResult="PASSED"), id="result"),
        pytest.param(lambda p: p.update(verifiedLevels=["GAITOPS_CONFORMANT"]), id="levels"),
        pytest.param(lambda p: p.update(timeVerified="2031-01-01T00:00:00Z"), id="time"),
        pytest.param(lambda p: p.update(resourceUri="git+https://github.com/acme/other"), id="resource"),
        pytest.param(lambda p: p.update(policy={"uri": "gaitops:acme/guard@9.9.9"}), id="policy"),
        pytest.param(lambda p: p.pop(OURS), id="without the result"),
        pytest.param(lambda p: p.update({OURS: {**p[OURS], "commit": "d" * 40}}), id="commit"),
        pytest.param(lambda p: p.update({OURS: {**p[OURS], "controls": 3}}), id="no result"),
    ],
)
def test_contradiction(edit: Callable[[dict[str, Any]], object]) -> None:
    """SLSA's words must follow from the result: nobody can be shown a pass where another reader sees a failure."""
    refused(sealed(failing().judge(), edit=edit), "statement.invalid")


@pytest.mark.parametrize(
    "want",
    [
        {"trust_root": "00" * 32},
        {"repository": NOT_CONSUMER},
        {"environment": "staging"},
        {"commit": "d" * 40},
    ],
)
def test_about_something_else(want: dict[str, str]) -> None:
    """A summary of another fleet, repository, environment or commit is not this one."""
    refused(sealed(Consumer().judge()), "conformance.other_subject", expected(**want))


def test_signatures_that_were_asked_for() -> None:
    """A summary of a verifier who asked the pin for less than its reader does is about something else."""
    result = Consumer().judge()
    assert result.require == "key"
    verified(sealed(result), expected(require=Require.KEY))
    refused(sealed(result), "conformance.other_subject", expected(require=Require.BOTH))
    verified(sealed(replace(result, require="both")), expected(require=Require.KEYLESS))


def test_other_program() -> None:
    """A summary by another verifier id does not pass for ours."""
    data = sealed(Consumer().judge(), edit=lambda p: p.update(verifier={"id": "https://example.com"}))
    refused(data, "conformance.other_subject")


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (NOW - timedelta(minutes=5), True),
        (NOW - timedelta(minutes=6), False),
        (NOW + 7 * DAY, True),
        (NOW + 7 * DAY + timedelta(seconds=1), False),
    ],
)
def test_age(at: Any, counts: bool) -> None:
    """A summary counts from when it was made, within the difference of clocks, for a week."""
    data = sealed(Consumer().judge())
    if counts:
        verified(data, expected(at=at))
    else:
        refused(data, "conformance.outdated", expected(at=at))


def test_dies_with_its_waiver() -> None:
    """When the waiver on which it rests ends or is taken back, the summary ends."""
    waiver = waived(FIXTURES, ends=3 * DAY)
    data = sealed(failing().judge(waivers=[waiver]))
    required = Consumer().required()
    assert required is not None
    verified(data, expected(at=NOW + 2 * DAY, required=replace(required, waivers=(waiver,))))
    refused(data, "conformance.outdated", expected(at=NOW + 3 * DAY))
    refused(data, "conformance.outdated", expected(required=required))
    other = replace(waiver, digest="cd" * 32)
    refused(data, "conformance.outdated", expected(required=replace(required, waivers=(other,))))


def test_dies_with_what_was_required() -> None:
    """When another version, candidate or mode is required, or nothing any more, the summary ends."""
    data = sealed(Consumer().judge())
    same, newer = Consumer().required(1), Consumer().required(2)
    assert same is not None
    verified(data, expected(required=same))
    refused(data, "conformance.outdated", expected(required=newer))
    refused(data, "conformance.outdated", expected(required=replace(same, enforced=None)))
    refused(data, "conformance.outdated", expected(required=replace(same, mode="observe")))
    unknown = sealed(Consumer({}).judge(release=None))
    refused(unknown, "conformance.outdated", expected(required=same))


def test_all_reasons_at_once() -> None:
    """Everything that does not fit is reported together."""
    error = refused(
        sealed(Consumer().judge()), "conformance.other_subject", expected(environment="x", at=NOW + 99 * DAY)
    )
    assert [problem.code for problem in error.problems] == [
        "conformance.other_subject",
        "conformance.outdated",
    ]


def test_signer_type() -> None:
    """Any key of securesystemslib can sign a summary."""
    ecdsa = CryptoSigner.generate_ecdsa()
    payload = summary_statement(Consumer().judge(), "1").to_bytes()
    found = verify_summary(seal(PAYLOAD_TYPE, payload, [ecdsa]), [ecdsa.public_key], expected())
    assert len(found.fingerprint) == 64
