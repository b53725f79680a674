# SPDX-License-Identifier: Apache-2.0
"""What ``gaitops identity sync`` tells: joins, moves, leavers and what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gaitops.cli.exit_codes import UNSAFE_OPERATION
from gaitops.cli.output import Result

if TYPE_CHECKING:
    from gaitops.cli.identity_change import Done
    from gaitops.directory.answer import Answer
    from gaitops.directory.candidates import Refusal
    from gaitops.directory.people import Changed
    from gaitops.directory.plan import Plan, Setting


def result(
    setting: Setting, answer: Answer, plan: Plan, done: Done, *, leavers_only: bool, dry_run: bool
) -> Result:
    """The result of a run; exit code 8 when something was refused."""
    joins, moves = ((), ()) if leavers_only else (plan.joins, plan.moves)
    added = [] if leavers_only else list(plan.bindings.added.items())
    removed = [] if leavers_only else list(plan.bindings.removed)
    document: dict[str, object] = {
        "mapping": setting.name,
        "org": setting.org,
        "source": answer.source,
        "users": len(answer.users),
        "groups": len(answer.groups),
        "dryRun": dry_run,
        "joins": [_changed(setting, item) for item in joins],
        "moves": [_changed(setting, item) for item in moves],
        "leavers": [_changed(setting, item) for item in plan.leavers],
        "bindings": {
            "added": [
                {
                    "path": path,
                    "role": item.spec.role,
                    "scope": item.spec.scope,
                    "group": item.spec.members.groups[0],
                }
                for path, item in added
            ],
            "removed": removed,
        },
        "refused": [_refused(setting, item) for item in plan.refused],
        "paths": list(done.paths),
        "branch": done.branch,
        "commits": list(done.commits),
    }
    rows = [
        *_rows("leaves", plan.leavers),
        *_rows("joins", joins),
        *_rows("moves", moves),
        *(
            ["gives role", item.spec.members.groups[0], f"{item.spec.role} at {item.spec.scope}"]
            for _, item in added
        ),
        *(
            ["takes role", path.rpartition("/")[2].removesuffix(".yaml"), "nobody is in the group"]
            for path in removed
        ),
    ]
    exit_code = UNSAFE_OPERATION if plan.refused else 0
    return Result(
        "identity-sync", document, _text(answer, rows, plan, done, dry_run=dry_run), exit_code=exit_code
    )


def _changed(setting: Setting, item: Changed) -> dict[str, object]:
    from gaitops.documents.layout import principal_path

    ref = setting.qualified(item.principal)
    return {"principal": ref, "user": item.user, "path": principal_path(ref), "changes": list(item.what)}


def _refused(setting: Setting, item: Refusal) -> dict[str, object]:
    ref = setting.qualified(item.principal) if item.principal is not None else None
    return {"principal": ref, "user": item.user, **item.problem.to_json()}


def _rows(what: str, changes: Sequence[Changed]) -> list[list[str]]:
    """One row for each thing that changes: reviewers see all of it."""
    return [
        [what if first == 0 else "", item.principal if first == 0 else "", word]
        for item in changes
        for first, word in enumerate(item.what)
    ]


def _refusal(item: Refusal) -> str:
    from gaitops.report.text import safe

    who = item.principal or item.user
    problem = item.problem
    return (
        safe(f"{who}: " if who else "")
        + safe(f"{problem.message} [{problem.code}]")
        + f"\n  {problem.remedy}"
    )


def _text(answer: Answer, rows: list[list[str]], plan: Plan, done: Done, *, dry_run: bool) -> str:
    from gaitops.report.tables import table
    from gaitops.report.text import Style, counted, styled

    read = f"read {counted(len(answer.users), 'user')} and {counted(len(answer.groups), 'group')}"
    parts = [read if rows or plan.refused else f"{read}; nothing changes"]
    if rows:
        parts.append(table(["what", "who", "how"], rows))
    if plan.refused:
        parts.append("\n".join([styled("refused:", Style.YELLOW), *map(_refusal, plan.refused)]))
    if done.branch is not None:
        parts.append(f"committed to {done.branch} in {counted(len(done.commits), 'commit')}, leavers first")
    elif done.paths and not dry_run:
        parts.append("\n".join(f"wrote {path}" for path in done.paths))
    if done.paths and not dry_run:
        parts.append(
            "Next: `gaitops propose`, `gaitops check`, approvals, and merge. Leavers stay valid until then."
        )
    return "\n\n".join(parts)
