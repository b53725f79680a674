# SPDX-License-Identifier: Apache-2.0
"""The fleet's settings and who may do what (design 2, 4 and 6).

Fleet, Principal, RoleBinding, ApprovalRule, Revocation, FreezeWindow.
"""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from gaitops.documents.models.base import (
    Caps,
    CommitId,
    Document,
    Duration,
    Email,
    GroupRef,
    Items,
    Line,
    LocalTime,
    Metadata,
    Mode,
    Model,
    Name,
    OperationGlob,
    OrgMetadata,
    PathGlob,
    PrincipalRef,
    Risk,
    Scope,
    Semver,
    Sha256,
    Text,
    Tier,
    Timestamp,
    require_unique,
)
from gaitops.documents.models.identities import ForgeIdentity, Identity, WorkloadIdentity
from gaitops.documents.times import parse_duration

DEFAULT_UNPROTECTED: Final = ("README.md", "docs/**")
TIME_ZONE_PATTERN: Final = r"^(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){1,2})$"

Role = Literal["policy_author", "approver", "platform_admin", "auditor", "operator", "analyst"]
Assurance = Literal["key", "ssh", "ssh-sk", "sigstore", "forge"]


class ReleaseSettings(Model):
    """How long signed release metadata stays valid, counted from the time of the released commit."""

    timestamp_expiry: Duration = Field(
        default="7d", description="Life of TUF timestamp metadata; a frozen mirror is noticed after it."
    )
    snapshot_expiry: Duration = Field(default="30d", description="Life of TUF snapshot metadata.")
    targets_expiry: Duration = Field(default="365d", description="Life of TUF targets metadata.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        lives = [
            parse_duration(text)
            for text in (self.timestamp_expiry, self.snapshot_expiry, self.targets_expiry)
        ]
        if lives != sorted(lives):
            raise ValueError("expected timestampExpiry <= snapshotExpiry <= targetsExpiry")
        return self


class FleetSpec(Model):
    """Settings of the whole fleet; every field has a default but the rules version."""

    rules: int = Field(
        ge=1, description="Version of the verification rules that judge this fleet.", examples=[1]
    )
    unprotected: Items[PathGlob] = Field(
        default=DEFAULT_UNPROTECTED,
        description="Paths that anybody who can push may change. CI configuration and CODEOWNERS never count.",
    )
    skew: Duration = Field(default="5m", description="Most that two honest clocks may differ; at most 24h.")
    rollback_window: Duration = Field(
        default="7d",
        description="How long going back to the assignment enforced immediately before needs one approver only.",
    )
    pin_grace: Duration = Field(
        default="7d", description="How long a consumer may stay on an older release and still conform."
    )
    withdrawn_grace: Duration = Field(
        default="14d", description="How long a withdrawn policy version may stay assigned."
    )
    release: ReleaseSettings = Field(default_factory=ReleaseSettings, description="Life of release metadata.")
    caps: Caps = Field(default_factory=Caps, description="Limits that no rollout of the fleet may exceed.")

    @model_validator(mode="after")
    def _skew_is_small(self) -> Self:
        if parse_duration(self.skew) > parse_duration("24h"):
            raise ValueError("skew is at most 24h: approvals would outlive their expiry by it")
        return self


class Fleet(Document):
    """The fleet itself: its name, the rules version and its limits."""

    kind: Literal["Fleet"] = Field(description="Always Fleet.")
    metadata: Metadata = Field(description="Name of the fleet.")
    spec: FleetSpec = Field(description="Settings of the fleet.")


class DirectoryLink(Model):
    """That a directory manages a principal: gaitops identity sync may change it, and no other principal."""

    mapping: Name = Field(description="The DirectoryMapping beside the principals, fleet's or org's.")
    id: Line = Field(description="Id of the user in that directory, which it never gives to somebody else.")
    left: Timestamp | None = Field(
        default=None,
        description="When the directory was found without the user; written with the end of validity.",
    )


