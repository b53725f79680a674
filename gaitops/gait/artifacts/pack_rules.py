# SPDX-License-Identifier: Apache-2.0
"""Small rules that the documents inside packs have in common (Gait contract 4.2, 4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gaitops.gait.artifacts.digests import HEX_DIGEST
from gaitops.gait.artifacts.fields import Object
from gaitops.gait.artifacts.model import Effect, Finding
from gaitops.gait.artifacts.reading import text
from gaitops.gait.artifacts.times import UNSET
from gaitops.gait.go_text import trim
from gaitops.gait.quoting import quote

SCHEMA_VERSION: Final = "1.0.0"
_ANY_CASE: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def is_digest(value: str) -> bool:
    """Whether Gait takes ``value`` for a digest: it also accepts upper case and spaces around it."""
    return _ANY_CASE.fullmatch(trim(value)) is not None


def is_written_digest(value: str) -> bool:
    """Whether ``value`` is a digest in the one form that Gait writes."""
    return HEX_DIGEST.fullmatch(value) is not None


def schema_problems(document: Object, schema_id: str, name: str, *, gait: bool) -> Iterator[Finding]:
    """A finding unless ``document`` names the one schema and version that this reader knows (contract 13)."""
    found = (text(document, "schema_id"), text(document, "schema_version"))
    if found != (schema_id, SCHEMA_VERSION):
        message = f"{name}: expected {schema_id} {SCHEMA_VERSION}, found {quote(' '.join(found))}"
        yield Finding("pack.schema_unknown", message, Effect.REJECTS, gait=gait)


def empties(document: Object, names: Iterable[str], where: str) -> Iterator[str]:
    """A sentence for each member that must not be empty, but is."""
    for name in names:
        if not trim(text(document, name)):
            yield f"{where} has no {name}"


def not_a_digest(document: Object, name: str, where: str) -> Iterator[str]:
    """A sentence unless the member is a digest."""
    if not is_digest(text(document, name)):
        yield f"{name} of {where} is not a SHA-256"


def unset(document: Object, name: str) -> bool:
    """Whether a time was never set: absent, or in year 1 (contract 0.5). 1980 is a time that Gait accepts."""
    return text(document, name) in {"", UNSET}
