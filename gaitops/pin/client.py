# SPDX-License-Identifier: Apache-2.0
"""A TUF client on any source: python-tuf's client workflow, and gaitops' rules for what it brings.

``tuf.ngclient`` refreshes and downloads; it reads the clock, as its specification demands. What it accepted must not
have expired at the caller's time either, so that a run judges everything at one instant. Root metadata is checked
twice, by it and by :mod:`gaitops.fleet.root`, which counts people. Every error of python-tuf becomes one of ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from gaitops.documents.times import format_timestamp
from gaitops.errors import GaitopsError, InternalError, InvalidInputError, VerificationError
from gaitops.fleet.root import (
    MAX_ROOT_BYTES,
    TrustedRoot,
    check_not_expired,
    root_chain,
    verify_first_root,
    verify_next_root,
)
from gaitops.release.keyless import trusted_root_file
from gaitops.release.layout import (
    METADATA,
    RELEASE_TARGET,
    TARGETS,
    TRUSTED_ROOT_TARGET,
    bundle_target,
    envelope_file,
    is_safe_path,
    role_file,
)
from gaitops.release.sources import Source, read_file
from gaitops.release.statement import Predicate, ReleasePredicate, open_envelope, read_statement
from gaitops.release.verify import (
    MAX_ROOTS,
    MAX_SNAPSHOT_BYTES,
    MAX_TARGETS_BYTES,
    MAX_TIMESTAMP_BYTES,
    invalid,
)
from gaitops.signing.dsse import MAX_BYTES as MAX_ENVELOPE_BYTES
from gaitops.signing.statement import Statement

_BASE: Final = "https://release.invalid/"
"""ngclient wants URLs; the part after this is the path in the source."""
MAX_TARGET_BYTES: Final = 16 * 1024 * 1024
_CONFIG: Final = UpdaterConfig(
    max_root_rotations=MAX_ROOTS,
    root_max_length=MAX_ROOT_BYTES,
    timestamp_max_length=MAX_TIMESTAMP_BYTES,
    snapshot_max_length=MAX_SNAPSHOT_BYTES,
    targets_max_length=MAX_TARGETS_BYTES,
)


class SourceFetcher(FetcherInterface):
    """python-tuf's view of a :class:`~gaitops.release.sources.Source`."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def _fetch(self, url: str) -> Iterator[bytes]:
        pieces = self._source.pieces(url.removeprefix(_BASE))
        if pieces is None:
            raise DownloadHTTPError(f"no such file: {url.removeprefix(_BASE)}", 404)
        return pieces


