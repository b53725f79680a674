# SPDX-License-Identifier: Apache-2.0
"""Root metadata in a working tree, and what it says, for people who are about to sign it."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from securesystemslib.signer import Key

from gaitops.cli.worktree import WorkingTree
from gaitops.documents.layout import root_path
from gaitops.documents.times import format_timestamp
from gaitops.errors import InvalidInputError
from gaitops.fleet.root import TrustedRoot, read_root, root_people, root_publishing
from gaitops.release.ceremony import PUBLISHER_FIELD, RootSignatures
from gaitops.report.tables import fields
from gaitops.report.text import safe
from gaitops.signing.keys import fingerprint

if TYPE_CHECKING:
    from gaitops.fleet.publishing import KeylessPublishing

_FOLDER = "trust/root"
_NAME = re.compile(r"([1-9][0-9]{0,8})\.root\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class RootView:
    """What one root version says; nothing about whether anybody signed it."""

    version: int
    threshold: int
    people: Mapping[str, str]
    """Fingerprint by principal."""
    publishers: Mapping[str, str]
    """Fingerprint by name."""
    publisher_threshold: int
    expires: datetime
    workloads: tuple[str, ...] = ()
    """Workloads that may sign statements without a key, each with everything that it is compared by."""
    sigstore_root: str | None = None
    """SHA-256 of the Sigstore trusted root that vouches for them."""

    @classmethod
    def of_file(cls, data: bytes, version: int) -> RootView:
        """What the bytes of a root file say.

        Raises:
            VerificationError: ``trust.root_invalid``.
        """
        path = root_path(version)
        metadata = read_root(data, "trust.root_invalid", path)
        people, _solo = root_people(metadata, "trust.root_invalid", path)
        root = metadata.signed
        targets = root.roles["targets"]
        return cls(
            version=root.version,
            threshold=root.roles["root"].threshold,
            people={item.principal: item.fingerprint for item in people},
            publishers=_publishers([root.keys[keyid] for keyid in targets.keyids]),
            publisher_threshold=targets.threshold,
            expires=root.expires,
            **_workloads(root_publishing(metadata, "trust.root_invalid", path)),
        )

    @classmethod
    def of_trusted(cls, root: TrustedRoot) -> RootView:
        """What a verified root says."""
        return cls(
            version=root.version,
            threshold=root.threshold,
            people={item.principal: item.fingerprint for item in root.keys},
            publishers=_publishers(root.publishers),
            publisher_threshold=root.targets_threshold,
            expires=root.expires,
            **_workloads(root.publishing),
        )

    def to_json(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "version": self.version,
            "threshold": self.threshold,
            "expires": format_timestamp(self.expires),
            "people": _named(self.people),
            "publisherThreshold": self.publisher_threshold,
            "publishers": _named(self.publishers),
            "publisherWorkloads": list(self.workloads),
            "sigstoreTrustedRoot": self.sigstore_root,
        }

    def text(self) -> str:
        """For people, with whole fingerprints: they are what a signer compares."""
        head = fields(
            [
                ("root version", str(self.version)),
                ("root people", f"{self.threshold} of {len(self.people)} must sign"),
                ("publishers", f"{self.publisher_threshold} of {len(self.publishers)} must sign"),
                ("expires", format_timestamp(self.expires)),
            ]
        )
        # Not a table, which would shorten the fingerprints beside long names.
        keys = [(f"root person {name}", f"key {value}") for name, value in sorted(self.people.items())]
        keys += [(f"publisher {name}", f"key {value}") for name, value in sorted(self.publishers.items())]
        keys += [("publisher workload", item) for item in self.workloads]
        if self.sigstore_root is not None:
            keys.append(("Sigstore trusted root", f"sha256:{self.sigstore_root}"))
        return f"{head}\n\n{fields(keys)}"

    def changes_since(self, old: RootView) -> tuple[str, ...]:
        """One line per difference from ``old``, which is the version before."""
        found = [*_key_changes("root person", old.people, self.people)]
        if old.threshold != self.threshold:
            found.append(f"root threshold {old.threshold} → {self.threshold}")
        found.extend(_key_changes("publisher", old.publishers, self.publishers))
        if old.publisher_threshold != self.publisher_threshold:
            found.append(f"publisher threshold {old.publisher_threshold} → {self.publisher_threshold}")
        found.extend(
            f"publisher workload added: {item}" for item in self.workloads if item not in old.workloads
        )
        found.extend(
            f"publisher workload removed: {item}" for item in old.workloads if item not in self.workloads
        )
        if old.sigstore_root != self.sigstore_root:
            found.append(
                f"Sigstore trusted root {old.sigstore_root or 'none'} → {self.sigstore_root or 'none'}"
            )
        if old.expires != self.expires:
            found.append(f"expires {format_timestamp(old.expires)} → {format_timestamp(self.expires)}")
        return tuple(found)


def root_files(repo: Path) -> tuple[bytes, ...]:
    """Root metadata 1 … N of the working tree, oldest first.

    Raises:
        InvalidInputError: ``trust.no_root`` when there is none, ``trust.root_gap`` when a version is missing.
    """
    tree = WorkingTree(repo)
    found: dict[int, bytes] = {}
    for name, entry in tree.children(_FOLDER).items():
        match = _NAME.fullmatch(name)
        if match is not None and entry.mode.startswith("100"):
            found[int(match[1])] = tree.read(entry.oid)
    if not found:
        raise InvalidInputError.of(
            "trust.no_root",
            f"{repo} holds no root metadata",
            path=root_path(1),
            remedy="Run this in the working tree of a fleet repository, or make one with `gaitops init`.",
        )
    for version in range(1, max(found) + 1):
        if version not in found:
            raise InvalidInputError.of(
                "trust.root_gap", f"root version {version} is missing", path=root_path(version)
            )
    return tuple(found[version] for version in sorted(found))


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file's content at once: whoever reads it sees the old bytes or the new ones; ``OSError`` if not."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with beside.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            beside.unlink()
        raise


def changes_text(changes: Sequence[str]) -> str:
    """Differences for people; names of publishers are whatever somebody wrote, so they must not start a line."""
    return "\n".join(f"  {safe(change)}" for change in changes) or "  nothing but the version number"


def signatures_json(signatures: RootSignatures) -> dict[str, object]:
    """Progress of a root version for ``--json``."""
    return {
        "complete": signatures.complete,
        "roles": [
            {
                "rootVersion": role.version,
                "threshold": role.threshold,
                "signed": list(role.signed),
                "open": list(role.open),
                "missing": role.missing,
            }
            for role in signatures.roles
        ],
    }


def signatures_text(signatures: RootSignatures) -> str:
    """Progress of a root version for people: one line per role that must sign."""
    return "\n".join(_role_lines(signatures))


def _role_lines(signatures: RootSignatures) -> Iterator[str]:
    for role in sorted(signatures.roles, key=lambda role: role.version):
        signed = ", ".join(role.signed) or "nobody"
        state = (
            "complete" if role.missing == 0 else f"{role.missing} of {', '.join(role.open)} must still sign"
        )
        yield f"people of root version {role.version}: signed by {signed}; {state}"


def _key_changes(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"{what} {name} added, key {new[name]}"
        elif name not in new:
            yield f"{what} {name} removed"
        elif old[name] != new[name]:
            yield f"{what} {name} gets another key: {old[name]} → {new[name]}"


class _Workloads(TypedDict):
    workloads: tuple[str, ...]
    sigstore_root: str | None


def _workloads(publishing: KeylessPublishing | None) -> _Workloads:
    if publishing is None:
        return {"workloads": (), "sigstore_root": None}
    from gaitops.fleet.publishing import described

    return {
        "workloads": tuple(described(identity) for identity in publishing.identities),
        "sigstore_root": publishing.trusted_root,
    }


def _publishers(keys: Sequence[Key]) -> dict[str, str]:
    """Fingerprints by name; the key id stands for a name that metadata does not tell."""
    return {str(key.unrecognized_fields.get(PUBLISHER_FIELD) or key.keyid): fingerprint(key) for key in keys}


def _named(fingerprints: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "fingerprint": value} for name, value in sorted(fingerprints.items())]
