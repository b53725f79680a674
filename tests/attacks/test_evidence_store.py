# SPDX-License-Identifier: Apache-2.0
"""Whoever can write to a store: objects, tables, staged rows, the marker, checkpoints and proofs (threats E16-E23)."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from gaitops.documents.checkpoints import checkpoint_path, read_checkpoint
from gaitops.evidence.schemas import arrow_schema
from tests.attacks.evidence_tools import (
    AT,
    NOW,
    Fleet,
    Site,
    clean_settings,
    gaitops,
    guard_digest,
    key,
    make_fleet,
    signed,
    trace,
)
from tests.cli.harness import Run

STRANGER = "stranger"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, evidence_fleet: Fleet) -> Site:
    """A store of two batches, five decisions, one of them by a stranger, with a checkpoint after each batch."""
    folder = tmp_path_factory.mktemp("store")
    site = Site(folder / "site", evidence_fleet)
    with clean_settings(folder):
        for number, names in enumerate((("a", "b", STRANGER), ("c", "d")), 1):
            by = {STRANGER: "nobody"}
            site.collect(
                {
                    f"acme/checkout/prod/{name}.json": signed(
                        trace(name, policy=guard_digest(), decision="block"), key(by.get(name, "checkout-ci"))
                    )
                    for name in names
                }
            )
            assert site.ingest().code == 0
            site.checkpoint(f"{number}.json")
        assert checked(site).code == 0
    return site


@pytest.fixture
def kept(original: Site, tmp_path: Path) -> Iterator[Site]:
    """A copy of it, to break."""
    with clean_settings(tmp_path):
        yield original.copied(tmp_path / "copy")


def checked(site: Site) -> Run:
    """``evidence verify`` with both checkpoints and the producer's key, which takes less time than asking the fleet."""
    file = site.folder / "producer.key"
    file.write_bytes(base64.b64encode(key("checkout-ci").public.raw))
    checkpoints = (site.folder / "1.json", site.folder / "2.json")
    return site.verify("--checkpoint", checkpoints[0], "--checkpoint", checkpoints[1], "--key", file)


def objects(site: Site) -> list[Path]:
    """Objects of a store, by digest."""
    return sorted((site.store / "sha256").glob("*/*"))


def rewritten(site: Site, table: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Write a table anew with other rows, with the application ids that the old one had, as somebody careful would."""
    old = site.delta(table)
    rows = change(old.to_pyarrow_table().to_pylist())
    folder = site.store / "tables" / table
    log = sorted((folder / "_delta_log").glob("*.json"))
    marks = [
        line for path in log for line in path.read_text("utf-8").splitlines() if line.startswith('{"txn"')
    ]
    shutil.rmtree(folder)
    write_deltalake(str(folder), pa.Table.from_pylist(rows, arrow_schema(table)))
    first = folder / "_delta_log" / f"{0:020}.json"
    first.write_text("\n".join([first.read_text("utf-8").rstrip("\n"), *marks]) + "\n", "utf-8")


def each(**values: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Every row with these values."""
    return lambda rows: [{**row, **values} for row in rows]


# -- E16: objects ------------------------------------------------------------------------------------------------


def test_object_deleted(kept: Site) -> None:
    """E16: an artifact that was recorded is gone; collecting it again puts it back, and records nothing twice."""
    objects(kept)[1].unlink()
    run = checked(kept)
    assert (run.code, run.codes) == (2, ["store.object_missing"])
    assert kept.ingest().json["new"] == 0
    assert checked(kept).code == 0


@pytest.mark.parametrize("data", [b"", b"{}", None])
def test_object_altered(data: bytes | None, kept: Site) -> None:
    """E16: an artifact has other bytes: none, others, or as many as before."""
    victim = objects(kept)[0]
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes().replace(b"block", b"allow") if data is None else data)
    run = checked(kept)
    assert (run.code, run.codes) == (2, ["store.object_altered"])
    assert run.json["altered"]["count"] == 1


def test_object_is_a_link(kept: Site) -> None:
    """E16: a link in the place of an artifact is not followed, not even to the same bytes."""
    victim = objects(kept)[0]
    shutil.move(victim, kept.folder / "moved")
    victim.symlink_to(kept.folder / "moved")
    run = checked(kept)
    assert (run.code, run.codes) == (2, ["store.object_missing"])


