# SPDX-License-Identifier: Apache-2.0
"""The golden fleet's evidence as rows of the tables, made without reading artifacts: what queries are compared on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.evidence.table_store import digest
from tests.posture.larkspur import VECTORS, WINDOW, moment, names, repository, traces, truth

COLLECTED = WINDOW.until - timedelta(minutes=1)
Row = dict[str, Any]


def larkspur_tables() -> dict[str, list[Row]]:
    """Table → rows."""
    tables: dict[str, list[Row]] = {
        name: []
        for name in (
            "artifacts",
            "decisions",
            "runs",
            "approvals",
            "regress_results",
            "regress_graders",
            "inventory_items",
        )
    }
    for name in names():
        for table, row in (
            *_traces(name),
            *_runs(name),
            *_tokens(name),
            *_audits(name),
            *_regress(name),
            *_inventory(name),
        ):
            tables[table].append({"collected_at": COLLECTED, **row})
    return tables


def _artifact(name: str, key: str, kind: str, verdict: str, **members: Any) -> Row:
    return {
        "repository": repository(name),
        "artifact": digest(key),
        "kind": kind,
        "verdict": verdict,
        "duplicate": False,
        "source": key,
        **members,
    }


def _traces(name: str) -> Iterator[tuple[str, Row]]:
    seen: set[str] = set()
    for file, content, verdict in traces(name):
        key = hashlib.sha256(json.dumps(content or file).encode()).hexdigest()
        repeated = key in seen
        seen.add(key)
        at = moment(content["observed_at"]) if content is not None else None
        proven = verdict == "verified"
        environment = (content or {}).get("environment")
        row = _artifact(name, key, "trace", verdict, duplicate=repeated, source=f"{name}/{file}", made_at=at)
        row["environment"] = environment if proven else None
        row["claimed_environment"] = environment
        row["key_id"] = ((content or {}).get("signature") or {}).get("key_id")
        yield "artifacts", row
        if content is None or repeated or verdict == "rejected":
            continue
        yield "decisions", {
            **{member: row[member] for member in ("repository", "artifact", "kind", "verdict", "environment", "key_id", "made_at")},
            "event_key": digest(f"{row['key_id']} {content['event_id']}"),
            "repeat": False,
            "policy_digest": content["policy_digest"],
            "intent_digest": content["intent_digest"],
            "decision": content["verdict"],
            "run_id": content.get("run_id"),
            "approval_token_ref": content.get("approval_token_ref"),
            "kill_switch": "active" if "kill_switch_active" in content.get("violations", ()) else None,
        }  # fmt: skip


def _runs(name: str) -> Iterator[tuple[str, Row]]:
    packs = truth()["repos"][f"larkspur/{name}"]["runpacks"]
    for verdict, number in packs["status"].items():
        for index in range(number):
            row = _artifact(name, f"{name} run {verdict} {index}", "runpack", verdict, made_at=WINDOW.since)
            yield "artifacts", row


def _texts(name: str, file: str) -> Iterator[Row]:
    for line in (VECTORS / name / file).read_text(encoding="utf-8").splitlines():
        yield json.loads(json.loads(line)["text"])


def _tokens(name: str) -> Iterator[tuple[str, Row]]:
    for token in _texts(name, "approval_tokens.jsonl"):
        made = moment(token["created_at"])
        row = {
            "repository": repository(name),
            "artifact": digest(token["token_id"]),
            "kind": "approval_token",
            "made_at": made,
        }
        yield "approvals", row | {
            "form": "token",
            "token_id": token["token_id"],
            "approver": token["approver_identity"],
            "scope": token["scope"],
            "expires_at": moment(token["expires_at"]),
        }  # fmt: skip


def _audits(name: str) -> Iterator[tuple[str, Row]]:
    for audit in _texts(name, "approval_audits.jsonl"):
        for entry in audit["entries"] or ():
            yield (
                "approvals",
                {
                    "repository": repository(name),
                    "artifact": digest(audit["trace_id"]),
                    "kind": "approval_audit",
                    "verdict": "unsigned",
                    "made_at": moment(audit["created_at"]),
                    "form": "entry",
                    "token_id": entry["token_id"],
                    "approver": entry["approver_identity"],
                    "valid": entry["valid"],
                },
            )


def _regress(name: str) -> Iterator[tuple[str, Row]]:
    for result in truth()["repos"][f"larkspur/{name}"]["regress"]:
        key = f"{name} {result['case']}"
        base = {
            "repository": repository(name),
            "artifact": digest(key),
            "kind": "regress_result",
            "verdict": "unsigned",
            "collected_at": WINDOW.since + timedelta(days=int(result["case"].removeprefix("day"))),
        }
        yield "artifacts", {**base, "duplicate": False, "source": key}
        outcome = {name: result[name] for name in ("status", "vacuous", "drift_class")}
        yield "regress_results", {**base, **outcome}
        for failing in result["failing"]:
            grader = {"fixture": "golden", "grader": str(failing), "status": "fail"}
            yield "regress_graders", {**base, **grader, "reason_codes": ["unexpected_diff"]}


def _inventory(name: str) -> Iterator[tuple[str, Row]]:
    snapshot = json.loads((VECTORS / name / "scout_snapshot.json").read_text(encoding="utf-8"))
    key = f"{name} inventory"
    row = _artifact(name, key, "inventory_snapshot", "unsigned", made_at=moment(snapshot["created_at"]))
    yield "artifacts", row
    for item in snapshot["items"]:
        yield (
            "inventory_items",
            {
                **{
                    member: row[member] for member in ("repository", "artifact", "kind", "verdict", "made_at")
                },
                "snapshot_id": snapshot["snapshot_id"],
                "item_id": item["id"],
                "item_kind": item["kind"],
                "name": item["name"],
                "locator": item["locator"],
                "risk_level": item["risk_level"],
            },
        )