class PrincipalSpec(Model):
    """One person or service, and what it signs with."""

    type: Literal["human", "service"] = Field(description="Whether a person or a program signs.")
    display_name: Line | None = Field(default=None, description="Name for people.")
    groups: Items[Name] = Field(default=(), description="Groups that roles and approval rules may name.")
    emails: Items[Email] = Field(
        default=(),
        description="Addresses in commits of this principal; they only bar it from approving what it co-authored.",
    )
    identities: Items[Identity] = Field(
        default=(),
        description="What it signs with. Several identities count as one principal in every quorum.",
    )
    directory: DirectoryLink | None = Field(
        default=None, description="The directory that manages it; it gives no authority of its own."
    )

    @model_validator(mode="after")
    def _unique(self) -> Self:
        require_unique(self.groups, "group")
        require_unique((address.lower() for address in self.emails), "e-mail address")
        require_unique((identity.id for identity in self.identities), "identity id")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for identity in self.identities:
            if isinstance(identity, WorkloadIdentity) and self.type != "service":
                raise ValueError(f"identity {identity.id!r}: a pipeline is a service, expected type: service")
            if isinstance(identity, ForgeIdentity) and self.type != "human":
                raise ValueError(
                    f"identity {identity.id!r}: reviews are written by people, expected type: human"
                )
        if self.directory is not None and self.type != "human":
            raise ValueError("directories manage people, expected type: human")
        return self


class Principal(Document):
    """One person or one service."""

    kind: Literal["Principal"] = Field(description="Always Principal.")
    metadata: OrgMetadata = Field(description="Name of the principal.")
    spec: PrincipalSpec = Field(description="The principal.")


class Members(Model):
    """Who holds a role."""

    principals: Items[PrincipalRef] = Field(
        default=(), description="Principals: name of the fleet's, or org/name of an org's."
    )
    groups: Items[GroupRef] = Field(
        default=(), description="Groups: name among the fleet's principals, or org/name among an org's."
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.principals and not self.groups:
            raise ValueError("expected at least one principal or group")
        require_unique(self.principals, "principal")
        require_unique(self.groups, "group")
        return self


class RoleBindingSpec(Model):
    """Gives members a role at a scope."""

    role: Role = Field(description="What the members may do; the permission table is fixed.")
    scope: Scope = Field(description="Where they may do it.", examples=["org/acme/project/pay"])
    members: Members = Field(description="Who may do it.")

    @model_validator(mode="after")
    def _org_members_stay_inside(self) -> Self:
        for member in (*self.members.principals, *self.members.groups):
            org, slash, _ = member.partition("/")
            if slash and not f"{self.scope}/".startswith(f"org/{org}/"):
                raise ValueError(f"{member!r} belongs to org {org!r} and can hold roles only inside it")
        return self


class RoleBinding(Document):
    """Gives principals and groups a role at a scope."""

    kind: Literal["RoleBinding"] = Field(description="Always RoleBinding.")
    metadata: OrgMetadata = Field(description="Name of the binding.")
    spec: RoleBindingSpec = Field(description="The binding.")


class RuleMatch(Model):
    """Which operations a rule is about: all members must match; an empty list matches everything."""

    operations: Items[OperationGlob] = Field(
        min_length=1,
        description="Globs over operation names; * within a part, ** across parts.",
        examples=[["assignment.*"]],
    )
    scope: Scope = Field(default="fleet", description="Operations in this scope and below.")
    tiers: Items[Tier] = Field(default=(), description="Tiers before or after the change.")
    risks: Items[Risk] = Field(default=(), description="Risks of the policies concerned, before or after.")
    modes: Items[Mode] = Field(default=(), description="Modes of the assignments concerned.")


class RuleRequirements(Model):
    """What a matching operation needs. Rules that match together combine to the strictest."""

    quorum: int | None = Field(default=None, ge=1, le=20, description="Fewest approving principals.")
    ttl: Duration | None = Field(default=None, description="Longest life of an approval.")
    groups: Items[GroupRef] = Field(
        default=(), description="Each of these groups needs an approver among those who approve."
    )
    assurance: Items[Assurance] = Field(
        default=(),
        description="Kinds of identity that count; rules combine to what all of them accept. Without any, all but forge, "
        "which is weaker than all others: the reviewer signs nothing, and a service says that a review was given.",
    )
    forge_attesters: Items[PrincipalRef] = Field(
        default=(),
        description="Services that may attest reviews of a forge; needed with assurance forge, and only then. Whoever "
        "holds the key of one, or the forge, or a reviewer's account there, can make an approval.",
    )
    freeze_windows: Items[Name] = Field(
        default=(), description="Freeze windows in which the operation is not allowed at all."
    )

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.quorum or self.ttl or self.groups or self.assurance or self.freeze_windows):
            raise ValueError("expected at least one of quorum, ttl, groups, assurance and freezeWindows")
        require_unique(self.groups, "group")
        require_unique(self.freeze_windows, "freeze window")
        require_unique(self.forge_attesters, "attester")
        if ("forge" in self.assurance) != bool(self.forge_attesters):
            raise ValueError("assurance forge and forgeAttesters are given together or not at all")
        return self


