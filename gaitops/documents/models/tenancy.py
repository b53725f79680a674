# SPDX-License-Identifier: Apache-2.0
"""The tenants of a fleet: Organization, Project, Repository, Environment (design 2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gaitops.documents.globs import validate_pattern
from gaitops.documents.models.base import (
    Caps,
    Document,
    Items,
    LabelKey,
    Line,
    Model,
    Name,
    OrgMetadata,
    PrincipalRef,
    ProjectMetadata,
    Semver,
    Text,
    Tier,
    require_unique,
)
from gaitops.errors import InvalidInputError

_SCP_URL = re.compile(r"(?P<user>[a-z][a-z0-9._-]*)@(?P<host>[^@:/\s]+):(?P<path>[^:\s]+)\Z")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~+-]*\Z")


@lru_cache(maxsize=65_536)
def repository_id(url: str) -> str:
    """The one name of a repository, however its URL is written: ``github.com/acme/pay``.

    Host in lowercase and without a port, path without ``.git``. The path keeps its case: not every host
    ignores it. Accepts ``https://host/path``, ``ssh://git@host/path`` and ``git@host:path``.

    Raises:
        InvalidInputError: ``repository.url`` for another scheme, credentials or a query in the URL, or a
            path that has no segments or odd ones.
    """
    scp = _SCP_URL.match(url)
    host, path = (scp["host"], scp["path"]) if scp else _host_and_path(url)
    host = host.lower()
    segments = path.removesuffix("/").removesuffix(".git").split("/")
    if not _HOST.match(host) or not all(_SEGMENT.match(segment) for segment in segments):
        raise InvalidInputError.of(
            "repository.url", f"{url!r} does not name a repository like https://github.com/acme/pay"
        )
    return "/".join([host, *segments])


def repository_name(text: str) -> str:
    """As :func:`repository_id`, for what people type: an id (``github.com/acme/pay``) is fine too.

    Raises:
        InvalidInputError: ``repository.url``.
    """
    is_url = "://" in text or _SCP_URL.match(text) is not None
    return repository_id(text if is_url else f"https://{text}")


def _host_and_path(url: str) -> tuple[str, str]:
    """Host and path of an https or ssh URL; two empty strings when it is not one that we accept."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "", ""  # urlsplit would silently drop line breaks and tabs.
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # an unclosed IPv6 bracket, or a port that is no number
        return "", ""
    user = {"https": None, "ssh": "git"}.get(parts.scheme, "refused")
    if parts.username != user or parts.password is not None or parts.query or parts.fragment:
        return "", ""
    return host, parts.path.removeprefix("/")


def _checked_repository_url(url: str) -> str:
    try:
        repository_id(url)
    except InvalidInputError as error:
        raise ValueError(error.problems[0].message) from error
    return url


def _checked_repository_glob(pattern: str) -> str:
    try:
        validate_pattern(pattern)
    except InvalidInputError as error:
        raise ValueError(error.problems[0].message) from error
    host, slash, path = pattern.partition("/")
    # A wildcard host would claim repositories of strangers; the claim must be readable.
    if not slash or not path or not _HOST.match(host):
        raise ValueError("a repository glob names its host in lowercase first, like github.com/acme/*")
    return pattern


RepositoryUrl = Annotated[str, Field(max_length=512), AfterValidator(_checked_repository_url)]
RepositoryGlob = Annotated[str, Field(max_length=512), AfterValidator(_checked_repository_glob)]


class OrganizationSpec(Model):
    """A tenant and the repositories that it owns."""

    display_name: Line = Field(description="Name for people.", examples=["Acme Payments"])
    repositories: Items[RepositoryGlob] = Field(
        default=(),
        description="Repositories of this org as host and glob; never overlapping those of another org.",
        examples=[["github.com/acme/*"]],
    )
    caps: Caps = Field(default_factory=Caps, description="Limits that no rollout of the org may exceed.")
    waiver_max_days: int | None = Field(
        default=None, ge=1, le=90, description="Longest life of a waiver in days; 90 when absent."
    )

    @model_validator(mode="after")
    def _repositories_unique(self) -> Self:
        require_unique(self.repositories, "repository glob")
        return self


