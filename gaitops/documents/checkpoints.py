# SPDX-License-Identifier: Apache-2.0
"""Reading and writing checkpoints of evidence and proofs about them: strictly, and in one byte form."""

from __future__ import annotations

from itertools import islice
from typing import Final, TypeVar

import orjson
from pydantic import ValidationError

from gaitops.documents import strict_json
from gaitops.documents.explain import explain
from gaitops.documents.models.base import Model
from gaitops.documents.models.checkpoint import EvidenceCheckpoint, EvidenceProof
from gaitops.documents.text import MAX_PROBLEMS
from gaitops.errors import InvalidInputError

MAX_BYTES: Final = 64 * 1024
FOLDER: Final = "evidence/checkpoints"
"""Where a fleet repository keeps checkpoints."""

_Record = TypeVar("_Record", EvidenceCheckpoint, EvidenceProof)


def read_checkpoint(data: bytes, path: str) -> EvidenceCheckpoint:
    """The checkpoint in ``data``; ``path`` is where it came from, for messages.

    Raises:
        InvalidInputError: ``document.*``.
    """
    return _read(EvidenceCheckpoint, data, path)


def read_proof(data: bytes, path: str) -> EvidenceProof:
    """The proof in ``data``; it is well formed, and proves nothing before it is checked.

    Raises:
        InvalidInputError: ``document.*``.
    """
    return _read(EvidenceProof, data, path)


def written(record: Model) -> bytes:
    """The one byte form: members sorted, members that are not set left out, a line end."""
    value = record.model_dump(by_alias=True, exclude_none=True)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def checkpoint_path(checkpoint: EvidenceCheckpoint) -> str:
    """Where a checkpoint lies in a fleet repository; names sort as logs grow."""
    return f"{FOLDER}/{checkpoint.store}/{checkpoint.size:016d}.json"


def _read(model: type[_Record], data: bytes, path: str) -> _Record:
    value = strict_json.loads(data, path, max_bytes=MAX_BYTES)
    if not isinstance(value, dict):
        raise InvalidInputError.of(
            "document.type", f"expected an {model.__name__}, which is an object", path=path
        )
    if value.get("previous", ...) is None:
        raise InvalidInputError.of(
            "document.type", "null is no value; leave the member out", path=path, field="previous"
        )
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidInputError(islice(explain(error, model, value, path), MAX_PROBLEMS)) from error
