# SPDX-License-Identifier: Apache-2.0
"""Every runbook works on real commits with real keys, and says so where a fleet makes it fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaitops.documents.models.drill import DoneCommand, DrillReport, Proof, Step
from gaitops.drill.catalogue import drill_of, subject
from gaitops.drill.performing import Rehearsal, perform
from gaitops.drill.survey import Survey
from tests.drill.conftest import surveyed
from tests.simulator import World

Told = Step | DoneCommand | Proof


def rehearse(found: Survey, folder: Path, name: str, principal: str | None = None) -> DrillReport:
    """Carry out a drill now."""
    drill, told = drill_of(name), list[Told]()
    about = subject(drill, found, principal)
    start = datetime.now(tz=UTC).replace(microsecond=0)
    report = perform(Rehearsal(drill, about, start), found, folder, told.append)
    assert [item for item in told if isinstance(item, Proof)] == list(proofs(report))
    return report


def proofs(report: DrillReport) -> Iterator[Proof]:
    """Every proof of a report, in order."""
    for step in report.steps:
        yield from step.proofs


def refusals(report: DrillReport) -> list[tuple[str, int]]:
    """Commands that were refused, without arguments, with their exit codes."""
    return [
        (" ".join(word for word in command.line.split()[1:3] if not word.startswith("-")), command.exit_code)
        for step in report.steps
        for command in step.commands
        if command.exit_code
    ]


def unproven(report: DrillReport) -> list[str]:
    """Claims that do not hold, with what was seen."""
    return [f"{proof.claim}: {proof.observed}" for proof in proofs(report) if not proof.proven]


def findings(report: DrillReport, severity: str) -> list[str]:
    """What was found, of one severity."""
    return [item.text for item in report.findings if item.severity == severity]


def test_rotating_the_root(found: Survey, tmp_path: Path) -> None:
    """Too few old signatures are refused, old keys stop counting, and everything from before stands."""
    report = rehearse(found, tmp_path, "rotate-root")
    assert unproven(report) == []
    assert refusals(report)[0] == ("check", 2)
    assert refusals(report)[-2:] == [("trust sign", 6), ("approve", 6)]
    assert report.passed
    claims = [proof.claim for proof in proofs(report)]
    assert "1 of the old root people cannot install a new root" in claims
    assert "root version 2 is in force" in claims
    assert "an archived pin of the old release verifies with its own root chain" in claims
    assert "the old audit log is the beginning of today's" in claims
    assert "1 may be lost before the root cannot be rotated any more" in findings(report, "note")[0]


def test_what_the_copy_cannot_be_is_told(found: Survey, tmp_path: Path) -> None:
    """Keyless identities, revoked ones and rules that ask for a kind of identity are named."""
    report = rehearse(found, tmp_path, "expired-root")
    assert unproven(report) == []
    assert [code for _line, code in refusals(report)] == [2, 2, 2]
    assert report.substitutions == (
        "identities of type sigstore: 1, which are keys in files in the copy",
        "identities that are revoked or out of date: 2, left out (acme/emil/old, gus/laptop)",
        "approval rules that ask for a kind of identity accept keys in files in its place: keyless, leads",
    )
    assert report.passed


def test_a_compromised_approver(found: Survey, tmp_path: Path) -> None:
    """A decision carried by an SSH key is listed as doubtful, alone, and cleared by as many as it needed."""
    report = rehearse(found, tmp_path, "compromised-approver")
    assert report.principal == "acme/dora"
    assert unproven(report) == []
    assert report.passed
    observed = {proof.claim: proof.observed for proof in proofs(report)}
    assert (
        observed["the decision is listed as doubtful, and nothing else is"]
        == "doubtful: orgs/acme/policies/drill-1/policy.yaml"
    )
    assert observed["doubt stops its own partition only"] == "not verified: acme, and no other partition"
    assert "identity.revoked" in observed["an approval by acme/dora is refused"]
    assert observed["doubt is cleared by affirmation"].count(",") == 1
    keys = [path.name for path in (tmp_path / "keys").iterdir()]
    assert "acme.dora.token.ssh" in keys
    assert "acme.fay.sso.pem" in keys


def test_a_lost_quorum(found: Survey, tmp_path: Path) -> None:
    """Too few can do nothing, even by force; consumers refuse the fleet founded anew until they pin it anew."""
    report = rehearse(found, tmp_path, "lost-quorum")
    assert unproven(report) == []
    assert refusals(report) == [("check", 2), ("verify", 2), ("check", 4), ("pin update", 2)]
    assert report.passed
    assert any(text.startswith("without bob, nobody could decide") for text in findings(report, "warning"))


def test_a_root_person_leaves(found: Survey, tmp_path: Path) -> None:
    """What they decided stays, nothing of theirs counts afterwards, and what they leave undecidable is a failure."""
    report = rehearse(found, tmp_path, "left-company", "alice")
    assert unproven(report) == []
    assert not report.passed
    failures = findings(report, "failure")
    assert failures
    assert all("org/beta needs 2 approvals besides its proposer" in text for text in failures)
    observed = {proof.claim: proof.observed for proof in proofs(report)}
    assert observed["alice holds nothing"] == "no role, no group, no identity that counts"
    assert "identity.revoked" in observed["an approval by alice is refused"]
    assert observed["what alice approved before stays decided"] == "verified, nothing is doubtful"
    assert report.fails == tuple(failures)


def test_one_of_two_leaves(small: World, tmp_path: Path) -> None:
    """Where the others are too few, every step that needs the leaver says so, and the rest is rehearsed all the same."""
    report = rehearse(surveyed(small), tmp_path, "left-company", "alice")
    assert [text.split(":")[0] for text in unproven(report)] == [
        "the root can be rotated without the key of alice",
        "the others can revoke the keys of alice",
        "freeze_window.change in fleet can be decided without alice",
    ]
    assert report.steps[-1].title == "Everything from before still stands"
    assert report.substitutions == ("no repository is assigned a policy, so no pin was made",)
    assert "what only the root may change" in findings(report, "failure")[0]


def test_a_runbook_that_cannot_go_on_ends_there(small: World, tmp_path: Path) -> None:
    """Two people cannot backdate a revocation, which needs two approvers besides its proposer: a result, no accident."""
    report = rehearse(surveyed(small), tmp_path, "compromised-approver", "alice")
    assert not report.passed
    assert unproven(report)[-1].startswith(
        "enough people are left who may approve: revocation.identity in fleet"
    )
    assert report.steps[-1].title.startswith("Revoke every old key of alice")


def test_the_surroundings_stay_as_they_were(solo: World, tmp_path: Path) -> None:
    """Environment and current folder are the caller's again, and the fleet repository was only read."""
    before, folder = dict(os.environ), Path.cwd()
    files = sorted(path.as_posix() for path in solo.path.rglob("*"))
    report = rehearse(surveyed(solo), tmp_path, "rotate-publisher")
    assert report.passed, unproven(report)
    assert (dict(os.environ), Path.cwd()) == (before, folder)
    assert sorted(path.as_posix() for path in solo.path.rglob("*")) == files


@pytest.mark.parametrize("name", ["rotate-root", "lost-quorum"])
def test_drills_about_nobody_ignore_names(found: Survey, name: str) -> None:
    """Only two drills are about somebody."""
    assert subject(drill_of(name), found, None) is None
