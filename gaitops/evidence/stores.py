# SPDX-License-Identifier: Apache-2.0
"""A store: one URL below which artifacts lie by the hash of their bytes, beside the tables that say what they are.

::

    store.json              format and id of the store
    sha256/<2 hex>/<62 hex> artifacts; written once, never changed
    tables/<table>/         Delta tables (:mod:`gaitops.evidence.tables`)
    pending/<batch>/        rows of batches that are being ingested (:mod:`gaitops.evidence.batches`)

A store is a local folder or any URL that fsspec opens. What it needs beyond the URL, the libraries find in their usual places,
or it is passed through as it is: ``files.KEY=VALUE`` to the file system, ``tables.KEY=VALUE`` to the library of the tables.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.evidence.delta import open_table
from gaitops.evidence.local_files import LocalFiles
from gaitops.evidence.remote_files import RemoteFiles
from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsspec import AbstractFileSystem

FORMAT: Final = 1
MARKER: Final = "store.json"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_OBJECT = re.compile(r"sha256/([0-9a-f]{2})/([0-9a-f]{62})")
_STORE_ID = re.compile(r"[0-9a-f]{32}")


class Files(Protocol):
    """Named bytes below one place. Paths are relative, with slashes."""

    parallel: int
    """How many calls at once make sense."""

    @property
    def url(self) -> str:
        """Path or URL of the place."""

    @property
    def filesystem(self) -> AbstractFileSystem | None:
        """What opens the URLs of the place; ``None`` when they are local paths."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file, at most ``limit`` and one more; ``FileNotFoundError`` when it is not there."""

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless it is there; whether it was absent. Nobody ever sees half of it."""

    def size(self, path: str) -> int | None:
        """Bytes of a file; ``None`` when it is not there."""

    def remove(self, path: str) -> None:
        """Remove a file; nothing when it is gone."""

    def list(
        self, prefix: str, refused: Callable[[str, str], None] | None = None
    ) -> Iterator[tuple[str, int]]:
        """(path, size) of every file below a folder, by path; ``refused`` is told (path, reason) of what is left out."""

    def flush(self) -> None:
        """Return when everything written so far survives a loss of power."""

    def close(self) -> None:
        """Give back what is held."""


class Store:
    """An opened store. Picklable as (url, options) through :meth:`again`."""

    def __init__(self, url: str, files: Files, table_options: Mapping[str, str], store_id: str) -> None:
        self.url = url
        self.files = files
        self.table_options = dict(table_options)
        """What the library of the tables needs beyond the URL."""
        self.id = store_id
        """32 hex digits, chosen when the store was created."""

    @property
    def filesystem(self) -> AbstractFileSystem | None:
        """What opens the files of the tables; ``None`` when they are local paths."""
        return self.files.filesystem

    def put(self, digest: str, data: bytes) -> bool:
        """Keep an artifact under the SHA-256 of its bytes; whether it was new to the store."""
        return self.files.create(object_path(digest), data)

    def get(self, digest: str) -> bytes:
        """The bytes of an artifact.

        Raises:
            VerificationError: ``store.object_missing``; ``store.object_altered`` when the bytes are not those of the name.
        """
        try:
            data = self.files.read(object_path(digest), MAX_ARTIFACT_BYTES)
        except FileNotFoundError as error:
            raise VerificationError.of(
                "store.object_missing", f"the store has no object {digest}", path=self.url
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise VerificationError.of(
                "store.object_altered",
                f"the object {digest} has other bytes than its name says",
                path=self.url,
            )
        return data

    def objects(self, shard: str = "") -> Iterator[tuple[str, int]]:
        """(digest, size) of every artifact, by digest; of one shard of two hex digits if named."""
        for path, size in self.files.list(f"sha256/{shard}" if shard else "sha256"):
            match = _OBJECT.fullmatch(path)
            if match is not None:
                yield match[1] + match[2], size

    def table_uri(self, table: str) -> str:
        """Where a table lies."""
        return f"{self.files.url}/tables/{table}"

    def table_files(self, table: str) -> Sequence[str]:
        """Paths or URLs of the Parquet files of the newest version of a table, sorted; none when nothing was written yet."""
        opened = open_table(self, table)
        return () if opened is None else tuple(sorted(opened.file_uris()))

    def close(self) -> None:
        """Give back what is held."""
        self.files.close()


def object_path(digest: str) -> str:
    """Where the artifact with this SHA-256 lies in a store."""
    return f"sha256/{digest[:2]}/{digest[2:]}"


def open_store(url: str, options: Iterable[str] = (), *, create: bool = False) -> Store:
    """Open a store, or make one where nothing is yet.

    Args:
        url: a path, or a URL that fsspec opens.
        options: ``files.KEY=VALUE`` and ``tables.KEY=VALUE``, passed on as they are; a value that is a JSON object or list is one.
        create: make the store when there is none.

    Raises:
        InvalidInputError: ``store.absent``, ``store.format``, ``store.option``, ``store.url``, ``store.link``.
        MissingDependencyError: ``dependency.store``.
        InternalError: ``store.unreadable``, ``store.unwritable``.
    """
    for_files, for_tables = _split(options)
    files = _files(url, for_files)
    marker = _read_marker(files)
    if marker is None and create:
        if next(files.list("tables"), None) is not None:
            # A new id would rid the store of every checkpoint.
            raise _unknown_format(files)
        fresh = {"format": FORMAT, "id": secrets.token_hex(16)}
        files.create(MARKER, orjson.dumps(fresh, option=orjson.OPT_SORT_KEYS) + b"\n")
        marker = _read_marker(files)  # of whoever was first
    if marker is None:
        raise InvalidInputError.of(
            "store.absent",
            "there is no evidence store",
            path=url,
            remedy="Check the place; `gaitops evidence ingest --store` makes a new one.",
        )
    return Store(url, files, for_tables, marker)


def open_files(url: str, options: Iterable[str] = ()) -> Files:
    """The files below a path or URL, or the one file that it names; ``options`` are ``files.KEY=VALUE``.

    Raises:
        InvalidInputError: ``store.url``, ``store.option``; ``input.unreadable`` for a path at which there is nothing.
        MissingDependencyError: ``dependency.store``.
    """
    files = _files(url, _split(options)[0])
    if not isinstance(files, LocalFiles):
        return files
    place = Path(files.url)
    if place.is_file():
        return LocalFiles(place.parent, place.name)
    if not place.is_dir():
        raise InvalidInputError.of(
            "input.unreadable", "no such file or folder", path=url, remedy="Check the path."
        )
    return files


def _files(url: str, options: Mapping[str, Any]) -> Files:
    match = _SCHEME.match(url)
    if match is None or match[1].lower() == "file":
        return LocalFiles(Path(url[match.end() :] if match else url))
    return RemoteFiles(url, dict(options))


def _read_marker(files: Files) -> str | None:
    """Id of the store; ``None`` where there is none."""
    try:
        data = files.read(MARKER, 4096)
    except FileNotFoundError:
        return None
    value = strict_json.loads(data, MARKER)
    store_id = value.get("id") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("format") != FORMAT or not isinstance(store_id, str):
        raise _unknown_format(files)
    if not _STORE_ID.fullmatch(store_id):
        raise _unknown_format(files)
    return store_id


def _unknown_format(files: Files) -> InvalidInputError:
    return InvalidInputError.of(
        "store.format",
        f"missing beside tables, or not of format {FORMAT}",
        path=f"{files.url}/{MARKER}",
        remedy="Use the version of gaitops that wrote it, or newer; if the file was lost or edited, restore it from a copy.",
    )


def _split(options: Iterable[str]) -> tuple[dict[str, Any], dict[str, str]]:
    for_files: dict[str, Any] = {}
    for_tables: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        target, _, key = name.partition(".")
        if not equals or not key or target not in {"files", "tables"}:
            # The value may be a secret, so it is not shown.
            raise InvalidInputError.of(
                "store.option",
                f"expected files.KEY=VALUE or tables.KEY=VALUE, found {name[:60]!r}",
                remedy="files.* goes to the file system of the URL, tables.* to the library of the tables.",
            )
        if target == "tables":
            for_tables[key] = value
        else:
            for_files[key] = _value(value)
    return for_files, for_tables


def _value(text: str) -> Any:
    """Objects and lists are JSON, everything else is text."""
    if text[:1] not in {"{", "["}:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError.of("store.option", f"a value is not JSON: {error}") from error
