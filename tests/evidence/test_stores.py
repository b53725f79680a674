# SPDX-License-Identifier: Apache-2.0
"""Stores keep bytes by their hash: once, whole, and never through a link."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.evidence.remote_files import RemoteFiles
from gaitops.evidence.stores import Files, Store, object_path, open_files, open_store

DATA = b'{"a":1}\n'
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store, in a folder and behind a URL."""
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    return open_store(url, create=True)


def test_an_artifact_is_kept_once_under_its_hash(store: Store) -> None:
    """The first put writes, the second changes nothing, and the bytes come back."""
    assert store.put(DIGEST, DATA)
    assert not store.put(DIGEST, DATA)
    assert store.get(DIGEST) == DATA
    assert list(store.objects()) == [(DIGEST, len(DATA))]
    assert list(store.objects("ff" if not DIGEST.startswith("ff") else "00")) == []


def test_bytes_that_are_not_those_of_the_name_are_refused(store: Store) -> None:
    """Reading checks the hash; what is not there is said to be missing."""
    other = hashlib.sha256(b"other").hexdigest()
    store.files.create(object_path(other), DATA)
    with pytest.raises(VerificationError) as error:
        store.get(other)
    assert error.value.code == "store.object_altered"
    with pytest.raises(VerificationError) as error:
        store.get(DIGEST)
    assert error.value.code == "store.object_missing"


def test_files_are_listed_sized_and_removed(store: Store) -> None:
    """The operations that batches need; removing twice is no error."""
    assert store.files.create("pending/b/x", b"1")
    assert store.files.create("pending/a/y", b"22")
    assert list(store.files.list("pending")) == [("pending/a/y", 2), ("pending/b/x", 1)]
    assert store.files.size("pending/a/y") == 2
    store.files.remove("pending/a/y")
    store.files.remove("pending/a/y")
    assert store.files.size("pending/a/y") is None
    assert list(store.files.list("nothing")) == []
    with pytest.raises(FileNotFoundError):
        store.files.read("pending/a/y", 10)


def test_reading_stops_just_beyond_the_limit(store: Store) -> None:
    """One byte more than allowed is enough to see that a file is too large; an empty file is empty."""
    store.files.create("x", b"0123456789")
    store.files.create("empty", b"")
    assert store.files.read("x", 4) == b"01234"
    assert store.files.read("empty", 4) == b""


def test_a_store_keeps_its_id(tmp_path: Path) -> None:
    """Opening again finds the store, and creating again changes nothing."""
    first = open_store(str(tmp_path), create=True)
    assert open_store(str(tmp_path), create=True).id == open_store(str(tmp_path)).id == first.id


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """No marker, a marker of another format, or one without an id."""
    with pytest.raises(InvalidInputError) as error:
        open_store(str(tmp_path))
    assert error.value.code == "store.absent"
    for text in ('{"format":2,"id":"00000000000000000000000000000000"}', '{"format":1,"id":"x"}', "[]"):
        (tmp_path / "store.json").write_text(text)
        with pytest.raises(InvalidInputError) as error:
            open_store(str(tmp_path))
        assert error.value.code == "store.format"


@pytest.mark.parametrize("option", ["key=1", "files.=1", "files.key", "other.key=1", 'files.key={"a"'])
def test_options_have_a_target(option: str) -> None:
    """An option that goes nowhere is refused, and its value is never shown."""
    with pytest.raises(InvalidInputError) as error:
        open_files("memory://x", [option])
    assert error.value.code == "store.option"


def test_an_unknown_scheme_is_an_error_with_advice() -> None:
    """Neither a traceback nor a folder of that name."""
    with pytest.raises(GaitopsError) as error:
        open_files("nosuch://x")
    assert error.value.code == "store.url"


def test_nothing_is_written_through_a_symbolic_link(tmp_path: Path) -> None:
    """A planted link, in the place of a folder or of an object, leads nowhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    store = open_store(str(tmp_path / "store"), create=True)
    (tmp_path / "store" / "sha256").mkdir()
    (tmp_path / "store" / "sha256" / DIGEST[:2]).symlink_to(outside)
    with pytest.raises(InvalidInputError) as error:
        store.put(DIGEST, DATA)
    assert error.value.code == "store.link"
    assert list(outside.iterdir()) == []
    (tmp_path / "store" / "sha256" / DIGEST[:2]).unlink()
    (tmp_path / "store" / "sha256" / DIGEST[:2]).mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (tmp_path / "store" / object_path(DIGEST)).symlink_to(secret)
    with pytest.raises(VerificationError):
        store.get(DIGEST)
    store.put(DIGEST, DATA)
    assert secret.read_bytes() == b"secret"
    assert store.get(DIGEST) == DATA


def test_a_damaged_object_is_healed_by_the_next_delivery(tmp_path: Path) -> None:
    """After a loss of power a file can be empty; the right bytes take its place, and it was not new."""
    store = open_store(str(tmp_path), create=True)
    store.files.create(object_path(DIGEST), b"")
    assert not store.put(DIGEST, DATA)
    assert store.get(DIGEST) == DATA


def test_a_file_system_without_conditional_creation_is_asked_first(tmp_path: Path) -> None:
    """Capability, not name, decides: what refuses the mode is used without it."""
    files = RemoteFiles(f"memory://{tmp_path.name}", {})
    pipe = files._fs.pipe_file

    class Plain(type(files._fs)):  # type: ignore[misc]  # the class is only known at run time
        cachable = False

        def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **settings: object) -> None:
            if mode != "overwrite":
                raise NotImplementedError(mode)
            pipe(path, value)

    files._fs = Plain()
    assert files.create("a", b"1")
    assert not files.create("a", b"1")
    assert files.create("b", b"1")


def test_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    """Reading a folder for files to ingest never waits and never follows."""
    files: Files = open_files(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert list(files.list("")) == []
    for name in ("pipe", "link"):
        with pytest.raises(FileNotFoundError):
            files.read(name, 10)