class ApprovalRuleSpec(Model):
    """Selects operations and raises what they need."""

    match: RuleMatch = Field(description="Which operations.")
    require: RuleRequirements = Field(description="What they need.")


class ApprovalRule(Document):
    """Raises what certain operations need."""

    kind: Literal["ApprovalRule"] = Field(description="Always ApprovalRule.")
    metadata: Metadata = Field(description="Name of the rule.")
    spec: ApprovalRuleSpec = Field(description="The rule.")


class RevokedIdentity(Model):
    """An identity of a principal."""

    principal: PrincipalRef = Field(description="Whose identity it is.")
    fingerprint: Sha256 = Field(
        description="Fingerprint of the identity, as gaitops trust show prints it; of a key, SHA-256 of its SPKI DER."
    )


class RevokedPolicyVersion(Model):
    """A published policy version that is withdrawn."""

    org: Name = Field(description="Org that owns the policy.")
    policy: Name = Field(description="Name of the policy.")
    version: Semver = Field(description="Version that is withdrawn.")


class RevokedRelease(Model):
    """A release that consumers must no longer use."""

    number: int = Field(ge=1, description="Release number.")


class RevocationSpec(Model):
    """Takes back one identity, policy version or release."""

    revokes: Literal["identity", "policy_version", "release"] = Field(description="What is taken back.")
    cause: Literal["compromised", "retired", "superseded", "error"] = Field(
        description="Why: 'retired' counts from its place in history on; 'compromised' may be backdated."
    )
    identity: RevokedIdentity | None = Field(default=None, description="The identity, when one is revoked.")
    policy_version: RevokedPolicyVersion | None = Field(
        default=None, description="The policy version, when one is revoked."
    )
    release: RevokedRelease | None = Field(default=None, description="The release, when one is revoked.")
    since: CommitId | None = Field(
        default=None,
        description="First commit at which a compromised identity is no longer believed; from now on when absent.",
    )
    reason: Text = Field(description="What happened, for those who read the audit log.")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        subjects = {"identity": self.identity, "policy_version": self.policy_version, "release": self.release}
        given = [name for name, subject in subjects.items() if subject is not None]
        if given != [self.revokes]:
            member = "policyVersion" if self.revokes == "policy_version" else self.revokes
            raise ValueError(f"'revokes: {self.revokes}' expects the member {member!r} and no other")
        if self.since is not None and (self.revokes, self.cause) != ("identity", "compromised"):
            raise ValueError("'since' is for compromised identities only")
        return self


class Revocation(Document):
    """Takes something back; added once, never changed."""

    kind: Literal["Revocation"] = Field(description="Always Revocation.")
    metadata: Metadata = Field(description="Id of the revocation.")
    spec: RevocationSpec = Field(description="The revocation.")


class TimeWindow(Model):
    """One stretch of local time."""

    start: LocalTime = Field(description="First second that is frozen, as wall-clock time.")
    end: LocalTime = Field(description="First second that is no longer frozen.")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.start >= self.end:
            raise ValueError("expected start before end")
        return self


class FreezeWindowSpec(Model):
    """When nothing may change."""

    timezone: str = Field(
        pattern=TIME_ZONE_PATTERN,
        max_length=64,
        description="IANA time zone of the wall-clock times.",
        examples=["Europe/Berlin"],
    )
    windows: Items[TimeWindow] = Field(min_length=1, description="Stretches of time; they may overlap.")
    reason: Text = Field(description="Why, for those who are stopped by it.")


class FreezeWindow(Document):
    """Times in which rules, rollouts and gates that name it stop changes."""

    kind: Literal["FreezeWindow"] = Field(description="Always FreezeWindow.")
    metadata: Metadata = Field(description="Name of the freeze window.")
    spec: FreezeWindowSpec = Field(description="The freeze window.")
