# SPDX-License-Identifier: Apache-2.0
"""From bytes at a path to a checked document, or to every problem of the file (design 3).

The steps: the path says which kind belongs there; the strict reader gives plain values; the model checks them;
names in the document are compared with those of the path (threat D9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from pydantic import ValidationError

from gaitops.documents.explain import explain
from gaitops.documents.fields import Position
from gaitops.documents.kinds import KINDS
from gaitops.documents.layout import Location, classify
from gaitops.documents.models.base import API_VERSION, Document, scope_contains
from gaitops.documents.reader import Parsed, read_yaml
from gaitops.documents.text import MAX_PROBLEMS
from gaitops.errors import InvalidInputError, Problem

__all__ = ["KINDS", "load_document", "parse_document"]


def load_document(data: bytes, path: str) -> Document:
    """The document in ``data``, which lies at ``path``.

    Raises:
        InvalidInputError: with all problems of the file. Besides those of the reader: ``document.misplaced``
            (no document belongs at this path), ``document.kind``, ``document.unknown_field``,
            ``document.missing_field``, ``document.type``, ``document.value``, ``document.path_mismatch``.
    """
    return parse_document(data, classify(path))


def parse_document(data: bytes, location: Location) -> Document:
    """As :func:`load_document`, for a path that has been classified already."""
    path = location.path
    if location.kind not in KINDS:
        raise InvalidInputError.of("document.misplaced", "no document belongs at this path", path=path)
    parsed = read_yaml(data, path)
    value = parsed.value
    if not isinstance(value, dict):
        raise InvalidInputError.of(
            "document.type", "expected a mapping with apiVersion, kind, metadata and spec", path=path
        )
    header = list(_header_problems(value, location))
    if header:
        # With another kind in mind, every further message would mislead.
        raise InvalidInputError(_placed(header, parsed))
    problems = list(_path_problems(value, location))
    document: Document | None = None
    try:
        document = KINDS[location.kind].model_validate(value)
    except ValidationError as error:
        explained = explain(error, KINDS[location.kind], value, path)
        problems = [*problems, *islice(explained, MAX_PROBLEMS)]
    if document is None or problems:
        raise InvalidInputError(_placed(problems, parsed))
    return document


def _header_problems(value: Mapping[str, object], location: Location) -> Iterator[Problem]:
    kind, version = value.get("kind"), value.get("apiVersion")
    if kind is not None and kind != location.kind:
        message = f"expected kind {location.kind} at this path, found {_shown(kind)}"
        yield Problem("document.kind", message, location.path, field="kind")
    if version is not None and version != API_VERSION:
        message = f"expected apiVersion {API_VERSION}, found {_shown(version)}"
        yield Problem("document.kind", message, location.path, field="apiVersion")


def _path_problems(value: Mapping[str, object], location: Location) -> Iterator[Problem]:
    """Where metadata and path disagree. Absent members are the model's business."""
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        expected = {"name": location.name, "org": location.org, "project": location.project}
        if location.kind == "PolicyVersion":
            expected["version"] = location.version
        if location.kind == "Fleet":
            del expected["name"]
        for member, wanted in expected.items():
            found = metadata.get(member)
            if isinstance(found, str) and found != wanted:
                yield _mismatch(f"metadata.{member}", found, wanted, location)
    spec = value.get("spec")
    scope = spec.get("scope") if isinstance(spec, dict) else None
    if isinstance(scope, str) and location.scope != "fleet" and not scope_contains(location.scope, scope):
        yield Problem(
            "document.path_mismatch",
            f"expected a scope inside {location.scope}, where the file lies, found {_shown(scope)}",
            location.path,
            field="spec.scope",
        )


def _mismatch(field: str, found: str, wanted: str | None, location: Location) -> Problem:
    if wanted is None:
        message = f"found {_shown(found)}, but the path carries no {field.rpartition('.')[2]}"
    else:
        message = f"expected {wanted!r} as in the path, found {_shown(found)}"
    return Problem(
        "document.path_mismatch",
        message,
        location.path,
        field=field,
        remedy="change the field or move the file",
    )


def _placed(problems: list[Problem], parsed: Parsed) -> Iterator[Problem]:
    """The problems with line and column, in the order of the file."""
    placed = []
    for problem in problems:
        position = _nearest(problem.field or "", parsed.positions)
        placed.append(
            Problem(
                problem.code,
                problem.message,
                problem.path,
                position.line,
                position.column,
                problem.field,
                problem.remedy,
            )
        )
    yield from sorted(placed, key=lambda problem: (problem.line or 0, problem.column or 0))


def _nearest(field: str, positions: Mapping[str, Position]) -> Position:
    """Position of a field, or of the innermost part around it that exists: a missing field stands nowhere."""
    while field not in positions:
        if not field:
            return Position(1, 1)
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return positions[field]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
