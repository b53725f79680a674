# SPDX-License-Identifier: Apache-2.0
"""Gait's golden vectors for artifacts: lines with what is to be answered, and the registered keys."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gaitops.gait.artifacts.model import Inspection, Keyring
from gaitops.gait.gait_keys import GaitPublicKey, read_public_key

VECTORS = Path(__file__).parents[2] / "vectors" / "gait"
PRODUCERS = ("checkout-ci", "platform-runner")
"""Names of the registered producer keys."""
UNSIGNED_EXTRAS = "artifact.unsigned_extras"


@dataclass(frozen=True)
class Vector:
    """One line of a vector file with the bytes of its artifact."""

    line: dict[str, Any]
    data: bytes

    @property
    def name(self) -> str:
        """Name of the line, for the test's id."""
        return str(self.line["name"])

    @property
    def accepted(self) -> frozenset[str]:
        """Every right answer, in the words of the vectors."""
        return frozenset({self.line["expect"], *self.line.get("accept_also", ())})

    def judge(self, inspection: Inspection) -> None:
        """Assert that the inspection gives one of the right answers, and tells extras apart."""
        verdict = inspection.verdict.value
        extras = verdict == "verified_with_unsigned_extras"
        answer = "verified" if extras else verdict
        assert answer in self.accepted, inspection.findings
        if answer == "verified":
            assert extras == bool(self.line.get("unsigned_extras")), inspection.findings
        if self.line.get("unsigned_extras") and answer == self.line["expect"]:
            assert UNSIGNED_EXTRAS in codes(inspection)


def codes(inspection: Inspection) -> set[str]:
    """Codes of all findings."""
    return {finding.code for finding in inspection.findings}


@cache
def public_key(name: str) -> GaitPublicKey:
    """A public key of the vectors."""
    return read_public_key((VECTORS / "keys" / f"{name}_public.key").read_bytes())


@cache
def keyring(*names: str) -> Keyring:
    """A keyring of keys of the vectors; of the registered producers when none is named."""
    return Keyring(public_key(name) for name in names or PRODUCERS)


@cache
def lines(file: str) -> tuple[dict[str, Any], ...]:
    """The lines of a vector file."""
    return tuple(
        json.loads(line) for line in (VECTORS / file).read_text(encoding="utf-8").split("\n") if line
    )


@cache
def traces() -> tuple[Vector, ...]:
    """All traces."""
    return tuple(Vector(line, _text(line)) for line in lines("traces.jsonl"))


@cache
def archives(file: str) -> tuple[Vector, ...]:
    """All runpacks or packs, whose bytes lie in files."""
    return tuple(Vector(line, (VECTORS / line["file"]).read_bytes()) for line in lines(file))


def trace(name: str) -> Vector:
    """One trace by its name."""
    return next(vector for vector in traces() if vector.name == name)


def runpack(name: str) -> Vector:
    """One runpack by its name."""
    return next(vector for vector in archives("runpacks.jsonl") if vector.name == name)


def _text(line: dict[str, Any]) -> bytes:
    text = line.get("text")
    return base64.b64decode(line["text_b64"]) if text is None else str(text).encode()