class ReleaseClient:
    """The newest release at ``source``, refreshed and verified when the client is made.

    Args:
        source: Where the release lies.
        trust_root: SHA-256 of root version 1, from the caller.
        scratch: An empty folder for the client's own files.
        now: When nothing of the release may have expired.

    Raises:
        VerificationError: ``trust.root_mismatch``, ``trust.root_rotation``, ``trust.root_expired``,
            ``release.expired``, ``release.invalid``, ``signature.invalid``, ``statement.invalid``.
        InvalidInputError: ``release.not_found``.
        InternalError: ``release.unavailable``, ``release.io``.
    """

    def __init__(self, source: Source, trust_root: str, scratch: Path, now: datetime) -> None:
        self._source = source
        self._scratch = scratch
        self._now = now
        self._fresh: set[Path] = set()
        first, newest = self._precise_roots(trust_root)
        check_not_expired(newest, now)
        with _translated(source):
            self._updater = Updater(
                metadata_dir=str(scratch / METADATA),
                metadata_base_url=f"{_BASE}{METADATA}/",
                target_dir=str(scratch / TARGETS),
                target_base_url=f"{_BASE}{TARGETS}/",
                fetcher=SourceFetcher(source),
                config=_CONFIG,
                bootstrap=first,
            )
            self._updater.refresh()
        self._require_fresh()
        self.roots = self._followed_roots()
        self.root: TrustedRoot = root_chain(self.roots, trust_root)
        self.release_envelope, _, self.release = self.statement(RELEASE_TARGET, ReleasePredicate)

    def target(self, path: str) -> bytes | None:
        """The bytes of a target, ``None`` when the release has none under this path.

        Raises:
            VerificationError: ``release.invalid``, ``release.expired``.
            InternalError: ``release.unavailable``, ``release.io``.
        """
        with _translated(self._source):
            info = self._updater.get_targetinfo(path)
            self._require_fresh()
            if info is None:
                return None
            if info.length > MAX_TARGET_BYTES:
                raise invalid(f"longer than {MAX_TARGET_BYTES} bytes", path)
            name = hashlib.sha256(path.encode()).hexdigest()
            return Path(self._updater.download_target(info, str(self._scratch / TARGETS / name))).read_bytes()

    def require_target(self, path: str) -> bytes:
        """As :meth:`target`, for one that a statement of this release promises.

        Raises:
            VerificationError: Also when there is none.
        """
        data = self.target(path) if is_safe_path(path) else None
        if data is None:
            raise invalid("the release holds no such target", path)
        return data

    def statement(self, path: str, predicate: type[Predicate]) -> tuple[bytes, Statement, Predicate]:
        """A statement: its envelope, and what it says.

        Raises:
            VerificationError: As :meth:`require_target`; ``signature.invalid``, ``statement.invalid``.
        """
        return self.signed(path, self.require_target(path), predicate)

    def signed(
        self, path: str, payload: bytes, predicate: type[Predicate]
    ) -> tuple[bytes, Statement, Predicate]:
        """The envelope of a statement whose ``payload`` is known from a target, and what it says.

        Raises:
            VerificationError: ``signature.invalid``, ``statement.invalid``, ``release.invalid``.
        """
        file = envelope_file(hashlib.sha256(payload).hexdigest())
        envelope = read_file(self._source, file, MAX_ENVELOPE_BYTES)
        if envelope is None:
            raise VerificationError.of("signature.invalid", "the statement has no signatures", path=path)
        if open_envelope(envelope, self.root, file) != payload:
            raise invalid("the signatures are over another statement", file)
        statement, said = read_statement(payload, predicate, self.root, path)
        return envelope, statement, said

    def bundle(self, path: str) -> bytes | None:
        """The Sigstore bundle over the statement at ``path``, ``None`` without one or where no root names workloads.

        Whether it holds is for :mod:`gaitops.pin.verify`.

        Raises:
            VerificationError: As :meth:`target`.
        """
        return None if self.root.publishing is None else self.target(bundle_target(path))

    def trusted_root(self) -> bytes | None:
        """The Sigstore trusted root of the release; ``None`` as for :meth:`bundle`.

        Raises:
            VerificationError: As :meth:`target`; ``sigstore.trust_root`` for another than the newest root names.
        """
        data = None if self.root.publishing is None else self.target(TRUSTED_ROOT_TARGET)
        if data is not None:
            trusted_root_file(data, self.root, TRUSTED_ROOT_TARGET)
        return data

    def _precise_roots(self, trust_root: str) -> tuple[bytes, TrustedRoot]:
        """The first root and the newest, by our own rules, so that each way of failing has its own code."""
        first = read_file(self._source, role_file("root", 1), MAX_ROOT_BYTES)
        if first is None:
            raise InvalidInputError.of("release.not_found", f"there is no release at {self._source.name}")
        root = verify_first_root(first, trust_root)
        while (
            data := read_file(self._source, role_file("root", root.version + 1), MAX_ROOT_BYTES)
        ) is not None:
            if root.version == MAX_ROOTS:
                raise invalid(f"more than {MAX_ROOTS} root versions", role_file("root", root.version + 1))
            root = verify_next_root(root, data)
        return first, root

    def _require_fresh(self) -> None:
        """No metadata that python-tuf has accepted and kept may have expired."""
        for file in sorted({*(self._scratch / METADATA).glob("*.json")} - self._fresh):
            signed = Metadata[Any].from_bytes(file.read_bytes()).signed
            # An expired root was refused before, by name.
            if signed.type != "root" and self._now >= signed.expires:
                raise _expired(self._source, f"{file.name} expired at {format_timestamp(signed.expires)}")
            self._fresh.add(file)

    def _followed_roots(self) -> tuple[bytes, ...]:
        """The root chain that python-tuf followed: what the rest of the release was judged by."""
        history = self._scratch / METADATA / "root_history"
        count = len(list(history.iterdir()))
        return tuple((history / f"{version}.root.json").read_bytes() for version in range(1, count + 1))


@contextmanager
def _translated(source: Source) -> Iterator[None]:
    """Turn python-tuf's errors into ours."""
    try:
        yield
    except ExpiredMetadataError as error:
        # The root was judged before: what is left are timestamp, snapshot and targets.
        raise _expired(source, str(error)) from error
    except (RepositoryError, DownloadError) as error:
        cause = error.__cause__
        if isinstance(cause, GaitopsError):
            raise cause from error
        raise VerificationError.of(
            "release.invalid", f"the release at {source.name} does not hold together: {error}"
        ) from error
    except OSError as error:
        raise InternalError.of("release.io", f"cannot write temporary files: {error}") from error


def _expired(source: Source, what: str) -> VerificationError:
    return VerificationError.of(
        "release.expired",
        f"the release at {source.name} has expired: {what}",
        remedy="a mirror may be frozen; ask the fleet's publishers whether a newer release exists",
    )
