# SPDX-License-Identifier: Apache-2.0
"""Folders that change, disks that fill, processes that die, and operators in a hurry (threats E28-E34)."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaitops.evidence.local_files import LocalFiles
from tests.attacks.evidence_tools import AT, NOW, Site, gaitops, key, signed, trace
from tests.docs.source_tree import ROOT

OWN = "acme/checkout/prod"
PLAIN = ("--layout", "**")
_CHILD = """
import os, signal, sys
from gaitops.cli.main import run
from gaitops.evidence import batches, ingest
number, place = int(sys.argv[1]), sys.argv[2]
original = ingest.Claim.__init__
def patched(self, store, log, tables, now, step):
    def dying(name):
        if name == place:
            os.kill(os.getpid(), number)
        step(name)
    original(self, store, log, tables, now, dying)
ingest.Claim.__init__ = patched
sys.exit(run(sys.argv[3:]))
"""
"""The command line in a process that gets a signal at a step of its first batch."""


def good(*names: str) -> dict[str, bytes]:
    """Decisions of checkout's production by file name."""
    return {f"{OWN}/{name}.json": signed(trace(name), key("checkout-ci")) for name in names}


def skipped(document: dict[str, Any]) -> dict[str, str]:
    """End of the source → why it was skipped."""
    return {item["source"].rpartition("/")[2]: item["detail"] for item in document["skipped"]["files"]}


# -- E28: links and pipes ----------------------------------------------------------------------------------------


def test_links_and_pipes(site: Site) -> None:
    """E28: nothing is read through a link or out of a pipe, and each is named."""
    outside = site.folder / "outside"
    outside.mkdir()
    (outside / "secret.json").write_bytes(signed(trace("secret"), key("checkout-ci")))
    site.collect(good("a"))
    inbox = site.inbox / OWN
    (inbox / "link.json").symlink_to(outside / "secret.json")
    (inbox / "folder").symlink_to(outside)
    (inbox / "circle").symlink_to(inbox)
    os.mkfifo(inbox / "pipe")
    run = site.ingest()
    assert (run.code, run.json["new"]) == (0, 1)
    link = "a link, which is not followed"
    assert skipped(run.json) == {
        "circle": link,
        "folder": link,
        "link.json": link,
        "pipe": "not a regular file",
    }


# -- E29: names --------------------------------------------------------------------------------------------------


def test_names_that_are_no_text(site: Site) -> None:
    """E29: file names that are not UTF-8, and paths thousands of bytes long, are names like others."""
    site.collect(good("a"))
    folder = os.fsencode(site.inbox / OWN)
    data = list(good("x", "y", "z").values())
    for name, content in zip((b"\xff\xfe.json", b"\xff\xfd.json"), data, strict=False):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(content)
    deep = site.inbox / OWN
    while len(str(deep)) < 3_500:
        deep /= "d" * 200
    deep.mkdir(parents=True)
    (deep / "deep.json").write_bytes(data[2])
    run = site.ingest()
    assert (run.code, run.json["new"]) == (0, 4)
    assert len({row["source"] for row in site.rows("artifacts")}) == 4
    assert site.verify(*site.known).code == 0
    assert site.ingest().json["known"] == 4


# -- E30: files that change, vanish or say nothing ---------------------------------------------------------------


def test_odd_files(site: Site) -> None:
    """E30: empty files are skipped; line ends of another system change nothing that is signed."""
    value = signed(trace("crlf"), key("checkout-ci")).replace(b"\n", b"\r\n")
    site.collect(
        {**good("a"), f"{OWN}/crlf.json": value, f"{OWN}/empty.json": b"", f"{OWN}/blank.json": b"\n"}
    )
    run = site.ingest()
    assert (run.code, run.json["new"], sorted(skipped(run.json))) == (0, 2, ["blank.json", "empty.json"])
    assert {row["verdict"] for row in site.rows("artifacts")} == {"verified"}


