# SPDX-License-Identifier: Apache-2.0
"""Paths that need an approval: what was asked, what was answered, with which tokens (contract 5.4, 5.5).

A *call* is a repository, a policy and an intent: a call first answered ``require_approval`` and later allowed has two
trace ids, and is joined by those two digests (contract 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import ibis

from gaitops.evidence.queries.artifacts import PLACE
from gaitops.evidence.queries.counting import (
    Aggregate,
    count_where,
    hashed,
    is_true,
    ordered,
    readable,
    unix_micros,
    when,
)
from gaitops.evidence.queries.decisions import decided
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables

CALL: Final = ("repository", "policy_digest", "intent_digest")


_ASKED: Final = "require_approval"
_ALLOWED: Final = "allow"
_MICROSECONDS: Final = 1_000_000


def approval_calls(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """One row per call that needed an approval.

    ``approved_at`` is the first time it was allowed at or after the first request, ``open`` whether the last request was
    never followed by that, ``seconds_to_approval`` the time between the first request and ``approved_at``.
    """
    found = calls(tables, selection).drop("artifact")
    return ordered(found, (*PLACE, "policy_digest", "intent_digest"))


def calls(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """The rows of :func:`approval_calls` in any order, each with ``artifact``, one of those in which it was asked for."""
    rows = _of_asked_calls(decided(tables, selection))
    asked, allowed = rows.decision == _ASKED, rows.decision == _ALLOWED
    found = rows.group_by([*CALL, "environment"]).agg(
        org=rows.org.min(where=asked),
        project=rows.project.min(where=asked),
        team=rows.team.min(where=asked),
        tool_name=rows.tool_name.min(where=asked),
        artifact=rows.artifact.min(where=asked),
        requests=count_where(asked),
        asked_at=rows["at"].min(where=asked),
        last_asked_at=rows["at"].max(where=asked),
        allowed_at=rows["at"].collect(where=allowed),
        last_allowed_at=rows["at"].max(where=allowed),
    )
    found = found.filter(found.asked_at.notnull())
    found = found.mutate(
        approved_at=found.allowed_at.filter(lambda at: at >= found.asked_at).mins(),
        open=found.last_allowed_at.isnull() | (found.last_allowed_at < found.last_asked_at),
    )
    waited = _seconds(found.approved_at) - _seconds(found.asked_at)
    return found.select(
        *PLACE, "policy_digest", "intent_digest", "tool_name", "requests", "asked_at", "last_asked_at",
        "approved_at", "open", "artifact", seconds_to_approval=waited,
    )  # fmt: skip


def _of_asked_calls(rows: ir.Table) -> ir.Table:
    """Requests, and what was allowed under the same hash as one of them: a few rows, which are compared afterwards."""
    asked = rows.decision == _ASKED
    # What names no call is the answer to none.
    allowed = (rows.decision == _ALLOWED) & ~_any_null(rows, CALL)
    call = hashed(*(rows[name] for name in CALL))
    # Hashed twice: an expression that both sides share would be kept in memory whole.
    wanted = rows.filter(asked).select(call=call)
    found = rows.filter(asked | allowed).select(
        *PLACE, "policy_digest", "intent_digest", "tool_name", "decision", "artifact", at=when(rows), call=call
    )  # fmt: skip
    return found.semi_join(wanted, "call")


def _any_null(rows: ir.Table, columns: Sequence[str]) -> ir.BooleanValue:
    return ibis.or_(*(rows[name].isnull() for name in columns))


def _seconds(at: ir.TimestampValue) -> ir.IntegerValue:
    """Whole seconds since 1970."""
    return (unix_micros(at) // _MICROSECONDS).cast("int64")


def approval_requests(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Requests and answers behind :func:`approval_calls`, by call and decision: its proof."""
    rows = decided(tables, selection)
    rows = rows.filter(rows.decision.isin(("require_approval", "allow")))
    asked = rows.filter(rows.decision == "require_approval").select(*CALL).distinct()
    rows = rows.semi_join(asked, list(CALL))
    return Aggregate(
        rows,
        (*PLACE, "policy_digest", "intent_digest", "decision"),
        {"decisions": rows.count(), "first_at": when(rows).min(), "last_at": when(rows).max()},
    )


def approval_tokens(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Approvals by place, approver and what became of them.

    Rows of form ``token`` are tokens that were collected, ``entry`` tokens as a gate saw them in an audit. ``approver`` is
    an assertion inside the token, not bound to a key (contract 5.4).
    """
    rows = select(tables, "approvals", selection)
    rows = rows.filter(rows.form.isin(("token", "entry")), readable(rows))
    rows = rows.mutate(wildcard=is_true(rows.scope.contains("*")))
    return Aggregate(
        rows,
        (*PLACE, "form", "verdict", "approver", "valid", "error_code", "wildcard"),
        {
            "seen": rows.count(),
            "tokens": rows.token_id.nunique(),
            "first_at": when(rows).min(),
            "last_at": when(rows).max(),
            "last_expires_at": rows.expires_at.max(),
        },
    )


def token_uses(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Tokens that decisions presented: ``events`` counts distinct emissions, ``repositories`` where.

    Gait has no single use (contract 5.4); more than one event is worth knowing and breaks no rule of Gait.
    """
    rows = decided(tables, selection)
    rows = rows.filter(rows.approval_token_ref.notnull(), rows.approval_token_ref != "")
    return Aggregate(
        rows,
        ("approval_token_ref",),
        {
            "events": rows.event_key.nunique(),
            "repositories": rows.repository.nunique(),
            "first_at": when(rows).min(),
            "last_at": when(rows).max(),
        },
    )


def audits(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Approval audits by place: how many say approved, and with how few approvers (contract 5.5: the trace decides)."""
    rows = select(tables, "approvals", selection)
    rows = rows.filter(rows.form == "audit", readable(rows))
    return Aggregate(
        rows,
        PLACE,
        {
            "audits": rows.count(),
            "approved": count_where(rows.approved),
            "insufficient": count_where(rows.valid_approvals < rows.required),
        },
    )


def audit_contradictions(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Audits that say approved beside proven decisions of the same id that did not allow (contract 5.5)."""
    rows = select(tables, "approvals", selection)
    rows = rows.filter(rows.form == "audit", is_true(rows.approved), readable(rows))
    decisions = decided(tables)
    refused = decisions.filter(decisions.decision != "allow").select("trace_id", "repository").distinct()
    rows = rows.semi_join(refused, ["trace_id", "repository"])
    return Aggregate(rows, (*PLACE, "trace_id"), {"audits": rows.count()})
