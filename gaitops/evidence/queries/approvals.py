# SPDX-License-Identifier: Apache-2.0
"""Paths that need an approval: what was asked, what was answered, with which tokens (contract 5.4, 5.5).

A *call* is a repository, a policy and an intent: a call first answered ``require_approval`` and later allowed has two
trace ids, and is joined by those two digests (contract 2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gaitops.evidence.queries.artifacts import PLACE
from gaitops.evidence.queries.counting import Aggregate, count_where, is_true, ordered, readable, when
from gaitops.evidence.queries.decisions import decided
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables

CALL: Final = ("repository", "policy_digest", "intent_digest")


def approval_calls(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """One row per call that needed an approval.

    ``approved_at`` is the first time it was allowed at or after the first request, ``open`` whether the last request was
    never followed by that, ``seconds_to_approval`` the time between the first request and ``approved_at``.
    """
    rows = decided(tables, selection)
    rows = rows.mutate(at=when(rows))
    asked = rows.filter(rows.decision == "require_approval")
    asked = asked.group_by([*PLACE, "policy_digest", "intent_digest"]).agg(
        requests=asked.count(),
        asked_at=asked["at"].min(),
        last_asked_at=asked["at"].max(),
        tool_name=asked.tool_name.min(),
    )
    allowed = rows.filter(rows.decision == "allow").select(*CALL, "at", "environment")
    answers = asked.join(
        allowed,
        [
            *(asked[name] == allowed[name] for name in CALL),
            asked.environment.fill_null("") == allowed.environment.fill_null(""),
            allowed["at"] >= asked.asked_at,
        ],
    ).select(*(asked[name] for name in (*CALL, "environment")), at=allowed["at"])
    answers = answers.group_by([*CALL, "environment"]).agg(
        approved_at=answers["at"].min(), last_allowed_at=answers["at"].max()
    )
    found = asked.left_join(
        answers,
        [
            *(asked[name] == answers[name] for name in CALL),
            asked.environment.fill_null("") == answers.environment.fill_null(""),
        ],
    ).select(
        *(
            asked[name]
            for name in (
                *PLACE,
                "policy_digest",
                "intent_digest",
                "tool_name",
                "requests",
                "asked_at",
                "last_asked_at",
            )
        ),
        answers.approved_at,
        open=answers.last_allowed_at.isnull() | (answers.last_allowed_at < asked.last_asked_at),
    )
    found = found.mutate(
        # Whole seconds before the difference: engines give an epoch with or without its fraction.
        seconds_to_approval=found.approved_at.truncate("s").epoch_seconds()
        - found.asked_at.truncate("s").epoch_seconds()
    )
    return ordered(found, (*PLACE, "policy_digest", "intent_digest"))


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
