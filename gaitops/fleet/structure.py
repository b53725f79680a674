# SPDX-License-Identifier: Apache-2.0
"""What of a whole state needs more than documents: versions, their graphs, and the pinned Sigstore root.

What documents alone can get wrong is found by :mod:`gaitops.documents.validate`; this starts where that ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gaitops.content import FILE_MODES
from gaitops.documents.layout import version_folder, version_path
from gaitops.documents.models.policy import PolicyVersion
from gaitops.errors import InvalidInputError, Problem
from gaitops.fleet.graph import PolicyGraph, graph_problems
from gaitops.fleet.people import SIGSTORE_ROOT
from gaitops.fleet.state import FleetState
from gaitops.fleet.version_files import version_problems
from gaitops.signing.sigstore.trusted_root import read_trusted_root


@dataclass(frozen=True, slots=True)
class PolicyFindings:
    """What there is to say about the policies of a state."""

    problems: tuple[Problem, ...]
    """Graph and digest problems (threats D6 to D8), sorted by path."""
    warnings: tuple[Problem, ...]
    """``policy.same_gait_digest``: versions that mean the same to Gait as an earlier one."""
    versions: int
    """Versions that were checked."""


def policy_findings(state: FleetState, broken: Iterable[str] = ()) -> PolicyFindings:
    """Check every version and every version graph of ``state``.

    ``broken`` are paths that are known to have problems of their own. A version with such a path is left out, and
    so is the graph that it belongs to: whatever else was said about them would follow from those problems.
    """
    left_out = {folder for path in broken for folder in _folders(path)}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    checked = 0
    for org in state.orgs():
        for policy in state.policies(org):
            names = state.versions(org, policy)
            versions = _sound_versions(state, org, policy, left_out)
            for number, descriptor in versions.items():
                folder = version_folder(org, policy, number)
                problems += version_problems(state.snapshot, folder, descriptor)
            checked += len(versions)
            if len(versions) == len(names):
                problems += graph_problems(versions, f"orgs/{org}/policies/{policy}")
                warnings += _same_meaning(PolicyGraph(versions), org, policy)
    return PolicyFindings(tuple(sorted(problems, key=_place)), tuple(sorted(warnings, key=_place)), checked)


def trusted_root_problems(state: FleetState, broken: Iterable[str] = ()) -> tuple[Problem, ...]:
    """What keeps the pinned Sigstore root from being used; nothing when there is none, or it is ``broken``."""
    entry = state.snapshot.entry(SIGSTORE_ROOT)
    if entry is None or entry.mode not in FILE_MODES or SIGSTORE_ROOT in broken:
        return ()
    try:
        read_trusted_root(state.snapshot.read(entry.oid), SIGSTORE_ROOT)
    except InvalidInputError as error:
        return error.problems
    return ()


def _sound_versions(state: FleetState, org: str, policy: str, left_out: set[str]) -> dict[str, PolicyVersion]:
    found = {}
    for number in state.versions(org, policy):
        if version_folder(org, policy, number) not in left_out:
            descriptor = state.version(org, policy, number)
            if descriptor is not None:
                found[number] = descriptor
    return found


def _same_meaning(graph: PolicyGraph, org: str, policy: str) -> Iterable[Problem]:
    for first, *others in graph.duplicates:
        for number in others:
            message = f"version {number} means the same to Gait as {first}"
            yield Problem("policy.same_gait_digest", message, path=version_path(org, policy, number))


def _folders(path: str) -> Iterable[str]:
    end = path.find("/")
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)


def _place(problem: Problem) -> tuple[str, int]:
    return problem.path or "", problem.line or 0
