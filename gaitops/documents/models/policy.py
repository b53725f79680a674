# SPDX-License-Identifier: Apache-2.0
"""Policies and their immutable versions: Policy, PolicyVersion (design 7)."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gaitops.documents.models.base import (
    Document,
    GroupRef,
    Items,
    Metadata,
    Model,
    Name,
    OrgMetadata,
    Risk,
    Semver,
    Sha256,
    Text,
    require_unique,
)

POLICY_FILE: Final = "gait.policy.yaml"
DESCRIPTOR_FILE: Final = "version.yaml"
GAIT_SCHEME: Final = "gait.gate.policy/1.0.0"
_FILE_PATTERN: Final = r"^[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*$"


def _checked_file_path(path: str) -> str:
    if not {".", "..", ".git"}.isdisjoint(path.lower().split("/")):
        raise ValueError("a file path has no segment '.', '..' or '.git'")
    if path == DESCRIPTOR_FILE:
        raise ValueError(f"{DESCRIPTOR_FILE} cannot list itself")
    return path


FilePath = Annotated[str, Field(pattern=_FILE_PATTERN, max_length=255), AfterValidator(_checked_file_path)]


class PolicySpec(Model):
    """A line of policy versions and where its channels point."""

    owner: GroupRef = Field(description="Principal or group to ask: name, or org/name. Informative.")
    summary: Text = Field(description="What the policy guards.")
    risk: Risk = Field(description="Harm that a wrong version can do; high and critical raise the quorum.")
    shared_with: Items[Name] = Field(
        default=(), description="Other orgs whose environments may be assigned this policy."
    )
    channels: dict[Name, Semver] = Field(
        default_factory=dict,
        description="Named pointers to versions. Moving one changes every assignment that follows it.",
        examples=[{"stable": "1.4.0"}],
    )
    archived: bool = Field(default=False, description="No new versions and no new assignments.")

    @model_validator(mode="after")
    def _orgs_unique(self) -> Self:
        require_unique(self.shared_with, "org")
        return self


class Policy(Document):
    """One policy of an org."""

    kind: Literal["Policy"] = Field(description="Always Policy.")
    metadata: OrgMetadata = Field(description="Name of the policy.")
    spec: PolicySpec = Field(description="The policy.")


class PolicyVersionMetadata(Metadata):
    """Names the version inside the digest, so that equal files of two policies differ."""

    org: Name = Field(description="Org that owns the policy.")
    version: Semver = Field(description="The version; equal to the folder's name.")


class VersionFile(Model):
    """One file of a version folder."""

    path: FilePath = Field(description="Path below the version folder.", examples=[POLICY_FILE])
    sha256: Sha256 = Field(description="SHA-256 of the file's bytes.")


class GaitDigest(Model):
    """What Gait itself computes for the policy file."""

    digest: Sha256 = Field(description="Policy digest as Gait prints it.")
    scheme: Literal["gait.gate.policy/1.0.0"] = Field(description="How Gait computes it.")


class ParentVersion(Model):
    """A version that this one follows."""

    version: Semver = Field(description="Version of the parent.")
    digest: Sha256 = Field(description="Version digest of the parent, which binds its whole ancestry.")


class PolicyVersionSpec(Model):
    """What a version consists of and what it follows."""

    files: Items[VersionFile] = Field(
        min_length=1, description="Every file of the folder but version.yaml, sorted by path."
    )
    gait: GaitDigest = Field(description="Gait's digest of gait.policy.yaml.")
    parents: Items[ParentVersion] = Field(
        default=(), description="Versions that this one follows; empty only for the first of a policy."
    )
    summary: Text | None = Field(default=None, description="What changed.")

    @model_validator(mode="after")
    def _files(self) -> Self:
        paths = [file.path for file in self.files]
        require_unique((path.lower() for path in paths), "file")
        if paths != sorted(paths):
            raise ValueError("expected files sorted by path")
        if POLICY_FILE not in paths:
            raise ValueError(f"expected {POLICY_FILE} among the files")
        require_unique((parent.version for parent in self.parents), "parent")
        return self


class PolicyVersion(Document):
    """One immutable version of a policy."""

    kind: Literal["PolicyVersion"] = Field(description="Always PolicyVersion.")
    metadata: PolicyVersionMetadata = Field(description="Org, policy and version.")
    spec: PolicyVersionSpec = Field(description="The version.")
