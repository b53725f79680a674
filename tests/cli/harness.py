# SPDX-License-Identifier: Apache-2.0
"""What a test sees of one run of the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jsonschema

from gaitops.cli import output_schemas


@dataclass(frozen=True)
class Run:
    """Exit code and output of one run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on standard output, valid against the schema that it names."""
        document: dict[str, Any] = json.loads(self.out)
        name = document["schema"].rpartition("/")[2].removesuffix(output_schemas.SUFFIX)
        jsonschema.Draft202012Validator(output_schemas.load(name)).validate(document)
        return document

    @property
    def codes(self) -> list[str]:
        """The codes of the problems in the JSON document, in order."""
        return [problem["code"] for problem in self.json["problems"]]


class Invoke(Protocol):
    """The ``gaitops`` fixture."""

    def __call__(self, *arguments: str | Path, stdin: str | None = None) -> Run:
        """Run ``gaitops`` with these arguments."""
