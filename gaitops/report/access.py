# SPDX-License-Identifier: Apache-2.0
"""Who can approve what, who did, and what least privilege asks to be looked at: as text, JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gaitops.change.access import RISKS, Access, Approver
from gaitops.change.requirements import Requirement
from gaitops.documents.times import format_timestamp
from gaitops.history.usage import Act, Finding, GrantUse
from gaitops.report.evidence_rows import csv_lines
from gaitops.report.tables import table
from gaitops.report.text import Style, counted, safe, styled

CSV_COLUMNS: Final = (
    "scope", "operation", "tier", "risk", "quorum", "root_keys", "groups", "assurance", "forge_attesters", "rules", "principal",
    "roles", "identities", "approved", "last_approved", "unreachable",
)  # fmt: skip
"""One row for everybody who could approve an operation at a scope; one without a principal where nobody could."""


@dataclass(frozen=True)
class Report:
    """What ``gaitops trust access`` found."""

    accesses: Sequence[Access]
    acts: Sequence[Act]
    grants: Sequence[GrantUse]
    findings: Sequence[Finding]


def report_json(report: Report) -> dict[str, object]:
    """For ``--json``."""
    return {
        "access": [_access_json(item) for item in report.accesses],
        "did": _did(report.acts),
        "grants": [_grant_json(item) for item in report.grants],
        "findings": [
            {"kind": item.kind, "principal": item.principal, "scope": item.scope, "message": item.message}
            for item in report.findings
        ],
    }


def _access_json(item: Access) -> dict[str, object]:
    return {
        "scope": item.scope,
        "operation": item.kind,
        "tier": item.tier,
        "risk": item.risk,
        "requirement": item.requirement.to_json(),
        "approvers": [
            {
                "principal": one.principal,
                "roles": [{"role": role, "scope": scope, "group": group} for role, scope, group in one.roles],
                "identities": [
                    {
                        "id": identity.label,
                        "assurance": identity.assurance,
                        "fingerprint": identity.fingerprint,
                    }
                    for identity in one.identities
                ],
            }
            for one in item.approvers
        ],
        "proposers": list(item.proposers),
        "unreachable": item.unreachable,
    }


def _grant_json(item: GrantUse) -> dict[str, object]:
    return {
        "principal": item.principal,
        "role": item.role,
        "scope": item.scope,
        "group": item.group,
        "binding": item.binding,
        "since": _time(item.since),
        "lastUsed": _time(item.last_used),
    }


def _did(acts: Iterable[Act]) -> list[dict[str, object]]:
    """Per scope and principal: how often, and when last. Operations that one change decided count each."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for act in acts:
        row = found.setdefault(
            (act.scope, act.principal),
            {
                "scope": act.scope,
                "principal": act.principal,
                "proposed": 0,
                "approved": 0,
                "attested": 0,
                "analyzed": 0,
                "last": act.at,
            },
        )
        row[act.part] += 1
        row["last"] = max(row["last"], act.at)
    return [{**found[key], "last": _time(found[key]["last"])} for key in sorted(found)]


def report_csv(report: Report) -> str:
    """Who can approve what, with what each of them approved (RFC 4180, lines end in a line feed)."""
    approved: dict[tuple[str, str, str], list[datetime]] = {}
    for act in report.acts:
        if act.part == "approved":
            approved.setdefault((act.scope, act.kind, act.principal), []).append(act.at)
    rows = (row for item in report.accesses for row in _rows(item, approved))
    return "\n".join(csv_lines(CSV_COLUMNS, rows)) + "\n"


def _rows(item: Access, approved: dict[tuple[str, str, str], list[datetime]]) -> Iterator[dict[str, Any]]:
    needed = item.requirement
    common: dict[str, Any] = dict.fromkeys(CSV_COLUMNS, "") | {
        "scope": item.scope,
        "operation": item.kind,
        "tier": item.tier or "",
        "risk": item.risk or "",
        "quorum": needed.quorum,
        "root_keys": needed.root,
        "groups": " ".join(sorted(needed.groups)),
        "assurance": " ".join(sorted(needed.assurance or ())),
        "forge_attesters": " ".join(sorted(needed.forge_attesters)),
        "rules": " ".join(needed.rules),
        "unreachable": item.unreachable or "",
    }
    if not item.approvers:
        yield common
    for one in item.approvers:
        times = approved.get((item.scope, item.kind, one.principal), [])
        yield common | {
            "principal": one.principal,
            "roles": "; ".join(_via(role) for role in one.roles),
            "identities": " ".join(f"{identity.label}:{identity.assurance}" for identity in one.identities),
            "approved": len(times),
            "last_approved": _time(max(times, default=None)) or "",
        }


def report_text(report: Report) -> str:
    """For people: operations that need the same of the same people stand together."""
    parts = [styled("Who can approve what", Style.BOLD), *_blocks(report.accesses)]
    did = [
        [str(row[name]) for name in ("scope", "principal", "proposed", "approved", "attested", "last")]
        for row in _did(report.acts)
    ]
    parts += [styled("Who did", Style.BOLD)]
    parts += [
        table(["scope", "principal", "proposed", "approved", "attested", "last"], did) or "no decisions yet"
    ]
    findings = [
        [item.kind.replace("_", " "), item.principal or "–", item.scope or "–", item.message]
        for item in report.findings
    ]
    parts += [styled("To look at", Style.BOLD)]
    parts += [table(["what", "principal", "scope", "why"], findings) or "nothing"]
    return "\n\n".join(parts)


def _blocks(accesses: Sequence[Access]) -> Iterator[str]:
    scopes: dict[str, dict[tuple[str, str, str], dict[str, list[str]]]] = {}
    for item in accesses:
        same = scopes.setdefault(item.scope, {}).setdefault(
            (needs(item.requirement), _names(item.approvers), item.unreachable or ""), {}
        )
        risks = same.setdefault(item.kind, [])
        if item.risk is not None:
            risks.append(item.risk)
    for scope, groups in scopes.items():
        lines = [styled(scope, Style.BOLD)]
        for (needed, names, unreachable), kinds in groups.items():
            lines.append(f"  {safe(needed)}")
            lines.append(f"      for    {', '.join(_kind(kind, risks) for kind, risks in kinds.items())}")
            lines.append(f"      by     {safe(names) or 'nobody'}")
            if unreachable:
                lines.append(f"      {styled('cannot be met', Style.YELLOW)}: {safe(unreachable)}")
        yield "\n".join(lines)


def _kind(kind: str, risks: Sequence[str]) -> str:
    return f"{kind} ({'/'.join(risks)} risk)" if 0 < len(risks) < len(RISKS) else kind


def _names(approvers: Iterable[Approver]) -> str:
    return ", ".join(
        f"{item.principal} ({', '.join(sorted({identity.assurance for identity in item.identities}))})"
        for item in approvers
    )


def needs(needed: Requirement) -> str:
    """What has to come together, in one line; reviews of a forge are named as what they are."""
    text = counted(needed.quorum, "root key" if needed.root else "approval")
    if needed.groups:
        text += f", from {', '.join(sorted(needed.groups))}"
    if needed.assurance is not None:
        text += f", by {' or '.join(sorted(needed.assurance))}"
    if needed.forge_attesters:
        text += f" (reviews are the word of {' or '.join(sorted(needed.forge_attesters))})"
    return f"{text} ({', '.join(needed.rules)})"


def _via(role: tuple[str, str, str | None]) -> str:
    name, scope, group = role
    return f"{name} at {scope}" + (f" through {group}" if group is not None else "")


def _time(at: datetime | None) -> str | None:
    return format_timestamp(at) if at is not None else None
