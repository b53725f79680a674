# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence query``: rows of evidence, counts, and the artifacts behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from gaitops.cli import evidence_options
from gaitops.cli.command import command
from gaitops.cli.output import Result

_MOST_ROWS = 100


@command(
    "query",
    example="gaitops evidence query --store evidence --table decisions --decision block --environment prod\n"
    "gaitops evidence query --store evidence --table decisions --group-by repository,decision\n"
    "gaitops evidence query --store evidence --family fam_5fbb0b6f1bd4 --proof --format jsonl",
    formats=("text", "json", "jsonl", "csv"),
)
@evidence_options.store
@click.option(
    "--table",
    default="artifacts",
    show_default=True,
    metavar="TABLE",
    help="artifacts, decisions, runs, run_steps, regress_results, regress_graders, approvals, inventory_items or findings.",
)
@evidence_options.conditions
@click.option(
    "--group-by",
    multiple=True,
    metavar="COLUMN[,COLUMN]…",
    help="Count rows by these columns, or by day or week; may be repeated.",
)
@click.option("--count", is_flag=True, help="Count all rows instead of listing them.")
@click.option(
    "--proof", is_flag=True, help="List the digests of the artifacts, or of those behind each count."
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    metavar="N",
    help=f"Most rows to print; {_MOST_ROWS} by default, and 0 for all.",
)
@evidence_options.engine
@evidence_options.fleet(required=False)
def query(
    *,
    store: str,
    store_options: Sequence[str],
    table: str,
    conditions: evidence_options.Conditions,
    group_by: Sequence[str],
    count: bool,
    proof: bool,
    limit: int | None,
    engine: str,
    engine_options: Mapping[str, str],
    fleet_repo: Path | None,
    rev: str,
    trust_root: str | None,
) -> Result:
    """Ask one table of the evidence; several conditions must all hold, several values of one are alternatives.

    A condition on something that the table does not have is about the artifact: --decision block over artifacts means
    those with a blocked call in them. Rows are everything that was read, also what proves nothing; --proven leaves the
    rest out. What is printed is in a fixed order.
    """
    from gaitops.evidence.extras import needing
    from gaitops.report.evidence_rows import csv_lines, json_lines, json_row, rows_text

    with needing("evidence"):
        from gaitops.evidence.ask import Question, ask, check, group_columns
    question = Question(
        table=table,
        group_by=group_columns(group_by),
        count=count,
        proof=proof,
        limit=_MOST_ROWS if limit is None else limit or None,
    )
    check(question)
    selection = conditions.selection(fleet_repo, rev, trust_root)
    with evidence_options.opened_engine(store, store_options, engine, engine_options) as (_store, running):
        answer = ask(running, question.with_selection(selection))
    members = {
        "table": table,
        "where": conditions.to_json(),
        "group_by": list(question.group_by),
        "columns": list(answer.columns),
        "total": answer.total,
    }
    return Result(
        "evidence-query",
        lambda: {**members, "rows": [json_row(row) for row in answer.rows]},
        lambda: rows_text(table, answer.columns, answer.rows, answer.total),
        {
            "jsonl": lambda: (f"{line}\n" for line in json_lines(answer.rows)),
            "csv": lambda: (f"{line}\n" for line in csv_lines(answer.columns, answer.rows)),
        },
    )