def test_files_that_vanish(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """E30: a file that goes away, or may not be read, between listing and reading is skipped; the rest goes on."""
    site.collect(good("a", "gone", "locked", "z"))
    read = LocalFiles.read

    def hostile(self: LocalFiles, path: str, limit: int) -> bytes:
        if path.endswith("gone.json"):
            (site.inbox / path).unlink()
        if path.endswith("locked.json"):
            raise PermissionError(13, "Permission denied", path)
        return read(self, path, limit)

    monkeypatch.setattr(LocalFiles, "read", hostile)
    run = site.ingest()
    assert (run.code, run.json["new"]) == (0, 2)
    assert skipped(run.json) == {"gone.json": "No such file or directory", "locked.json": "Permission denied"}


def test_folder_without_permission(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """E30: a folder that may not be listed is named; the rest goes on."""
    site.collect({**good("a"), f"{OWN}/locked/b.json": b"{}"})
    scan = os.scandir

    def hostile(path: Path) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr("gaitops.evidence.local_files.os.scandir", hostile)
    run = site.ingest()
    assert (run.code, run.json["new"], skipped(run.json)) == (0, 1, {"locked": "Permission denied"})


# -- E31, E32: disks and processes -------------------------------------------------------------------------------


def child(
    site: Site, number: int, step: str, limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Ingest in a process of its own, which gets a signal at a step; 0 for none."""
    command = [
        sys.executable, "-c", _CHILD, str(number), step, "evidence", "ingest", "--json", "--store", str(site.store),
        "--from", str(site.inbox), "--at", AT, "--layout", "{owner}/{name}/{environment}/**", "--repository-prefix", "github.com",
        *map(str, site.known),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, check=False, cwd=ROOT, preexec_fn=limit)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_full_disk(site: Site) -> None:
    """E31: no room for an artifact: the run ends with a reason, and the same run goes on when there is room."""
    site.collect(
        {
            **good("a", "b"),
            f"{OWN}/large.json": signed(trace("large", tool_name="x" * 300_000), key("checkout-ci")),
        }
    )
    done = child(site, 0, "", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert done.returncode == 1, done.stdout
    assert b'"store.unwritable"' in done.stdout
    assert [path.name for path in site.store.rglob("*.tmp")] == []
    run = site.ingest()
    assert (run.code, len(site.rows("artifacts")), len(site.rows("decisions"))) == (0, 3, 3)
    assert site.verify(*site.known).code == 0


@pytest.mark.parametrize(
    ("number", "step", "ends"),
    [(signal.SIGKILL, "claimed", -9), (signal.SIGINT, "staged", 130)],
)
def test_killed_and_interrupted(number: int, step: str, ends: int, site: Site) -> None:
    """E32: killed or interrupted in the middle of a batch, the next run completes it; nothing is there twice."""
    site.collect(good("a", "b", "c"))
    assert child(site, number, step).returncode == ends
    run = site.ingest()
    assert (run.code, run.json["completed"]) == (0, step == "claimed")
    assert sorted(row["position"] for row in site.rows("artifacts")) == [0, 1, 2]
    assert len(site.rows("decisions")) == 3
    assert site.verify(*site.known).code == 0


# -- E33: clocks -------------------------------------------------------------------------------------------------


def test_clock_that_jumps(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """E33: a machine whose clock is years ahead, then right again: nothing is lost, and what it collected stays marked."""
    site.collect(good("a"))
    monkeypatch.setattr("gaitops.cli.opening.now", lambda: NOW.replace(year=2029))
    ahead = gaitops(
        "evidence",
        "ingest",
        "--json",
        "--store",
        site.store,
        "--from",
        site.inbox,
        "--repository",
        "acme/checkout",
    )
    assert ahead.code == 0, ahead.out
    monkeypatch.setattr("gaitops.cli.opening.now", lambda: NOW)
    site.collect(good("b"))
    assert site.ingest().code == 0
    years = {row["collected_at"].year for row in site.rows("artifacts") if row["position"] is not None}
    assert years == {2026, 2029}
    assert site.verify().code == 0
    run = site.ingest("--at", "2029-01-01T00:00:00Z")
    assert (run.code, run.codes) == (6, ["history.future"])


# -- E34: operators ----------------------------------------------------------------------------------------------


def test_places_that_are_not_there(site: Site) -> None:
    """E34: a mistyped folder is an error, not an ingestion of nothing; a store that is not there is not made by asking."""
    run = gaitops(
        "evidence", "ingest", "--json", "--store", site.store, "--from", site.folder / "inbix", "--at", AT
    )
    assert (run.code, run.codes) == (6, ["input.unreadable"])
    assert not site.store.exists()
    for command in (("evidence", "verify"), ("evidence", "query"), ("evidence", "checkpoint")):
        run = gaitops(*command, "--json", "--store", site.folder / "other")
        assert (run.code, run.codes) == (6, ["store.absent"])
        assert not (site.folder / "other").exists()


def test_store_that_is_something_else(site: Site) -> None:
    """E34: a file, and a folder with tables of somebody else, become no store."""
    site.collect(good("a"))
    (site.folder / "file").write_text("mine", "utf-8")
    run = gaitops(
        "evidence", "ingest", "--json", "--store", site.folder / "file", "--from", site.inbox, "--at", AT
    )
    assert run.code != 0
    assert (site.folder / "file").read_text("utf-8") == "mine"
    (site.store / "tables" / "mine").mkdir(parents=True)
    (site.store / "tables" / "mine" / "data").write_bytes(b"x")
    run = site.ingest()
    assert (run.code, run.codes) == (6, ["store.format"])
    assert sorted(path.name for path in site.store.iterdir()) == ["tables"]


def test_store_that_cannot_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """E34: a store on a read-only disk is refused with its reason, and asked as ever."""
    site.collect(good("a"))
    assert site.ingest().code == 0
    site.collect(good("b"))

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("gaitops.evidence.local_files.os.rename", refuse)
        run = site.ingest()
        assert (run.code, run.codes) == (1, ["store.unwritable"])
        assert site.verify().code == 0
    again = site.ingest()
    assert again.code == 0, again.out
    assert again.json["new"] == 1
