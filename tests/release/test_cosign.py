# SPDX-License-Identifier: Apache-2.0
"""A release that needs two publishers (R10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.release.content import ReleaseContent
from gaitops.release.cosign import cosign
from gaitops.release.layout import envelope_file
from gaitops.release.previous import read_previous
from gaitops.release.publish import PublishReport
from gaitops.release.sources import DirectorySource
from gaitops.release.statement import open_envelope
from gaitops.release.verify import verify_release
from tests.release.release_builder import TIME, Fleet, files_of, first_root, org, row, signer

BOTH = ("pub1", "pub2")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A fleet whose root asks for two publishers; nothing is published yet."""
    return Fleet(tmp_path / "out", (first_root(BOTH, threshold=2),))


def second(
    fleet: Fleet,
    content: ReleaseContent,
    signers: Sequence[str] = ("pub2",),
    *,
    first: bool = True,
    later: timedelta = timedelta(0),
) -> PublishReport:
    previous = None if first else read_previous(fleet.source, fleet.trust_root)
    return cosign(content, [signer(name) for name in signers], fleet.out, previous=previous, now=TIME + later)


def code(error: pytest.ExceptionInfo[GaitopsError]) -> str:
    return error.value.code


def test_staged_until_the_second_signature(fleet: Fleet) -> None:
    """One of two signatures stages a release that no reader sees; the second one publishes it."""
    report = fleet.publish(first=True)
    assert (report.status, report.missing_signatures) == ("staged", 1)
    with pytest.raises(InvalidInputError) as error:
        verify_release(fleet.source, fleet.trust_root, TIME)
    assert code(error) == "release.not_found"
    report = second(fleet, fleet.content())
    assert (report.status, report.missing_signatures, report.timestamp_version) == ("published", 0, 1)
    release = verify_release(fleet.source, fleet.trust_root, TIME)
    for path, info in release.targets.items():
        envelope = fleet.out / envelope_file(info.hashes["sha256"])
        if envelope.exists():
            assert open_envelope(envelope.read_bytes(), release.root, path)
    assert not (fleet.out / "staged").exists()


def test_same_bytes_in_any_order(fleet: Fleet, tmp_path: Path) -> None:
    """Signing one after the other, in either order, or together gives the same release."""
    other = Fleet(tmp_path / "other", fleet.roots)
    together = Fleet(tmp_path / "together", fleet.roots)
    fleet.publish(first=True, signers=["pub1"])
    second(fleet, fleet.content(), ["pub2"])
    other.publish(first=True, signers=["pub2"])
    second(other, other.content(), ["pub1"])
    together.publish(first=True, signers=BOTH)
    signed = [
        {name: data for name, data in files_of(each.out).items() if name != "metadata/timestamp.json"}
        for each in (fleet, other, together)
    ]
    assert signed[0] == signed[1] == signed[2]


def test_readers_keep_the_old_release_meanwhile(fleet: Fleet) -> None:
    """While a release waits for its second signature, the one before it is served."""
    fleet.publish(first=True, signers=BOTH)
    acme = org(row(number="1.1.0"), versions=["1.0.0", "1.1.0"])
    fleet.publish(acme, step=2)
    assert verify_release(fleet.source, fleet.trust_root, TIME).number == 1
    second(fleet, fleet.content(acme, step=2), first=False)
    assert verify_release(fleet.source, fleet.trust_root, TIME).number == 2


def test_a_staged_release_is_no_release(fleet: Fleet) -> None:
    """A reader pointed at the staged folder itself is refused by TUF: there is no timestamp."""
    fleet.publish(first=True)
    with pytest.raises(VerificationError) as error:
        verify_release(DirectorySource(fleet.out / "staged"), fleet.trust_root, TIME)
    assert code(error) == "release.invalid"


def test_the_same_publisher_twice(fleet: Fleet) -> None:
    """One publisher cannot give both signatures."""
    fleet.publish(first=True)
    report = second(fleet, fleet.content(), ["pub1"])
    assert (report.status, report.missing_signatures) == ("staged", 1)


def test_other_content(fleet: Fleet) -> None:
    """R10: the first publisher signed something that the second one's history does not say."""
    fleet.publish(org(row(number="1.1.0"), versions=["1.0.0", "1.1.0"]), first=True)
    before = files_of(fleet.out)
    with pytest.raises(VerificationError) as error:
        second(fleet, fleet.content(org(row(), versions=["1.0.0", "1.1.0"])))
    assert code(error) == "release.invalid"
    assert files_of(fleet.out) == before


@pytest.mark.parametrize(
    "kind", ["gait.policy.yaml", "targets.json", "1.root.json", ".dsse.json", "snapshot.json"]
)
def test_tampered_staged_file(fleet: Fleet, kind: str) -> None:
    """R10: any staged byte that is not ours is found before anything is signed."""
    fleet.publish(first=True)
    file = next(file for file in (fleet.out / "staged").rglob("*") if file.name.endswith(kind))
    data = file.read_bytes()
    start = max(0, data.find(b'"signed":')) + max(0, data.find(b'"payload":'))
    middle = start + (len(data) - start) // 2 if kind != ".dsse.json" else start + 100
    for bit in (1, 128):
        file.write_bytes(data[:middle] + bytes([data[middle] ^ bit]) + data[middle + 1 :])
        with pytest.raises(GaitopsError) as error:
            second(fleet, fleet.content())
        assert code(error) == "release.invalid"


@pytest.mark.parametrize("change", ["added", "removed"])
def test_other_files(fleet: Fleet, change: str) -> None:
    """R10: no file more and none less."""
    fleet.publish(first=True)
    staged = fleet.out / "staged"
    if change == "added":
        (staged / "targets/extra").write_bytes(b"")
    else:
        next(staged.glob("targets/**/*.version.yaml")).unlink()
    with pytest.raises(VerificationError) as error:
        second(fleet, fleet.content())
    assert code(error) == "release.invalid"


def test_expiries_of_another_time(fleet: Fleet) -> None:
    """A staged release whose expiries lie further ahead than ours may is refused."""
    fleet.publish(first=True, now=TIME + timedelta(days=300))
    with pytest.raises(VerificationError) as error:
        second(fleet, fleet.content())
    assert code(error) == "release.invalid"


def test_second_publisher_comes_days_later(fleet: Fleet) -> None:
    """Two publishers may work on different days, across a step of the expiries."""
    fleet.publish(first=True, now=TIME + timedelta(days=14))
    report = second(fleet, fleet.content(), later=timedelta(days=16))
    assert report.status == "published"
    assert report.timestamp_expires is not None
    assert report.timestamp_expires > TIME + timedelta(days=16)


def test_nothing_staged(fleet: Fleet) -> None:
    """There must be something to sign."""
    with pytest.raises(InvalidInputError) as error:
        second(fleet, fleet.content())
    assert code(error) == "release.nothing_staged"


def test_commit_moved_on(fleet: Fleet) -> None:
    """The second publisher must stand at the same commit."""
    fleet.publish(first=True)
    with pytest.raises(VerificationError) as error:
        second(fleet, replace(fleet.content(), commit=fleet.content(step=2).commit))
    assert code(error) == "release.invalid"


def test_first_publisher_starts_again(fleet: Fleet) -> None:
    """A staged release that nobody completed may be replaced, also the first one."""
    fleet.publish(first=True)
    fleet.publish(first=True, step=2)
    assert second(fleet, fleet.content(step=2)).commit == fleet.content(step=2).commit
