# SPDX-License-Identifier: Apache-2.0
"""Reading results back from the JSON that they were written to: the other half of ``RepositoryResult.to_json``."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from gaitops.conformance.model import RepositoryResult
from gaitops.errors import InvalidInputError

_RESULT: Final = TypeAdapter(RepositoryResult)
_CAPITAL = re.compile("([A-Z])")


def read_result(value: object, path: str) -> RepositoryResult:
    """The result in a JSON value. Unknown members are ignored; what follows from the rest is never read but made anew.

    Raises:
        InvalidInputError: ``document.value``.
    """
    try:
        result = _RESULT.validate_python(_snake(value))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInputError.of(
            "document.value", f"not a conformance result: {first['msg']}", path=path, field=where
        ) from error
    times = [result.at, *(time for item in result.waivers for time in (item.issued_at, item.expires_at))]
    if any(time.utcoffset() is None for time in times):
        raise InvalidInputError.of(
            "document.value", "not a conformance result: a time without a zone", path=path
        )
    return result


def _snake(value: object) -> object:
    """Members under the names of the values: our own JSON, whose nesting the reader of JSON has bounded."""
    if isinstance(value, dict):
        members: dict[str, Any] = {
            _CAPITAL.sub(lambda match: f"_{match[1].lower()}", name): _snake(member)
            for name, member in value.items()
        }
        return members
    return [_snake(item) for item in value] if isinstance(value, list) else value