class Organization(Document):
    """One org: a tenant whose people change only what lies below its folder."""

    kind: Literal["Organization"] = Field(description="Always Organization.")
    metadata: OrgMetadata = Field(description="Name of the org.")
    spec: OrganizationSpec = Field(description="The org.")


class ProjectSpec(Model):
    """A set of repositories that belong together."""

    summary: Text = Field(description="What the project is for.")
    owners: Items[PrincipalRef] = Field(
        default=(), description="Whom to ask. Owners are informative; authority comes from roles."
    )


class Project(Document):
    """One project of an org."""

    kind: Literal["Project"] = Field(description="Always Project.")
    metadata: ProjectMetadata = Field(description="Name of the project.")
    spec: ProjectSpec = Field(description="The project.")


class RepositorySpec(Model):
    """Where a consumer repository lives, and the labels that selectors see."""

    url: RepositoryUrl = Field(
        description="https://host/path, ssh://git@host/path or git@host:path; no credentials.",
        examples=["https://github.com/acme/pay"],
    )
    labels: dict[LabelKey, Line] = Field(
        default_factory=dict,
        description="Labels that environment selectors match. Changing one may change assignments.",
    )

    @property
    def id(self) -> str:
        """See :func:`repository_id`."""
        return repository_id(self.url)


class Repository(Document):
    """One consumer repository; it belongs to exactly one project."""

    kind: Literal["Repository"] = Field(description="Always Repository.")
    metadata: ProjectMetadata = Field(description="Name of the repository inside its project.")
    spec: RepositorySpec = Field(description="The repository.")


class Selector(Model):
    """Which repositories of the project take part. Never empty: nothing is selected by silence."""

    all: Literal[True] | None = Field(
        default=None, description="Every repository of the project. Excludes the other members."
    )
    match_labels: dict[LabelKey, Line] = Field(
        default_factory=dict,
        description="Repositories that carry all of these labels with these values.",
    )
    names: Items[Name] = Field(
        default=(),
        description="Repositories with one of these names. Together with matchLabels both must hold.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        narrowed = bool(self.match_labels or self.names)
        if self.all is None and not narrowed:
            raise ValueError("expected 'all: true', or matchLabels or names with at least one entry")
        if self.all and narrowed:
            raise ValueError("'all: true' cannot stand with matchLabels or names")
        require_unique(self.names, "name")
        return self

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a repository with this name and these labels is selected."""
        return self.predicate()(name, labels)

    def predicate(self) -> Callable[[str, Mapping[str, str]], bool]:
        """:meth:`matches` made ready to be asked about many repositories."""
        if self.all:
            return lambda _name, _labels: True
        names = frozenset(self.names)
        wanted = tuple(self.match_labels.items())

        def chosen(name: str, labels: Mapping[str, str]) -> bool:
            if names and name not in names:
                return False
            return all(labels.get(key) == value for key, value in wanted)

        return chosen


class PolicyReference(Model):
    """A policy and, by version or by channel, what of it is meant."""

    org: Name | None = Field(
        default=None, description="Org that owns the policy; this org when absent. It must share the policy."
    )
    name: Name = Field(description="Name of the policy.")
    version: Semver | None = Field(default=None, description="Exactly this version.")
    channel: Name | None = Field(
        default=None, description="The version that this channel of the policy names."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.version is None) == (self.channel is None):
            raise ValueError("expected exactly one of version and channel")
        return self


class EnvironmentSpec(Model):
    """Which repositories run which policy in this environment."""

    tier: Tier = Field(description="How much is at stake; production raises the quorum.")
    selector: Selector = Field(description="Repositories of the project that have this environment.")
    policy: PolicyReference = Field(description="The policy that is enforced.")


class Environment(Document):
    """One environment of a project: a tier, its repositories, and the policy that is enforced there."""

    kind: Literal["Environment"] = Field(description="Always Environment.")
    metadata: ProjectMetadata = Field(description="Name of the environment.")
    spec: EnvironmentSpec = Field(description="The environment.")
