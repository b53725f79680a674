# SPDX-License-Identifier: Apache-2.0
"""What is ingested is judged, kept, recorded once, and what is not is said to be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gaitops.evidence.checkpoints import make_checkpoint, prove
from gaitops.evidence.proofs import check_inclusion
from gaitops.evidence.stores import object_path, open_store
from gaitops.evidence.verify import verify_store
from tests.evidence.collected import FLEET, ingested, lay_out, positions, rows, texts

REPOSITORY = "support-copilot"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A collected folder of one repository."""
    return lay_out(tmp_path / "collected", REPOSITORY, most=6)


def test_an_artifact_is_recorded_once_and_its_deliveries_are_counted(source: Path, tmp_path: Path) -> None:
    """The same place again is known; another place is a further delivery, without facts."""
    first = ingested(tmp_path / "store", source)
    again = ingested(tmp_path / "store", source)
    assert (again.new, again.known, again.duplicates) == (0, first.new, 0)
    copy = source / "larkspur" / "cart-api" / "copy.json"
    copy.parent.mkdir()
    copy.write_text(texts(REPOSITORY)[0])
    third = ingested(tmp_path / "store", source)
    assert (third.new, third.known, third.duplicates) == (0, first.new, 1)
    (row,) = [row for row in rows(tmp_path / "store", "artifacts") if row["duplicate"]]
    assert (row["source"], row["position"]) == (str(copy), None)
    assert len(rows(tmp_path / "store", "decisions")) == 6
    assert positions(tmp_path / "store") == list(range(first.new))


def test_two_equal_files_in_one_batch_are_one_artifact(tmp_path: Path) -> None:
    """The first by path is the artifact, the second a delivery."""
    source = lay_out(tmp_path / "collected", REPOSITORY, most=1)
    for name in "ab":
        (source / "larkspur" / REPOSITORY / f"{name}.json").write_text(texts(REPOSITORY)[0])
    report = ingested(tmp_path / "store", source)
    assert (report.new, report.duplicates) == (1, 2)


@pytest.mark.parametrize("together", [True, False])
def test_one_emission_in_other_bytes_is_a_repeat(together: bool, tmp_path: Path) -> None:
    """An event is counted once, in one batch or in two, and the second reading of it is kept and marked."""
    source = lay_out(tmp_path / "collected", REPOSITORY, most=3)
    if not together:
        ingested(tmp_path / "store", source)
    (source / "larkspur" / REPOSITORY / "traces" / "z.json").write_text(texts(REPOSITORY)[0] + "\n\n")
    report = ingested(tmp_path / "store", source)
    assert report.repeats == 1
    found = rows(tmp_path / "store", "decisions")
    assert [row["repeat"] for row in found].count(True) == 1
    assert len({row["event_key"] for row in found}) == len(found) - 1
    assert len({row["artifact"] for row in found}) == len(found)


def test_what_is_no_artifact_is_skipped_and_named(source: Path, tmp_path: Path) -> None:
    """Other files, files outside the layout and files that are too large leave a reason, and nothing in the store."""
    (source / "README.md").write_text("# hello")
    (source / "larkspur" / REPOSITORY / "notes.txt").write_text("hello")
    with (source / "larkspur" / REPOSITORY / "huge.zip").open("wb") as stream:
        stream.truncate(3 * 1024**3)
    report = ingested(tmp_path / "store", source)
    assert report.skipped_counts == {"outside_layout": 1, "unrecognised": 1, "too_large": 1}
    assert {Path(item.source).name for item in report.skipped} == {"README.md", "notes.txt", "huge.zip"}
    assert len(list(open_store(str(tmp_path / "store")).objects())) == report.new


