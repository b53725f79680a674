# SPDX-License-Identifier: Apache-2.0
"""The statements that a release makes and a pin carries: in-toto Statements v1 in DSSE envelopes (design 8).

=============================================================  ============================  =====================
predicate type (``https://gaitops.dev/attestation/…``)         subjects                      changes when
=============================================================  ============================  =====================
``release/v1``                                                 the fleet commit              every release
``policy-version/v1``                                          the files of the version      withdrawn, new root
``assignments/v1`` (one a repository)                          the assigned versions         its rows, new root
=============================================================  ============================  =====================

All three name fleet, trust root and root version, so that none can be replayed in another fleet and a rotated root
makes every live statement new. Predicates are read with unknown members ignored, as in-toto asks.
Any securesystemslib ``Signer`` may sign; a statement is the same bytes whoever signs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Annotated, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from securesystemslib.signer import Key, Signer

from gaitops import __version__
from gaitops.documents.models.base import CommitId, Mode, Name, Risk, Semver, Sha256, Tier, Timestamp
from gaitops.documents.models.checkpoint import StoreId
from gaitops.documents.times import format_timestamp
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.waivers import Waived
from gaitops.release.content import AssignmentRow, ReleaseContent, ReleasedVersion, VersionRef
from gaitops.signing.dsse import Envelope, parse_envelope, seal, verified_by
from gaitops.signing.keys import fingerprint
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject, parse_statement

RELEASE_TYPE: Final = "https://gaitops.dev/attestation/release/v1"
VERSION_TYPE: Final = "https://gaitops.dev/attestation/policy-version/v1"
ASSIGNMENTS_TYPE: Final = "https://gaitops.dev/attestation/assignments/v1"
VERIFIER_ID: Final = "https://gaitops.dev"
MOST_EARLIER: Final = 256
"""Earlier releases that a release names; whoever lags behind further has lagged behind too long."""

_Item = TypeVar("_Item")
_Items = Annotated[tuple[_Item, ...], Strict(strict=False)]


class _Member(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Version(_Member):
    """A policy version by name and by digest."""

    org: Name
    policy: Name
    version: Semver
    digest: Sha256
    """Version digest (design 7)."""

    @classmethod
    def of(cls, ref: VersionRef) -> Self:
        """The same reference, as statements write it."""
        return cls(org=ref.org, policy=ref.policy, version=ref.version, digest=ref.digest)

    def __str__(self) -> str:
        return f"{self.org}/{self.policy}@{self.version}"


class Gait(_Member):
    """What Gait itself says of the policy."""

    digest: str
    scheme: str


class Verifier(_Member):
    """Which program verified the state that is published."""

    id: str
    version: str


class _Predicate(_Member):
    fleet: str
    trust_root: Sha256
    root_version: Annotated[int, Field(ge=1)]


class Issue(_Member):
    """When an earlier release was issued."""

    release: Annotated[int, Field(ge=1)]
    issued: Timestamp


class StatedCheckpoint(_Member):
    """The log of one evidence store when the release was made: what it loses or alters afterwards shows."""

    store: StoreId
    size: Annotated[int, Field(ge=0)]
    root: Sha256
    """Merkle root (RFC 6962)."""
    made_at: Timestamp


class ReleasePredicate(_Predicate):
    """The release itself."""

    release: Annotated[int, Field(ge=1)]
    commit: CommitId
    time: Timestamp
    """Committer time of the commit."""
    issued: Timestamp
    """What the expiries of the release count from; the commit's time unless that is long ago."""
    audit_head: str
    earlier: _Items[Issue] = ()
    """The releases before it, newest first, at most :data:`MOST_EARLIER`: how long a consumer has lagged behind."""
    pin_grace_seconds: Annotated[int, Field(ge=0)] | None = None
    """How long a consumer may lag behind and still conform; ``None`` when the publisher did not say."""
    withdrawn_grace_seconds: Annotated[int, Field(ge=0)] | None = None
    """How long a consumer may stay on a withdrawn version."""
    checkpoints: _Items[StatedCheckpoint] = ()
    """The newest checkpoint of each evidence store, by store; the member is absent when there is none."""

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        members: dict[str, object] = handler(self)
        if not self.checkpoints:
            del members["checkpoints"]
        return members


