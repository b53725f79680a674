# SPDX-License-Identifier: Apache-2.0
"""Session journals and chains: every golden vector, and each rule of their order broken alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaitops.gait.artifacts.facts import OtherFacts
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Buffer, Inspection, Verdict
from gaitops.gait.artifacts.neighbours import Collected
from tests.gait.artifacts.vectors import VECTORS, codes, keyring, lines, runpack

SESSIONS = lines("sessions.jsonl")
CASES = [(line, part) for line in SESSIONS for part in ("chain", "journal") if part in line]
INTACT = Verdict.UNSIGNED
"""Nobody signs sessions."""
Objects = list[dict[str, Any]]


class NoTraces:
    """What chains never ask for."""

    def trace(self, trace_id: str) -> Buffer | None:
        """There is none."""
        return None


def beside(path: Path) -> Collected:
    """Everything that lies in the same folder."""
    return Collected((file.name, file.read_bytes) for file in sorted(path.parent.iterdir()))


def judged(line: dict[str, Any], part: str) -> Inspection:
    """The inspection of a golden journal or chain beside its runpacks."""
    path = VECTORS / line[part]
    return inspect(path.read_bytes(), keyring(), beside(path))


def own_failures(inspection: Inspection) -> set[str]:
    """Codes of the findings that fail and that are not Gait's, without their prefix."""
    found = (item for item in inspection.findings if item.effect == "fails" and not item.gait)
    return {item.code.removeprefix("session.") for item in found}


@pytest.mark.parametrize(("line", "part"), CASES, ids=[f"{line['name']}-{part}" for line, part in CASES])
def test_every_vector_gives_the_right_answer(line: dict[str, Any], part: str) -> None:
    """The answer is the expected one, Gait's verdict follows its exit code, and what Gait overlooks is named."""
    inspection = judged(line, part)
    expected = INTACT if line["expect"] == "ok" else Verdict(line["expect"])
    assert inspection.kind == f"session_{part}"
    assert inspection.verdict is expected, inspection.findings
    assert (inspection.gait_verdict is INTACT) == (line[f"gait_{part}_exit"] == 0), inspection.findings
    if line[f"gait_{part}_exit"] == 0:
        assert own_failures(inspection) == set(line["consumer_findings"])


@pytest.mark.parametrize("name", ["good", "good-three"])
def test_what_a_session_says(name: str) -> None:
    """Journal and chain of one session name it alike, and end with the same checkpoint."""
    line = next(line for line in SESSIONS if line["name"] == name)
    chain, journal = judged(line, "chain"), judged(line, "journal")
    status = line["journal_status"]["status"]
    assert chain.ids == journal.ids == {"session_id": status["session_id"], "run_id": status["run_id"]}
    assert chain.digests == journal.digests
    assert len(chain.digests["checkpoint_digest"]) == 64
    assert isinstance(chain.facts, OtherFacts)
    assert chain.facts.created_at is not None
    assert chain.findings == journal.findings == ()


def chain_of(change: Callable[[dict[str, Any]], object], name: str = "good-three") -> Inspection:
    """A golden chain after ``change``, beside its runpacks."""
    path = VECTORS / "sessions" / name / "chain.json"
    value = json.loads(path.read_bytes())
    change(value)
    return inspect(json.dumps(value).encode(), keyring(), beside(path))


def journal_of(
    change: Callable[[Objects], object], name: str = "good", file: str = "journal.jsonl"
) -> Inspection:
    """A golden journal after ``change`` of its lines."""
    data = (VECTORS / "sessions" / name / file).read_bytes()
    records = [json.loads(text) for text in data.splitlines()]
    change(records)
    return inspect(b"".join(json.dumps(record).encode() + b"\n" for record in records), keyring())


def test_a_chain_alone_says_that_its_runpacks_were_not_checked() -> None:
    """Without what was collected beside it a chain is judged by its links, and says so."""
    data = (VECTORS / "sessions" / "missing-runpack" / "chain.json").read_bytes()
    inspection = inspect(data, keyring())
    assert inspection.verdict is INTACT
    assert codes(inspection) == {"session.runpacks_not_checked"}


def test_a_chain_names_its_session() -> None:
    """A chain without session or run is nothing that Gait writes."""
    inspection = chain_of(lambda chain: chain.update(session_id=""))
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.REJECTED, Verdict.REJECTED)
    assert "session.identity_missing" in codes(inspection)


def test_a_checkpoint_covers_at_least_one_event() -> None:
    """Gait does not mind a range that ends before it starts."""

    def reverse(chain: dict[str, Any]) -> None:
        chain["checkpoints"][2] |= {"sequence_end": 2}

    assert "session.sequence_range" in codes(chain_of(reverse))


def test_unknown_members_of_a_chain_are_ignored_and_reported() -> None:
    """Chains are read leniently by Gait and here; nothing that is read changes."""
    plain = chain_of(lambda chain: None)
    inspection = chain_of(lambda chain: chain["checkpoints"][0].update(surprise={"session_id": "x"}))
    assert inspection.verdict is INTACT
    assert codes(inspection) == {"artifact.unsigned_extras"}
    assert (inspection.ids, inspection.digests, inspection.facts) == (plain.ids, plain.digests, plain.facts)


def test_a_runpack_that_is_none_fails_the_chain() -> None:
    """Whatever lies under the name of the runpack is judged by its content."""
    other = runpack("signed-basic").data

    class Others(NoTraces):
        def runpack(self, manifest_digest: str, name: str) -> Buffer | None:
            return b"no runpack" if name == "cp_1.zip" else other

    data = (VECTORS / "sessions" / "good" / "chain.json").read_bytes()
    inspection = inspect(data, keyring(), Others())
    assert inspection.gait_verdict is Verdict.FAILED
    assert codes(inspection) == {"session.runpack_failed", "session.manifest_digest_mismatch"}


