# SPDX-License-Identifier: Apache-2.0
"""The audit log for people, and as CSV: one row for each signature that a decision rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gaitops.report.evidence_rows import csv_lines
from gaitops.report.tables import table

CSV_COLUMNS: Final = (
    "sequence", "time", "partition", "commit", "operation", "scope", "paths", "part", "principal", "identity_type",
    "identity", "assurance", "attested_by", "signed_at", "time_source", "log_id", "log_index", "rules", "quorum", "payload",
    "envelope", "envelope_sha256", "signed_commit", "fingerprint", "event",
)  # fmt: skip
"""What a row says; ``event`` is the hash of the event in the log."""

Event = Mapping[str, Any]


def audit_text(events: Sequence[Event]) -> str:
    """One line per decision."""
    cells = [
        [
            str(item["sequence"]),
            item["time"],
            item["operation"]["kind"],
            str(item["operation"].get("title", item["operation"]["scope"])),
            ", ".join(f"{one['principal']} ({one['assurance']})" for one in item["approvals"]),
        ]
        for item in events
    ]
    return table(["no.", "time", "operation", "what", "approved by"], cells) if cells else "no decisions yet"


def audit_csv(events: Sequence[Event]) -> str:
    """The log as CSV (RFC 4180, lines end in a line feed); a decision that nobody signed for has one row of its own."""
    return "\n".join(csv_lines(CSV_COLUMNS, [row for event in events for row in _rows(event)])) + "\n"


def _rows(event: Event) -> Iterator[dict[str, Any]]:
    signatures = [("proposed", item) for item in event["proposedBy"]]
    signatures += [("approved", item) for item in event["approvals"]]
    operation = event["operation"]
    common = {
        "sequence": event["sequence"],
        "time": event["time"],
        "partition": event["partition"],
        "commit": event["commit"],
        "operation": operation["kind"],
        "scope": operation["scope"],
        "paths": " ".join(operation["paths"]),
        "rules": " ".join(event["requirement"]["rules"]),
        "quorum": event["requirement"]["quorum"],
        "event": event["hash"],
    }
    if not signatures:
        yield dict.fromkeys(CSV_COLUMNS, "") | common
    for part, item in signatures:
        log = item["log"] or {}
        yield (
            dict.fromkeys(CSV_COLUMNS, "")
            | common
            | {
                "part": part,
                "principal": item["principal"],
                "identity_type": item["identity"]["type"],
                "identity": identity_text(item["identity"]),
                "assurance": item["assurance"],
                "attested_by": (item.get("attestedBy") or {}).get("principal", ""),
                "signed_at": item["signedAt"] or "",
                "time_source": item["timeSource"],
                "log_id": log.get("id", ""),
                "log_index": log.get("index", ""),
                "payload": item.get("payload", ""),
                "envelope": item.get("envelope", ""),
                "envelope_sha256": item.get("envelopeSha256", ""),
                "signed_commit": item.get("commit", ""),
                "fingerprint": item["fingerprint"],
            }
        )


def identity_text(identity: Mapping[str, str]) -> str:
    """What was signed with, in one cell: values in the order in which the event gives them."""
    return " ".join(value for name, value in identity.items() if name not in ("id", "type"))
