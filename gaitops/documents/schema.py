# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas (2020-12) of the document kinds, of records about evidence and of drills, generated from the models.

They serve editors and other tools. A schema says less than the reader: it cannot see duplicate keys, ambiguous
scalars, paths, or rules across fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from gaitops.documents.kinds import KINDS
from gaitops.documents.models.checkpoint import EvidenceCheckpoint, EvidenceProof
from gaitops.documents.models.drill import DrillReport
from gaitops.documents.models.summary import EvidenceSummary

BASE_URL: Final = "https://gaitops.dev/schemas/"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SUMMARY: Final = EvidenceSummary.__name__
RECORDS: Final[Mapping[str, type[BaseModel]]] = {
    SUMMARY: EvidenceSummary,
    EvidenceCheckpoint.__name__: EvidenceCheckpoint,
    EvidenceProof.__name__: EvidenceProof,
    DrillReport.__name__: DrillReport,
}
"""Named like kinds, although they are no documents: whoever produces or checks them needs their schema."""


def schema_name(kind: str) -> str:
    """File name of a kind's schema: ``RoleBinding`` is in ``role-binding.schema.json``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower() + ".schema.json"


def schema(kind: str) -> dict[str, Any]:
    """The schema of one kind, or of one of ``RECORDS``, as a JSON value."""
    model: type[BaseModel] = RECORDS[kind] if kind in RECORDS else KINDS[kind]
    generated = model.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")
    header = {"$schema": DIALECT, "$id": BASE_URL + schema_name(kind)}
    return {**header, **{key: value for key, value in generated.items() if key not in header}}


def schemas() -> Mapping[str, bytes]:
    """Every schema by file name, as bytes that change only when a model does."""
    return {
        schema_name(kind): (json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n").encode()
        for kind in (*KINDS, *RECORDS)
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, without the titles that only repeat field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - overrides with this signature
        return False

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        """An optional field may be absent; no document may say null (design 3)."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """Absent is not a value, so ``"default": null`` would say something untrue."""
        generated = super().default_schema(schema)
        if generated.get("default", ...) is None:
            del generated["default"]
        return generated

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        """Keys that fit no pattern are refused by the reader, so they are here."""
        generated = super().dict_schema(schema)
        if "patternProperties" in generated:
            generated["additionalProperties"] = False
        return generated
