# SPDX-License-Identifier: Apache-2.0
"""A change of a twin, from the branch to the merge: proposed, approved by as many as it needs, checked, merged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gaitops.change.permissions import OPERATOR, PERMISSIONS
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.twin import Twin

_MAIN = "main"
_AUTHORIZED, _REFUSED, _PENDING = 0, 2, 4


@dataclass(frozen=True)
class Change:
    """What somebody wants to merge."""

    branch: str
    proposer: str
    make: Callable[[], None]
    """Changes the working tree."""
    paths: tuple[str, ...]
    """Files and folders that it changes."""


def begin(twin: Twin, change: Change, *, key: ThrowAway | None = None) -> None:
    """A branch with the change and its proposal, checked out.

    Raises:
        StoppedError: a command fails.
    """
    twin.git(f"switch --quiet --create {change.branch} {_MAIN}")
    change.make()
    commit(twin, change.branch, change.paths)
    used = key or _key_for(twin, change.proposer, None, root=False)
    if used is None:
        twin.stop(f"{change.proposer} can propose", f"{change.proposer} has no key in the copy")
    twin.run(f"gaitops propose --as {change.proposer} --key {twin.path(used)} --yes")
    commit(twin, f"{change.proposer} proposes", ("approvals",))


def approve(twin: Twin, name: str, key: ThrowAway) -> None:
    """One person's approval of what is checked out.

    Raises:
        StoppedError: the command fails.
    """
    twin.run(f"gaitops approve --as {name} --key {twin.path(key)} --yes")
    commit(twin, f"{name} approves", ("approvals",))


@dataclass(frozen=True)
class Asked:
    """Who is asked to approve: some before others, some after all others, some not at all."""

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


EVERYBODY = Asked()


def gather(twin: Twin, asked: Asked = EVERYBODY) -> tuple[str, ...]:
    """Approvals of what is checked out, until it may be merged; whoever approved.

    Raises:
        StoppedError: something is wrong with the change, or nobody is left who may approve.
    """
    approved: list[str] = []
    while True:
        judged = twin.ask("gaitops check", (_AUTHORIZED, _REFUSED, _PENDING))
        if judged["outcome"] == "authorized":
            return tuple(approved)
        if judged["outcome"] != "pending":
            twin.stop("the change may be approved", _reasons(judged))
        waiting = [item for item in _decisions(judged) if not item["authorized"]]
        chosen = _next(twin, waiting, asked, {*asked.never, *approved})
        if chosen is None:
            twin.stop("enough people are left who may approve", _reasons(judged))
        approve(twin, *chosen)
        approved.append(chosen[0])


def land(
    twin: Twin, change: Change, asked: Asked = EVERYBODY, *, key: ThrowAway | None = None
) -> tuple[str, ...]:
    """The whole course of a change; whoever approved it.

    Raises:
        StoppedError: as :func:`begin` and :func:`gather`.
    """
    begin(twin, change, key=key)
    approved = gather(twin, asked)
    merge(twin, change.branch)
    return approved


def merge(twin: Twin, branch: str) -> None:
    """A branch becomes part of main, as whoever has push rights can do."""
    twin.git(f"switch --quiet {_MAIN}")
    twin.git(f"merge --quiet --no-ff -m 'Merge {branch}' {branch}")


def leave(twin: Twin) -> None:
    """Back to main without merging."""
    twin.git(f"switch --quiet {_MAIN}")


def commit(twin: Twin, message: str, paths: Sequence[str]) -> None:
    """Commit these paths and nothing else: attributes of a real fleet must not touch other files."""
    twin.git(f"add --all -- {' '.join(paths)}")
    twin.git(f"commit --quiet -m '{message}'")


def proposer_of(
    twin: Twin, kind: str, scope: str, *, never: Collection[str] = (), keep: Collection[str] = ()
) -> str:
    """Somebody who may propose one kind of change and is the least missed among those who approve it.

    ``keep`` are wanted as approvers, and propose only where nobody else can.

    Raises:
        StoppedError: nobody can.
    """
    found, permission = twin.found, PERMISSIONS[kind]
    directory = found.directory(scope)
    able = directory.holders(permission.proposers - {OPERATOR}, scope)
    if permission.floor == "root":
        able |= frozenset(twin.keys.root)
    usable = [
        name for name in able if name not in never and _key_for(twin, name, None, root=False) is not None
    ]
    approving = directory.holders(permission.approvers, scope)

    def missed(name: str) -> tuple[bool, bool, str]:
        return name in keep, name in approving, name

    if not usable:
        twin.stop(f"somebody can propose {kind} in {scope}", "nobody with a key has a role for it")
    return min(usable, key=missed)


def doubtful_paths(verdict: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Doubtful paths by partition, of ``gaitops verify --json``."""
    return {
        str(item["name"]): tuple(str(one["path"]) for one in item["doubtful"])
        for item in verdict["partitions"]
        if item["doubtful"]
    }


def codes_of(judged: Mapping[str, Any]) -> frozenset[str]:
    """Every code that ``gaitops check --json`` names, of what is wrong and of what did not count."""
    found = {str(item["code"]) for one in judged["partitions"] for item in one["violations"]}
    for decision in _decisions(judged):
        found |= {str(item["code"]) for item in (*decision["problems"], *decision["refused"])}
    return frozenset(found)


def _decisions(judged: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [decision for one in judged["partitions"] for decision in one["decisions"]]


def _next(
    twin: Twin, decisions: Sequence[Mapping[str, Any]], asked: Asked, never: Collection[str]
) -> tuple[str, ThrowAway] | None:
    """Who approves next, and with which key: whoever serves the first open decision, wished-for people first."""
    for decision in decisions:
        needed = decision["requirement"]
        kinds = frozenset(needed["assurance"]) if needed["assurance"] is not None else None
        may = [name for name in decision["maySign"] if name not in never]
        for name in _ordered(twin, may, asked, decision["missingGroups"]):
            key = _key_for(twin, name, kinds, root=needed["root"])
            if key is not None:
                return name, key
    return None


def _ordered(twin: Twin, names: Sequence[str], asked: Asked, groups: Sequence[str]) -> Iterator[str]:
    """Wished-for people, then members of groups that are still missing, then the others by name."""

    def rank(name: str) -> tuple[bool, bool, bool, str]:
        known = twin.found.home(name).people.get(name)
        member = known is not None and not known.groups.isdisjoint(groups)
        return name not in asked.first, name in asked.last, not member, name

    yield from sorted(names, key=rank)


def _key_for(twin: Twin, name: str, kinds: frozenset[str] | None, *, root: bool) -> ThrowAway | None:
    if root:
        return twin.keys.root.get(name)
    return twin.keys.daily(name, kinds) or (
        twin.keys.root.get(name) if kinds is None or "key" in kinds else None
    )


def _reasons(judged: Mapping[str, Any]) -> str:
    problems = [item for one in judged["partitions"] for item in one["violations"]]
    problems += [item for decision in _decisions(judged) for item in decision["problems"]]
    told = dict.fromkeys(f"{item['message']} [{item['code']}]" for item in problems)
    return "; ".join(list(told)[:4]) or "no reason was given"