def test_a_runpack_that_only_gaitops_refuses_leaves_gaits_verdict() -> None:
    """Gait never reads what is inside a runpack; that its lines are of another run is a finding of ours."""
    foreign = runpack("run-id-mismatch-result")

    def point(chain: dict[str, Any]) -> None:
        chain["checkpoints"] = [
            chain["checkpoints"][0] | {"manifest_digest": foreign.line["manifest_digest"]}
        ]

    path = VECTORS / "sessions" / "good" / "chain.json"
    value = json.loads(path.read_bytes())
    point(value)

    class Foreign(NoTraces):
        def runpack(self, manifest_digest: str, name: str) -> Buffer | None:
            return foreign.data

    inspection = inspect(json.dumps(value).encode(), keyring(), Foreign())
    finding = next(item for item in inspection.findings if item.code == "session.runpack_failed")
    assert not finding.gait


def test_a_hostile_chain_does_not_open_runpacks_without_end() -> None:
    """Thousands of checkpoints that name one bad runpack cost twenty looks at it."""
    asked = []

    class Counting(NoTraces):
        def runpack(self, manifest_digest: str, name: str) -> Buffer | None:
            asked.append(name)
            return b"no runpack"

    value = json.loads((VECTORS / "sessions" / "good" / "chain.json").read_bytes())
    value["checkpoints"] = [value["checkpoints"][0]] * 5_000
    inspection = inspect(json.dumps(value).encode(), keyring(), Counting())
    assert inspection.verdict is Verdict.FAILED
    assert len(asked) == 20
    assert len(inspection.findings) <= 100


EVENT, CHECKPOINT = 1, 3
"""Lines of the golden journal."""


def test_a_whole_range_missing_after_the_first_event_is_no_compaction() -> None:
    """Compaction drops every event up to a checkpoint; here the first range is still there."""

    def drop(records: Objects) -> None:
        records[:] = [item for item in records if item.get("event", {}).get("sequence") not in {3, 4, 5}]

    inspection = journal_of(drop)
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, INTACT)
    assert own_failures(inspection) == {"sequence_gap"}


def test_a_compacted_journal_goes_on() -> None:
    """After compaction events resume behind the last checkpoint, and the next checkpoint covers them."""

    def resume(records: Objects) -> None:
        event = {"schema_id": "gait.runpack.session_event", "schema_version": "1.0.0", "sequence": 5}
        ids = {name: records[0]["header"][name] for name in ("session_id", "run_id", "created_at")}
        records.append({"record_type": "event", "event": event | ids | {"producer_version": "1"}})

    inspection = journal_of(resume, "good-three", "journal_compacted.jsonl")
    assert inspection.verdict is INTACT
    assert inspection.findings == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda records: records[EVENT]["event"].update(session_id="other"), "session.session_id_mismatch"),
        (lambda records: records[CHECKPOINT]["checkpoint"].update(run_id="other"), "session.run_id_mismatch"),
        (
            lambda records: records[CHECKPOINT]["checkpoint"].update(checkpoint_index=7),
            "session.checkpoint_index",
        ),
        (lambda records: records[CHECKPOINT]["checkpoint"].update(sequence_end=0), "session.sequence_range"),
        (lambda records: records[CHECKPOINT].update(record_type="note"), "session.record_type"),
        (lambda records: records[EVENT].update(event=None), "session.record_empty"),
        (lambda records: records[0]["header"].update(run_id=""), "session.identity_missing"),
        (lambda records: records.pop(0), "session.header_missing"),
        (lambda records: records.append(records[0]), "session.duplicate_header"),
    ],
)
def test_a_journal_that_gait_refuses_fails(change: Callable[[Objects], object], code: str) -> None:
    """Each rule of Gait's reader, broken alone (contract 5.1)."""
    inspection = journal_of(change)
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert code in codes(inspection)


def test_a_first_checkpoint_has_no_predecessor_in_a_journal_either() -> None:
    """Gait links only from the second checkpoint on."""
    inspection = journal_of(
        lambda records: records[CHECKPOINT]["checkpoint"].update(prev_checkpoint_digest="0" * 64)
    )
    assert "first_prev_not_empty" in own_failures(inspection)


def test_unknown_members_of_a_journal_are_ignored_and_reported_once() -> None:
    """Gait's reader is lenient about journals; one finding names what nobody reads."""

    def add(records: Objects) -> None:
        for record in records:
            record["surprise"] = [1]

    inspection = journal_of(add)
    assert inspection.verdict is INTACT
    assert [finding.code for finding in inspection.findings] == ["artifact.unsigned_extras"]


def test_a_line_with_two_readings_rejects_the_journal() -> None:
    """A torn line is broken; a line that says two things is ambiguous."""
    data = (VECTORS / "sessions" / "good" / "journal.jsonl").read_bytes()
    inspection = inspect(
        data.replace(b'"verdict":"allow"', b'"verdict":"block","verdict":"allow"'), keyring()
    )
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.REJECTED, INTACT)
    assert codes(inspection) == {"json.duplicate_member"}


def test_an_event_of_another_schema_is_rejected() -> None:
    """A new version of events is not read as the old one."""
    inspection = journal_of(lambda records: records[EVENT]["event"].update(schema_version="2.0.0"))
    assert inspection.verdict is Verdict.REJECTED
    assert codes(inspection) == {"artifact.schema"}


def test_a_long_broken_journal_is_told_briefly() -> None:
    """A hundred thousand bad lines give at most a hundred findings."""
    line = b'{"record_type":"event","event":{"sequence":9}}\n'
    inspection = inspect(line * 20_000, keyring())
    assert inspection.kind == "session_journal"
    assert len(inspection.findings) <= 100