class VersionPredicate(_Predicate):
    """One policy version, its files being the subjects."""

    policy_version: Version
    gait: Gait
    risk: Risk
    parents: _Items[Version]
    approvals: _Items[Sha256]
    commit: CommitId
    withdrawn: bool
    verifier: Verifier
    withdrawn_at: Timestamp | None = None
    """When the withdrawal was decided."""


class AssignedEnvironment(_Member):
    """What the repository runs in one environment."""

    environment: Name
    tier: Tier
    mode: Mode
    """``enforce`` without a candidate; the candidate's mode with one."""
    enforced: Version
    candidate: Version | None = None

    @model_validator(mode="after")
    def _mode_fits(self) -> Self:
        if (self.candidate is None) != (self.mode == "enforce"):
            raise ValueError("a candidate has mode observe or dry_run, and mode enforce has no candidate")
        return self


class StatedWaiver(_Member):
    """A waiver that names the repository; whether it is in force is for whoever knows the time."""

    id: str
    """``org/project/name``."""
    control: str
    environment: Name | None = None
    """Environment that it is limited to; ``None`` for all of the project."""
    owner: str
    ticket: str
    issued_at: Timestamp
    expires_at: Timestamp
    digest: Sha256
    """Of the document in the fleet repository."""

    @classmethod
    def of(cls, waived: Waived) -> Self:
        """The same waiver, as statements write it."""
        return cls(
            id=waived.id,
            control=waived.control,
            environment=waived.environment,
            owner=waived.owner,
            ticket=waived.ticket,
            issued_at=waived.issued_at,
            expires_at=waived.expires_at,
            digest=waived.digest,
        )


class AssignmentsPredicate(_Predicate):
    """Everything one repository must run."""

    org: Name
    project: Name
    repository: str
    release: Annotated[int, Field(ge=1)]
    """The release in which this became true; it never falls, so that an old statement cannot come back."""
    environments: _Items[AssignedEnvironment]
    waivers: _Items[StatedWaiver] = ()


Predicate = TypeVar("Predicate", ReleasePredicate, VersionPredicate, AssignmentsPredicate)


def release_statement(
    content: ReleaseContent,
    root: TrustedRoot,
    number: int,
    issued: str,
    previous: ReleasePredicate | None = None,
) -> bytes:
    """Payload of the statement about release ``number``, which follows ``previous``."""
    earlier: tuple[Issue, ...] = ()
    if previous is not None:
        before = Issue(release=previous.release, issued=previous.issued)
        earlier = (before, *previous.earlier)[:MOST_EARLIER]
    predicate = ReleasePredicate(
        fleet=content.fleet,
        trust_root=root.trust_root,
        root_version=root.version,
        release=number,
        commit=content.commit,
        time=format_timestamp(content.time),
        issued=issued,
        audit_head=content.audit_head,
        earlier=earlier,
        pin_grace_seconds=int(content.grace.pin.total_seconds()),
        withdrawn_grace_seconds=int(content.grace.withdrawn.total_seconds()),
        checkpoints=tuple(
            StatedCheckpoint(store=item.store, size=item.size, root=item.root, made_at=item.made_at)
            for item in content.checkpoints
        ),
    )
    subject = Subject(f"fleet {content.fleet}", {"gitCommit": content.commit})
    return _payload([subject], RELEASE_TYPE, predicate)


def version_statement(content: ReleaseContent, root: TrustedRoot, version: ReleasedVersion) -> bytes:
    """Payload of the statement about one policy version."""
    predicate = VersionPredicate(
        fleet=content.fleet,
        trust_root=root.trust_root,
        root_version=root.version,
        policy_version=Version.of(version.ref),
        gait=Gait(digest=version.gait_digest, scheme=version.gait_scheme),
        risk=version.risk,  # type: ignore[arg-type]  # pydantic checks the text
        parents=tuple(Version.of(parent) for parent in version.parents),
        approvals=tuple(sorted(version.approvals)),
        commit=version.commit,
        withdrawn=version.withdrawn,
        withdrawn_at=None if version.withdrawn_at is None else format_timestamp(version.withdrawn_at),
        verifier=Verifier(id=VERIFIER_ID, version=__version__),
    )
    subjects = [
        Subject(name, {"sha256": hashlib.sha256(version.files[name]).hexdigest()})
        for name in sorted(version.files)
    ]
    return _payload(subjects, VERSION_TYPE, predicate)


