# SPDX-License-Identifier: Apache-2.0
"""Run fingerprints, families and the signal report, compared with what Gait made of the fleet vectors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.gait.artifacts.facts import (
    GraderFacts,
    ReceiptFacts,
    RegressFacts,
    RunFacts,
    StepFacts,
    TraceFacts,
)
from gaitops.gait.scout import fingerprint_of, privilege_of, reasons_beside
from gaitops.gait.scout_report import base_severity, drivers_of, report_bytes, sensitivity_of, signal_report
from tests.gait.runpack_files import FLEET, REPOSITORIES, intact, regress_facts, run_facts, trace_facts

EMPTY_TEXT = "e3b0c44298fc1c14"
"""Gait's identifier for a text of which nothing is left."""


def run(
    *tools: str,
    run_id: str = "run_t1",
    statuses: tuple[str, ...] = (),
    receipts: tuple[tuple[str, str, str], ...] = (),
) -> RunFacts:
    return RunFacts(
        run_id=run_id,
        manifest_digest="0" * 64,
        capture_mode="reference",
        created_at=None,
        producer_version="1.4.0",
        os="linux",
        arch="amd64",
        runtime="python3.12",
        steps=tuple(StepFacts(index, f"i{index}", tool, "", "", "") for index, tool in enumerate(tools)),
        results=tuple((f"i{index}", status) for index, status in enumerate(statuses)),
        receipts=tuple(
            ReceiptFacts(f"r{index}", kind, place, "", content)
            for index, (kind, place, content) in enumerate(receipts)
        ),
        context_set_digest="",
        context_evidence_mode="",
    )


def failing(name: str, *reasons: str, run_id: str = "", status: str = "fail") -> RegressFacts:
    grader = GraderFacts(name, *name.partition("/")[::2], status, reasons, run_id, "", None)
    return RegressFacts("default", "fail", None, "1.4.0", (grader,), "behavioural", vacuous=False)


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_the_report_of_a_repository_has_the_bytes_that_gait_wrote(repository: str) -> None:
    """From the same runpacks, traces and regress results comes the same report, byte for byte."""
    folder = FLEET / repository
    given_to_gait = json.loads((folder / "scout_inputs.json").read_text(encoding="utf-8"))
    lines = (folder / "traces.jsonl").read_text(encoding="utf-8").splitlines()
    # Whatever a trace says, it attaches nowhere; a rejected one has no facts.
    texts = [json.loads(line)["text"] for line in lines]
    report = signal_report(
        [(path, run_facts(folder / path)) for path in given_to_gait["runs"]],
        [trace_facts(text) for text in texts if text.rstrip().endswith("}")],
        [regress_facts(folder / path) for path in given_to_gait["regress"]],
    )
    assert report_bytes(report) == (folder / "scout_signal.json").read_bytes()


def test_damaged_runpacks_are_what_gait_was_not_given() -> None:
    """The list of inputs is every runpack whose members have the declared hashes."""
    for repository in REPOSITORIES:
        folder = FLEET / repository
        listed = json.loads((folder / "scout_inputs.json").read_text(encoding="utf-8"))["runs"]
        assert sorted(listed) == sorted(
            f"runpacks/{path.name}" for path in (folder / "runpacks").iterdir() if intact(path)
        )


def test_the_fingerprint_is_the_digest_of_five_lists() -> None:
    """The fingerprint of Gait's own example comes out, with a reason that a regress result attached."""
    beside = reasons_beside([], [failing("docs_bot/diff", "unexpected_diff", run_id="run_t1")])
    found = fingerprint_of(run("résumé", "get_user"), beside)
    assert found.fingerprint == "bca637d6b786af5774fda46d4658d0d75082ca3537a9cf596e2e8a82df9b514c"
    assert (found.tool_classes, found.max_privilege) == (("execute", "read"), 2)
    assert (found.reason_codes, found.regress_seen) == (("unexpected_diff",), True)


def test_regress_results_change_a_fingerprint_and_the_run_id_does_not() -> None:
    """Equal runs meet whatever they are called; a failed regression makes another family."""
    alone = fingerprint_of(run("drop_db"))
    assert fingerprint_of(run("drop_db", run_id="run_other")).fingerprint == alone.fingerprint
    beside = reasons_beside([], [failing("run_t1/diff")])
    assert fingerprint_of(run("drop_db"), beside).reason_codes == ("regress_failure",)
    assert fingerprint_of(run("drop_db"), beside).fingerprint != alone.fingerprint


@pytest.mark.parametrize(
    ("name", "privilege"),
    [
        ("DeleteUser", 4),
        ("remove_updates", 4),
        ("update_list", 3),
        ("Create", 3),
        ("budget", 1),
        ("prefetch", 1),
        ("apply_infra", 2),
        ("", 2),
    ],
)
def test_tools_are_classed_by_the_first_word_that_fits(name: str, privilege: int) -> None:
    """Destructive words are looked for before writing ones, and those before reading ones, anywhere in the name."""
    assert privilege_of(name) == privilege


def test_a_run_without_tools_reads() -> None:
    """Blank tool names are dropped; nothing left is the lowest privilege and no class."""
    found = fingerprint_of(run(" ", ""))
    assert (found.action_sequence, found.tool_classes, found.max_privilege) == ((), (), 1)