# -- E17: rows deleted, rewritten, an older version restored ------------------------------------------------------


@pytest.mark.parametrize("table", ["decisions", "artifacts", "findings"])
def test_newest_version_removed(table: str, kept: Site) -> None:
    """E17: a table goes back to an older version."""
    if table == "findings":
        rewritten(kept, table, lambda _rows: [])
    else:
        max((kept.store / "tables" / table / "_delta_log").glob("*.json")).unlink()
    run = checked(kept)
    assert run.code == 2
    expected = {"evidence.checkpoint", "evidence.rows"} if table == "artifacts" else {"evidence.rows"}
    assert set(run.codes) == expected


@pytest.mark.parametrize("table", ["decisions", "artifacts"])
def test_rows_deleted(table: str, kept: Site) -> None:
    """E17: one row of a table is left out."""
    rewritten(kept, table, lambda rows: rows[1:])
    assert checked(kept).code == 2


def test_rows_rewritten(kept: Site) -> None:
    """E17: blocks become allows in the table, while the artifacts stay."""
    rewritten(kept, "decisions", each(decision="allow"))
    run = checked(kept)
    assert (run.code, run.codes, run.json["disagreeing"]["count"]) == (2, ["evidence.rows"], 5)


def test_another_artifact_in_the_log(kept: Site) -> None:
    """E17: the log names another artifact at a position that a checkpoint covers."""
    rewritten(kept, "artifacts", lambda rows: [{**row, "position": 4 - row["position"]} for row in rows])
    run = checked(kept)
    assert run.code == 2
    assert "evidence.checkpoint" in run.codes
    rewritten(kept, "artifacts", each(position=0))
    assert "evidence.positions" in checked(kept).codes


def test_tables_gone(kept: Site) -> None:
    """E17: without tables nothing continues a checkpoint."""
    shutil.rmtree(kept.store / "tables")
    run = checked(kept)
    assert (run.code, run.codes) == (2, ["evidence.checkpoint"])


def test_rows_cannot_be_deleted_by_the_library(kept: Site) -> None:
    """E17: the tables say that they are append-only, and honest libraries obey."""
    with pytest.raises(DeltaError, match="append-only"):
        kept.delta("decisions").delete("decision = 'block'")


# -- E18: what the bytes do not say ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "values", "code"),
    [
        (("decisions",), {"verdict": "verified"}, "evidence.rows"),
        (("artifacts", "decisions", "findings"), {"verdict": "verified"}, "evidence.verdicts"),
        (("artifacts",), {"verdict": "unsigned"}, "evidence.rows"),
        (("decisions",), {"repository": "github.com/acme/ledger"}, "evidence.rows"),
        (("decisions",), {"environment": "staging", "team": "others"}, "evidence.rows"),
        (("decisions",), {"producer": "ledger-ci"}, "evidence.rows"),
        (("decisions",), {"repeat": True}, "evidence.rows"),
        (("decisions",), {"event_key": "0" * 64}, "evidence.rows"),
        (("decisions",), {"collected_at": NOW.replace(year=2030)}, "evidence.rows"),
        (("artifacts",), {"codes": []}, "evidence.rows"),
        (("findings",), {"code": "artifact.unsigned_extras"}, "evidence.rows"),
    ],
)
def test_key_and_place_rewritten(
    tables: tuple[str, ...], values: dict[str, Any], code: str, kept: Site
) -> None:
    """E18: a stranger's decision becomes verified, a decision moves, is hidden as a repetition, or loses its finding."""
    for table in tables:
        rewritten(kept, table, each(**values))
    run = checked(kept)
    assert run.code == 2
    assert code in run.codes


# -- E19: what lies in pending/ ----------------------------------------------------------------------------------


def staged(site: Site, batch: str, table: str, **values: Any) -> Path:
    """Staged rows that nobody of ours wrote."""
    artifact, own = site.rows("artifacts")[0], {}
    for name in arrow_schema(table).names:
        own[name] = artifact.get(name)
    row = {**own, "batch": batch, "verdict": "verified", **values}
    path = site.store / "pending" / batch / f"{table}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([row], arrow_schema(table)), path)
    return path


