# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin verify``: no network, no clock, no Gait, and one digest taken on faith (design 8).

1. The root chain leads from the caller's trust root to a newest root.
2. Every statement has the signatures that the caller requires: by enough of that root's publishers, by a workload that
   the root names (:mod:`gaitops.pin.bundles`), or both.
3. ``pin.yaml`` says what the statements say: fleet, release, repository, environment, versions, mode.
4. The folder of each version holds exactly the files of its statement, byte for byte, and nothing else lies around.
5. Compared with an earlier pin, no release number falls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gaitops.errors import GaitopsError, InvalidInputError, MissingDependencyError, Problem, VerificationError
from gaitops.fleet.root import TrustedRoot, root_chain
from gaitops.pin.bundles import PinnedBundles
from gaitops.pin.layout import (
    ATTRIBUTES,
    ATTRIBUTES_FILE,
    CANDIDATE,
    ENFORCED,
    FOLDER,
    PIN_FILE,
    RELEASE_FILE,
    assignments_file,
    files_folder,
    root_file,
    root_version,
    statement_file,
)
from gaitops.pin.model import Pin, PinnedEnvironment, PinnedVersion, read_pin
from gaitops.pin.require import Require
from gaitops.release.statement import (
    AssignedEnvironment,
    AssignmentsPredicate,
    Predicate,
    ReleasePredicate,
    Version,
    VersionPredicate,
    open_envelope,
    read_statement,
    read_unverified,
)
from gaitops.signing.statement import Statement

_NOT_BEHIND: Final = (
    "gaitops pin update, from a source that is not behind; a mirror that stays behind may be hostile"
)
Files = Mapping[str, bytes]
"""Path below ``.gaitops/`` → bytes."""


@dataclass(frozen=True, slots=True)
class VerifiedPin:
    """A pin that holds."""

    pin: Pin
    root: TrustedRoot
    release: ReleasePredicate
    withdrawn: tuple[str, ...]
    """Pinned versions that were withdrawn when the pin was made, sorted; whether they may still run is conformance."""
    assignments: Mapping[str, AssignmentsPredicate] = field(default_factory=dict)
    """Environment → what the signed statement says of the repository."""
    versions: Mapping[str, tuple[Statement, VersionPredicate]] = field(default_factory=dict)
    """Version digest → what the signed statement says of each pinned version, and its files."""
    require: Require = Require.KEY
    """The signatures that every statement has."""
    signers: tuple[str, ...] = ()
    """Certificate subjects of the workloads that signed, sorted; empty unless keyless signatures were required."""


def verify_pin(
    files: Files,
    trust_root: str | None,
    *,
    base: bytes | None = None,
    repository: str | None = None,
    require: Require = Require.KEY,
) -> VerifiedPin:
    """Verify the content of ``.gaitops/``.

    Args:
        files: From :func:`gaitops.pin.folder.read_folder`, or from a commit.
        trust_root: SHA-256 of root version 1, from the caller, never from the pin.
        base: ``pin.yaml`` of the earlier pin that this one replaces.
        repository: Normalised id of the repository that holds the pin, when the caller knows it: a pin copied from
            another repository is genuine, and not this one's.
        require: The signatures that every statement must have.

    Raises:
        InvalidInputError: ``trust.root_required``, ``pin.not_found``, ``document.*`` for an unreadable ``pin.yaml``.
        VerificationError: ``trust.*``, ``signature.invalid``, ``sigstore.*``, ``statement.invalid``,
            ``pin.keyless_missing``, ``pin.mismatch``, ``release.rollback``; of all but the first, what was found.
        MissingDependencyError: ``dependency.sigstore`` when keyless signatures are required.
    """
    if trust_root is None:
        raise InvalidInputError.of(
            "trust.root_required",
            "without a trust root nothing can be verified; the one in the pin proves nothing",
            remedy="pass --trust-root sha256:… or set GAITOPS_TRUST_ROOT",
        )
    if PIN_FILE not in files:
        raise InvalidInputError.of("pin.not_found", f"there is no {FOLDER}/{PIN_FILE}")
    pin = read_pin(files[PIN_FILE])
    if pin.trust_root != trust_root:
        raise VerificationError.of(
            "trust.root_mismatch",
            f"the pin is of trust root {pin.trust_root}, yours is {trust_root}",
            path=f"{FOLDER}/{PIN_FILE}",
            field="trustRoot",
        )
    root = root_chain(_roots(files), trust_root)
    return _Verification(files, pin, root, require).finish(base, repository)


