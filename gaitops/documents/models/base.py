# SPDX-License-Identifier: Apache-2.0
r"""What all document models share: the envelope of a document and the scalar types.

Each scalar is a string with a pattern. ``EXPECTATIONS`` says the same in words, for error messages.
Patterns use ``[0-9]`` and not ``\d``, which would admit digits of every script.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

from gaitops.documents.globs import validate_pattern
from gaitops.documents.times import (
    DURATION_PATTERN,
    LOCAL_TIME_PATTERN,
    TIMESTAMP_PATTERN,
    parse_duration,
    parse_local_time,
    parse_timestamp,
)
from gaitops.errors import InvalidInputError

API_VERSION: Final = "gaitops.dev/v1"

_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NUMBER = r"(0|[1-9][0-9]{0,8})"
_PRERELEASE = rf"({_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"

NAME_PATTERN: Final = rf"^{_NAME}$"
REFERENCE_PATTERN: Final = rf"^{_NAME}(/{_NAME})?$"
REPOSITORY_REFERENCE_PATTERN: Final = rf"^{_NAME}/{_NAME}/{_NAME}$"
SCOPE_PATTERN: Final = rf"^(fleet|org/{_NAME}(/project/{_NAME}(/environment/{_NAME})?)?)$"
SEMVER_PATTERN: Final = rf"^{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PRERELEASE}(\.{_PRERELEASE})*)?$"
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"
COMMIT_PATTERN: Final = r"^([0-9a-f]{40}|[0-9a-f]{64})$"
LABEL_KEY_PATTERN: Final = r"^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$"
EMAIL_PATTERN: Final = r"^[^@\s<>]{1,128}@[^@\s<>]{1,128}$"
CONTROL_PATTERN: Final = r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$"

EXPECTATIONS: Final[dict[str, str]] = {
    NAME_PATTERN: "a name of 1 to 63 lowercase letters, digits and inner hyphens",
    REFERENCE_PATTERN: "a name, or org/name",
    REPOSITORY_REFERENCE_PATTERN: "org/project/repository",
    SCOPE_PATTERN: "fleet, org/<o>, org/<o>/project/<p> or org/<o>/project/<p>/environment/<e>",
    SEMVER_PATTERN: "a semantic version like 1.4.0 or 2.0.0-rc.1, without build metadata",
    SHA256_PATTERN: "a SHA-256 digest of 64 lowercase hex digits",
    COMMIT_PATTERN: "a full commit id of 40 or 64 lowercase hex digits",
    LABEL_KEY_PATTERN: "a key of 1 to 63 lowercase letters, digits and inner . _ / -",
    EMAIL_PATTERN: "an e-mail address",
    CONTROL_PATTERN: "an identifier of lowercase words joined by . _ or -",
    TIMESTAMP_PATTERN: "a UTC time like 2026-11-22T21:00:00Z",
    LOCAL_TIME_PATTERN: "a local time like 2026-12-20T00:00:00",
    DURATION_PATTERN: "a duration like 90m, 72h or 7d",
}
"""What each pattern means, in words that follow "expected"."""


def _checked_timestamp(text: str) -> str:
    return _accepted(parse_timestamp, text)


def _checked_local_time(text: str) -> str:
    return _accepted(parse_local_time, text)


def _checked_duration(text: str) -> str:
    return _accepted(parse_duration, text)


def _checked_path_glob(text: str) -> str:
    return _accepted(validate_pattern, text)


def _checked_operation_glob(text: str) -> str:
    def validate(pattern: str) -> None:
        validate_pattern(pattern, separator=".")

    return _accepted(validate, text)


def _accepted(check: Any, text: str) -> str:
    """``text`` itself once ``check`` accepts it; its refusal becomes a ValueError, which pydantic collects."""
    try:
        check(text)
    except InvalidInputError as error:
        raise ValueError(error.problems[0].message) from error
    return text


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PrincipalRef = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
"""``name`` of a fleet principal, or ``org/name``; never relative to where it stands."""
GroupRef = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
"""``group`` of fleet principals, or ``org/group`` of an org's principals."""
RepositoryRef = Annotated[str, Field(pattern=REPOSITORY_REFERENCE_PATTERN)]
Scope = Annotated[str, Field(pattern=SCOPE_PATTERN)]
Semver = Annotated[str, Field(pattern=SEMVER_PATTERN, max_length=64)]
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN)]
CommitId = Annotated[str, Field(pattern=COMMIT_PATTERN)]
LabelKey = Annotated[str, Field(pattern=LABEL_KEY_PATTERN)]
Email = Annotated[str, Field(pattern=EMAIL_PATTERN)]
ControlId = Annotated[str, Field(pattern=CONTROL_PATTERN, max_length=64)]
Timestamp = Annotated[str, Field(pattern=TIMESTAMP_PATTERN), AfterValidator(_checked_timestamp)]
LocalTime = Annotated[str, Field(pattern=LOCAL_TIME_PATTERN), AfterValidator(_checked_local_time)]
Duration = Annotated[str, Field(pattern=DURATION_PATTERN), AfterValidator(_checked_duration)]
PathGlob = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_checked_path_glob)]
OperationGlob = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_checked_operation_glob)]
Line = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\r\n]+$")]
"""One line of text for people."""
Text = Annotated[str, Field(min_length=1, max_length=4096)]
"""A paragraph of text for people."""
Url = Annotated[str, Field(min_length=8, max_length=512, pattern=r"^https://[^\s/?#@]+[^\s]*$")]