def test_staged_rows_of_no_batch(kept: Site) -> None:
    """E19: rows and junk in ``pending/`` that nobody claimed never become evidence."""
    staged(kept, "20261103T080000Z-0123456789abcdef", "decisions", event_id="evil")
    staged(kept, "20200101T000000Z-0123456789abcdef", "decisions", event_id="evil")
    (kept.store / "pending" / "junk").write_bytes(b"junk")
    (kept.store / "pending" / "not a batch").mkdir()
    (kept.store / "pending" / "not a batch" / "decisions.parquet").write_bytes(b"junk")
    assert kept.ingest().code == 0
    assert len(kept.rows("decisions")) == 5
    assert checked(kept).code == 0


@pytest.mark.parametrize("table", ["approvals", "findings", "runs"])
def test_rows_staged_into_a_claimed_batch(table: str, kept: Site) -> None:
    """E19: rows slipped into a batch that had none of that table are completed with it, and found."""
    batch = kept.rows("artifacts")[0]["batch"]
    staged(kept, batch, table)
    assert kept.ingest().code == 0
    run = checked(kept)
    assert (run.code, "evidence.rows" in run.codes) == (2, True)


def test_staged_rows_hide_nothing(kept: Site) -> None:
    """E19: a batch that seems to be under way is no excuse for rows that contradict their artifacts."""
    staged(kept, kept.rows("artifacts")[0]["batch"], "approvals")
    rewritten(kept, "decisions", each(decision="allow"))
    assert checked(kept).code == 2


def test_damaged_rows_in_a_claimed_batch(kept: Site) -> None:
    """E19: staged rows that are no table stop the ingestion with a reason, and not as a defect."""
    path = staged(kept, kept.rows("artifacts")[0]["batch"], "approvals")
    path.write_bytes(b"PAR1 and then nothing")
    run = kept.ingest()
    assert (run.code, run.codes) == (1, ["store.unreadable"])


# -- E20: whose checkpoint ---------------------------------------------------------------------------------------


def test_checkpoint_of_another_store(kept: Site, tmp_path: Path) -> None:
    """E20: a checkpoint says nothing about another store."""
    other = Site(tmp_path / "other", kept.fleet)
    other.collect({"acme/checkout/prod/a.json": signed(trace("a"), key("checkout-ci"))})
    assert other.ingest().code == 0
    run = kept.verify("--checkpoint", other.checkpoint())
    assert (run.code, run.codes) == (2, ["evidence.checkpoint"])


def test_checkpoint_that_the_log_does_not_continue(kept: Site) -> None:
    """E20: a new checkpoint is only made where the log continues the one before, and nothing is overwritten."""
    path = kept.folder / "2.json"
    run = gaitops("evidence", "checkpoint", "--json", "--store", kept.store, "--out", path, "--at", AT)
    assert run.code != 0
    edited = json.loads(path.read_bytes()) | {"root": "0" * 64}
    (kept.folder / "edited.json").write_text(json.dumps(edited), "utf-8")
    run = gaitops(
        "evidence", "checkpoint", "--json", "--store", kept.store, "--at", AT,
        "--previous", kept.folder / "edited.json", "--out", kept.folder / "3.json",
    )  # fmt: skip
    assert (run.code, run.codes) == (2, ["evidence.checkpoint"])
    assert not (kept.folder / "3.json").exists()


def test_store_under_another_id(kept: Site, tmp_path: Path) -> None:
    """E20: whoever gives a store another id is not rid of the checkpoints that the fleet recorded."""
    data = (kept.folder / "2.json").read_bytes()
    with clean_settings(tmp_path / "home"):
        fleet = make_fleet(tmp_path / "fleet", {recorded_path(data): data.decode()})
    assert kept.verify(*fleet.options).json["checkpoints"] == 1
    marker = kept.store / "store.json"
    marker.chmod(0o644)
    marker.write_text('{"format":1,"id":"' + "0" * 32 + '"}\n', "utf-8")
    run = kept.verify(*fleet.options)
    assert (run.code, run.codes) == (2, ["evidence.checkpoint"])
    marker.unlink()
    run = kept.ingest()
    assert (run.code, run.codes) == (6, ["store.format"])
    assert not marker.exists()


def recorded_path(data: bytes) -> str:
    """Where the fleet repository keeps a checkpoint."""
    return checkpoint_path(read_checkpoint(data, "checkpoint"))


