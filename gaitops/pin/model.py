# SPDX-License-Identifier: Apache-2.0
"""``pin.yaml``: what a consumer repository has pinned, by name and by digest.

The file is for people and tools. Nothing in it is believed: verification compares every line of it with signed
statements.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from gaitops.documents.explain import explain
from gaitops.documents.models.base import Line, Mode, Name, Semver, Sha256
from gaitops.documents.reader import read_yaml
from gaitops.documents.writer import write_yaml
from gaitops.errors import InvalidInputError
from gaitops.pin.layout import FOLDER, PIN_FILE


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class PinnedVersion(_Model):
    """A policy version."""

    org: Name
    policy: Name
    version: Semver
    digest: Sha256
    """Version digest (design 7)."""
    gait_digest: Line
    """What Gait prints for the policy file."""

    def __str__(self) -> str:
        return f"{self.org}/{self.policy}@{self.version}"


class PinnedEnvironment(_Model):
    """What the repository runs in one environment."""

    repository: Line
    """Normalised repository id, for example ``github.com/acme/pay``."""
    org: Name
    project: Name
    since: Annotated[int, Field(ge=1)]
    """The release in which this assignment became true; it never falls."""
    mode: Mode
    enforced: PinnedVersion
    candidate: PinnedVersion | None = None


class Pin(_Model):
    """The whole of ``pin.yaml``."""

    api_version: Literal["gaitops.dev/v1"] = "gaitops.dev/v1"
    kind: Literal["Pin"] = "Pin"
    fleet: Line
    trust_root: Sha256
    """Informative: verification takes the trust root from its caller."""
    release: Annotated[int, Field(ge=1)]
    environments: Annotated[dict[Name, PinnedEnvironment], Field(min_length=1)]

    def to_bytes(self) -> bytes:
        """The file: deterministic YAML with environments by name."""
        value = self.model_dump(by_alias=True, mode="json", exclude_none=True)
        value["environments"] = dict(sorted(value["environments"].items()))
        return write_yaml(value)


def read_pin(data: bytes, path: str = f"{FOLDER}/{PIN_FILE}") -> Pin:
    """Read ``pin.yaml`` as strictly as every document.

    Raises:
        InvalidInputError: ``document.*``, with all problems and their places.
    """
    parsed = read_yaml(data, path)
    try:
        return Pin.model_validate(parsed.value)
    except ValidationError as error:
        problems = []
        for problem in explain(error, Pin, parsed.value, path):
            place = parsed.positions.get(problem.field or "")
            problems.append(
                problem if place is None else replace(problem, line=place.line, column=place.column)
            )
        raise InvalidInputError(problems) from error
