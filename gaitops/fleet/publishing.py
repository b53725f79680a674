# SPDX-License-Identifier: Apache-2.0
"""Keyless publishing: which workloads root metadata lets sign statements, and the Sigstore instance that vouches for them.

TUF metadata keeps its standard keys. The workloads stand in a field of the signed part of root metadata that TUF clients
do not know and pass over (TUF specification 4.2), so that the root people decide on them, a rotation replaces them, and
a consumer learns of them from nothing but its trust root::

    "x-gaitops-publishing": {"workloads": [{…}], "sigstoreTrustedRoot": "<SHA-256 of trusted_root.json>"}

A workload has the members of a principal's identity of type ``workload``, without name and validity: it may sign for as
long as a root names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import ValidationError

from gaitops.documents.models.identities import WorkloadIdentity
from gaitops.documents.writer import values_of
from gaitops.errors import InvalidInputError
from gaitops.fleet.credentials import workload_of
from gaitops.signing.sigstore.claims import Claims
from gaitops.signing.sigstore.expected import Workload

MAX_WORKLOADS: Final = 16
"""More are refused: each may be compared with each bundle."""
_OF_PRINCIPALS: Final = ("id", "type", "validFrom", "validUntil")
"""Members of a principal's identity that mean nothing here."""
_SHA256 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_CODE: Final = "trust.root_invalid"


@dataclass(frozen=True, slots=True)
class KeylessPublishing:
    """Who may sign statements without a key."""

    identities: tuple[WorkloadIdentity, ...]
    """At least one. Their name and validity, which belong to principals, mean nothing."""
    trusted_root: str
    """SHA-256 of the ``trusted_root.json`` under which their bundles verify, lowercase hex."""

    @classmethod
    def of(cls, identities: Iterable[WorkloadIdentity], trusted_root: str) -> Self:
        """What a root says when it names these workloads of principals.

        Raises:
            InvalidInputError: ``trust.root_invalid`` for none, too many, or the same one twice.
        """
        plain = [_members(identity) for identity in identities]
        return cls.from_json({"workloads": plain, "sigstoreTrustedRoot": trusted_root})

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read the field, strictly: a member that is not known could have been meant to restrict something.

        Raises:
            InvalidInputError: ``trust.root_invalid``.
        """
        if not isinstance(value, Mapping) or value.keys() != {"workloads", "sigstoreTrustedRoot"}:
            raise _refused("expected an object with workloads and sigstoreTrustedRoot")
        listed, digest = value["workloads"], value["sigstoreTrustedRoot"]
        if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_WORKLOADS:
            raise _refused(f"expected 1 to {MAX_WORKLOADS} workloads")
        if not isinstance(digest, str) or _SHA256.match(digest) is None:
            raise _refused("sigstoreTrustedRoot: expected a SHA-256 in lowercase hex")
        read = cls(tuple(_identity(item, index) for index, item in enumerate(listed)), digest)
        if len({workload.fingerprint for workload in read.workloads}) != len(listed):
            raise _refused("the same workload is named twice")
        return read

    def to_json(self) -> dict[str, object]:
        """The field, as :meth:`from_json` reads it."""
        return {
            "workloads": [_members(identity) for identity in self.identities],
            "sigstoreTrustedRoot": self.trusted_root,
        }

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """What certificates are compared with."""
        return tuple(workload_of(identity) for identity in self.identities)

    def nearest(self, claims: Claims) -> Workload:
        """The workload that a certificate most likely means: the one of its repository, else the first."""
        workloads = self.workloads
        return next((item for item in workloads if item.handle == claims.handle), workloads[0])


def described(identity: WorkloadIdentity) -> str:
    """The workload in one line, for people who are asked to sign for it: everything that it is compared by."""
    names = " or ".join(
        f"{name.workflow}{_when(name.valid_from, name.valid_until)} of {name.repository}"
        for name in identity.names
    )
    parts = [
        f"{names} (repository {identity.repository_id}, owner {identity.owner_id})",
        f"issuer {identity.issuer}",
        f"on {', '.join(identity.refs)}",
        f"started by {', '.join(identity.triggers)}",
        f"running {', '.join(identity.runner_environments)}",
    ]
    if identity.workflow_digests:
        parts.append(f"workflow at {', '.join(identity.workflow_digests)}")
    if identity.signer is not None:
        parts.append(f"signed by {identity.signer.workflow} at {', '.join(identity.signer.digests)}")
    return "; ".join(parts)


def _when(start: str | None, end: str | None) -> str:
    limits = [f"{word} {at}" for word, at in (("from", start), ("until", end)) if at is not None]
    return f" ({' '.join(limits)})" if limits else ""


def _members(identity: WorkloadIdentity) -> dict[str, Any]:
    said = values_of(identity)
    return {name: value for name, value in said.items() if name not in _OF_PRINCIPALS}


def _identity(value: object, index: int) -> WorkloadIdentity:
    where = f"workloads[{index}]"
    if not isinstance(value, Mapping):
        raise _refused(f"{where}: expected an object")
    foreign = [name for name in _OF_PRINCIPALS if name in value]
    if foreign:
        raise _refused(f"{where}: {foreign[0]} belongs to principals")
    try:
        return WorkloadIdentity.model_validate({**value, "id": "publisher", "type": "workload"})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (where, *first["loc"])))
        raise _refused(f"{place}: {first['msg']}") from error


def _refused(message: str) -> InvalidInputError:
    return InvalidInputError.of(_CODE, message, field="x-gaitops-publishing")
