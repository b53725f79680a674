# SPDX-License-Identifier: Apache-2.0
"""``gaitops collect``: envelopes that people pasted into comments become files under ``approvals/`` (design 6)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.cli.delivery import Delivery
    from gaitops.history.collecting import Candidate, Sifted

_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of text that anybody may have written."""
_MOST_CANDIDATES: Final = 256
"""Armored blocks that one run looks at; each may cost the check of a signature."""


@command(
    example="gaitops collect --base main --head topic --from pasted.txt\n"
    "gaitops collect --branch topic --push --comments --from comments.json"
)
@options.repo
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Text with armored envelopes in it; - for standard input.",
)
@click.option(
    "--comments",
    is_flag=True,
    help="FILE is a JSON list of comments, each with a body, as GitHub and GitLab list them.",
)
@click.option(
    "--base", default="main", show_default=True, metavar="REV", help="The protected branch of the change."
)
@click.option(
    "--head", metavar="REV", help="Newest commit of the change; default HEAD, or the tip of --branch."
)
@click.option(
    "--branch", metavar="R", help="Branch of the remote for the envelopes; it and the base are fetched first."
)
@click.option("--remote", default="origin", show_default=True, metavar="NAME", help="Git remote of --branch.")
@click.option(
    "--push",
    is_flag=True,
    help="Commit the envelopes to --branch of the remote; a new one starts at the base.",
)
@options.trust_root
@options.include_pending
def collect(
    *,
    repo: Path,
    source: Path,
    comments: bool,
    base: str,
    head: str | None,
    branch: str | None,
    remote: str,
    push: bool,
    trust_root: str,
    include_pending: bool,
) -> Result:
    """Take armored envelopes out of FILE and add those that belong to the change, under approvals/.

    Everything else in the text is ignored. An envelope is taken only if it is about exactly these bytes in this
    fleet and signed by somebody whom verified state knows; each other one is listed with the reason. Running it
    again adds nothing twice.
    """
    from gaitops.cli.delivery import Delivery, require_together
    from gaitops.cli.opening import opened
    from gaitops.history.collecting import sift
    from gaitops.history.signable import proposal_or_genesis

    require_together(branch, push=push, printed=False)
    candidates = list(_candidates(_text(source), comments=comments))
    delivery = Delivery(repo, remote, branch)
    protected, tip = base, None
    if branch is not None:
        protected = f"{remote}/{base}"
        base, tip = delivery.fetch_base_and_branch(base)
    head = head or tip or ("HEAD" if branch is None else None)
    if head is None:
        raise InvalidInputError.of("git.unknown_revision", f"{remote} has no branch {branch!r}")
    with opened(repo, base, trust_root, branch=protected) as history:
        head = history.repository.resolve(head)
        _proposal, signables = proposal_or_genesis(history, head, include_pending=include_pending)
        there = [commit for commit in (history.standing.head, head, tip) if commit is not None]
        sifted = sift(history, signables, candidates, there)
    files = {item.path: item.data for item in sifted if item.path is not None and item.data is not None}
    kind, commit = "none", None
    if files and push:
        kind, commit = "pushed", _push(delivery, files, sifted, tip, base)
    elif files:
        kind = _write(repo, files)
    return _result(head, sifted, kind, branch, commit)


def _text(source: Path) -> bytes:
    """What the user names, at most 8 MiB of it.

    Raises:
        InvalidInputError: ``document.too_large``, ``input.unreadable``.
    """
    from gaitops.cli.files import read_bytes

    data = sys.stdin.buffer.read(_MOST_BYTES + 1) if str(source) == "-" else read_bytes(source)
    if len(data) > _MOST_BYTES:
        raise InvalidInputError.of("document.too_large", f"more than {_MOST_BYTES} bytes", path=str(source))
    return data


def _candidates(data: bytes, *, comments: bool) -> Iterator[Candidate]:
    """Every armored block, named by where it stands."""
    from gaitops.cli.armor import blocks
    from gaitops.history.collecting import Candidate

    number = 0
    for name, text in _bodies(data) if comments else [("", data.decode("utf-8", "replace"))]:
        for position, content in enumerate(blocks(text), 1):
            number += 1
            if number > _MOST_CANDIDATES:
                raise InvalidInputError.of(
                    "collect.too_many",
                    f"more than {_MOST_CANDIDATES} armored envelopes",
                    remedy="delete some",
                )
            yield Candidate(f"{name}block {position}", content)


def _bodies(data: bytes) -> Iterator[tuple[str, str]]:
    """The text of each comment.

    Raises:
        InvalidInputError: ``document.*`` of the strict reader, ``collect.comments`` for anything but a list of comments.
    """
    from gaitops.documents.strict_json import loads

    value = loads(data, "comments", max_bytes=_MOST_BYTES)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidInputError.of(
            "collect.comments", "a JSON list of objects, each with a body, is expected"
        )
    for position, item in enumerate(value, 1):
        body = item.get("body")
        if isinstance(body, str):  # A comment without text has none.
            yield f"comment {position}, ", body


def _push(
    delivery: Delivery, files: dict[str, bytes], sifted: Sequence[Sifted], tip: str | None, base: str
) -> str:
    people = sorted({item.principal for item in sifted if item.data is not None and item.principal})
    return delivery.push(files, tip or base, f"collect envelopes of {', '.join(people)}", creates=tip is None)


def _write(repo: Path, files: dict[str, bytes]) -> str:
    """To the working tree, where a file of an earlier run may be waiting to be committed."""
    from gaitops.cli.delivery import check_worktree
    from gaitops.cli.files import create_files, read_bytes

    check_worktree(repo)
    create_files(
        repo,
        {
            path: data
            for path, data in files.items()
            if not (repo / path).is_file() or read_bytes(repo / path) != data
        },
    )
    return "files"


def _result(head: str, sifted: Sequence[Sifted], kind: str, branch: str | None, commit: str | None) -> Result:
    from gaitops.report.tables import table
    from gaitops.report.text import counted

    rows, members = [], []
    for item in sifted:
        told: dict[str, object] = {"source": item.source, "outcome": item.outcome}
        for name in ("path", "principal", "intent"):
            if getattr(item, name) is not None:
                told[name] = getattr(item, name)
        if item.problem is not None:
            told["problem"] = item.problem.to_json()
        members.append(told)
        why = f"{item.problem.message} [{item.problem.code}]" if item.problem is not None else item.path or ""
        rows.append([item.outcome, item.intent or "–", item.principal or "–", item.source, why])
    taken = sum(item.outcome == "taken" for item in sifted)
    where = {
        "none": "nothing to add",
        "files": f"wrote {counted(taken, 'envelope')}; commit them with the change",
        "pushed": f"pushed {counted(taken, 'envelope')} to {branch} as {(commit or '')[:12]}",
    }[kind]
    document = {
        "head": head,
        "envelopes": members,
        "taken": taken,
        "delivered": kind,
        "branch": branch,
        "commit": commit,
    }
    listing = table(["outcome", "intent", "principal", "found in", "why or where"], rows)
    return Result("collect", document, f"{listing}\n\n{where}" if listing else where)
