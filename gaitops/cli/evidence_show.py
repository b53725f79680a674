# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence show``: everything that is known of one artifact, run, decision or token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from gaitops.cli import evidence_options
from gaitops.cli.command import command
from gaitops.cli.output import Result


@command(
    "show",
    example="gaitops evidence show 3a7bd3e2360a --store evidence\n"
    "gaitops evidence show run_cartapi_1009_55400 --store evidence --json",
)
@click.argument("name")
@evidence_options.store
@evidence_options.engine
def show(
    *, name: str, store: str, store_options: Sequence[str], engine: str, engine_options: Mapping[str, str]
) -> Result:
    """Show what is known of NAME: verdict, findings, facts, deliveries, and related artifacts.

    NAME is the digest of an artifact or at least eight of its first digits, any other digest that the tables hold, or
    the id of a run, trace, event, token, snapshot or family. A name may mean several artifacts: all are shown.
    """
    from gaitops.evidence.extras import load
    from gaitops.report.evidence_shown import shown_json, shown_text

    with evidence_options.opened_engine(store, store_options, engine, engine_options) as (_store, running):
        found = load("gaitops.evidence.show", "evidence").show(running, name)
    return Result("evidence-show", lambda: shown_json(found), lambda: shown_text(found))
