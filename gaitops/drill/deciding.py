# SPDX-License-Identifier: Apache-2.0
"""Decisions in which one person takes part, or must not: made, refused, made by the others."""

from __future__ import annotations

from gaitops.drill.changes import Asked, approve, begin, codes_of, gather, land, leave, merge, proposer_of
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.probes import Probe
from gaitops.drill.twin import Twin


def decided(twin: Twin, probe: Probe, name: str, number: int) -> tuple[str, ...]:
    """A change that somebody helps to decide; everybody who approved it.

    Raises:
        StoppedError: it is not merged.
    """
    proposer = proposer_of(twin, probe.kind, probe.scope, never=(name,))
    approved = land(twin, probe.change(twin, number, proposer), Asked(first=(name,)))
    twin.prove(f"{name} could approve it", name in approved, f"approved by {', '.join(approved)}")
    return approved


def refused_afterwards(twin: Twin, probe: Probe, name: str, number: int, code: str, key: ThrowAway) -> None:
    """An approval with a key that no longer counts.

    Raises:
        StoppedError: it cannot even be made.
    """
    proposer = proposer_of(twin, probe.kind, probe.scope, never=(name,))
    begin(twin, probe.change(twin, number, proposer))
    approve(twin, name, key)
    judged = twin.ask("gaitops check", (0, 2, 4))
    codes = codes_of(judged)
    observed = f"`gaitops check` is {judged['outcome']}: {', '.join(sorted(codes)) or 'nothing is missing'}"
    twin.prove(
        f"an approval by {name} is refused", judged["outcome"] != "authorized" and code in codes, observed
    )
    leave(twin)


def decides_without(twin: Twin, probe: Probe, name: str, number: int) -> None:
    """The same kind of change, decided by the others; a missing quorum is a result, not the end."""
    others = probe.need.reachable(frozenset({name}))
    claim = f"{probe.need.title} can be decided without {name}"
    if not others:
        twin.unproven(claim, probe.need.missing(frozenset({name})))
        return
    keep = tuple(probe.need.approvers)
    proposer = proposer_of(twin, probe.kind, probe.scope, never=(name,), keep=keep)
    begin(twin, probe.change(twin, number, proposer))
    approved = gather(twin, Asked(never=(name,)))
    merge(twin, f"probe-{number}")
    twin.proven(claim, f"proposed by {proposer}, approved by {', '.join(approved)}")


def no_doubt(twin: Twin, claim: str) -> None:
    """Prove that the history verifies and nothing is in doubt."""
    verdict = twin.ask("gaitops verify", (0, 2))
    doubtful = [one["path"] for item in verdict["partitions"] for one in item["doubtful"]]
    observed = (
        "verified, nothing is doubtful"
        if verdict["verified"]
        else f"not verified; doubtful: {', '.join(doubtful) or 'nothing'}"
    )
    twin.prove(claim, bool(verdict["verified"]), observed)


def home_scope(name: str) -> str:
    """Scope at which somebody's keys are revoked: the organization's for its own people."""
    org, slash, _rest = name.partition("/")
    return f"org/{org}" if slash else "fleet"
