# SPDX-License-Identifier: Apache-2.0
"""Where the pipelines of a repository run the conformance check, as far as its own files tell.

GitHub Actions: a step ``uses: …/github-actions/conformance@REF``, a reusable workflow whose file name says
``conformance``, or a ``run`` step. GitLab CI: an included component or template whose name says ``conformance``, or a
``script`` line. What a reusable workflow or component does inside is not looked at; its commit is what pins it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gaitops.content import FILE_MODES, Snapshot
from gaitops.documents.foreign_yaml import Text, read_foreign_yaml
from gaitops.errors import InvalidInputError

GITHUB_FOLDER: Final = ".github/workflows"
GITLAB_FILE: Final = ".gitlab-ci.yml"

_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_ACTION = re.compile(r"[^@\s]+/github-actions/conformance@(?P<ref>\S+)\Z")
_WORKFLOW = re.compile(r"[^@\s]+/\.github/workflows/[^@/\s]*conformance[^@/\s]*\.ya?ml@(?P<ref>\S+)\Z")
_COMPONENT = re.compile(r"[^@\s]+/[^@/\s]*conformance[^@/\s]*@(?P<ref>\S+)\Z")
_COMMAND = re.compile(r"\bgaitops\s+conformance\b")
_INSTALLED = re.compile(r"gaitops(?:\.git)?@(?:[0-9a-f]{64}|[0-9a-f]{40})\b|--require-hashes\b")
_TRIGGERS: Final = frozenset({"push", "pull_request", "merge_group", "schedule"})
_YES: Final = frozenset({"true", "True", "TRUE"})


@dataclass(frozen=True, slots=True)
class Wiring:
    """One place where a pipeline runs the check."""

    path: str
    line: int
    problem: str | None
    """Why it does not count; ``None`` when it does."""


def wirings(snapshot: Snapshot) -> Iterator[Wiring]:
    """Every place that was found, in the order of paths and lines."""
    for name, entry in sorted(snapshot.children(GITHUB_FOLDER).items()):
        if name.endswith((".yml", ".yaml")) and entry.mode in FILE_MODES:
            path = f"{GITHUB_FOLDER}/{name}"
            yield from _read(snapshot.read(entry.oid), path, _github)
    pipeline = snapshot.entry(GITLAB_FILE)
    if pipeline is not None and pipeline.mode in FILE_MODES:
        yield from _read(snapshot.read(pipeline.oid), GITLAB_FILE, _gitlab)


def _read(data: bytes, path: str, find: Any) -> Iterator[Wiring]:
    try:
        value = read_foreign_yaml(data, path)
    except InvalidInputError as error:
        if b"conformance" in data:
            problem = error.problems[0]
            yield Wiring(path, problem.line or 1, f"the file cannot be read: {problem.message}")
        return
    if isinstance(value, dict):
        yield from find(value, path)


# -- GitHub Actions --------------------------------------------------------------------------------------------


def _github(workflow: dict[str, Any], path: str) -> Iterator[Wiring]:
    started = _started(workflow.get("on"))
    runs = "\n".join(_scripts(workflow))
    for job in _members(workflow.get("jobs")):
        for line, problem in _github_job(job, runs):
            idle = None if started else "the workflow starts neither on changes nor on a schedule"
            yield Wiring(path, line, problem or idle)


def _github_job(job: dict[str, Any], runs: str) -> Iterator[tuple[int, str | None]]:
    uses = job.get("uses")
    if isinstance(uses, Text) and (match := _WORKFLOW.match(uses)):
        yield uses.line, _unpinned(match["ref"]) or _tolerated(job)
    for step in _items(job.get("steps")):
        uses, run = step.get("uses"), step.get("run")
        if isinstance(uses, Text) and (match := _ACTION.match(uses)):
            yield uses.line, _unpinned(match["ref"]) or _tolerated(step) or _tolerated(job)
        elif isinstance(run, Text) and _COMMAND.search(run):
            yield run.line, _uninstalled(runs) or _tolerated(step) or _tolerated(job)


def _started(on: Any) -> bool:
    names = {on} if isinstance(on, str) else set(on) if isinstance(on, list | dict) else set()
    return bool(names & _TRIGGERS)


# -- GitLab CI -------------------------------------------------------------------------------------------------


def _gitlab(pipeline: dict[str, Any], path: str) -> Iterator[Wiring]:
    include = pipeline.get("include")
    for item in include if isinstance(include, list) else [include]:
        if isinstance(item, dict):
            yield from (Wiring(path, line, problem) for line, problem in _included(item))
    scripts = "\n".join(_scripts(pipeline))
    for job in _members(pipeline):
        for text in _lines(job.get("script")):
            if _COMMAND.search(text):
                yield Wiring(path, text.line, _uninstalled(scripts) or _tolerated(job))


def _included(item: dict[str, Any]) -> Iterator[tuple[int, str | None]]:
    component, ref = item.get("component"), item.get("ref")
    if isinstance(component, Text) and (match := _COMPONENT.match(component)):
        yield component.line, _unpinned(match["ref"])
    for file in _lines(item.get("file")):
        if "project" in item and "conformance" in file.rpartition("/")[2]:
            yield file.line, _unpinned(ref if isinstance(ref, str) else "its default branch")


# -- both ------------------------------------------------------------------------------------------------------


def _unpinned(ref: str) -> str | None:
    return (
        None if _COMMIT.match(ref) else f"it is taken from {ref}, which is no full commit id and can be moved"
    )


def _uninstalled(scripts: str) -> str | None:
    return (
        None
        if _INSTALLED.search(scripts)
        else "gaitops is installed neither from a full commit id nor by hashes"
    )


def _tolerated(part: dict[str, Any]) -> str | None:
    """A check whose failure or absence nobody notices."""
    if str(part.get("continue-on-error")) in _YES or _allowed(part.get("allow_failure")):
        return "its failure is tolerated"
    return "it is switched off" if str(part.get("if")).strip("${} ") in {"false", "False", "FALSE"} else None


def _allowed(value: Any) -> bool:
    return isinstance(value, dict) or str(value) in _YES


def _scripts(value: Any) -> Iterator[str]:
    """Every text below ``run``, ``script`` and ``before_script``; shared values are visited once."""
    stack, seen = [value], set()
    while stack:
        current = stack.pop()
        if id(current) in seen or not isinstance(current, dict | list):
            continue
        seen.add(id(current))
        if isinstance(current, dict):
            for name in ("run", "script", "before_script"):
                yield from _lines(current.get(name))
        stack.extend(current.values() if isinstance(current, dict) else current)


def _lines(value: Any) -> Iterator[Text]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Text):
            yield item


def _members(value: Any) -> Iterator[dict[str, Any]]:
    """Mappings among the values of a mapping."""
    return (
        (item for item in value.values() if isinstance(item, dict)) if isinstance(value, dict) else iter(())
    )


def _items(value: Any) -> Iterator[dict[str, Any]]:
    """Mappings among the items of a list."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
