# SPDX-License-Identifier: Apache-2.0
"""The exported JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gaitops.documents.kinds import KINDS
from gaitops.documents.reader import read_yaml
from gaitops.documents.schema import schema, schema_name, schemas

FOLDER = Path(__file__).parents[2] / "schemas"


def test_the_files_are_those_of_the_models() -> None:
    """Drift: regenerate with ``gaitops schema export schemas`` when a model changes."""
    for name, data in schemas().items():
        assert (FOLDER / name).read_bytes() == data, name


@pytest.mark.parametrize("kind", list(KINDS))
def test_examples_are_valid(kind: str, example: Callable[[str], bytes]) -> None:
    """The schema is a schema, and accepts what the reader accepts."""
    value = schema(kind)
    Draft202012Validator.check_schema(value)
    assert value["$id"] == f"https://gaitops.dev/schemas/{schema_name(kind)}"
    document = read_yaml(example(schema_name(kind).removesuffix(".schema.json")), "p").value
    assert list(Draft202012Validator(value).iter_errors(document)) == []


@pytest.mark.parametrize("kind", list(KINDS))
def test_unknown_fields_and_null_are_invalid(kind: str, example: Callable[[str], bytes]) -> None:
    """As for the reader."""
    validator = Draft202012Validator(schema(kind))
    document: Any = read_yaml(example(schema_name(kind).removesuffix(".schema.json")), "p").value
    assert not validator.is_valid({**document, "extra": "x"})
    assert not validator.is_valid({**document, "spec": {**document["spec"], "extra": "x"}})
    for member in document["spec"]:
        assert not validator.is_valid({**document, "spec": {**document["spec"], member: None}})


def undescribed(value: Any, where: str) -> Iterator[str]:
    for name, field in value.get("properties", {}).items():
        if not field.get("description"):
            yield f"{where}.{name}"
    for name, definition in value.get("$defs", {}).items():
        yield from undescribed(definition, name)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_field_is_described(kind: str) -> None:
    """Documentation is generated from the descriptions."""
    assert list(undescribed(schema(kind), kind)) == []


def test_generation_is_stable() -> None:
    """The same bytes every time, with a newline at the end."""
    first = schemas()
    assert first == schemas()
    assert all(data.endswith(b"}\n") and json.loads(data) for data in first.values())
