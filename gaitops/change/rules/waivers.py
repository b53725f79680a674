# SPDX-License-Identifier: Apache-2.0
"""How long a waiver may live (design 10): at most 90 days by its model, less where its organization says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gaitops.change.context import Change
from gaitops.documents.layout import classify
from gaitops.documents.models.governance import MAX_WAIVER_DAYS, Waiver
from gaitops.documents.times import parse_timestamp
from gaitops.errors import Problem
from gaitops.fleet.state import FleetState


def check_waivers(change: Change) -> Iterator[Problem]:
    """Every waiver that the change writes ends in time.

    Of the limits before and after the change the lower holds: who raises the limit and uses it at once gains nothing.
    """
    for item in change.deltas:
        location = classify(item.path)
        if location.kind != "Waiver" or item.after is None:
            continue
        waiver = change.after.document(item.path, Waiver)
        if waiver is None:  # Cannot happen: the rules of documents have read it.
            continue
        days = min(_limit(change.before, location.org or ""), _limit(change.after, location.org or ""))
        life = parse_timestamp(waiver.spec.expires_at) - parse_timestamp(waiver.spec.issued_at)
        if life > timedelta(days=days):
            yield Problem(
                "waiver.too_long",
                f"the waiver lives {life.days} days, {location.org} allows {days}",
                path=item.path,
                field="spec.expiresAt",
                remedy="let it end earlier; it can be renewed by another change",
            )


def _limit(state: FleetState, org: str) -> int:
    document = state.organization(org)
    limit = None if document is None else document.spec.waiver_max_days
    return MAX_WAIVER_DAYS if limit is None else limit
