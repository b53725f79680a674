# SPDX-License-Identifier: Apache-2.0
"""Artifacts of the fleet vectors, laid out as a collector would, and stores that take them in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake

from gaitops.evidence import delta
from gaitops.evidence.batches import Step, no_step
from gaitops.evidence.collection import Place
from gaitops.evidence.ingest import IngestReport
from gaitops.evidence.jobs import Job, Listing, ingest, run_slice
from gaitops.evidence.stores import open_store
from gaitops.evidence.tables import TABLES
from gaitops.gait.gait_keys import GaitPublicKey, read_public_key
from tests.docs.source_tree import ROOT

VECTORS = ROOT / "tests" / "vectors" / "gait"
FLEET = VECTORS / "fleet"
NOW = datetime(2026, 10, 19, tzinfo=UTC)
LAYOUT = "{owner}/{name}/**"
VOLATILE = frozenset({"batch", "position"})
"""Columns that depend on how the work was cut into batches."""


def keys() -> tuple[GaitPublicKey, ...]:
    """The registered keys of the vectors."""
    return tuple(
        read_public_key((VECTORS / "keys" / f"{name}_public.key").read_bytes())
        for name in ("checkout-ci", "platform-runner")
    )


def texts(repository: str) -> list[str]:
    """Texts of the traces of one repository, in order."""
    lines = (FLEET / repository / "traces.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def lay_out(folder: Path, *repositories: str, most: int = 30) -> Path:
    """Some traces and all runpacks of each repository under ``larkspur/<name>/``."""
    for name in repositories:
        place = folder / "larkspur" / name
        (place / "traces").mkdir(parents=True)
        for number, text in enumerate(texts(name)[:most]):
            (place / "traces" / f"{number:04d}.json").write_bytes(text.encode())
        for runpack in sorted((FLEET / name / "runpacks").glob("*.zip"))[: most // 3]:
            (place / runpack.name).write_bytes(runpack.read_bytes())
    return folder


def job(store: Path | str, source: Path | str, **more: Any) -> Job:
    """The job of ingesting a laid out folder."""
    settings = {"layout": LAYOUT, "prefix": "github.com", **more.pop("place", {})}
    return Job(str(store), Place(str(source), **settings), NOW, keys(), **more)


def ingested(store: Path | str, source: Path | str, **more: Any) -> IngestReport:
    """Ingest a folder into a store in this process."""
    task = job(store, source, **more)
    return ingest(task, Listing(task))


def ingest_with(store: Path | str, source: Path | str, step: Step = no_step, **more: Any) -> IngestReport:
    """As :func:`ingested`, without completing what others left, and telling ``step`` everything."""
    task = job(store, source, **more)
    opened = open_store(task.store, create=True)
    delta.create_tables(opened)
    return run_slice(task, Listing(task).entries(IngestReport()), step=step)


def rows(store: Path | str, table: str, **options: Any) -> list[dict[str, Any]]:
    """All rows of a table, in a stable order."""
    found = deltalake.DeltaTable(f"{store}/tables/{table}", **options).to_pyarrow_table().to_pylist()
    return sorted(found, key=lambda row: repr(sorted((k, v) for k, v in row.items() if k not in VOLATILE)))


def contents(store: Path | str) -> dict[str, list[dict[str, Any]]]:
    """Everything in the tables that does not depend on batches."""
    return {
        table: [{k: v for k, v in row.items() if k not in VOLATILE} for row in rows(store, table)]
        for table in TABLES
    }


def positions(store: Path | str) -> list[int]:
    """Positions that are taken, sorted."""
    return sorted(row["position"] for row in rows(store, "artifacts") if row["position"] is not None)
