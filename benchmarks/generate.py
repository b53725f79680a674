# SPDX-License-Identifier: Apache-2.0
"""Synthetic fleets: a long history, and a large fleet. Deterministic: the same options give the same commit ids.

``python -m benchmarks.generate history DIR --commits 10000 --changes 2000``
``python -m benchmarks.generate fleet DIR --repositories 10000 --projects 50 --versions 1000``
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import documents
from benchmarks.documents import TIERS, Parent, policy_folder, project_folder
from benchmarks.writer import FleetWriter, Written

_POLICY: Final = "guard"
_GENESIS_COMMITS: Final = 3
_BATCH: Final = 80
"""Files per approved change while a large fleet is filled; an envelope of 64 KiB has room for these."""


@dataclass
class _Line:
    """One policy and the versions it has."""

    org: str
    name: str
    parent: Parent | None = None
    numbers: list[str] = field(default_factory=list)

    def publish(self) -> dict[str, bytes]:
        """Files of the next version."""
        number = len(self.numbers)
        version = f"1.{number}.0"
        files, self.parent = documents.policy_version(self.org, self.name, version, number, self.parent)
        self.numbers.append(version)
        return files

    def document(self, stable: str) -> dict[str, bytes]:
        """``policy.yaml``."""
        return {
            f"{policy_folder(self.org, self.name)}/policy.yaml": documents.policy(self.org, self.name, stable)
        }


def _project(org: str, name: str, repositories: Sequence[str]) -> dict[str, bytes]:
    folder = project_folder(org, name)
    files = {f"{folder}/project.yaml": documents.project(org, name)}
    for number, repository in enumerate(repositories):
        path = f"{folder}/repositories/{repository}.yaml"
        files[path] = documents.repository(org, name, repository, wave=number % 4)
    return files


def _environments(org: str, project: str, policy: str, version: str) -> dict[str, bytes]:
    """Production follows the channel, the other environments name a version."""
    folder = project_folder(org, project)
    return {
        f"{folder}/environments/{name}.yaml": documents.environment(
            org, project, name, policy, version=None if name == "production" else version
        )
        for name in TIERS
    }


# -- a long history -----------------------------------------------------------------------------------------------


class _Workload:
    """Changes of a fleet at work, in turns: assignments, channels, repositories, new policy versions."""

    def __init__(self, lines: Sequence[_Line], projects: Sequence[tuple[str, str]]) -> None:
        self._lines = lines
        self._projects = projects

    def change(self, number: int) -> dict[str, bytes]:
        """Files of the change with this number."""
        line = self._lines[number % len(self._lines)]
        turn = number // len(self._lines)
        kind, round_ = turn % 5, turn // 5
        if kind == 0:
            return line.publish()
        projects = [name for org, name in self._projects if org == line.org]
        project = projects[round_ % len(projects)]
        folder = project_folder(line.org, project)
        if kind == 1:
            return line.document(line.numbers[-1])
        if kind == 2:
            name = f"added-{number}"
            path = f"{folder}/repositories/{name}.yaml"
            return {path: documents.repository(line.org, project, name, wave=round_ % 4)}
        name = "development" if kind == 3 else "staging"
        text = documents.environment(line.org, project, name, line.name, version=line.numbers[-1])
        return {f"{folder}/environments/{name}.yaml": text}


def write_history(path: Path, *, commits: int = 10_000, changes: int = 2_000) -> Written:
    """A fleet of three organizations whose ``main`` has ``commits`` first-parent commits.

    ``changes`` of them are protected and authorized with three signatures: the author's on the commit, two approvals.
    The others are unsigned and touch ``docs/``. ``next`` is one more authorized change on top of ``main``.
    """
    orgs = ("acme", "birch", "cedar")
    writer = FleetWriter(path, orgs)
    lines = [_Line(org, _POLICY) for org in orgs]
    projects = [(org, name) for org in orgs for name in ("ledger", "pay")]
    for number, line in enumerate(lines):
        files = {**line.publish(), **line.document("1.0.0")}
        for org, project in projects:
            if org == line.org:
                files |= _project(org, project, [f"{project}-{index}" for index in range(5)])
                files |= _environments(org, project, line.name, "1.0.0")
        writer.land(files, number=number)
    workload = _Workload(lines, projects)
    free = commits - _GENESIS_COMMITS - len(orgs)
    protected = changes - len(orgs)
    done = 0
    for index in range(free):
        if (index + 1) * protected // free > done:
            writer.land(workload.change(done), number=done)
            done += 1
        else:
            text = f"# Page {index % 10}\n\nWritten at commit {index}.\n".encode()
            author = writer.people[index % len(writer.people)]
            page = f"docs/area-{index // 10 % 10}/page-{index % 10}.md"
            writer.commit({page: text}, f"docs {index}", author, signed=False)
    writer.side_branch("next", workload.change(done), approvals=2, number=done)
    return writer.finish(changes)


# -- a large fleet ------------------------------------------------------------------------------------------------


def write_fleet(
    path: Path, *, repositories: int = 10_000, projects: int = 50, versions: int = 1_000
) -> Written:
    """A fleet of five organizations with three environments per project, and ten versions per policy.

    ``pull`` is a pull request without approvals: another version for one staging environment, one file.
    """
    orgs = tuple(f"org-{number}" for number in range(5))
    writer = FleetWriter(path, orgs)
    lines = [
        _Line(orgs[number % len(orgs)], f"guard-{number}") for number in range(max(len(orgs), versions // 10))
    ]
    groups: list[Mapping[str, bytes]] = []
    for line in lines:
        groups.append({**line.document("1.0.0"), **line.publish()})
        later: dict[str, bytes] = {}
        for _ in range(max(1, versions // len(lines)) - 1):
            later |= line.publish()
        groups.append(later)
    per_project = repositories // projects
    environments: list[Mapping[str, bytes]] = []
    for number in range(projects):
        org, name = orgs[number % len(orgs)], f"project-{number}"
        own = [line for line in lines if line.org == org]
        groups.append(_project(org, name, [f"service-{number}-{index}" for index in range(per_project)]))
        environments.append(_environments(org, name, own[number % len(own)].name, "1.0.0"))
    changes = 0
    for batch in _batches([*groups, *environments]):
        writer.land(batch, number=changes)
        changes += 1
    org, name = orgs[0], "project-0"
    policy = next(line.name for line in lines if line.org == org)
    text = documents.environment(org, name, "staging", policy, version="1.1.0")
    writer.side_branch("pull", {f"{project_folder(org, name)}/environments/staging.yaml": text}, approvals=0)
    return writer.finish(changes)


def _batches(groups: Sequence[Mapping[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """Groups as changes of limited size within one organization: partitions are authorized one by one."""
    for group in groups:
        items = sorted(group.items())
        for at in range(0, len(items), _BATCH):
            yield dict(items[at : at + _BATCH])


def main() -> None:
    """Generate one repository and print what it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    history = kinds.add_parser("history")
    history.add_argument("path", type=Path)
    history.add_argument("--commits", type=int, default=10_000)
    history.add_argument("--changes", type=int, default=2_000)
    fleet = kinds.add_parser("fleet")
    fleet.add_argument("path", type=Path)
    fleet.add_argument("--repositories", type=int, default=10_000)
    fleet.add_argument("--projects", type=int, default=50)
    fleet.add_argument("--versions", type=int, default=1_000)
    options = parser.parse_args()
    path = options.path.absolute()
    if options.kind == "history":
        written = write_history(path, commits=options.commits, changes=options.changes)
    else:
        written = write_fleet(
            path, repositories=options.repositories, projects=options.projects, versions=options.versions
        )
    print(f"{written.path}: {written.commits} commits, trust root sha256:{written.trust_root}")


if __name__ == "__main__":
    main()
