# SPDX-License-Identifier: Apache-2.0
"""Whom a certificate must name: a person by issuer and subject, a workload by its immutable ids and its names.

Every comparison is of whole strings. There are no patterns, no case folding and no Unicode normalisation: a look-alike
is somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gaitops.signing.canonical import digest
from gaitops.signing.sigstore.claims import PERSON, WORKLOAD, Claims, Handle


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in at an OpenID provider."""

    issuer: str
    subject: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what makes the identity: the same for one person wherever it is written."""
        return digest({"issuer": self.issuer, "subject": self.subject, "type": PERSON})

    @property
    def handle(self) -> Handle:
        """See :attr:`gaitops.signing.sigstore.claims.Claims.handle`."""
        return (PERSON, self.issuer, self.subject)

    def mismatch(self, claims: Claims, _at: datetime) -> str | None:
        """Why a certificate is not this person's; ``None`` when it is."""
        if claims.is_workload:
            return "the certificate was issued to a pipeline, not to a person"
        if claims.issuer != self.issuer:
            return f"the certificate's issuer is {claims.issuer!r}, expected {self.issuer!r}"
        if claims.subject != self.subject:
            return f"the certificate names {claims.subject!r}, expected {self.subject!r}"
        return None


@dataclass(frozen=True, slots=True)
class WorkloadName:
    """What a workload is or was called, and when: repositories and workflows get renamed, their ids do not change."""

    repository: str
    """URI, as in the certificate."""
    build_config: str
    """URI of the workflow or pipeline file, without ``@ref``."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the name was in use at ``at``: from (inclusive) until (exclusive)."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )


@dataclass(frozen=True, slots=True)
class BuildSigner:
    """A reusable workflow that must be the one that signs."""

    uri: str
    """Without ``@ref``."""
    digests: tuple[str, ...]
    """Commits at which it may be; at least one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A pipeline of one repository, as its certificates describe it."""

    issuer: str
    repository_id: str
    owner_id: str
    names: tuple[WorkloadName, ...]
    """At least one; the first is the one under which it was admitted."""
    refs: tuple[str, ...]
    """Refs that it may run on, such as ``refs/heads/main``; at least one."""
    triggers: tuple[str, ...]
    """Events that may start it; at least one."""
    runner_environments: tuple[str, ...]
    """Where it may run; at least one."""
    build_config_digests: tuple[str, ...] = ()
    """Commits at which the workflow file may be; any when empty."""
    signer: BuildSigner | None = None
    """The reusable workflow that signs; ``None`` when the workflow signs itself."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what never changes about it, and of the workflow that it was admitted as."""
        return self._fingerprint(self.names[0])

    @property
    def fingerprints(self) -> frozenset[str]:
        """What :attr:`fingerprint` would be with each of its names as the first."""
        return frozenset(map(self._fingerprint, self.names))

    def _fingerprint(self, name: WorkloadName) -> str:
        return digest(
            {
                "buildConfig": name.build_config,
                "issuer": self.issuer,
                "ownerId": self.owner_id,
                "repositoryId": self.repository_id,
                "signer": self.signer.uri if self.signer is not None else None,
                "type": WORKLOAD,
            }
        )

    @property
    def handle(self) -> Handle:
        """See :attr:`gaitops.signing.sigstore.claims.Claims.handle`."""
        return (WORKLOAD, self.issuer, self.repository_id)

    def mismatch(self, claims: Claims, at: datetime) -> str | None:
        """Why a certificate, used at ``at``, is not this workload's; ``None`` when it is.

        An extension that is absent never matches.
        """
        if not claims.is_workload:
            return "the certificate was not issued to a pipeline"
        return next(self._mismatches(claims, at), None)

    def _mismatches(self, claims: Claims, at: datetime) -> Iterator[str]:
        """Everything that does not fit, what tells strangers apart first."""
        yield from _unless("issuer", claims.issuer, (self.issuer,))
        yield from _unless("repository id", claims.source_repository_id, (self.repository_id,))
        yield from _unless("owner id", claims.source_repository_owner_id, (self.owner_id,))
        yield from self._misnamed(claims, at)
        yield from _unless("source ref", claims.source_repository_ref, self.refs)
        yield from _unless("trigger", claims.build_trigger, self.triggers)
        yield from _unless("runner environment", claims.runner_environment, self.runner_environments)
        if self.build_config_digests:
            yield from _unless("workflow digest", claims.build_config_digest, self.build_config_digests)
        yield from self._missigned(claims)

    def _misnamed(self, claims: Claims, at: datetime) -> Iterator[str]:
        """Repository and workflow must go by the same name, one that was in use then."""
        names = [name for name in self.names if name.covers(at)]
        if not names:
            yield f"the workload had no name at {at:%Y-%m-%dT%H:%M:%SZ}"
        # Whole strings, put together: taking the claim apart at an @ would leave it open which one.
        elif not any(
            claims.source_repository_uri == name.repository
            and claims.build_config_uri in {f"{name.build_config}@{ref}" for ref in self.refs}
            for name in names
        ):
            expected = " or ".join(f"{name.build_config!r} in {name.repository!r}" for name in names)
            yield (
                f"the certificate's workflow is {claims.build_config_uri!r} in {claims.source_repository_uri!r}, "
                f"expected at {at:%Y-%m-%dT%H:%M:%SZ} {expected} at one of {_listed(self.refs)}"
            )

    def _missigned(self, claims: Claims) -> Iterator[str]:
        """A caller of a reusable workflow is not its callee, and the other way round."""
        if self.signer is None:
            yield from _unless("signing workflow", claims.build_signer_uri, (claims.build_config_uri,))
            yield from _unless(
                "signing workflow's digest", claims.build_signer_digest, (claims.build_config_digest,)
            )
            return
        uri = claims.build_signer_uri or ""
        if not uri.startswith(f"{self.signer.uri}@"):
            yield (
                f"the certificate's signing workflow is {claims.build_signer_uri!r}, "
                f"expected {self.signer.uri!r} at any ref"
            )
        yield from _unless("signing workflow's digest", claims.build_signer_digest, self.signer.digests)


def _unless(what: str, found: str | None, expected: Iterable[str | None]) -> Iterator[str]:
    """The complaint that a claim is none of those expected, or is absent."""
    wanted = tuple(value for value in expected if value)
    if found is None:
        yield f"the certificate has no {what}, expected {_listed(wanted)}"
    elif found not in wanted:
        yield f"the certificate's {what} is {found!r}, expected {_listed(wanted)}"


def _listed(values: tuple[str, ...]) -> str:
    return " or ".join(repr(value) for value in values) or "the one of the workflow itself"