Tier = Literal["development", "staging", "production"]
Risk = Literal["low", "medium", "high", "critical"]
Mode = Literal["observe", "dry_run", "enforce"]

EXPECTATIONS[r"^[^\r\n]+$"] = "one line of text"
EXPECTATIONS[r"^https://[^\s/?#@]+[^\s]*$"] = "an https URL without credentials"

_Item = TypeVar("_Item")
Items = Annotated[tuple[_Item, ...], Strict(strict=False)]
"""A list in YAML, a tuple in the model; the items themselves stay strictly typed."""


def require_unique(values: Iterable[Hashable], what: str) -> None:
    """Raise ValueError, for pydantic to collect, when a value stands twice in a list where order is no excuse."""
    seen: set[Hashable] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value!r} is listed twice")
        seen.add(value)


def scope_contains(wider: str, narrower: str) -> bool:
    """Whether scope ``wider`` is ``narrower`` or lies around it (design 1)."""
    return wider in ("fleet", narrower) or narrower.startswith(wider + "/")


class Model(BaseModel):
    """Base of every part of a document: immutable, closed to unknown fields, and never coercing a type."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        # Building validators is most of the cost of importing models; commands use few of the kinds.
        defer_build=True,
        hide_input_in_errors=True,
    )


class Metadata(Model):
    """Name and free labels of a document."""

    name: Name = Field(description="Name of the object; equal to the name in the file's path.")
    labels: dict[LabelKey, Line] = Field(
        default_factory=dict,
        description="Keys and values for selecting and grouping; they never carry authority.",
    )
    annotations: dict[LabelKey, Text] = Field(
        default_factory=dict, description="Notes for people and tools; gaitops never interprets them."
    )


class OrgMetadata(Metadata):
    """Metadata of a document that may lie inside an org."""

    org: Name | None = Field(default=None, description="Org of the path; may be repeated here for readers.")


class ProjectMetadata(OrgMetadata):
    """Metadata of a document that lies inside a project."""

    project: Name | None = Field(
        default=None, description="Project of the path; may be repeated here for readers."
    )


class Document(Model):
    """One file of a fleet repository: what it is, what it is called, and what it says."""

    api_version: Literal["gaitops.dev/v1"] = Field(description="Version of the document formats.")
    kind: str = Field(description="Kind of the document; fixed by its path.")
    metadata: Metadata = Field(description="Name and labels.")
    spec: Model = Field(description="What the document says.")


class Caps(Model):
    """Most that one rollout step may change; absent means no limit from this document."""

    max_repositories_per_step: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Most repositories that one step may newly change."
    )
    max_percent_per_step: int | None = Field(
        default=None, ge=1, le=100, description="Most percent of the selected repositories in one step."
    )
    max_production_per_step: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Most production repositories that one step may change."
    )
