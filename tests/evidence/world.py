# SPDX-License-Identifier: Apache-2.0
"""A small fleet whose every count is known: two teams, three repositories, two policies, and everything that can go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.evidence.table_store import at, digest

OLD, NEW = digest("policy 1.0.0"), digest("policy 2.0.0")
KEY, LAPTOP = digest("checkout key"), digest("throw-away key")
CART = {"org": "acme", "project": "shop", "team": "checkout", "repository": "github.com/acme/cart"}
PRICE = {"org": "acme", "project": "shop", "team": "pricing", "repository": "github.com/acme/price"}
QUIET = {"org": "acme", "project": "shop", "team": "pricing", "repository": "github.com/acme/quiet"}
FINGERPRINT = digest("refund loop")
FAMILY = f"fam_{FINGERPRINT[:12]}"


def trace(name: str, place: Mapping[str, str], policy: str, decision: str, **members: Any) -> dict[str, Any]:
    """One decision; ``name`` makes its digests."""
    return {
        **place,
        "artifact": digest(f"trace {name}"),
        "kind": "trace",
        "environment": "prod",
        "key_id": KEY,
        "producer": "checkout-ci",
        "trace_id": digest(f"{policy} {members.get('intent_digest', name)} {decision}")[:24],
        "event_id": digest(f"event {name}")[:24],
        "event_key": digest(f"event key {name}"),
        "repeat": False,
        "policy_digest": policy,
        "intent_digest": digest(f"intent {name}"),
        "decision": decision,
        "tool_name": "fs.write",
        "violations": [],
        **members,
    }


REFUND, DEPLOY = digest("intent refund"), digest("intent deploy")

DECISIONS = [
    trace("a1", CART, OLD, "allow", made_at=at(0), run_id="run_1"),
    trace("a2", CART, OLD, "allow", made_at=at(0, 60), intent_digest=digest("intent shared")),
    trace("a3", CART, NEW, "block", made_at=at(0, 61), intent_digest=digest("intent shared"), violations=["bulk_delete", "egress"]),
    trace("a4", CART, NEW, "allow", made_at=at(1), environment="staging"),
    trace("a5", CART, NEW, "block", made_at=at(1, 5), kill_switch="active", tool_name="db.drop"),
    # A call that waited a minute for its approval, and one that still waits.
    trace("b1", CART, OLD, "require_approval", made_at=at(2), intent_digest=REFUND),
    trace("b2", CART, OLD, "allow", made_at=at(2, 60.75), intent_digest=REFUND, approval_token_ref="token-1"),
    trace("b3", CART, OLD, "allow", made_at=at(3), intent_digest=REFUND, approval_token_ref="token-1"),
    trace("b4", CART, OLD, "require_approval", made_at=at(3), intent_digest=DEPLOY),
    # Approved once, asked again, and open again; without an environment, as the proxy writes them.
    trace("c1", PRICE, OLD, "require_approval", made_at=at(4), intent_digest=REFUND, environment=None),
    trace("c2", PRICE, OLD, "allow", made_at=at(4, 10), intent_digest=REFUND, environment=None, approval_token_ref="token-2"),
    trace("c3", PRICE, OLD, "require_approval", made_at=at(5), intent_digest=REFUND, environment=None),
    trace("c4", PRICE, OLD, "dry_run", made_at=None),
    # What does not count.
    trace("d1", CART, OLD, "allow", made_at=at(0), repeat=True, event_key=digest("event key a1")),
    trace("d2", CART, OLD, "allow", made_at=at(0), verdict="unverifiable", key_id=LAPTOP, producer=None),
    trace("d3", CART, OLD, "allow", made_at=at(0), verdict="failed"),
    trace("d4", PRICE, NEW, "allow", made_at=at(6), verdict="verified_with_unsigned_extras"),
]  # fmt: skip


def artifact(
    name: str, kind: str, place: Mapping[str, str], position: int | None, **members: Any
) -> dict[str, Any]:
    """One delivery."""
    return {
        **place,
        "artifact": digest(f"{kind} {name}"),
        "kind": kind,
        "environment": "prod",
        "position": position,
        "duplicate": position is None,
        "source": f"inbox/{name}",
        "size": 100,
        "ids": "{}",
        "digests": "{}",
        "codes": [],
        **members,
    }


_SHARED = ("org", "project", "team", "repository", "environment", "verdict", "key_id", "producer", "made_at")
ARTIFACTS = [
    *(
        artifact(str(number), "trace", {}, number)
        | {name: row.get(name) for name in _SHARED}
        | {"artifact": row["artifact"], "verdict": row.get("verdict", "verified"), "event_key": row["event_key"]}
        for number, row in enumerate(DECISIONS)
    ),
    artifact("again", "trace", CART, None, artifact=digest("trace a1"), made_at=at(0)),
    artifact("r1", "runpack", CART, 20, made_at=at(1), key_id=KEY, digests=f'{{"manifest_digest":"{digest("manifest 1")}"}}'),
    artifact("r2", "runpack", PRICE, 21, made_at=at(2), verdict="unsigned"),
    artifact("r3", "pack", CART, 22, made_at=None, key_id=KEY),
    artifact("r4", "runpack", PRICE, 23, made_at=at(2), verdict="failed"),
    artifact("g1", "regress_result", CART, 24, made_at=at(1), verdict="unsigned", environment=None),
    artifact("g2", "regress_result", PRICE, 25, made_at=at(8), verdict="unsigned", environment=None),
    artifact("s1", "inventory_snapshot", CART, 26, made_at=at(1), verdict="unsigned", environment=None),
    artifact("s2", "inventory_snapshot", CART, 27, made_at=at(5), verdict="unsigned", environment=None),
    artifact("s3", "inventory_snapshot", PRICE, 28, made_at=at(5), verdict="unsigned", environment=None),
    artifact("t1", "approval_token", CART, 29, made_at=at(2)),
    artifact("u1", "approval_audit", CART, 30, made_at=at(2), verdict="unsigned"),
    artifact("q1", "trace", QUIET, 31, made_at=at(-30)),
    artifact("x1", "unknown", CART, 32, verdict="rejected", environment=None),
]  # fmt: skip


def run(name: str, kind: str, place: Mapping[str, str], **members: Any) -> dict[str, Any]:
    """One recorded run."""
    return {
        **place,
        "artifact": digest(f"{kind} {name}"),
        "kind": kind,
        "environment": "prod",
        "run_id": "run_1",
        "manifest_digest": digest("manifest 1"),
        "embedded": kind == "pack",
        "steps": 2,
        "fingerprint": FINGERPRINT,
        "family_id": FAMILY,
        "max_privilege": 2,
        "action_sequence": ["search", "refund"],
        "tool_classes": ["read", "write"],
        "target_systems": [],
        "reason_codes": ["result_status_error"],
        "receipt_digests": [],
        **members,
    }


RUNS = [
    run("r1", "runpack", CART, made_at=at(1)),
    run("r3", "pack", CART, made_at=at(1)),
    run("r2", "runpack", PRICE, made_at=at(2), run_id="run_2", manifest_digest=digest("manifest 2"), verdict="unsigned", max_privilege=4),
    run("r4", "runpack", PRICE, made_at=at(2), run_id="run_3", manifest_digest=digest("manifest 3"), verdict="failed"),
    run("r5", "runpack", PRICE, made_at=at(3), run_id="run_4", manifest_digest=digest("manifest 4"), fingerprint=digest("other"), family_id="fam_other", verdict="unsigned"),
]  # fmt: skip
STEPS = [
    {**CART, "artifact": digest("runpack r1"), "kind": "runpack", "environment": "prod", "run_id": "run_1",
     "manifest_digest": digest("manifest 1"), "index": index, "intent_id": f"intent_{index}", "tool_name": tool, "status": "ok",
     "result_digest": digest(f"result {index}"), "made_at": at(1)}
    for index, tool in enumerate(("search", "refund"))
]  # fmt: skip


def _regress(name: str, place: Mapping[str, str], **members: Any) -> dict[str, Any]:
    return {
        **place, "artifact": digest(f"regress_result {name}"), "kind": "regress_result", "verdict": "unsigned", "fixture_set": "default",
        **members,
    }  # fmt: skip


REGRESS = [
    _regress("g1", CART, made_at=at(1), status="fail", fixtures=2, failed=1, vacuous=False, drift_class="behavioural", fixture_names=["gold", "mine"]),
    _regress("g2", PRICE, made_at=at(8), status="pass", fixtures=1, failed=0, vacuous=True, drift_class="none", fixture_names=["gold"]),
]  # fmt: skip
GRADERS = [
    _regress("g1", CART, made_at=at(1), fixture="gold", grader="diff", status="fail", candidate=True, reason_codes=["unexpected_diff"]),
    _regress("g1", CART, made_at=at(1), fixture="gold", grader="schema_validation", status="pass", candidate=None, reason_codes=[]),
    _regress("g1", CART, made_at=at(1), fixture="mine", grader="diff", status="pass", candidate=True, reason_codes=[]),
    _regress("g2", PRICE, made_at=at(8), fixture="gold", grader="diff", status="pass", candidate=False, reason_codes=[]),
]  # fmt: skip


def _approval(name: str, kind: str, form: str, **members: Any) -> dict[str, Any]:
    return {
        **CART, "artifact": digest(f"{kind} {name}"), "kind": kind, "environment": "prod", "made_at": at(2), "form": form,
        "intent_digest": REFUND, "policy_digest": OLD, **members,
    }  # fmt: skip


_ALLOWED = digest(f"{OLD} {REFUND} allow")[:24]
_ASKED = digest(f"{OLD} {DEPLOY} require_approval")[:24]
APPROVALS = [
    _approval("t1", "approval_token", "token", token_id="token-1", approver="dana", scope=["*"], expires_at=at(2, 3600)),
    _approval("u1", "approval_audit", "audit", verdict="unsigned", trace_id=_ALLOWED, required=1, valid_approvals=1, approved=True),
    _approval("u1", "approval_audit", "entry", verdict="unsigned", trace_id=_ALLOWED, token_id="token-1", approver="dana", scope=["*"], valid=True),
    _approval("u1", "approval_audit", "entry", verdict="unsigned", trace_id=_ALLOWED, token_id="token-0", approver="eve", scope=["tool:fs.write"],
              valid=False, error_code="approval_token_expired"),
    _approval("u2", "approval_audit", "audit", verdict="unsigned", trace_id=_ASKED, required=1, valid_approvals=1, approved=True),
    _approval("v1", "delegation_token", "delegation_token", token_id="token-9", approver="lead"),
]  # fmt: skip


def _item(name: str, snapshot: str, place: Mapping[str, str], risk: str) -> dict[str, Any]:
    return {
        **place, "artifact": digest(f"inventory_snapshot {snapshot}"), "kind": "inventory_snapshot", "verdict": "unsigned", "made_at": at(1),
        "snapshot_id": f"snap_{snapshot}", "item_id": f"tool:{name}", "item_kind": "tool", "name": name, "locator": "tools.py",
        "risk_level": risk, "tags": ["tool"],
    }  # fmt: skip


INVENTORY = [
    _item("gone", "s1", CART, "low"),
    _item("drop_table", "s2", CART, "critical"),
    _item("read_file", "s2", CART, "low"),
]
FINDINGS = [
    {**CART, "artifact": digest("trace d3"), "kind": "trace", "environment": "prod", "verdict": "failed", "made_at": at(0),
     "code": "trace.event_id_mismatch", "message": "the event id does not follow", "effect": "fails"},
    {**CART, "artifact": digest("trace a1"), "kind": "trace", "environment": "prod", "made_at": at(0),
     "code": "producer.wrong_repository", "message": "the key is for another repository", "effect": "notes"},
]  # fmt: skip

WORLD: dict[str, list[dict[str, Any]]] = {
    "artifacts": ARTIFACTS,
    "decisions": DECISIONS,
    "runs": RUNS,
    "run_steps": STEPS,
    "regress_results": REGRESS,
    "regress_graders": GRADERS,
    "approvals": APPROVALS,
    "inventory_items": INVENTORY,
    "findings": FINDINGS,
}
"""Table → rows."""
