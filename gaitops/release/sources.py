# SPDX-License-Identifier: Apache-2.0
"""Where a release is read from: a folder, or an HTTP(S) address. Nothing read here is trusted.

A source answers one question, "the bytes at this path, in pieces", so that whoever reads sets the limit and an
endless file costs no more than that limit.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher
from urllib3.exceptions import HTTPError

from gaitops.errors import InternalError, InvalidInputError, VerificationError
from gaitops.release.layout import is_safe_path

_PIECE: Final = 256 * 1024
"""Bytes read at a time."""
_ABSENT: Final = frozenset({403, 404, 410})
"""Buckets answer 403 for a file that is not there; python-tuf treats it alike."""


class Source(Protocol):
    """Read-only access to the files of a release."""

    @property
    def name(self) -> str:
        """The address, for messages."""

    def pieces(self, path: str) -> Iterator[bytes] | None:
        """The bytes of a file in pieces; ``None`` when there is no such file.

        Raises:
            InternalError: ``release.unavailable``; trying again may help.
        """


class DirectorySource:
    """A release in a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """See :class:`Source`."""
        return str(self._folder)

    def pieces(self, path: str) -> Iterator[bytes] | None:
        """See :class:`Source`."""
        if not is_safe_path(path):
            return None
        file = self._folder / path
        try:
            # A pipe or a device in a hostile folder would block or never end.
            if not stat.S_ISREG(file.stat().st_mode):
                return None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unavailable(self.name, path, error) from error
        return self._read(file, path)

    def _read(self, file: Path, path: str) -> Iterator[bytes]:
        try:
            with file.open("rb") as stream:
                while piece := stream.read(_PIECE):
                    yield piece
        except OSError as error:
            raise unavailable(self.name, path, error) from error


class HttpSource:
    """A release on a web server or in a bucket. Proxies are taken from the environment by python-tuf's fetcher."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._fetcher = Urllib3Fetcher(chunk_size=_PIECE, app_user_agent="gaitops")

    @property
    def name(self) -> str:
        """See :class:`Source`."""
        return self._url

    def pieces(self, path: str) -> Iterator[bytes] | None:
        """See :class:`Source`."""
        if not is_safe_path(path):
            return None
        try:
            stream = self._fetcher.fetch(f"{self._url}/{quote(path)}")
        except DownloadHTTPError as error:
            if error.status_code in _ABSENT:
                return None
            raise unavailable(self.name, path, error) from error
        except DownloadError as error:
            raise unavailable(self.name, path, error) from error
        return self._read(stream, path)

    def _read(self, stream: Iterator[bytes], path: str) -> Iterator[bytes]:
        try:
            yield from stream
        except (DownloadError, HTTPError) as error:
            raise unavailable(self.name, path, error) from error


def open_source(address: str) -> Source:
    """The source for a folder, a ``file://`` URL, or an ``http://`` or ``https://`` URL.

    Plain HTTP is fine: nothing that is read is believed without signatures.

    Raises:
        InvalidInputError: ``release.address``; passwords and queries are refused, and not repeated.
    """
    try:
        parts = urlsplit(address)
        is_plain = (parts.username, parts.query, parts.fragment) == (None, "", "")
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        # An unclosed IPv6 bracket, or a port that is none.
        raise _unreadable(f"not a URL: {error}") from error
    if parts.scheme in {"http", "https"}:
        if not is_plain or not has_host:
            raise _unreadable("expected a URL with a host, and without user, query and fragment")
        return HttpSource(address)
    if "://" in address and parts.scheme != "file":
        raise _unreadable(f"releases are not read by {parts.scheme or 'such'} URLs")
    path = url2pathname(parts.path) if parts.scheme == "file" else address
    if "\0" in path:
        raise _unreadable("the name of a folder holds no NUL")
    return DirectorySource(Path(path))


def _unreadable(message: str) -> InvalidInputError:
    return InvalidInputError.of(
        "release.address", message, remedy="name a folder, https://host/path, or git+https://host/path#branch"
    )


def read_file(source: Source, path: str, limit: int) -> bytes | None:
    """The whole file, ``None`` when there is none.

    Raises:
        VerificationError: ``release.invalid`` for more than ``limit`` bytes.
        InternalError: ``release.unavailable``.
    """
    pieces = source.pieces(path)
    if pieces is None:
        return None
    read = bytearray()
    for piece in pieces:
        read += piece
        if len(read) > limit:
            raise VerificationError.of(
                "release.invalid", f"more than the {limit} bytes that it may have", path=path
            )
    return bytes(read)


def unavailable(source: str, path: str, error: Exception) -> InternalError:
    """The error of a source that cannot be reached."""
    return InternalError.of(
        "release.unavailable",
        f"cannot read from {source}: {error.__cause__ or error}",
        path=path,
        remedy="check the address and the network, then try again",
    )
