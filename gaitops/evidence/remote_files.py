# SPDX-License-Identifier: Apache-2.0
"""The files of a store behind any URL that fsspec opens. Nothing here knows a vendor, only what a file system can do.

Where it can create a file only if it is absent, that is used. Where it cannot, a file is looked for first and then written:
two writers that race write the same bytes, because the name of an object is the hash of its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from gaitops.errors import InternalError, InvalidInputError, MissingDependencyError

_REMEDY: Final = "Check the URL, the credentials and the network, then run the same command again: it goes on where it stopped."


class RemoteFiles:
    """Implements :class:`gaitops.evidence.stores.Files` below a URL."""

    parallel = 32
    """Requests at once: each spends its time waiting."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self.url = url.rstrip("/")
        try:
            self._fs, self._root = url_to_fs(self.url, **options)
        except ImportError as error:
            raise _no_driver(url, error) from error
        except (ValueError, TypeError) as error:
            raise InvalidInputError.of("store.url", f"{error}", path=url) from error
        self._conditional = True

    @property
    def filesystem(self) -> AbstractFileSystem | None:
        """What opens the URLs of this store."""
        return self._fs

    def close(self) -> None:
        """Nothing to give back: fsspec keeps connections per process."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file, at most ``limit`` and one more.

        Raises:
            FileNotFoundError: nothing is there.
            InternalError: ``store.unreadable``.
        """
        try:
            data: bytes = self._fs.cat_file(self._full(path), start=0, end=limit + 1)
        except FileNotFoundError:
            raise
        except Exception as error:
            # Drivers raise whatever their libraries do; a file without bytes cannot be asked for a range.
            if self.size(path) == 0:
                return b""
            raise _failed("store.unreadable", error, path) from error
        return data

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless it is there; whether it was absent.

        Raises:
            InternalError: ``store.unwritable``.
        """
        full = self._full(path)
        try:
            if self._conditional:
                return self._create_conditionally(full, data)
            if self._fs.exists(full):
                return False
            self._fs.pipe_file(full, data)
        except InternalError:
            raise
        except Exception as error:
            raise _failed("store.unwritable", error, path) from error
        return True

    def _create_conditionally(self, full: str, data: bytes) -> bool:
        try:
            self._fs.pipe_file(full, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):
            # The file system does not know the mode: from now on it is asked for the file first.
            self._conditional = False
            if self._fs.exists(full):
                return False
            self._fs.pipe_file(full, data)
        return True

    def size(self, path: str) -> int | None:
        """Bytes of a file, ``None`` when it is not there."""
        try:
            return int(self._fs.info(self._full(path), refresh=True)["size"])
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _failed("store.unreadable", error, path) from error

    def remove(self, path: str) -> None:
        """Remove a file; nothing when it is gone."""
        try:
            self._fs.rm_file(self._full(path))
        except FileNotFoundError:
            return
        except Exception as error:
            raise _failed("store.unwritable", error, path) from error

    def list(
        self,
        prefix: str,
        refused: Callable[[str, str], None] | None = None,  # noqa: ARG002  # nothing is left out
    ) -> Iterator[tuple[str, int]]:
        """(path, size) of every file below a folder, by path."""
        self._fs.invalidate_cache()
        cut = len(self._root) + 1
        try:
            found = self._fs.find(self._full(prefix), detail=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise _failed("store.unreadable", error, prefix) from error
        for name in sorted(found):
            if found[name].get("type") == "file":
                yield name[cut:], int(found[name]["size"] or 0)

    def flush(self) -> None:
        """Nothing to do: an answer means that the file is kept."""

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _failed(code: str, error: Exception, path: str) -> InternalError:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return InternalError.of(code, text, path=path, remedy=_REMEDY)


def _no_driver(url: str, error: ImportError) -> MissingDependencyError:
    scheme = url.partition("://")[0]
    return MissingDependencyError.of(
        "dependency.store",
        f"no library for {scheme}:// is installed: {error}",
        remedy="Install the library that fsspec names for this scheme, for example `pip install 'gaitops[s3]'`.",
    )
