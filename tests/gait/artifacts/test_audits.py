# SPDX-License-Identifier: Apache-2.0
"""Audit records against the vectors, against their own counts, and against the traces of the same calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gaitops.gait.artifacts.audits import audit_against_trace
from gaitops.gait.artifacts.facts import AuditFacts, TraceFacts
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Effect, Keyring, Verdict
from tests.gait.artifacts.documents import judged, named, registered
from tests.gait.artifacts.vectors import VECTORS, codes, lines

Json = dict[str, Any]
APPROVALS = [line for line in lines("approvals.jsonl") if line["approval_audit"]]
DELEGATIONS = [line for line in lines("delegations.jsonl") if line["delegation_audit"]]
FLEET = [
    json.loads(text)["text"]
    for file in sorted((VECTORS / "fleet").glob("*/approval_audits.jsonl"))
    for text in file.read_text(encoding="utf-8").splitlines()
]


def audit(line: Json) -> AuditFacts:
    """Facts of the audit of a line."""
    facts = judged(line.get("approval_audit") or line["delegation_audit"]).facts
    assert isinstance(facts, AuditFacts)
    return facts


def trace(line: Json) -> TraceFacts:
    """Facts of the trace of a line."""
    facts = judged(line["trace"]).facts
    assert isinstance(facts, TraceFacts)
    return facts


def changed(name: str, **changes: Any) -> Json:
    """An approval audit of the vectors, changed."""
    return {**json.loads(named(name, "approvals.jsonl")["approval_audit"]), **changes}


@pytest.mark.parametrize("line", APPROVALS, ids=lambda line: line["name"])
def test_approval_audits_say_what_the_gate_counted(line: Json) -> None:
    """Unsigned, intact, and with the counts that the command printed."""
    inspection = judged(line["approval_audit"])
    facts = audit(line)
    assert inspection.verdict is inspection.gait_verdict is Verdict.UNSIGNED
    assert facts.required == line["required_approvals"]
    assert facts.valid == (line["valid_approvals"] or 0)
    assert len(facts.entries) == len(line["tokens"])
    assert inspection.ids["trace_id"] == facts.trace_id
    assert inspection.digests["intent_digest"] == line["intent_digest"]
    assert inspection.digests["policy_digest"] == line["policy_digest"]


@pytest.mark.parametrize("line", DELEGATIONS, ids=lambda line: line["name"])
def test_delegation_audits_say_what_the_gate_counted(line: Json) -> None:
    """The delegators of valid tokens stand where an approval has its approvers."""
    facts = audit(line)
    assert judged(line["delegation_audit"]).verdict is Verdict.UNSIGNED
    assert (facts.form, facts.required, facts.valid) == ("delegation", 1, line["valid_delegations"])
    assert facts.approved is (line["valid_delegations"] > 0)


def test_audits_of_the_fleet_are_intact() -> None:
    """Every record of two weeks reads without a finding."""
    assert len(FLEET) > 300
    for text in FLEET:
        inspection = judged(text)
        assert (inspection.verdict, inspection.findings) == (Verdict.UNSIGNED, ())


@pytest.mark.parametrize("line", [*APPROVALS, *DELEGATIONS], ids=lambda line: line["name"])
def test_audit_and_trace_disagree_only_where_counts_do_not_decide(line: Json) -> None:
    """Enough valid tokens are not a grant: the same approver twice, or one hop of two."""
    finding = audit_against_trace(audit(line), trace(line))
    expected = {"two-same-person", "two-hops-one-token"}
    assert (finding is not None) == (line["name"] in expected)
    if finding is not None:
        assert (finding.code, finding.effect) == ("audit.approved_not_granted", Effect.NOTES)


def test_an_audit_without_tokens_has_no_entries() -> None:
    """Gait writes null where no token was presented."""
    line = named("missing", "approvals.jsonl")
    assert json.loads(line["approval_audit"])["entries"] is None
    assert audit(line).entries == ()


def test_the_same_person_twice_is_noted() -> None:
    """Two valid tokens of one approver are not two approvals."""
    assert "audit.same_approver" in codes(
        judged(named("two-same-person", "approvals.jsonl")["approval_audit"])
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approved": False}, "audit.approved_mismatch"),
        ({"valid_approvals": 2}, "audit.count_mismatch"),
        ({"approvers": ["mallory"]}, "audit.approvers_mismatch"),
        ({"approvers": None}, "audit.approvers_mismatch"),
        ({"intent_digest": "x"}, "artifact.digest_shape"),
    ],
)
def test_audits_that_contradict_themselves_fail(changes: Json, code: str) -> None:
    """What Gait derives from other members must follow from them; Gait itself does not look."""
    inspection = judged(changed("granted", **changes))
    assert inspection.verdict is Verdict.FAILED
    assert inspection.gait_verdict is Verdict.UNSIGNED
    assert code in codes(inspection)


def test_one_token_counted_twice_is_noted() -> None:
    """Gait counts a token once per path that it was given by."""
    record = changed("granted", valid_approvals=2)
    record["entries"] = record["entries"] * 2
    assert codes(judged(record)) == {"audit.token_twice"}


@pytest.mark.parametrize("changes", [{"schema_version": "2.0.0"}, {"schema_id": "gait.gate.trace"}])
def test_audits_of_another_schema_are_rejected(changes: Json) -> None:
    """An unknown version is not guessed at."""
    assert judged(changed("granted", **changes)).verdict is Verdict.REJECTED


def test_an_audit_of_another_trace_is_no_match() -> None:
    """Trace id and digests must both be those of the trace."""
    line = named("granted", "approvals.jsonl")
    other = audit_against_trace(replace(audit(line), trace_id="0" * 24), trace(line))
    digests = audit_against_trace(replace(audit(line), policy_digest="0" * 64), trace(line))
    assert other is not None
    assert digests is not None
    assert (other.code, digests.code) == ("audit.other_trace", "audit.digest_mismatch")


def test_a_call_that_was_allowed_without_its_approvals_is_found() -> None:
    """The trace says allow, the audit counts too few."""
    line = named("granted", "approvals.jsonl")
    finding = audit_against_trace(replace(audit(line), approved=False, valid=0), trace(line))
    assert finding is not None
    assert finding.code == "audit.allowed_without_approval"


class _Beside:
    """One trace, and nothing else, collected together with a record."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def runpack(self, manifest_digest: str, name: str) -> None:
        """There is none."""

    def trace(self, trace_id: str) -> bytes:
        """The trace."""
        return self._data


