# SPDX-License-Identifier: Apache-2.0
"""The rows of the table in design 14: what is measured, against what, and which bar it must meet."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.processes import GAITOPS, measured, seconds_of
from benchmarks.timing import interleave, ratio
from benchmarks.writer import Written

SHOWN = 300
"""Signatures that ``git log --show-signature`` is asked for; each starts ssh-keygen twice."""


@dataclass(frozen=True)
class Row:
    """One measured ratio."""

    work: str
    result: str
    peer: str
    value: float
    bar: float | None
    """``None`` for a figure that the design sets no bar for."""
    at_least: bool = False
    """Whether ``bar`` is a lower limit."""
    unit: str = "×"

    @property
    def met(self) -> bool:
        """Whether the bar, if there is one, is met."""
        if self.bar is None:
            return True
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def cells(self) -> tuple[str, ...]:
        """For a Markdown table."""
        sign = "≥" if self.at_least else "≤"
        digits = 0 if self.value >= 100 else 1 if self.value >= 10 else 2
        figure = f"{self.value:,.{digits}f} {self.unit}"
        if self.bar is None:
            return self.work, self.result, self.peer, figure, "", ""
        verdict = "met" if self.met else "**missed**"
        return self.work, self.result, self.peer, figure, f"{sign} {self.bar:,g} {self.unit}", verdict


def cold_history(history: Written, repeats: int) -> Iterator[Row]:
    """Verification from genesis against the signature checks that it cannot avoid, and against Git's own."""
    signatures = int(measured("bare", history.path)["signatures"])
    rev_list = ["git", "-C", history.path, "rev-list", "--first-parent", "main"]
    config = f"gpg.ssh.allowedSignersFile={history.allowed_signers}"
    show = [
        "git",
        "-C",
        history.path,
        "-c",
        config,
        "log",
        "--no-walk=unsorted",
        "--stdin",
        "--show-signature",
        "--format=%H",
    ]
    shown = history.signed_commits[-SHOWN:]
    ids = "".join(f"{oid}\n" for oid in shown)
    verify: list[str | Path] = [
        GAITOPS,
        "verify",
        "--repo",
        history.path,
        "--no-cache",
        "--trust-root",
        f"sha256:{history.trust_root}",
    ]
    times = interleave(
        {
            "cold": lambda: measured("cold", history.path)["seconds"],
            "bare": lambda: measured("bare", history.path)["seconds"],
            "rev-list": lambda: seconds_of(rev_list),
            "show": lambda: seconds_of(show, stdin=ids, must_print='Good "git" signature'),
            "process": lambda: seconds_of(verify),
            "signatures": lambda: measured("signatures", history.path, "--count", str(len(shown)))["seconds"],
        },
        repeats,
    )
    floor = [a + b for a, b in zip(times["bare"], times["rev-list"], strict=True)]
    bare, listed = median(times["bare"]), median(times["rev-list"])
    what = f"cold verification, {history.commits:,} commits, {history.changes:,} changes, {signatures:,} signatures"
    peer = f"bare checks on one thread {_ms(bare)} + rev-list {_ms(listed)}"
    yield Row(what, _ms(median(times["cold"])), peer, ratio(times["cold"], floor), 3)
    yield Row(
        "… as `gaitops verify --no-cache`, process start included",
        _ms(median(times["process"])),
        "the same",
        ratio(times["process"], floor),
        None,
    )
    own = [value / len(shown) for value in times["signatures"]]
    whole = [value / signatures for value in times["cold"]]
    git = [value / len(shown) for value in times["show"]]
    peer = f"`git log --show-signature`: {_ms(median(git))}"
    what = f"reading and checking {len(shown)} commits signed with ssh, per signature"
    yield Row(what, _ms(median(own)), peer, ratio(git, own), 20, at_least=True)
    what = "all of cold verification, per signature"
    yield Row(what, _ms(median(whole)), peer, ratio(git, whole), None, at_least=True)


