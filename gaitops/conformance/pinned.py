# SPDX-License-Identifier: Apache-2.0
"""Reading the ``.gaitops/`` of a snapshot, and verifying it once for all environments of the repository."""

from __future__ import annotations

from gaitops.conformance.inputs import PinReading, Subject
from gaitops.conformance.versions import known_version
from gaitops.content import FILE_MODES, Snapshot
from gaitops.errors import GaitopsError, MissingDependencyError, VerificationError
from gaitops.pin.folder import MAX_FILE_BYTES, MAX_FILES
from gaitops.pin.layout import FOLDER, PIN_FILE
from gaitops.pin.model import Pin, read_pin
from gaitops.pin.require import Require
from gaitops.pin.verify import verify_pin


def read_pinned(
    snapshot: Snapshot,
    trust_root: str,
    repository: str | None = None,
    require: Require = Require.KEY,
) -> PinReading:
    """The pin in ``snapshot``, verified from the caller's trust root.

    Args:
        snapshot: Content of the consumer repository.
        trust_root: SHA-256 of root version 1.
        repository: Normalised id of the repository; a genuine pin of another one does not verify. ``None`` when only
            the pin knows.
        require: Signatures that the pin's statements must have.

    Raises:
        MissingDependencyError: ``dependency.sigstore``: nobody may take a missing library for a bad pin.
    """
    try:
        files = _files(snapshot)
    except VerificationError as error:
        return PinReading({}, None, None, error.problems)
    if PIN_FILE not in files:
        return PinReading(files, None, None)
    pin: Pin | None = None
    try:
        pin = read_pin(files[PIN_FILE])
        verified = verify_pin(files, trust_root, repository=repository, require=require)
    except MissingDependencyError:
        raise
    except GaitopsError as error:
        return PinReading(files, pin, None, error.problems)
    versions = {digest: known_version(*said) for digest, said in verified.versions.items()}
    return PinReading(files, pin, verified, (), versions)


def subjects(
    snapshot: Snapshot,
    reading: PinReading,
    repository: str,
    environments: tuple[str, ...],
    commit: str | None,
) -> tuple[Subject, ...]:
    """One subject for each environment, all sharing one reading of the pin."""
    return tuple(Subject(snapshot, repository, name, reading, commit) for name in environments)


def _files(snapshot: Snapshot) -> dict[str, bytes]:
    """Every file below ``.gaitops/``, under the limits of :func:`gaitops.pin.folder.read_folder`."""
    files: dict[str, bytes] = {}
    folder = snapshot.entry(FOLDER)
    if folder is not None and folder.mode in {"120000", *FILE_MODES}:
        raise _odd("a pin is a folder", FOLDER)
    for path, entry in snapshot.walk(FOLDER):
        if entry.mode not in FILE_MODES or len(files) >= MAX_FILES:
            raise _odd("a pin holds no links or special files, and fewer files", path)
        data = snapshot.read(entry.oid)
        if len(data) > MAX_FILE_BYTES:
            raise _odd("a pin holds no huge files", path)
        files[path.removeprefix(f"{FOLDER}/")] = data
    return files


def _odd(message: str, path: str) -> VerificationError:
    return VerificationError.of("pin.mismatch", message, path=path)
