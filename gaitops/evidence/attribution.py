# SPDX-License-Identifier: Apache-2.0
"""To whom an artifact belongs, and what says so (Gait contract 12).

Three sources can name a repository: a field inside a verified signature, the registration of the key, and the place where the
artifact was collected. All three are kept. Where field and place contradict each other the collector decides, because that is the only
source that the artifact's author does not write, and the contradiction is a finding.

The registration limits what a key can say. What it signed for one of its own repositories belongs there, wherever somebody
else delivered it: else whoever delivers it first, elsewhere, would take it away from its repository. What it signed outside
its repositories, environments and times is recorded, but as unverifiable: nobody registered the key for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gaitops.fleet.evidence import ProducerKey, Registry
from gaitops.gait.artifacts.facts import (
    AuditFacts,
    Facts,
    InventoryFacts,
    OtherFacts,
    PackFacts,
    RegressFacts,
    RunFacts,
    TokenFacts,
    TraceFacts,
)
from gaitops.gait.artifacts.model import PROVEN, Finding, Inspection, Verdict

SIGNED_FIELD: Final = "signed_field"
KEY_BINDING: Final = "key_binding"
UPLOAD_ENVELOPE: Final = "upload_envelope"
UNKNOWN: Final = "unknown"
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]+@)?", re.IGNORECASE)
_SHOWN: Final = 120
_MOST_REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the collector says of an artifact."""

    source: str
    """Path or URL."""
    repository: str | None = None
    """As the collector was told."""
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """To whom an artifact belongs."""

    source: str
    """What named the repository: one of the constants of this module."""
    producer: str | None = None
    org: str | None = None
    project: str | None = None
    environment: str | None = None
    repository: str | None = None
    team: str | None = None
    claimed_repository: str | None = None
    """As the artifact writes it, whether or not anybody signed it."""
    claimed_environment: str | None = None
    envelope_repository: str | None = None
    envelope_environment: str | None = None
    key_repositories: tuple[str, ...] | None = None
    """Repositories that the key is registered for, sorted; ``None`` for a key that nobody registered."""
    findings: tuple[Finding, ...] = ()


