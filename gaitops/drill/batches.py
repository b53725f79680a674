# SPDX-License-Identifier: Apache-2.0
"""A fleet's content in the order in which it can be brought in, where it is too large for one first tree.

An envelope holds 64 KiB and names every file of its change, so a first tree has some two hundred files. What is more
comes after it in changes, in an order in which everything that a document names is there before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from gaitops.documents.layout import Location, classify
from gaitops.documents.load import load_document
from gaitops.documents.models.policy import Policy
from gaitops.documents.models.tenancy import Repository, repository_id
from gaitops.documents.writer import values_of, write_yaml
from gaitops.drill.survey import CopiedFile
from gaitops.fleet.semver import precedence

_PAYLOAD: Final = 36_000
"""Bytes of a payload that are planned for: in base64, with its signature, it stays below the 64 KiB of an envelope."""
_PER_FILE: Final = 200
"""What an envelope says of a file besides its path: digests, modes."""
_PER_OPERATION: Final = 260
"""What it says of an operation; nearly every file is one, and an environment moves assignments besides."""
REPOSITORIES: Final = 5
"""Repositories of one project that a large fleet's copy has: they are many, and alike to whoever holds keys."""
_LEFT_OUT: Final = frozenset({"Rollout", "Waiver"})
"""What can only be brought in as it was brought in then: step by step, or before it ended."""
_EVIDENCE: Final = "evidence/"
_FLEET_STAGE: Final = {"FreezeWindow": 6, "ApprovalRule": 7}
"""Rules and windows last: they would have to be met by everything after them."""
_ORG_STAGE: Final = {
    "Policy": 1,
    "PolicyVersion": 2,
    "policy_file": 2,
    "Project": 4,
    "Repository": 4,
    "Environment": 5,
    "DeploymentGate": 5,
}
_SETTLED: Final = 3
"""Stage of a policy as it is; before its versions it has neither channels nor an end."""


@dataclass(frozen=True)
class Plan:
    """How a fleet's content is brought in."""

    first: Mapping[str, CopiedFile]
    """The first tree."""
    batches: tuple[Mapping[str, CopiedFile], ...]
    """Then these, one change each."""
    left_out: tuple[str, ...]
    """What is not brought in, for the report."""


def plan(files: Mapping[str, CopiedFile], consumer: str | None) -> Plan:
    """All in the first tree where it fits; otherwise the fleet's settings and organizations, and the rest in stages.

    ``consumer`` is the id of the repository that a pin is made for.
    """
    if sum(2 * len(path) + _PER_FILE for path in files) <= _PAYLOAD:
        return Plan(files, (), ())
    kept, left_out = _sampled(files, consumer)
    first = {path: file for path, file in kept.items() if classify(path).kind in {"Fleet", "Organization"}}
    stages: dict[int, dict[str, list[dict[str, CopiedFile]]]] = {}
    for stage, partition, unit in _units({path: file for path, file in kept.items() if path not in first}):
        stages.setdefault(stage, {}).setdefault(partition, []).append(unit)
    batches = [batch for stage in sorted(stages) for batch in _batches(stages[stage])]
    return Plan(first, tuple(batches), left_out)


def _sampled(
    files: Mapping[str, CopiedFile], consumer: str | None
) -> tuple[dict[str, CopiedFile], tuple[str, ...]]:
    """Without what cannot be brought in, and with few repositories of each project."""
    kept: dict[str, CopiedFile] = {}
    projects: dict[tuple[str | None, str | None], int] = {}
    skipped = repositories = 0
    for path in sorted(files):
        location = classify(path)
        if location.kind in _LEFT_OUT or path.startswith(_EVIDENCE):
            skipped += 1
            continue
        if location.kind == "Repository":
            project = (location.org, location.project)
            projects[project] = projects.get(project, 0) + 1
            if projects[project] > REPOSITORIES and not _is(files[path], path, consumer):
                repositories += 1
                continue
        kept[path] = files[path]
    told = []
    if skipped:
        told.append(f"rollouts, waivers and evidence: {skipped} files, which are history, left out")
    if repositories:
        told.append(f"repositories beyond {REPOSITORIES} of a project: {repositories}, left out")
    return kept, tuple(told)


def _is(file: CopiedFile, path: str, consumer: str | None) -> bool:
    document = load_document(file.data, path)
    return isinstance(document, Repository) and repository_id(document.spec.url) == consumer


def _units(files: Mapping[str, CopiedFile]) -> Iterator[tuple[int, str, dict[str, CopiedFile]]]:
    """(stage, partition, files that belong together), versions from the oldest on."""
    versions: dict[tuple[str, str, str], dict[str, CopiedFile]] = {}
    for path, file in files.items():
        location = classify(path)
        if location.version is not None:
            key = (location.org or "", location.name or "", location.version)
            versions.setdefault(key, {})[path] = file
            continue
        stage = (_FLEET_STAGE if location.org is None else _ORG_STAGE).get(location.kind, 0)
        if location.kind == "Policy":
            bare = _bare(file, path)
            yield stage, location.partition, {path: bare}
            if bare != file:
                yield _SETTLED, location.partition, {path: file}
        else:
            yield stage, location.partition, {path: file}
    for org, name, version in sorted(versions, key=lambda key: (key[0], key[1], precedence(key[2]))):
        yield _ORG_STAGE["PolicyVersion"], org, versions[org, name, version]


def _bare(file: CopiedFile, path: str) -> CopiedFile:
    """A policy before its versions: channels point to nothing yet, and an archived one would take none."""
    document = load_document(file.data, path)
    if not isinstance(document, Policy) or not (document.spec.channels or document.spec.archived):
        return file
    values = values_of(document)
    values["spec"].pop("channels", None)
    values["spec"].pop("archived", None)
    return CopiedFile(write_yaml(values), file.executable)


def _batches(by_partition: Mapping[str, Sequence[dict[str, CopiedFile]]]) -> Iterator[dict[str, CopiedFile]]:
    """Every partition has an envelope of its own, so that one change brings a slice of each."""
    slices = [list(_slices(units)) for units in by_partition.values()]
    for row in zip_longest(*slices, fillvalue=None):
        yield {path: file for part in row if part is not None for path, file in part.items()}


def _slices(units: Sequence[dict[str, CopiedFile]]) -> Iterator[dict[str, CopiedFile]]:
    current: dict[str, CopiedFile] = {}
    size = 0
    for unit in units:
        weight = sum(_weight(classify(path)) for path in unit)
        if current and size + weight > _PAYLOAD:
            yield current
            current, size = {}, 0
        current.update(unit)
        size += weight
    if current:
        yield current


def _weight(location: Location) -> int:
    operations = 3 if location.kind == "Environment" else 1
    return 2 * len(location.path) + _PER_FILE + operations * _PER_OPERATION