def test_damaged_artifacts_are_recorded_as_such(tmp_path: Path) -> None:
    """What Gait wrote and somebody changed stays in the record with its verdict and its findings."""
    source = lay_out(tmp_path / "collected", "infra-live", most=400)
    report = ingested(tmp_path / "store", source)
    counts = {
        key: count for key, count in report.counts.items() if key[1] in {"failed", "rejected", "unsigned"}
    }
    assert counts[("trace", "failed")] == 3
    assert counts[("trace", "rejected")] == 1
    assert counts[("runpack", "failed")] == 2
    found = rows(tmp_path / "store", "findings")
    assert {row["code"] for row in found} >= {"signature.digest_mismatch", "runpack.file_digest"}
    refused = next(row for row in rows(tmp_path / "store", "artifacts") if row["verdict"] == "rejected")
    assert refused["artifact"] not in {row["artifact"] for row in rows(tmp_path / "store", "decisions")}


def test_runs_carry_the_fingerprint_that_gait_computes(tmp_path: Path) -> None:
    """The family that Gait's own report names is in the table."""
    ingested(tmp_path / "store", lay_out(tmp_path / "collected", "cart-api", most=90))
    assert "fam_5fbb0b6f1bd4" in {row["family_id"] for row in rows(tmp_path / "store", "runs")}
    assert (FLEET / "cart-api" / "scout_signal.json").read_text().count("fam_5fbb0b6f1bd4")


def test_lost_and_altered_objects_are_found_and_come_back(source: Path, tmp_path: Path) -> None:
    """Verification names them; a new delivery puts the bytes back and records nothing twice."""
    place = tmp_path / "store"
    report = ingested(place, source)
    store = open_store(str(place))
    before = verify_store(store)
    assert before.problems == []
    lost, altered = sorted(digest for digest, _size in store.objects())[:2]
    (place / object_path(lost)).unlink()
    damaged = place / object_path(altered)
    size = damaged.stat().st_size
    damaged.unlink()
    damaged.write_bytes(b"x" * size)
    found = verify_store(open_store(str(place)))
    assert (found.lost, found.altered) == ([lost], [altered])
    assert [problem.code for problem in found.problems] == ["store.object_missing", "store.object_altered"]
    copy = lay_out(tmp_path / "again", REPOSITORY, most=6)
    again = ingested(place, copy)
    assert (again.new, again.duplicates) == (0, report.new)
    after = verify_store(open_store(str(place)))
    assert (after.problems, after.root) == ([], before.root)


def test_an_object_that_nobody_recorded_is_counted_and_harmless(source: Path, tmp_path: Path) -> None:
    """What an interrupted run left is no loss."""
    ingested(tmp_path / "store", source)
    store = open_store(str(tmp_path / "store"))
    store.put(hashlib.sha256(b"x").hexdigest(), b"x")
    found = verify_store(store)
    assert (found.unrecorded, found.problems) == (1, [])


def test_a_log_that_was_cut_or_replaced_contradicts_its_checkpoint(source: Path, tmp_path: Path) -> None:
    """A store without its last artifacts does not continue the checkpoint; a grown one does."""
    place = tmp_path / "store"
    ingested(place, source)
    full = make_checkpoint(open_store(str(place)), "2026-10-19T00:00:00Z")
    (source / "larkspur" / REPOSITORY / "traces" / "more.json").write_text(texts(REPOSITORY)[-1])
    ingested(place, source)
    store = open_store(str(place))
    grown = make_checkpoint(store, "2026-10-20T00:00:00Z", full)
    assert grown.previous is not None
    assert (grown.size, grown.previous.size) == (full.size + 1, full.size)
    assert verify_store(store, checkpoints=[full, grown]).checkpoints == 2
    forged = full.model_copy(update={"root": grown.root})
    larger = grown.model_copy(update={"size": grown.size + 1})
    found = verify_store(store, checkpoints=[forged, larger])
    assert [problem.code for problem in found.failures] == ["evidence.checkpoint"] * 2


def test_every_artifact_is_provable_against_an_earlier_checkpoint(source: Path, tmp_path: Path) -> None:
    """A proof for each artifact of the checkpoint holds, whatever came later."""
    ingested(tmp_path / "store", source)
    store = open_store(str(tmp_path / "store"))
    checkpoint = make_checkpoint(store, "2026-10-19T00:00:00Z")
    for digest, _size in store.objects():
        check_inclusion(prove(store, digest, checkpoint.size), checkpoint, digest)
