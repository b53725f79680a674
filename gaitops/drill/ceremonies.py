# SPDX-License-Identifier: Apache-2.0
"""Ceremonies of a twin: a new root version, a release, a pin, and whether everything from before stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gaitops.documents.times import format_timestamp
from gaitops.drill.changes import commit, merge
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.twin import Twin

_RELEASE: Final = "release"
CONSUMER: Final = "consumer"
"""Folder of the repository that pins, beside the fleet's."""
VERIFY_PIN: Final = f"gaitops pin verify --repo ../{CONSUMER}"
"""The command with which it is verified there, offline."""


@dataclass(frozen=True)
class Memory:
    """What was true at some time, to be compared later."""

    number: int
    at: datetime
    commit: str
    verdict: Mapping[str, Any]
    pinned: bool


def begin_rotation(twin: Twin, branch: str, options: str) -> int:
    """The next root version on a branch, unsigned; its number.

    Raises:
        StoppedError: it cannot be made.
    """
    twin.git(f"switch --quiet --create {branch} main")
    return int(twin.ask(f"gaitops trust rotate {options}")["root"]["version"])


def sign_rotation(twin: Twin, version: int, keys: Iterable[ThrowAway]) -> None:
    """Signatures on the newest root version, committed to the branch.

    Raises:
        StoppedError: a signature is refused.
    """
    for key in keys:
        twin.run(f"gaitops trust sign --key {twin.path(key)} --yes")
    commit(twin, f"Root version {version}", ("trust/root",))


def finish_rotation(twin: Twin, branch: str, version: int) -> None:
    """Check, merge, and prove that the new root is in force.

    Raises:
        StoppedError: it is refused.
    """
    twin.run("gaitops check")
    merge(twin, branch)
    verdict = twin.ask("gaitops verify", (0, 2))
    in_force = verdict["rootVersion"] == version
    observed = f"`gaitops verify` names root version {verdict['rootVersion']}"
    twin.prove(f"root version {version} is in force", in_force, observed)
    twin.prove(
        "the history verifies from the same trust root as before",
        bool(verdict["verified"]),
        "verified" if verdict["verified"] else "; ".join(item["message"] for item in verdict["problems"][:3]),
    )


def signers(keys: Mapping[str, ThrowAway], count: int, never: Collection[str] = ()) -> list[ThrowAway]:
    """The keys of the first ``count`` people, by name."""
    return [keys[name] for name in sorted(keys) if name not in never][:count]


def publish(twin: Twin, *, first: bool = False, release: str = _RELEASE) -> None:
    """A release by as many publishers as must sign.

    Raises:
        StoppedError: it cannot be published.
    """
    twin.run(publish_line(twin, signers(twin.keys.publishers, 1)[0], first=first, release=release))
    for key in signers(twin.keys.publishers, twin.found.root.targets_threshold)[1:]:
        twin.run(f"{publish_line(twin, key, first=first, release=release)} --cosign")


def publish_line(twin: Twin, key: ThrowAway, *, first: bool = False, release: str = _RELEASE) -> str:
    """The command with which a publisher continues the release."""
    continues = "--first" if first else f"--previous ../{release}"
    return f"gaitops publish --out ../{release} --key {twin.path(key)} {continues}"


def pin(twin: Twin) -> bool:
    """Pin the release in a new consumer repository; ``False`` where the fleet assigns nothing to anybody.

    Raises:
        StoppedError: it cannot be pinned.
    """
    consumer = twin.found.consumer
    if consumer is None:
        return False
    twin.git(f"init --quiet ../{CONSUMER}")
    twin.run(pin_line(consumer))
    return True


def pin_line(consumer: tuple[str, str], release: str = _RELEASE) -> str:
    """The command with which a repository, for one of its environments, pins a release."""
    repository, environment = consumer
    return (
        f"gaitops pin init --repo ../{CONSUMER} --from ../{release} "
        f"--repository {repository} --environment {environment}"
    )


def renewal_line(release: str = _RELEASE) -> str:
    """The command with which the consumer follows a release."""
    return f"gaitops pin update --repo ../{CONSUMER} --from ../{release}"


def renew_pin(twin: Twin, claim: str) -> None:
    """The consumer follows the newest release, and its pin verifies."""
    twin.holds(claim, renewal_line())
    twin.holds("the renewed pin verifies offline", VERIFY_PIN)


def remember(twin: Twin, number: int, *, pinned: bool) -> Memory:
    """Write down what holds now, and put release, pin and audit log aside, as an archive would.

    Raises:
        StoppedError: a command fails.
    """
    verdict = twin.ask("gaitops verify", (0, 2))
    outcome = twin.run("gaitops audit export --format jsonl")
    lines = [line for line in outcome.output.splitlines() if line.startswith("{")]
    (twin.folder / f"audit-{number}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    twin.keep_copy(_RELEASE, f"{_RELEASE}-{number}")
    if pinned:
        twin.keep_copy(CONSUMER, f"{CONSUMER}-{number}")
    return Memory(number, twin.now, str(verdict["head"]), verdict, pinned)


def go_on(twin: Twin, memory: Memory, followed: str) -> None:
    """The end of most drills: the fleet goes on publishing, consumers follow, and nothing from before has changed.

    Args:
        twin: the copy.
        memory: what held at the beginning.
        followed: what a consumer that renews its pin shows.

    Raises:
        StoppedError: it cannot be published.
    """
    twin.step("Publish the next release, and let the consumer follow")
    publish(twin)
    if memory.pinned:
        renew_pin(twin, followed)
    twin.step("Everything from before still stands")
    still_stands(twin, memory)


def still_stands(twin: Twin, memory: Memory) -> None:
    """Prove that nothing of what was remembered has changed."""
    at = format_timestamp(memory.at)
    again = twin.ask(f"gaitops verify --rev {memory.commit} --at {at} --no-cache", (0, 2))
    same = _verdict(again) == _verdict(memory.verdict)
    twin.prove(
        "the history up to the old head verifies as it did, from the same trust root",
        same,
        f"verified: {again['verified']}, decisions: {again['decisions']}, the audit log ends as before"
        if same
        else f"verified: {again['verified']} instead of {memory.verdict['verified']}, or other decisions",
    )
    number = memory.number
    twin.holds(
        "the old audit log is the beginning of today's", f"gaitops audit verify ../audit-{number}.jsonl"
    )
    twin.holds(
        "the old release still verifies, and the history goes on from it",
        f"gaitops verify --from-release ../{_RELEASE}-{number}",
    )
    if memory.pinned:
        twin.holds(
            "an archived pin of the old release verifies with its own root chain",
            f"gaitops pin verify --repo ../{CONSUMER}-{number}",
        )


def _verdict(document: Mapping[str, Any]) -> dict[str, Any]:
    members = ("verified", "head", "trustRoot", "rootVersion", "decisions", "auditHead", "partitions")
    return {name: document[name] for name in members}