# -- E21: proofs -------------------------------------------------------------------------------------------------


def test_proofs_for_something_else(kept: Site) -> None:
    """E21: a proof holds for one artifact, one store and one checkpoint; a doctored one for nothing."""
    digest = kept.rows("artifacts")[0]["artifact"]
    proof, artifact = kept.folder / "proof.json", kept.store / "sha256" / digest[:2] / digest[2:]
    made = kept.verify("--checkpoint", kept.folder / "2.json", "--prove", digest, "--out", proof)
    assert made.code == 0, made.out

    def proven(checkpoint: str, of: Path = artifact) -> Run:
        return gaitops(
            "evidence",
            "verify",
            "--json",
            "--proof",
            proof,
            "--checkpoint",
            kept.folder / checkpoint,
            "--artifact",
            of,
        )

    assert proven("2.json").code == 0
    other = next(path for path in objects(kept) if path != artifact)
    for run in (proven("2.json", other), proven("1.json")):
        assert (run.code, run.codes) == (2, ["evidence.proof"])
    honest = json.loads(proof.read_bytes())
    for edit in (
        {"artifact": other.parent.name + other.name},
        {"position": (honest["position"] + 1) % honest["size"]},
        {"path": honest["path"][:-1]},
        {"path": [*honest["path"], "0" * 64]},
        {"store": "0" * 32},
    ):
        proof.write_text(json.dumps(honest | edit), "utf-8")
        run = gaitops(
            "evidence", "verify", "--json", "--proof", proof, "--checkpoint", kept.folder / "2.json"
        )
        assert (run.code, run.codes) == (2, ["evidence.proof"]), edit


# -- E22: links in the store -------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["sha256", "pending"])
def test_folder_of_the_store_is_a_link(folder: str, site: Site) -> None:
    """E22: a folder of the store that leads elsewhere is not written through."""
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    site.collect({"acme/checkout/prod/a.json": signed(trace("a"), key("checkout-ci"))})
    site.store.mkdir()
    (site.store / folder).symlink_to(elsewhere)
    run = site.ingest()
    assert (run.code, run.codes) == (6, ["store.link"])
    assert list(elsewhere.iterdir()) == []


def test_marker_is_a_link(site: Site) -> None:
    """E22: the file that makes a folder a store is not taken from elsewhere."""
    site.store.mkdir()
    (site.folder / "store.json").write_text('{"format":1,"id":"' + "0" * 32 + '"}', "utf-8")
    (site.store / "store.json").symlink_to(site.folder / "store.json")
    run = site.verify()
    assert (run.code, run.codes) == (6, ["store.absent"])


# -- E23: damage -------------------------------------------------------------------------------------------------


def _no_parquet(site: Site) -> None:
    next((site.store / "tables" / "decisions").glob("*.parquet")).unlink()


def _half_a_parquet(site: Site) -> None:
    path = next((site.store / "tables" / "decisions").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:100])


def _broken_log(site: Site) -> None:
    path = max((site.store / "tables" / "decisions" / "_delta_log").glob("*.json"))
    path.write_bytes(b'{"add":')


@pytest.mark.parametrize("damage", [_no_parquet, _half_a_parquet, _broken_log])
def test_damaged_tables(damage: Callable[[Site], None], kept: Site) -> None:
    """E23: damaged tables end every command with a reason, and none with numbers of the rest."""
    damage(kept)
    assert checked(kept).codes == ["store.unreadable"]
    run = gaitops("evidence", "query", "--json", "--store", kept.store, "--table", "decisions")
    assert (run.code, run.codes[0] in {"store.unreadable", "query.failed"}) == (1, True), run.out


def test_a_table_that_reaches_outside(kept: Site) -> None:
    """E23: a log that names a file outside the store shows rows that contradict the artifacts."""
    rows = kept.delta("decisions").to_pyarrow_table()
    index = rows.schema.get_field_index("decision")
    allowed = rows.set_column(index, "decision", pa.array(["allow"] * rows.num_rows))
    pq.write_table(allowed, kept.folder / "outside.parquet")
    path = sorted((kept.store / "tables" / "decisions" / "_delta_log").glob("*.json"))[1]
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["path"] = "../../../outside.parquet"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    assert DeltaTable(str(kept.store / "tables" / "decisions")).version() == 2
    assert checked(kept).code != 0
