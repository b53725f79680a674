# SPDX-License-Identifier: Apache-2.0
"""The manifest of a fleet conformance run: where the clones or bare mirrors of consumer repositories are.

::

    - repository: https://github.com/acme/checkout   # URL or id
      path: mirrors/checkout.git                      # relative to the manifest
      rev: main                                       # default HEAD
    - {repository: github.com/acme/ledger, path: ledger, environment: prod, rev: deployed}

A manifest says where to look, never what is required: that is what the fleet assigns, whether a repository is listed
here or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from gaitops.documents.explain import explain
from gaitops.documents.models.base import Line, Model, Name
from gaitops.documents.models.tenancy import repository_name
from gaitops.documents.reader import read_yaml
from gaitops.documents.text import MAX_PROBLEMS
from gaitops.errors import InvalidInputError, Problem


class _Row(Model):
    """One element as it is written."""

    repository: Line = Field(description="URL or id of the repository.")
    path: Line = Field(description="Clone or bare mirror.")
    rev: Line = Field(default="HEAD", description="Branch, tag or full commit id to judge.")
    environment: Name | None = Field(default=None, description="Only this environment; all when absent.")

    @field_validator("repository")
    @classmethod
    def _normal(cls, value: str) -> str:
        try:
            return repository_name(value)
        except InvalidInputError as error:
            raise ValueError(error.problems[0].message) from error


@dataclass(frozen=True, slots=True)
class Clone:
    """Where one repository is read, for one or for all of its environments."""

    repository: str
    """Normalised id."""
    path: Path
    rev: str = "HEAD"
    environment: str | None = None


def read_manifest(data: bytes, path: str, folder: Path) -> tuple[Clone, ...]:
    """Read a manifest as strictly as every document; ``folder`` is what its paths are relative to.

    Raises:
        InvalidInputError: ``document.*``; ``conformance.manifest`` for two clones of one repository and environment.
    """
    value = read_yaml(data, path).value
    if not isinstance(value, list) or not value:
        raise InvalidInputError.of(
            "document.type", "expected a list of repositories, each with repository and path", path=path
        )
    rows, problems = _rows(value, path)
    problems += _doubles(rows, path)
    if problems:
        raise InvalidInputError(problems[:MAX_PROBLEMS])
    return tuple(Clone(row.repository, folder / row.path, row.rev, row.environment) for row in rows)


def _rows(value: Iterable[object], path: str) -> tuple[list[_Row], list[Problem]]:
    rows: list[_Row] = []
    problems: list[Problem] = []
    for index, item in enumerate(value):
        try:
            rows.append(_Row.model_validate(item))
        except ValidationError as error:
            found = explain(error, _Row, item, path)
            problems += [
                Problem(one.code, one.message, path, field=f"[{index}].{one.field or ''}".rstrip("."))
                for one in found
            ]
    return rows, problems


def _doubles(rows: Iterable[_Row], path: str) -> list[Problem]:
    """A repository is listed once for all of its environments, or once for each."""
    seen: dict[str, set[str | None]] = {}
    problems = []
    for row in rows:
        others = seen.setdefault(row.repository, set())
        if row.environment in others or (others and None in {row.environment, *others}):
            problems.append(
                Problem(
                    "conformance.manifest",
                    f"{row.repository} is listed twice for environment {row.environment or '(all)'}",
                    path,
                    remedy="list it once, or once for each environment",
                )
            )
        others.add(row.environment)
    return problems
