# SPDX-License-Identifier: Apache-2.0
"""Reading an evidence summary: no document of the fleet, but read as strictly as one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from pydantic import ValidationError

from gaitops.documents import strict_json
from gaitops.documents.explain import explain
from gaitops.documents.fields import field_path
from gaitops.documents.models.summary import EvidenceSummary
from gaitops.documents.text import MAX_PROBLEMS
from gaitops.errors import InvalidInputError, Problem

MAX_SUMMARY_BYTES: Final = 64 * 1024 * 1024
"""A repository in an environment takes about 600 bytes; this is 100,000 of them."""


def read_summary(data: bytes, path: str) -> EvidenceSummary:
    """The summary in ``data``; ``path`` is where it came from, for messages.

    Raises:
        InvalidInputError: with all problems: those of :func:`gaitops.documents.strict_json.loads`, or
            ``document.unknown_field``, ``document.missing_field``, ``document.type``, ``document.value``.
    """
    value = strict_json.loads(data, path, max_bytes=MAX_SUMMARY_BYTES)
    if not isinstance(value, dict):
        raise InvalidInputError.of(
            "document.type", "expected an evidence summary, which is an object", path=path
        )
    # Looking for the word first saves the walk over large summaries, which have none.
    fields = islice(_nulls(value, ()), MAX_PROBLEMS) if b"null" in data else ()
    nulls = [
        Problem("document.type", "null is no value; leave the member out", path, field=field)
        for field in fields
    ]
    if nulls:
        raise InvalidInputError(nulls)
    try:
        return EvidenceSummary.model_validate(value)
    except ValidationError as error:
        raise InvalidInputError(islice(explain(error, EvidenceSummary, value, path), MAX_PROBLEMS)) from error


def _nulls(value: object, keys: tuple[str | int, ...]) -> Iterator[str]:
    """Fields that hold null: the models would take it for an absent member, the published schema refuses it."""
    if value is None:
        yield field_path(keys)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _nulls(member, (*keys, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, (*keys, index))
