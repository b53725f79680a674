# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence ingest``, ``checkpoint`` and ``verify`` from the command line."""

from __future__ import annotations

import builtins
import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.harness import Invoke
from tests.evidence.collected import VECTORS, lay_out

KEYS = [VECTORS / "keys" / f"{name}_public.key" for name in ("checkout-ci", "platform-runner")]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A collected folder."""
    return lay_out(tmp_path / "collected", "infra-live", most=9)


def arguments(store: Path, source: Path) -> list[str | Path]:
    """Ingesting the folder with the keys of the vectors."""
    return [
        "evidence", "ingest", "--store", store, "--from", source, "--layout", "{owner}/{name}/**",
        "--repository-prefix", "github.com", "--key", KEYS[0], "--key", KEYS[1],
    ]  # fmt: skip


def test_ingest_tells_what_it_did(gaitops: Invoke, source: Path, tmp_path: Path) -> None:
    """Counts by kind and verdict, skipped files by name, and what was known the second time."""
    (source / "README").write_text("hello")
    first = gaitops(*arguments(tmp_path / "store", source), "--json")
    assert first.code == 0
    counts = {(row["kind"], row["verdict"]): row["count"] for row in first.json["counts"]}
    assert sum(counts.values()) == first.json["new"] == 12
    assert counts["trace", "verified"] > 0
    assert first.json["skipped"]["files"][0]["source"] == f"{source}/README"
    second = gaitops(*arguments(tmp_path / "store", source))
    assert "0 new, 12 known" in second.out
    assert "the layout does not know the path" in second.out


def test_two_processes_do_the_same(gaitops: Invoke, source: Path, tmp_path: Path) -> None:
    """``--jobs`` changes the time, not the result."""
    one = gaitops(*arguments(tmp_path / "one", source), "--json").json
    two = gaitops(*arguments(tmp_path / "two", source), "--jobs", "2", "--json").json
    assert one["counts"] == two["counts"]


def test_checkpoint_verify_and_proof(gaitops: Invoke, source: Path, tmp_path: Path) -> None:
    """A checkpoint is made, continued and proven against; a stranger checks the proof without the store."""
    store = tmp_path / "store"
    gaitops(*arguments(store, source))
    made = gaitops("evidence", "checkpoint", "--store", store, "--out", tmp_path / "c.json", "--json")
    assert made.json["checkpoint"]["size"] == 12
    trace = next(source.rglob("0000.json"))
    digest = hashlib.sha256(trace.read_bytes()).hexdigest()
    proof, checkpoint = tmp_path / "proof.json", tmp_path / "c.json"
    verified = gaitops(
        "evidence",
        "verify",
        "--store",
        store,
        "--checkpoint",
        checkpoint,
        "--prove",
        digest,
        "--out",
        proof,
        "--json",
    )
    assert (verified.code, verified.json["ok"], verified.json["checkpoints"]) == (0, True, 1)
    checked = gaitops(
        "evidence", "verify", "--proof", proof, "--checkpoint", checkpoint, "--artifact", trace, "--json"
    )
    assert (checked.code, checked.json["artifact"]) == (0, digest)
    other = next(source.rglob("0001.json"))
    wrong = gaitops(
        "evidence", "verify", "--proof", proof, "--checkpoint", checkpoint, "--artifact", other, "--json"
    )
    assert (wrong.code, wrong.codes) == (2, ["evidence.proof"])


def test_a_checkpoint_goes_into_a_fleet_repository(gaitops: Invoke, source: Path, tmp_path: Path) -> None:
    """It is named by store and size, valid there, and the next one continues it."""
    store, fleet = tmp_path / "store", tmp_path / "fleet"
    fleet.mkdir()
    gaitops(*arguments(store, source))
    first = gaitops("evidence", "checkpoint", "--store", store, "--fleet-repo", fleet, "--json").json
    assert Path(first["file"]).is_relative_to(fleet / "evidence" / "checkpoints")
    again = gaitops("evidence", "checkpoint", "--store", store, "--fleet-repo", fleet, "--json")
    assert (again.code, again.codes) == (8, ["input.exists"])
    lay_out(tmp_path / "more", "cart-api", most=3)
    gaitops(*arguments(store, tmp_path / "more"))
    second = gaitops("evidence", "checkpoint", "--store", store, "--fleet-repo", fleet, "--json").json
    assert second["checkpoint"]["previous"]["size"] == 12


def test_a_lost_artifact_is_exit_code_2(gaitops: Invoke, source: Path, tmp_path: Path) -> None:
    """The report is printed in full and names what is gone."""
    store = tmp_path / "store"
    gaitops(*arguments(store, source))
    lost = next(iter(sorted((store / "sha256").rglob("*"))[1:]))
    while lost.is_dir():
        lost = next(lost.iterdir())
    lost.unlink()
    run = gaitops("evidence", "verify", "--store", store)
    assert run.code == 2
    assert f"{lost.parent.name}{lost.name}" in run.out


@pytest.mark.parametrize(
    "given",
    [
        ["verify"],
        ["verify", "--store", "s", "--prove", "0" * 64],
        ["checkpoint", "--store", "s", "--out", "x", "--fleet-repo", "."],
        ["ingest", "--store", "s", "--from", ".", "--layout", "{what}"],
        ["ingest", "--store", "s", "--from", ".", "--engine", "nothing"],
        ["verify", "--store", "nowhere"],
    ],
)
def test_what_cannot_be_meant_is_exit_code_6(
    given: list[str], gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or written."""
    monkeypatch.chdir(tmp_path)
    assert gaitops("evidence", *given).code == 6
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_advice_is_to_install_it(
    gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 7 and the command to run."""
    genuine = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "deltalake":
            raise ModuleNotFoundError(f"No module named {name!r}", name="deltalake")
        return genuine(name, *rest, **more)

    for module in [name for name in sys.modules if name.startswith(("gaitops.evidence.", "deltalake"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    run = gaitops("evidence", "ingest", "--store", tmp_path / "s", "--from", tmp_path, "--json")
    assert (run.code, run.codes) == (7, ["dependency.evidence"])
    assert "gaitops[evidence]" in run.json["hint"]
