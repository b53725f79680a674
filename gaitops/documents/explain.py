# SPDX-License-Identifier: Apache-2.0
"""Pydantic's errors as problems in the words of a fleet document."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gaitops.documents.fields import field_path
from gaitops.documents.models.base import EXPECTATIONS
from gaitops.errors import Problem

_EXPECTED_TYPES: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_FOUND_TYPES: Final[Mapping[type, str]] = {
    str: "text",
    int: "a whole number",
    float: "a decimal number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}


def explain(error: ValidationError, model: type[BaseModel], value: object, path: str) -> Iterator[Problem]:
    """One problem per error, without line and column.

    Args:
        error: what validating ``value`` against ``model`` raised.
        model: the model of the document's kind.
        value: the plain value that was validated.
        path: file that the problems name.
    """
    for details in error.errors(include_url=False, include_context=True, include_input=False):
        keys = _keys(details["loc"], details["type"], value)
        yield _problem(details, keys, model, value, path)


def _problem(
    details: ErrorDetails, keys: tuple[str | int, ...], model: type[BaseModel], value: object, path: str
) -> Problem:
    kind, context = details["type"], details.get("ctx", {})
    field = field_path(keys) or None
    if kind in ("missing", "union_tag_not_found"):
        if kind == "union_tag_not_found":
            field = field_path((*keys, _discriminator(context)))
        return Problem("document.missing_field", f"the field {field!r} is required", path, field=field)
    if kind == "extra_forbidden":
        allowed = sorted(_fields_at(model, keys[:-1], value))
        return Problem(
            "document.unknown_field",
            f"unknown field {str(keys[-1])[:80]!r}; expected one of {', '.join(allowed)}",
            path,
            field=field,
            remedy=_suggestion(str(keys[-1]), allowed),
        )
    found = _at(value, keys)
    if details["loc"][-1:] == ("[key]",):
        found = keys[-1]
    if kind in _EXPECTED_TYPES:
        given = _FOUND_TYPES.get(type(found), "something else")
        return Problem("document.type", f"expected {_EXPECTED_TYPES[kind]}, found {given}", path, field=field)
    if kind == "union_tag_invalid":
        keys = (*keys, _discriminator(context))
        found, field = _at(value, keys), field_path(keys)
    return Problem("document.value", _value_message(kind, context, details["msg"], found), path, field=field)


def _discriminator(context: Mapping[str, Any]) -> str:
    """Name of the member that tells the models of a union apart; pydantic puts it in quotes."""
    return str(context["discriminator"]).strip("'")


def _value_message(kind: str, context: Mapping[str, Any], message: str, found: object) -> str:
    """What was expected. The text that was found is shown only where it cannot be a key pasted by mistake."""
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return f"expected {EXPECTATIONS.get(pattern, 'text that matches ' + pattern)}, found {_shown(found)}"
    if kind in ("literal_error", "union_tag_invalid"):
        expected = context.get("expected") or context.get("expected_tags")
        return f"expected {expected}, found {_shown(found)}"
    if kind in ("value_error", "assertion_error"):
        return str(context["error"])
    if kind in ("too_short", "too_long"):
        bound, limit = (
            ("least", context["min_length"]) if kind == "too_short" else ("most", context["max_length"])
        )
        return (
            f"expected at {bound} {limit} item{'' if limit == 1 else 's'}, found {context['actual_length']}"
        )
    return message.replace("Input should be", "expected").replace("String should have", "expected text of")


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 80 else text[:77] + "..."


def _suggestion(name: str, allowed: list[str]) -> str | None:
    folded = {candidate.lower(): candidate for candidate in allowed}
    close = difflib.get_close_matches(name.replace("_", "").lower(), list(folded), n=1, cutoff=0.75)
    return f"did you mean {folded[close[0]]!r}?" if close else None


def _keys(loc: tuple[str | int, ...], kind: str, value: object) -> tuple[str | int, ...]:
    """The part of pydantic's location that names places of the document; tags of unions are left out."""
    keys: list[str | int] = []
    here: Any = value
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if _has(here, part):
            here = here[part]
        elif not (last and kind == "missing"):
            continue
        keys.append(part)
    return tuple(keys)


def _has(here: object, key: str | int) -> bool:
    if isinstance(key, int):
        return isinstance(here, list) and key < len(here)
    return isinstance(here, dict) and key in here


def _at(value: object, keys: tuple[str | int, ...]) -> object:
    here: Any = value
    for key in keys:
        here = here[key]
    return here


def _fields_at(model: type[BaseModel], keys: tuple[str | int, ...], value: object) -> set[str]:
    """Names of the fields that the model allows at a place of the document."""
    models, here = {model}, value
    for key in keys:
        here = here[key] if isinstance(here, dict | list) else None  # type: ignore[index]
        if isinstance(key, int):
            continue
        annotations = [
            field.annotation
            for candidate in models
            for name, field in candidate.model_fields.items()
            if key in (field.alias, name)
        ]
        models = {found for annotation in annotations for found in _models_in(annotation)}
    chosen = {candidate for candidate in models if _tag_fits(candidate, here)} or models
    return {field.alias or name for candidate in chosen for name, field in candidate.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _tag_fits(model: type[BaseModel], here: object) -> bool:
    """Whether ``here`` says, by a ``type`` member, that it is of this model of a union."""
    field = model.model_fields.get("type")
    return field is not None and isinstance(here, dict) and here.get("type") in get_args(field.annotation)