def one_more_commit(short: Written, long: Written, work: Path, repeats: int) -> Iterator[Row]:
    """Verification of one authorized change more, from a checkpoint, at two lengths of history."""

    def prepared(fleet: Written) -> Path:
        folder = _private(work / f"checkpoint-{fleet.commits}")
        (folder / "main.db").unlink(missing_ok=True)
        measured("warm", fleet.path, "--checkpoint", folder / "main.db")
        return folder / "main.db"

    def run(fleet: Written, checkpoint: Path) -> float:
        copy = checkpoint.with_name("next.db")
        shutil.copy(checkpoint, copy)
        result = measured("warm", fleet.path, "--branch", "next", "--checkpoint", copy)
        assert result["folded"] == 1, result
        return result["seconds"]

    saved = {fleet.commits: prepared(fleet) for fleet in (short, long)}
    times = interleave(
        {str(fleet.commits): lambda fleet=fleet: run(fleet, saved[fleet.commits]) for fleet in (short, long)},  # type: ignore[misc]
        repeats,
    )
    few, many = times[str(short.commits)], times[str(long.commits)]
    what = f"one more authorized commit, with a checkpoint, after {long.commits:,} commits"
    yield Row(
        what,
        _ms(median(many)),
        f"the same after {short.commits:,}: {_ms(median(few))}",
        ratio(many, few),
        1.25,
    )


def check_pull_request(fleet: Written, size: str, state: Path, repeats: int) -> Iterator[Row]:
    """``gaitops check`` as CI runs it, with the checkpoint of an earlier run."""
    shutil.rmtree(state, ignore_errors=True)
    trust = f"sha256:{fleet.trust_root}"
    check: list[str | Path] = [
        GAITOPS,
        "check",
        "--repo",
        fleet.path,
        "--base",
        "main",
        "--head",
        "pull",
        "--trust-root",
        trust,
    ]
    verify: list[str | Path] = [GAITOPS, "verify", "--repo", fleet.path, "--trust-root", trust]
    seconds_of(verify, state=state)
    imports = [sys.executable, "-c", "import pygit2, pydantic, cryptography"]
    times = interleave(
        {
            "check": lambda: seconds_of(check, state=state, expect=4, must_print="assignment.change"),
            "imports": lambda: seconds_of(imports),
        },
        repeats,
    )
    yield Row(
        f"`gaitops check`, one-file pull request, {size}",
        _ms(median(times["check"])),
        f"import pygit2, pydantic, cryptography: {_ms(median(times['imports']))}",
        ratio(times["check"], times["imports"]),
        4,
    )


def start_up(repeats: int) -> Iterator[Row]:
    """Help and version against importing click alone."""
    times = interleave(
        {
            "--help": lambda: seconds_of([GAITOPS, "--help"]),
            "--version": lambda: seconds_of([GAITOPS, "--version"]),
            "click": lambda: seconds_of([sys.executable, "-c", "import click"]),
        },
        repeats,
    )
    for option in ("--help", "--version"):
        peer = f"import click: {_ms(median(times['click']))}"
        yield Row(
            f"`gaitops {option}`", _ms(median(times[option])), peer, ratio(times[option], times["click"]), 2
        )


def resolve_all(fleet: Written, checkpoint: Path, repeats: int) -> Iterator[Row]:
    """All assignments of the fleet, with documents at hand."""
    runs = [measured("resolve", fleet.path, "--checkpoint", checkpoint) for _ in range(repeats)]
    rate = median(run["assignments"] / run["seconds"] for run in runs)
    count = int(runs[0]["assignments"])
    yield Row(
        f"resolve all {count:,} assignments, one core",
        _ms(median(run["seconds"] for run in runs)),
        f"reading all documents first takes {_ms(median(run['reading'] for run in runs))}",
        rate / 1000,
        100,
        at_least=True,
        unit="thousand/s",
    )


def rollouts(folder: Path, repositories: int, repeats: int) -> Iterator[Row]:
    """A rollout over one large project: its plan, and resolving while it is half-way."""
    runs = []
    for _turn in range(repeats):
        shutil.rmtree(folder, ignore_errors=True)
        runs.append(measured("rollouts", str(folder), "--count", str(repositories)))
    count = int(runs[0]["assignments"])
    yield Row(
        f"`rollout plan` of 12 steps over {count:,} assignments, documents at hand",
        _ms(median(run["plan"] for run in runs)),
        "",
        median(run["plan"] / run["resolve"] for run in runs),
        None,
        unit="× resolving them",
    )
    yield Row(
        f"resolve {count:,} assignments half-way through a rollout, one core",
        _ms(median(run["resolve"] for run in runs)),
        "",
        median(run["assignments"] / run["resolve"] for run in runs) / 1000,
        100,
        at_least=True,
        unit="thousand/s",
    )


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _ms(seconds: float) -> str:
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1000:.0f} ms"
        if seconds >= 0.01
        else f"{seconds * 1000:.2f} ms"
    )
