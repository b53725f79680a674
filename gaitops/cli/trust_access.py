# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust access``: who can approve what, who did, and which authority nobody used."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import POLICY_BLOCKED
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.change.access import Standing
    from gaitops.fleet.people import Directory
    from gaitops.history.session import History
    from gaitops.report.access import Report


@command(
    example="gaitops trust access\n"
    "gaitops trust access --scope org/acme --format csv > access.csv\n"
    "gaitops trust access --unused-for 180d --fail-on-unused",
    formats=("text", "json", "csv"),
)
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Branch, tag or full commit id."
)
@click.option("--scope", metavar="SCOPE", help="Only this scope and below.")
@click.option("--principal", metavar="PRINCIPAL", help="Only what concerns PRINCIPAL.")
@click.option(
    "--unused-for",
    "limit",
    type=options.duration,
    default="90d",
    show_default=True,
    metavar="DURATION",
    help="From when on a grant or identity without use is told of.",
)
@click.option(
    "--fail-on-unused", is_flag=True, help="Exit with 3 when a grant or an identity is told of as unused."
)
@options.trust_root
@options.at
def access(
    *,
    repo: Path,
    rev: str,
    scope: str | None,
    principal: str | None,
    limit: timedelta,
    fail_on_unused: bool,
    trust_root: str,
    at: datetime | None,
) -> Result:
    """Show who can approve what, who did, and what least privilege asks to be looked at.

    For every kind of operation at every scope: what the rules ask, who could approve it by which role and group, and
    with which identities. Then decisions per scope and person with the last one. Then grants and identities that were of
    no use for 90 days, quorums that cannot be met, roles of people who cannot sign, and last identities that end within
    30 days. Everything comes from verified state and its audit log.
    """
    from gaitops.cli.opening import opened
    from gaitops.report.access import report_csv, report_json, report_text

    with opened(repo, rev, trust_root, at=at) as history:
        standing = _standing(history)
        _check(standing, scope, principal)
        report = _report(history, standing, scope, principal, limit)
        head = history.standing.head
        verified = history.verdict().verified
    is_unused = any(item.kind in ("grant_unused", "identity_unused") for item in report.findings)
    members = {
        "head": head,
        "verified": verified,
        "scope": scope,
        "principal": principal,
        "unusedForSeconds": int(limit.total_seconds()),
        **report_json(report),
    }
    return Result(
        "trust-access",
        members,
        lambda: report_text(report),
        {"csv": lambda: report_csv(report)},
        POLICY_BLOCKED if fail_on_unused and is_unused else 0,
    )


def _standing(history: History) -> Standing:
    from gaitops.change.access import Standing
    from gaitops.change.context import revocation_of

    state = history.state()
    people: dict[str | None, Directory] = {None: history.fold.people(())}
    people.update({org: history.fold.people((org,)) for org in state.orgs()})
    identities = [item for one in people.values() for item in one.identities]
    revoked = frozenset(
        item.fingerprint for item in identities if revocation_of(item, history.fold.facts) is not None
    )
    return Standing(state, history.standing.root, people, revoked, history.at)


def _check(standing: Standing, scope: str | None, principal: str | None) -> None:
    """Raises InvalidInputError ``access.unknown`` for a scope or principal that is not there: nothing would hide it."""
    from gaitops.change.access import scopes

    if scope is not None and all(name != scope for name, _org, _kinds, _tier in scopes(standing.state)):
        raise InvalidInputError.of(
            "access.unknown", f"there is no scope {scope!r}", remedy="use fleet, org/NAME, or one below it"
        )
    if principal is not None and all(principal not in one.people for one in standing.people.values()):
        raise InvalidInputError.of(
            "access.unknown",
            f"there is no principal {principal!r}",
            remedy="gaitops trust show lists principals",
        )


def _report(
    history: History, standing: Standing, scope: str | None, principal: str | None, limit: timedelta
) -> Report:
    from gaitops.change.access import accesses
    from gaitops.fleet.scopes import contains
    from gaitops.history.usage import Finding, acts_of, grant_uses, unused, weak_points
    from gaitops.report.access import Report

    found = list(accesses(standing, scope))
    acts = acts_of(history)
    grants = grant_uses(history, standing, acts)
    unreachable = [
        Finding("unreachable", None, item.scope, f"{item.kind}: {reason}")
        for item in found
        if (reason := item.unreachable) is not None
    ]
    findings = [
        *unused(history, standing, acts, grants, limit),
        *dict.fromkeys(unreachable),
        *weak_points(standing, grants),
    ]

    def wanted(name: str | None, where: str | None) -> bool:
        return (principal is None or name == principal) and (
            scope is None or where is None or contains(scope, where)
        )

    return Report(
        [
            item
            for item in found
            if principal is None
            or principal in item.proposers
            or any(one.principal == principal for one in item.approvers)
        ],
        [item for item in acts if wanted(item.principal, item.scope)],
        [item for item in grants if wanted(item.principal, item.scope)],
        [item for item in findings if wanted(item.principal, item.scope)],
    )
