# SPDX-License-Identifier: Apache-2.0
"""in-toto Statement v1: which bytes (subjects, by digest) a predicate is about.

Source: in-toto attestation framework, spec/v1/statement.md and resource_descriptor.md. As that asks, members
that are not known are ignored on reading; the digests of what is known are not negotiable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError
from gaitops.signing.canonical import canonical_json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""``payloadType`` of the DSSE envelope around a statement."""

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that exists, named for people and identified by its digests (algorithm to lowercase hex)."""

    name: str
    digest: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """A predicate about subjects. Frozen; nobody changes the mappings inside."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, object] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The payload to sign: canonical JSON.

        Raises:
            InvalidInputError: ``json.not_canonical`` or ``statement.malformed``.
        """
        value = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": subject.name, "digest": dict(subject.digest)} for subject in self.subjects],
            "predicateType": self.predicate_type,
            "predicate": dict(self.predicate),
        }
        _from_value(value, "statement")
        return canonical_json(value)


def parse_statement(payload: bytes, path: str = "statement") -> Statement:
    """Read a statement that somebody signed. ``path`` is where it came from, for messages.

    Raises:
        InvalidInputError: ``statement.malformed``, or a ``document.*`` code of the strict JSON reader.
    """
    return _from_value(strict_json.loads(payload, path), path)


def _from_value(value: object, path: str) -> Statement:
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE:
        raise _malformed(path, "_type", f"expected a statement of type {STATEMENT_TYPE}")
    predicate_type = value.get("predicateType")
    if not isinstance(predicate_type, str) or not predicate_type:
        raise _malformed(path, "predicateType", "expected the URI of a predicate type")
    subjects = value.get("subject")
    if not isinstance(subjects, list) or not subjects:
        raise _malformed(path, "subject", "expected at least one subject")
    predicate = value.get("predicate", {})
    if not isinstance(predicate, dict):
        raise _malformed(path, "predicate", "expected an object")
    read = tuple(_subject(subject, f"subject[{index}]", path) for index, subject in enumerate(subjects))
    return Statement(read, predicate_type, predicate)


def _subject(value: object, where: str, path: str) -> Subject:
    name = value.get("name", "") if isinstance(value, dict) else None
    digest = value.get("digest") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise _malformed(path, f"{where}.name", "expected a subject with a name in text")
    if not isinstance(digest, dict) or not digest:
        raise _malformed(path, f"{where}.digest", "expected at least one digest")
    if not all(isinstance(value, str) and _HEX.fullmatch(value) for value in digest.values()):
        raise _malformed(path, f"{where}.digest", "expected digests in lowercase hex")
    return Subject(name, cast("dict[str, str]", digest))


def _malformed(path: str, field_path: str, message: str) -> InvalidInputError:
    return InvalidInputError.of("statement.malformed", message, path=path, field=field_path)