def assignments_statement(
    content: ReleaseContent,
    root: TrustedRoot,
    *,
    org: str,
    project: str,
    rows: Sequence[AssignmentRow],
    number: int,
    waivers: Sequence[Waived] = (),
) -> bytes:
    """Payload of the statement about one repository, true since release ``number``. ``rows`` are all of its rows."""
    environments = tuple(
        AssignedEnvironment(
            environment=row.environment,
            tier=row.tier,  # type: ignore[arg-type]  # pydantic checks the text
            mode=row.mode,  # type: ignore[arg-type]  # pydantic checks the text
            enforced=Version.of(row.enforced),
            candidate=None if row.candidate is None else Version.of(row.candidate),
        )
        for row in sorted(rows, key=lambda row: row.environment)
    )
    predicate = AssignmentsPredicate(
        fleet=content.fleet,
        trust_root=root.trust_root,
        root_version=root.version,
        org=org,
        project=project,
        repository=rows[0].repository,
        release=number,
        environments=environments,
        waivers=tuple(StatedWaiver.of(item) for item in waivers),
    )
    assigned = {version for row in environments for version in (row.enforced, row.candidate) if version}
    subjects = [
        Subject(str(version), {"sha256": version.digest})
        for version in sorted(assigned, key=lambda version: (str(version), version.digest))
    ]
    return _payload(subjects, ASSIGNMENTS_TYPE, predicate)


def seal_statement(payload: bytes, signers: Sequence[Signer]) -> bytes:
    """The envelope of a statement."""
    return seal(PAYLOAD_TYPE, payload, signers)


def signed_by(envelope: Envelope, publishers: Collection[Key]) -> frozenset[str]:
    """Fingerprints of the publishers whose signature verifies."""
    return frozenset(fingerprint(key) for key in publishers if verified_by(envelope, key))


def open_envelope(data: bytes, root: TrustedRoot, path: str) -> bytes:
    """The payload of a statement's envelope, once enough of ``root``'s publishers have signed it.

    Raises:
        VerificationError: ``signature.invalid``.
    """
    envelope = read_unverified(data, path)
    count = len(signed_by(envelope, root.publishers))
    if count < root.targets_threshold:
        raise _invalid(
            f"signed by {count} publishers of root version {root.version}, {root.targets_threshold} must sign",
            path,
        )
    return envelope.payload


def read_unverified(data: bytes, path: str) -> Envelope:
    """A statement's envelope, about whose signatures nothing is known yet.

    Raises:
        VerificationError: ``signature.invalid``.
    """
    try:
        envelope = parse_envelope(data, path)
    except InvalidInputError as error:
        # Bytes that are no envelope are a failed check to whoever verifies a release or a pin.
        raise _invalid(f"not an envelope: {error.problems[0].message}", path) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _invalid(f"expected a payload of type {PAYLOAD_TYPE}, found {envelope.payload_type}", path)
    return envelope


def read_statement(
    payload: bytes, predicate: type[Predicate], root: TrustedRoot, path: str
) -> tuple[Statement, Predicate]:
    """A statement whose signatures were checked, as typed values; it must be of this fleet.

    Raises:
        VerificationError: ``statement.invalid``.
    """
    expected = {
        ReleasePredicate: RELEASE_TYPE,
        VersionPredicate: VERSION_TYPE,
        AssignmentsPredicate: ASSIGNMENTS_TYPE,
    }[predicate]
    try:
        statement = parse_statement(payload, path)
        if statement.predicate_type != expected:
            raise _unfit(f"expected a statement of type {expected}, found {statement.predicate_type}", path)
        read = predicate.model_validate(statement.predicate)
    except InvalidInputError as error:
        raise _unfit(error.problems[0].message, path) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _unfit(f"predicate.{where}: {first['msg']}", path) from error
    if read.trust_root != root.trust_root:
        raise _unfit(f"the statement is of another fleet, whose trust root is {read.trust_root}", path)
    return statement, read


def _payload(subjects: Sequence[Subject], kind: str, predicate: BaseModel) -> bytes:
    members = predicate.model_dump(by_alias=True, mode="json")
    return Statement(tuple(subjects), kind, members).to_bytes()


def _invalid(message: str, path: str) -> VerificationError:
    return VerificationError.of("signature.invalid", message, path=path)


def _unfit(message: str, path: str) -> VerificationError:
    return VerificationError.of("statement.invalid", message, path=path)