class Attributor:
    """Attributes artifacts by one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._names = RepositoryNames(registry)

    def attribute(
        self, inspection: Inspection, envelope: Envelope, collected_at: datetime | None = None
    ) -> tuple[Inspection, Attribution]:
        """Where the rows of an artifact count, what contradicts that, and what is proven of it there.

        Args:
            inspection: of the artifact.
            envelope: what the collector says of it.
            collected_at: stands in for the time of what states none.

        Returns:
            The inspection, in which everything is unverifiable that a key signed outside its registration.
        """
        claim = _claim(inspection)
        producer = self._signer(inspection)
        signed = self._names.known(claim.repository) if claim.proven else None
        collected = self._names.collected(envelope.repository)
        repository, source = _decide(signed, collected, producer)
        moved = collected is not None and repository != collected
        claimed_environment = claim.environment if claim.proven else None
        environment = claimed_environment if moved else envelope.environment or claimed_environment
        if environment is None and producer is not None and len(producer.environments) == 1:
            (environment,) = producer.environments
        known = self._registry.repositories.get(repository or "")
        findings = [
            *_conflicts("attribution.repository_conflict", signed, collected, claim.repository),
            *_conflicts(
                "attribution.environment_conflict",
                claimed_environment,
                envelope.environment,
                claim.environment,
            ),
        ]
        if moved and producer is not None:
            findings.append(_wrong_repository(producer, collected or ""))
        judged = self._judged(inspection, _Where(repository, environment, collected_at), findings)
        return judged, Attribution(
            source,
            producer=producer.id if producer is not None else None,
            org=known.org if known is not None else None,
            project=known.project if known is not None else None,
            environment=environment,
            repository=repository,
            team=known.team if known is not None else None,
            claimed_repository=claim.repository or None,
            claimed_environment=claim.environment or None,
            envelope_repository=collected,
            envelope_environment=envelope.environment,
            key_repositories=tuple(sorted(producer.repositories)) if producer is not None else None,
            findings=tuple(findings),
        )

    def _signer(self, inspection: Inspection) -> ProducerKey | None:
        """The registered producer that signed an artifact, or else the first that signed something inside it."""
        signed = (item for item in (inspection, *inspection.members) if item.verdict in PROVEN)
        producers = (self._registry.producers.get(item.key_id or "") for item in signed)
        return next((producer for producer in producers if producer is not None), None)

    def _judged(self, inspection: Inspection, where: _Where, findings: list[Finding]) -> Inspection:
        """The inspection with what the keys in it are registered for taken into account; adds to ``findings``."""
        members = tuple(self._judged(member, where, findings) for member in inspection.members)
        verdict = inspection.verdict
        producer = self._registry.producers.get(inspection.key_id or "") if verdict in PROVEN else None
        if producer is not None:
            moment = made_at(inspection.facts) or where.collected_at
            misused = list(_misused(producer, where.repository, where.environment, moment))
            if misused:
                findings += [finding for finding in misused if finding not in findings]
                verdict = Verdict.UNVERIFIABLE
        if verdict is inspection.verdict and members == inspection.members:
            return inspection
        return replace(inspection, verdict=verdict, members=members)


@dataclass(frozen=True, slots=True)
class _Where:
    """Place and time for which a key must be registered."""

    repository: str | None
    environment: str | None
    collected_at: datetime | None


def _decide(
    signed: str | None, collected: str | None, producer: ProducerKey | None
) -> tuple[str | None, str]:
    """The repository that an artifact belongs to, and what says so."""
    bound = producer.repositories if producer is not None else frozenset()
    foreign = producer is not None and collected not in bound
    if signed is not None and (collected in {None, signed} or (foreign and signed in bound)):
        return signed, SIGNED_FIELD
    if len(bound) == 1 and (collected is None or collected in bound or signed is None or signed in bound):
        (only,) = bound
        return only, KEY_BINDING
    if collected is not None:
        return collected, UPLOAD_ENVELOPE
    return None, UNKNOWN


class RepositoryNames:
    """Finds the one repository that a text means: its full id, or the end of it where no other id ends so."""

    def __init__(self, registry: Registry) -> None:
        self._ends: dict[str, str | None] = {}
        for name in registry.repositories:
            for end in _ends(name.lower()):
                self._ends[end] = name if self._ends.get(end, name) == name else None
        self._remembered: dict[str, str | None] = {}

    def known(self, text: str | None) -> str | None:
        """The repository that a text means; without any registered repository the text itself, in plain form."""
        if not text:
            return None
        if text not in self._remembered:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            plain = plain_name(text)
            self._remembered[text] = (self._ends.get(plain) if self._ends else plain) or None
        return self._remembered[text]

    def collected(self, text: str | None) -> str | None:
        """As :meth:`known`, but what the collector says stays also when no such repository is registered."""
        return self.known(text) or (plain_name(text) if text else None) or None


def plain_name(text: str) -> str:
    """``github.com/acme/docs`` for all spellings of it: URL, ``git@`` form, ``.git``, upper case."""
    name = text.strip()
    name = name[_URL.match(name).end() :] if _URL.match(name) else name  # type: ignore[union-attr]  # it matches
    host, colon, path = name.partition(":")
    if colon and "/" not in host and not path[:1].isdigit():
        name = f"{host}/{path}"  # git@host:owner/name
    return name.strip("/").removesuffix(".git").lower()


def made_at(facts: Facts | None) -> datetime | None:
    """When the fact was made, by what the artifact says; ``None`` where it only has a placeholder (contract 0.5, 2.2)."""
    match facts:
        case TraceFacts():
            return facts.observed_at or facts.created_at
        case PackFacts():
            return made_at(facts.trace or facts.run)
        case RunFacts() | RegressFacts() | TokenFacts() | AuditFacts() | InventoryFacts() | OtherFacts():
            return facts.created_at
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Claim:
    repository: str = ""
    environment: str = ""
    proven: bool = False


_NO_CLAIM: Final = _Claim()


def _claim(inspection: Inspection) -> _Claim:
    """What the artifact, or the trace inside it, says of itself."""
    facts = inspection.facts
    if isinstance(facts, TraceFacts):
        proven = inspection.verdict in PROVEN
        return (
            _Claim(facts.repository.strip(), facts.environment.strip(), proven)
            if proven or facts.repository
            else _Claim()
        )
    for member in inspection.members:
        if isinstance(member.facts, TraceFacts):
            return _claim(member)
    return _NO_CLAIM


def _ends(name: str) -> Iterator[str]:
    """The name, and what follows each of its slashes, except the bare last part: too many repositories share that."""
    yield name
    parts = name.split("/")
    for start in range(1, len(parts) - 1):
        yield "/".join(parts[start:])


def _conflicts(code: str, signed: str | None, collected: str | None, written: str) -> Iterator[Finding]:
    if not signed or not collected or _same(signed, collected):
        return
    yield Finding(
        code,
        f"what is signed says {written[:_SHOWN]!r}, but it was collected from {collected[:_SHOWN]!r}",
    )


def _same(one: str, other: str) -> bool:
    """Also without a registry: ``acme/docs`` and ``github.com/acme/docs`` do not contradict each other."""
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")


def _wrong_repository(producer: ProducerKey, repository: str) -> Finding:
    return Finding(
        "producer.wrong_repository",
        f"the key of {producer.id} signs for other repositories, not for {repository[:_SHOWN]!r}",
    )


def _misused(
    producer: ProducerKey, repository: str | None, environment: str | None, moment: datetime | None
) -> Iterator[Finding]:
    """A registered key outside the places and times that it is registered for."""
    if repository is not None and repository not in producer.repositories:
        yield _wrong_repository(producer, repository)
    if environment and producer.environments and environment not in producer.environments:
        yield Finding(
            "producer.wrong_environment",
            f"the key of {producer.id} signs in {', '.join(sorted(producer.environments))}, not in {environment[:_SHOWN]!r}",
        )
    if moment is not None and not producer.is_valid(moment):
        yield Finding(
            "producer.expired",
            f"the key of {producer.id} does not count at {moment:%Y-%m-%dT%H:%M:%SZ}",
        )
