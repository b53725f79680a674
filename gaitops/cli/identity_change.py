# SPDX-License-Identifier: Apache-2.0
"""Where the documents of a directory sync go: into the working tree or onto a new branch, leavers first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.clock import now
from gaitops.cli.rollout_delivery import Written, show_on_branch, write_to_worktree
from gaitops.errors import InvalidInputError, UnsafeOperationError

if TYPE_CHECKING:
    from gaitops.content import Snapshot
    from gaitops.directory.people import Changed
    from gaitops.directory.plan import Plan, Setting
    from gaitops.documents.models.base import Document
    from gaitops.history.session import History

_Files = dict[str, Written | None]
"""New content by path; ``None`` removes the file."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was written where."""

    paths: tuple[str, ...]
    """In the order in which they were written."""
    branch: str | None = None
    commits: tuple[str, ...] = ()


def setting_of(
    history: History,
    repo: Path,
    name: str,
    org: str | None,
    source: str,
    moment: datetime,
    *,
    on_branch: bool,
) -> Setting:
    """What a plan is made for.

    The mapping is the one that was approved, because a token goes where it says; the documents are those that are to be
    changed.

    Raises:
        InvalidInputError: ``directory.mapping``: there is no such mapping, or one for another source.
    """
    from gaitops.cli.policies import working_state
    from gaitops.directory.plan import Setting
    from gaitops.documents.layout import classify, directory_path
    from gaitops.documents.models.directory import DirectoryMapping
    from gaitops.fleet.state import DocumentCache, FleetState

    path = directory_path(org, name)
    document = None
    if classify(path).kind == "DirectoryMapping":
        document = history.state().document(path, DirectoryMapping)
    if document is None:
        raise InvalidInputError.of(
            "directory.mapping",
            f"verified state has no directory mapping {name!r}",
            path=path,
            remedy="a mapping decides where a token is sent, so it must be approved first",
        )
    if document.spec.source.type != source:
        raise InvalidInputError.of(
            "directory.mapping",
            f"the mapping {name} is for {document.spec.source.type}, not for {source}",
            path=path,
            remedy=f"use --from {document.spec.source.type}",
        )
    if not on_branch:
        state = working_state(repo)
    else:
        state = FleetState(history.repository.snapshot(history.standing.head), DocumentCache())
    return Setting(name, document, org, state, history.standing.root, moment)


def delivered(
    history: History,
    repo: Path,
    setting: Setting,
    plan: Plan,
    branch: str | None,
    *,
    leavers_only: bool,
    dry_run: bool,
) -> Done:
    """Write a plan, leavers before everybody else.

    Raises:
        UnsafeOperationError: ``git.branch_exists``, ``input.modified``.
        InvalidInputError: ``approval.no_worktree``, ``git.identity``.
    """
    parts = [(_people(setting, plan.leavers), "leavers of")]
    if not leavers_only:
        rest = _people(setting, (*plan.joins, *plan.moves))
        rest.update(_documents(setting.state.snapshot, plan.bindings.added))
        rest.update(dict.fromkeys(plan.bindings.removed))
        parts.append((rest, "people, groups and roles of"))
    parts = [(files, what) for files, what in parts if files]
    paths = tuple(path for files, _ in parts for path in files)
    if dry_run or not parts:
        return Done(paths if dry_run else ())
    if branch is not None:
        return Done(paths, branch, _committed(history, repo, branch, parts, setting.name))
    for files, _ in parts:
        write_to_worktree(repo, {path: file for path, file in files.items() if file is not None})
        for path in (path for path, file in files.items() if file is None):
            _remove(repo, path)
    return Done(paths)


def _people(setting: Setting, changes: Iterable[Changed]) -> _Files:
    from gaitops.documents.layout import principal_path

    documents = {principal_path(setting.qualified(item.principal)): item.after for item in changes}
    return _documents(setting.state.snapshot, documents)


def _documents(snapshot: Snapshot, documents: Mapping[str, Document]) -> _Files:
    from gaitops.content import FILE_MODES
    from gaitops.documents.rewriting import rewritten

    files: _Files = {}
    for path, document in documents.items():
        entry = snapshot.entry(path)
        before = snapshot.read(entry.oid) if entry is not None and entry.mode in FILE_MODES else None
        files[path] = Written(rewritten(before, path, document), before)
    return files


def _committed(
    history: History, repo: Path, branch: str, parts: list[tuple[_Files, str]], mapping: str
) -> tuple[str, ...]:
    from gaitops.cli.delivery import Delivery
    from gaitops.git.writing import commit_files

    author = Delivery(repo, "origin", None).author()
    commits: list[str] = []
    for files, what in parts:
        commit = commit_files(
            history.repository,
            commits[-1] if commits else history.standing.head,
            {path: file.data if file is not None else None for path, file in files.items()},
            message=f"{what} the directory {mapping}",
            author=author,
            when=int(now().timestamp()),
        )
        commits.append(commit)
    show_on_branch(history, branch, commits[-1])
    return tuple(commits)


def _remove(repo: Path, path: str) -> None:
    """Remove a file of the working tree, reached without any symbolic link."""
    target = repo
    for part in path.split("/"):
        target = target / part
        if target.is_symlink():
            raise UnsafeOperationError.of("input.modified", "leads through a symbolic link", path=path)
    target.unlink()