def check_not_lower(before: Pin, after: Pin) -> Iterator[Problem]:
    """What of ``after`` is older than ``before``. Pins of different fleets cannot be compared."""
    if before.trust_root != after.trust_root:
        return
    path = f"{FOLDER}/{PIN_FILE}"
    if after.release < before.release:
        message = f"release {after.release} is older than release {before.release}, which was pinned before"
        yield Problem("release.rollback", message, path, field="release", remedy=_NOT_BEHIND)
    for name, environment in after.environments.items():
        old = before.environments.get(name)
        if old is None or old.repository != environment.repository or environment.since >= old.since:
            continue
        message = f"the assignment of release {environment.since} is older than that of release {old.since}"
        place = f"environments.{name}.since"
        yield Problem("release.rollback", message, path, field=place, remedy=_NOT_BEHIND)


def _roots(files: Files) -> list[bytes]:
    versions = sorted(version for path in files if (version := root_version(path)) is not None)
    if versions != list(range(1, len(versions) + 1)):
        raise VerificationError.of("pin.mismatch", "the root chain has gaps", path=f"{FOLDER}/{root_file(1)}")
    return [files[root_file(version)] for version in versions]


class _Verification:
    """Collects everything that does not fit, once the trust root does."""

    def __init__(self, files: Files, pin: Pin, root: TrustedRoot, require: Require) -> None:
        self._files = files
        self._pin = pin
        self._root = root
        self._require = require
        self._bundles = PinnedBundles(files, root, require)
        self._problems: list[Problem] = list(self._bundles.start())
        self._explained = {PIN_FILE, *(root_file(version) for version in range(1, root.version + 1))}
        if files.get(ATTRIBUTES_FILE) == ATTRIBUTES:
            # Nobody signs it and nobody needs to: it has one possible content.
            self._explained.add(ATTRIBUTES_FILE)
        self._withdrawn: set[str] = set()
        self._assignments: dict[str, AssignmentsPredicate] = {}
        self._versions: dict[str, tuple[Statement, VersionPredicate]] = {}

    def finish(self, base: bytes | None, repository: str | None) -> VerifiedPin:
        release = self._release()
        for name, environment in sorted(self._pin.environments.items()):
            self._environment(name, environment)
            if repository is not None and environment.repository != repository:
                self._mismatch(f"the pin is for {environment.repository}, not for {repository}", PIN_FILE)
        for path in sorted(self._files.keys() - self._explained - self._bundles.explained):
            self._mismatch("nothing that was signed accounts for this file", path)
        if base is not None:
            self._problems += check_not_lower(read_pin(base, f"{FOLDER}/{PIN_FILE} (base)"), self._pin)
        if self._problems or release is None:
            raise VerificationError(self._problems)
        withdrawn = tuple(sorted(self._withdrawn))
        signers = tuple(sorted(self._bundles.signers))
        return VerifiedPin(
            self._pin,
            self._root,
            release,
            withdrawn,
            self._assignments,
            self._versions,
            self._require,
            signers,
        )

    def _release(self) -> ReleasePredicate | None:
        read = self._statement(RELEASE_FILE, ReleasePredicate)
        if read is None:
            return None
        said = read[1]
        self._compare("release", self._pin.release, said.release)
        self._compare("fleet", self._pin.fleet, said.fleet)
        return said

    def _environment(self, name: str, pinned: PinnedEnvironment) -> None:
        read = self._statement(assignments_file(name), AssignmentsPredicate)
        if read is not None:
            self._assignments[name] = read[1]
            self._assignment(name, pinned, read[1])
        self._version(name, ENFORCED, pinned.enforced)
        if pinned.candidate is not None:
            self._version(name, CANDIDATE, pinned.candidate)

    def _assignment(self, name: str, pinned: PinnedEnvironment, said: AssignmentsPredicate) -> None:
        place = f"environments.{name}"
        for member in ("repository", "org", "project"):
            self._compare(f"{place}.{member}", getattr(pinned, member), getattr(said, member))
        self._compare(f"{place}.since", pinned.since, said.release)
        if said.release > self._pin.release:
            self._mismatch("the assignment is newer than the release", assignments_file(name))
        rows = [row for row in said.environments if row.environment == name]
        if len(rows) != 1:
            self._mismatch(f"the statement assigns nothing to environment {name}", assignments_file(name))
            return
        row: AssignedEnvironment = rows[0]
        self._compare(f"{place}.mode", pinned.mode, row.mode)
        self._compare(f"{place}.enforced", _named(pinned.enforced), _assigned(row.enforced))
        self._compare(f"{place}.candidate", _named(pinned.candidate), _assigned(row.candidate))

    def _version(self, name: str, which: str, pinned: PinnedVersion) -> None:
        path = statement_file(name, which)
        read = self._statement(path, VersionPredicate)
        folder = files_folder(name, which)
        if read is None:
            # Without its statement no file can be judged; the missing statement is the problem to report.
            self._explained |= {file for file in self._files if file.startswith(folder)}
            return
        statement, said = read
        self._versions[said.policy_version.digest] = read
        place = f"environments.{name}.{which}"
        self._compare(place, _named(pinned), _assigned(said.policy_version))
        self._compare(f"{place}.gaitDigest", pinned.gait_digest, said.gait.digest)
        if said.withdrawn:
            self._withdrawn.add(str(pinned))
        for subject in statement.subjects:
            self._file(folder + subject.name, subject.digest.get("sha256"))

    def _file(self, path: str, sha256: str | None) -> None:
        self._explained.add(path)
        data = self._files.get(path)
        if data is None:
            self._mismatch("the file is missing", path)
        elif hashlib.sha256(data).hexdigest() != sha256:
            self._mismatch("the file is not the one that was published", path)

    def _statement(self, path: str, predicate: type[Predicate]) -> tuple[Statement, Predicate] | None:
        self._explained.add(path)
        shown = f"{FOLDER}/{path}"
        if path not in self._files:
            self._mismatch("the statement is missing", path)
            return None
        try:
            payload = self._payload(path, shown)
            self._problems += self._bundles.check(path, payload)
            statement, said = read_statement(payload, predicate, self._root, shown)
        except MissingDependencyError:
            raise
        except GaitopsError as error:
            self._problems += error.problems
            return None
        if said.root_version != self._root.version:
            self._mismatch(
                f"the statement was made under root version {said.root_version}, the pin's chain ends at "
                f"{self._root.version}",
                path,
            )
        return statement, said

    def _payload(self, path: str, shown: str) -> bytes:
        """What the envelope holds. Where keys are not required, the bundle beside it must be over the same bytes."""
        if Require.KEY in self._require:
            return open_envelope(self._files[path], self._root, shown)
        return read_unverified(self._files[path], shown).payload

    def _compare(self, field: str, pinned: object, said: object) -> None:
        if pinned != said:
            self._problems.append(
                Problem(
                    "pin.mismatch",
                    f"the pin says {pinned or 'nothing'}, the signed statement {said or 'nothing'}",
                    f"{FOLDER}/{PIN_FILE}",
                    field=field,
                )
            )

    def _mismatch(self, message: str, path: str) -> None:
        remedy = "restore the folder, or run: gaitops pin update"
        self._problems.append(Problem("pin.mismatch", message, f"{FOLDER}/{path}", remedy=remedy))


def _named(version: PinnedVersion | None) -> str | None:
    return None if version is None else f"{version} ({version.digest})"


def _assigned(version: Version | None) -> str | None:
    return None if version is None else f"{version} ({version.digest})"