def test_identifiers_are_normalised_as_gait_does() -> None:
    """Statuses and systems: lower case, underscores, 48 characters of the locator, a hash when nothing is left."""
    found = fingerprint_of(
        run(
            "read",
            statuses=(" Time Out! ", "OK", "Success", " ", "🙂"),
            receipts=(
                ("Doc Store", "DB://Orders/" + "x" * 60, " " + "A" * 64 + " "),
                ("", "...", "b" * 63),
                ("Doc Store", "DB://Orders/" + "x" * 60, "A" * 64),
            ),
        )
    )
    smile = f"result_status_{hashlib.sha256('🙂'.encode()).hexdigest()[:16]}"
    assert found.reason_codes == tuple(
        sorted((smile, f"result_status_{EMPTY_TEXT}", "result_status_time_out"))
    )
    systems = (
        f"doc_store:{('db___orders_' + 'x' * 60)[:48]}",
        f"{EMPTY_TEXT}:{hashlib.sha256(b'...').hexdigest()[:16]}",
    )
    assert found.target_systems == systems
    assert found.receipt_digests == ("a" * 64,)


def trace(**changes: str | tuple[str, ...]) -> TraceFacts:
    text = json.dumps({"verdict": "block", "violations": []})
    return replace(trace_facts(text), **changes)  # type: ignore[arg-type]  # names of fields


def test_traces_attach_by_a_run_id_inside_their_ids_only() -> None:
    """The correlation id is asked first, then the trace id; the run id of the trace is not."""
    beside = reasons_beside(
        [
            trace(correlation_id="job/run_a-1/x", trace_id="run_b", violations=("Bulk Delete",)),
            trace(trace_id="run_b", decision="allow"),
            trace(run_id="run_c"),
        ],
        [],
    )
    assert beside.traces == {"run_a-1": ("trace_verdict_block", "violation_bulk_delete"), "run_b": ()}
    assert dict(beside.trace_counts) == {"run_a-1": 1, "run_b": 1}
    found = fingerprint_of(run("read", run_id="run_a-1"), beside)
    assert (found.trace_count, found.reason_codes) == (1, beside.traces["run_a-1"])


def test_the_worked_score() -> None:
    """Destructive, on a sensitive system, one reason, one member: 167 and critical."""
    member = run("drop_table", statuses=("time out",), receipts=(("db", "prod", ""),))
    family = signal_report([("a.zip", member)])["families"][0]
    assert (family["severity_score"], family["severity_level"]) == (167, "critical")


def test_families_count_members_up_to_ten() -> None:
    """A family is one fingerprint; its size adds at most ten to the severity; the order is severity, count, id."""
    many = [(f"{index:02}.zip", run("read", run_id=f"run_{index:02}")) for index in range(15)]
    report = signal_report([*many, ("x.zip", run("drop", run_id="run_x")), many[3]])
    assert (report["run_count"], report["family_count"]) == (16, 2)
    assert [family["count"] for family in report["families"]] == [1, 15]
    large = report["families"][1]
    assert large["severity_score"] == base_severity(fingerprint_of(many[0][1])) + 10
    assert (large["canonical_run_id"], "top_failure_reason" in large) == ("run_00", False)
    assert [issue["rank"] for issue in report["top_issues"]] == [1, 2]


@pytest.mark.parametrize(
    ("reason", "driver"),
    [
        ("unexpected_diff", "tool_result_shape_change"),
        ("context_runtime_drift_blocked", "policy_change"),
        ("connection_refused", "reference_set_change"),
        ("result_status_timeout", "tool_result_shape_change"),
        ("nondeterministic", "configuration_change"),
        ("regress_failure", "configuration_change"),
    ],
)
def test_drivers_follow_keywords(reason: str, driver: str) -> None:
    """The first group with a word inside the reason takes it, however odd; no group at all is configuration."""
    assert drivers_of([reason]) == (driver,)


def test_a_reason_of_no_group_adds_no_driver_to_others() -> None:
    """``configuration_change`` is only the answer when nothing else is."""
    assert drivers_of(["regress_failure", "unexpected_diff"]) == ("tool_result_shape_change",)
    assert sensitivity_of(["doc:staging", "doc:x"]) == 2


def test_gaits_encoder_escapes_html() -> None:
    """The summary that names files in angle brackets is written as Go writes it."""
    written = report_bytes({"a": "<b> & \u2028é"})
    assert written == '{"a":"\\u003cb\\u003e \\u0026 \\u2028é"}'.encode()


names = st.lists(st.text(max_size=12), max_size=5)


@given(tools=names, statuses=names, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_only_the_order_of_tools_counts(tools: list[str], statuses: list[str], order: object) -> None:
    """Results and receipts in another order, or twice, are the same fingerprint."""
    receipts = tuple((text, text, "c" * 64) for text in statuses)
    one = run(*tools, statuses=tuple(statuses), receipts=receipts)
    mixed = [*one.results, *one.results]
    order.shuffle(mixed)  # type: ignore[attr-defined]  # random.Random
    other = replace(one, results=tuple(mixed), receipts=one.receipts[::-1] * 2)
    assert fingerprint_of(one) == fingerprint_of(other)