@pytest.mark.parametrize("hostile", [b"", b"{", b'{"verdict": "allow", "verdict": "block"}', b"[" * 100_000])
def test_a_hostile_file_beside_a_record_changes_nothing(hostile: bytes) -> None:
    """Whoever can lay a broken trace beside a record cannot have the record rejected."""
    record = APPROVALS[0]["approval_audit"].encode()
    assert inspect(record, registered(), _Beside(hostile)) == inspect(record, registered())


def test_a_trace_of_wrong_types_beside_a_record_changes_nothing() -> None:
    """Also when it states the right id and is JSON."""
    line = next(item for item in APPROVALS if item["name"] == "two-same-person")
    record, value = line["approval_audit"].encode(), json.loads(line["trace"])
    value["verdict"] = ["allow"]
    hostile = json.dumps(value).encode()
    assert inspect(record, registered(), _Beside(hostile)) == inspect(record, registered())


def test_a_record_is_held_to_the_proven_trace_beside_it() -> None:
    """Approved by two tokens of one person, and the trace did not let it through: a note, and no other verdict."""
    line = next(item for item in APPROVALS if item["name"] == "two-same-person")
    record, signed = line["approval_audit"].encode(), line["trace"].encode()
    beside = inspect(record, registered(), _Beside(signed))
    assert "audit.approved_not_granted" in codes(beside)
    assert beside.verdict is inspect(record, registered()).verdict is Verdict.UNSIGNED
    unproven = inspect(record, Keyring(), _Beside(signed))
    assert "audit.approved_not_granted" not in codes(unproven)
    value = json.loads(signed)
    del value["signature"]
    assert "audit.approved_not_granted" not in codes(
        inspect(record, registered(), _Beside(json.dumps(value).encode()))
    )
