# SPDX-License-Identifier: Apache-2.0
"""How users and groups of a company's directory become principals, groups and roles of a fleet."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gaitops.documents.models.base import (
    EXPECTATIONS,
    Document,
    Items,
    Model,
    Name,
    OrgMetadata,
    Scope,
    require_unique,
)
from gaitops.documents.models.identities import Location
from gaitops.documents.models.trust import Role
from gaitops.documents.text import forbidden_character

_LOOPBACK = r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?"
DIRECTORY_URL_PATTERN: Final = rf"^(https://[^\s/?#@]+|http://{_LOOPBACK})(/[^\s?#]*)?$"
DOMAIN_PATTERN: Final = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
EXPECTATIONS[DIRECTORY_URL_PATTERN] = "an https URL without credentials or query; plain http on loopback only"
EXPECTATIONS[DOMAIN_PATTERN] = "a domain of lowercase ASCII letters, digits, hyphens and dots"


def _one_reading(text: str) -> str:
    """A value that is compared exactly must not hold what people cannot see."""
    character = forbidden_character(text)
    if character is not None or text != text.strip():
        raise ValueError(f"expected no {character or 'space at either end'}: values are compared exactly")
    return text


DirectoryUrl = Annotated[str, Field(pattern=DIRECTORY_URL_PATTERN, max_length=512)]
Domain = Annotated[str, Field(pattern=DOMAIN_PATTERN, max_length=253)]
ExternalValue = Annotated[
    str, Field(min_length=1, max_length=256, pattern=r"^[^\r\n]+$"), AfterValidator(_one_reading)
]
"""An id or a name as the directory writes it; compared exactly, byte for byte."""


class DirectorySource(Model):
    """Where users and groups come from. A token is sent there and nowhere else."""

    type: Literal["scim", "oidc", "file"] = Field(description="SCIM 2.0, an OpenID provider, or an export.")
    url: DirectoryUrl | None = Field(
        default=None,
        description="Of scim the base URL, above /Users; of oidc the issuer; absent for a file.",
        examples=["https://directory.example.com/scim/v2"],
    )
    userinfo_url: DirectoryUrl | None = Field(
        default=None,
        description="Of oidc, the userinfo endpoint where it is on another host than the issuer.",
    )
    groups_claim: ExternalValue = Field(default="groups", description="Of oidc, the claim that lists groups.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type == "file") != (self.url is None):
            raise ValueError("expected url for scim and oidc, and none for file")
        if self.type != "oidc" and self.userinfo_url is not None:
            raise ValueError("userinfoUrl is for oidc only")
        return self


class NamedUser(Model):
    """The principal of one user whose own name would not do."""

    id: ExternalValue = Field(description="Id of the user in the directory.")
    name: Name = Field(description="Name of the principal.")


class UserMapping(Model):
    """How a user becomes a principal."""

    name: Literal["userName", "email", "externalId"] = Field(
        default="userName",
        description="What the principal is named after: in lowercase, with - for every . _ + and space.",
    )
    domains: Items[Domain] = Field(
        default=(),
        description="Domains of addresses that count; a name is then what stands before the @. All when empty.",
        examples=[["acme-corp.example"]],
    )
    issuer: Location = Field(
        description="OIDC issuer that people sign in at, as it stands in their certificates.",
        examples=["https://accounts.example.com"],
    )
    subject: Literal["email", "id", "externalId", "userName"] = Field(
        description="What their certificates have as subject; of oidc, id is sub."
    )
    named: Items[NamedUser] = Field(default=(), description="Users who are named here instead.")

    @model_validator(mode="after")
    def _unique(self) -> Self:
        require_unique(self.domains, "domain")
        require_unique((item.id for item in self.named), "user id")
        require_unique((item.name for item in self.named), "name")
        return self


class MappedRole(Model):
    """A role that a group holds."""

    role: Role = Field(description="What its members may do.")
    scope: Scope = Field(description="Where they may do it.", examples=["org/acme"])


class GroupMapping(Model):
    """A group of the directory, and the group of the fleet that it fills."""

    id: ExternalValue | None = Field(
        default=None, description="Its id in the directory, or its exact value in the claim; no patterns."
    )
    display_name: ExternalValue | None = Field(
        default=None,
        description="Its exact name, where the id cannot be known; whoever may rename groups decides.",
    )
    group: Name = Field(description="Group of the fleet, or of the org that the mapping belongs to.")
    roles: Items[MappedRole] = Field(
        default=(), description="Roles for which bindings are prepared; they need approval as any other."
    )

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.id is None) == (self.display_name is None):
            raise ValueError("expected one of id and displayName")
        require_unique(((item.role, item.scope) for item in self.roles), "role")
        return self


class DirectoryMappingSpec(Model):
    """The directory, and what its users and groups are in the fleet."""

    source: DirectorySource = Field(description="The directory.")
    users: UserMapping = Field(description="How users become principals.")
    groups: Items[GroupMapping] = Field(default=(), description="Which groups count; all others do not.")

    @model_validator(mode="after")
    def _unique(self) -> Self:
        require_unique((item.group for item in self.groups), "group")
        require_unique((item.id for item in self.groups if item.id is not None), "group id")
        require_unique(
            (item.display_name for item in self.groups if item.display_name is not None), "group name"
        )
        if self.source.type == "oidc" and any(item.id is None for item in self.groups):
            raise ValueError("of oidc, groups are named by id: their exact value in the claim")
        # People choose preferred_username themselves, and nothing keeps two from having the same (OpenID Connect Core 5.7).
        if self.source.type == "oidc" and (
            self.users.name != "email" or self.users.subject not in ("email", "id")
        ):
            raise ValueError(
                "of oidc, expected name: email, and email or id as subject: people choose the others"
            )
        return self


class DirectoryMapping(Document):
    """What a company's directory is in the fleet: who becomes a principal, and which groups count."""

    kind: Literal["DirectoryMapping"] = Field(description="Always DirectoryMapping.")
    metadata: OrgMetadata = Field(description="Name of the directory.")
    spec: DirectoryMappingSpec = Field(description="The mapping.")
