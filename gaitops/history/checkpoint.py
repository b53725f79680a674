# SPDX-License-Identifier: Apache-2.0
"""The local checkpoint: what an earlier run verified, so that the next one pays only for what is new (design 5).

It lives in the user's state directory, in a folder that nobody else may enter, one file per trust root and branch. Every row
carries a digest over its space, key and value; a file that is damaged, foreign or written by another engine is
ignored, never trusted, and replaced by the next cold run. It never travels: not in the repository, not in a CI cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from gaitops.history.ledger import META, Row

FORMAT = 6
"""Raised whenever the meaning of a row changes; another format is ignored."""

_SCHEMA = """
CREATE TABLE rows (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, mark BLOB NOT NULL,
                   PRIMARY KEY (space, key)) WITHOUT ROWID
"""


class DamagedCheckpointError(Exception):
    """The file cannot be used; the caller starts cold. Never reaches a user as an error."""


class Checkpoint:
    """An open checkpoint file, read row by row."""

    def __init__(self, path: Path, trust_root: str) -> None:
        self._trust_root = trust_root
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    @classmethod
    def open(cls, path: Path, trust_root: str) -> Checkpoint | None:
        """Open a checkpoint if there is one that this run may use; ``None`` otherwise."""
        if not path.is_file() or not _is_private(path):
            return None
        try:
            checkpoint = cls(path, trust_root)
        except sqlite3.Error:
            return None
        try:
            meta = checkpoint.get(META, "state")
        except DamagedCheckpointError:
            meta = None
        if not isinstance(meta, dict) or meta.get("format") != FORMAT or meta.get("trustRoot") != trust_root:
            checkpoint.close()
            return None
        return checkpoint

    def get(self, space: str, key: str) -> Row:
        """See :meth:`gaitops.history.ledger.Rows.get`."""
        rows = self._select("SELECT key, value, mark FROM rows WHERE space = ? AND key = ?", space, key)
        return next((value for _key, value in rows), None)

    def items(self, space: str, first: str = "") -> Iterator[tuple[str, Row]]:
        """See :meth:`gaitops.history.ledger.Rows.items`."""
        return self._select(
            "SELECT key, value, mark FROM rows WHERE space = ? AND key >= ? ORDER BY key", space, first
        )

    def _select(self, query: str, space: str, key: str) -> Iterator[tuple[str, Row]]:
        try:
            for name, value, mark in self._connection.execute(query, (space, key)):
                if not isinstance(value, bytes) or mark != _mark(self._trust_root, space, name, value):
                    raise DamagedCheckpointError(f"{space}/{name}")
                yield name, orjson.loads(value)
        except (sqlite3.Error, orjson.JSONDecodeError) as error:
            raise DamagedCheckpointError(str(error)) from error

    def close(self) -> None:
        """Release the file."""
        self._connection.close()


def save(path: Path, trust_root: str, rows: Iterable[tuple[str, str, Row]], *, expected: Row) -> bool:
    """Write rows in one transaction.

    Args:
        path: the checkpoint file; folders are made as needed, for the user alone.
        trust_root: SHA-256 of root version 1.
        rows: what this run added, the meta row included.
        expected: the meta row that this run started from; ``None`` after a cold run, which replaces the file.

    Returns:
        ``False`` when another run was faster, so that nothing was written.

    Raises:
        OSError: the directory cannot be written. A lost checkpoint costs time, so callers may go on.
        sqlite3.Error: another run holds the file, or the disk is full.
    """
    fresh = expected is None
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = path.with_name(f"{path.name}.{os.getpid()}.new") if fresh else path
    with contextlib.suppress(FileNotFoundError):
        if fresh:
            target.unlink()
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(target, isolation_level=None)
    try:
        # Durability is not needed: a torn file is noticed by its marks and ignored.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        if fresh:
            connection.execute(_SCHEMA)
        elif not _holds(connection, expected):
            return False
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", _encoded(trust_root, rows))
        connection.execute("COMMIT")
    finally:
        connection.close()
    if fresh:
        target.replace(path)
    return True


def _holds(connection: sqlite3.Connection, expected: Row) -> bool:
    """Whether the file still stands where this run started: two runs must not mix their rows."""
    row = connection.execute("SELECT value FROM rows WHERE space = ? AND key = ?", (META, "state")).fetchone()
    return row is not None and orjson.loads(row[0]) == expected


def _encoded(
    trust_root: str, rows: Iterable[tuple[str, str, Row]]
) -> Iterator[tuple[str, str, bytes, bytes]]:
    for space, key, row in rows:
        value = orjson.dumps(row)
        yield space, key, value, _mark(trust_root, space, key, value)


def _mark(trust_root: str, space: str, key: str, value: bytes) -> bytes:
    text = f"{FORMAT}\0{trust_root}\0{space}\0{key}\0".encode("utf-8", "surrogateescape")
    return hashlib.sha256(text + value).digest()[:16]


def _is_private(path: Path) -> bool:
    """Whether file and folder belong to this user alone; where the platform has no owners, nothing is known."""
    if not hasattr(os, "getuid"):
        return True
    for item in (path, path.parent):
        status = item.stat()
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
            return False
    return True
