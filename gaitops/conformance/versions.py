# SPDX-License-Identifier: Apache-2.0
"""Policy versions as signed statements describe them."""

from __future__ import annotations

from datetime import datetime

from gaitops.conformance.inputs import KnownVersion
from gaitops.documents.times import parse_timestamp
from gaitops.errors import InvalidInputError
from gaitops.release.statement import VersionPredicate
from gaitops.signing.statement import Statement


def known_version(statement: Statement, said: VersionPredicate) -> KnownVersion:
    """The version that a verified statement is about."""
    version = said.policy_version
    return KnownVersion(
        org=version.org,
        policy=version.policy,
        version=version.version,
        digest=version.digest,
        gait_digest=said.gait.digest,
        files={item.name: item.digest.get("sha256", "") for item in statement.subjects},
        withdrawn=said.withdrawn,
        withdrawn_at=None if said.withdrawn_at is None else moment(said.withdrawn_at),
    )


def moment(text: str) -> datetime | None:
    """A signed time; ``None`` for a date that does not exist, which the pattern of a timestamp lets through."""
    try:
        return parse_timestamp(text)
    except InvalidInputError:
        return None
