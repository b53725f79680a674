# SPDX-License-Identifier: Apache-2.0
"""Pages for tests: the golden fleet's posture and signals, with artifacts that are named after what they prove."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from gaitops.report.site.document import Commands, posture_page
from gaitops.report.site.numbers import Evidence
from gaitops.report.site.proofs import ArtifactRef, Proof
from gaitops.signals.queue import queue
from tests.posture import larkspur
from tests.posture.test_larkspur import report
from tests.signals import larkspur as signals_of

COMMANDS = Commands(
    " --store evidence", "gaitops posture --store evidence", "gaitops signals show --store evidence"
)
Document = dict[str, Any]
LISTED = 3
"""Artifacts that these proofs list."""


@cache
def _posture() -> str:
    return json.dumps(report().to_json())


@cache
def _signals() -> str:
    text = json.dumps(queue(signals_of.evidence()).to_json())
    for name in larkspur.names():  # The signals' own tests name repositories as the vectors do.
        text = text.replace(f'"larkspur/{name}"', f'"{larkspur.repository(name)}"')
    return text


def posture() -> Document:
    """The golden fleet's posture; a new copy for whoever wants to change it."""
    found: Document = json.loads(_posture())
    return found


def signals() -> Document:
    """The golden fleet's queue of signals."""
    found: Document = json.loads(_signals())
    return found


def digest(text: str) -> str:
    """The digest of an artifact of these tests."""
    return hashlib.sha256(text.encode()).hexdigest()


def artifact(text: str, at: int = 0) -> ArtifactRef:
    """An artifact of these tests."""
    made = datetime(2026, 10, 18, 12, tzinfo=UTC) - timedelta(hours=at)
    return ArtifactRef(digest(text), "trace", "verified", made, f"s3://evidence/{text}")


def listed(selector: str) -> list[str]:
    """Digests that the proof of a selector lists, in order."""
    return [digest(f"{selector} {number}") for number in range(LISTED)]


def proof(selector: str) -> Proof:
    """Five artifacts behind every number, of which three are listed."""
    return Proof(5, tuple(artifact(f"{selector} {number}", number) for number in range(LISTED)))


def known(digests: Iterable[str]) -> dict[str, ArtifactRef]:
    """Every artifact that a signal names is known."""
    return {name: ArtifactRef(name, "runpack", "unsigned", None, "") for name in digests}


EVIDENCE = Evidence(proof, known)


_SAME = Proof(5, tuple(artifact(f"few {number}", number) for number in range(LISTED)))
FEW = Evidence(lambda _selector: _SAME, known)
"""The same artifacts behind every number."""


def page(
    posture_document: Document | None = None,
    signals_document: Document | None = None,
    evidence: Evidence = EVIDENCE,
) -> bytes:
    """A page; the golden fleet's without arguments."""
    return posture_page(posture_document or posture(), signals_document or signals(), evidence, COMMANDS)


def everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """A document with every string changed that is no key."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: everywhere(item, change) for key, item in value.items()}
    return [everywhere(item, change) for item in value] if isinstance(value, list) else value


def large(repositories: int) -> Document:
    """The golden fleet's posture with its repositories repeated in ten organizations."""
    document = posture()
    base = document["repositories"]
    document["repositories"] = [_repeated(base[at % len(base)], at) for at in range(repositories)]
    group = document["groups"]["organizations"][0]
    document["groups"]["organizations"] = [{**group, "name": f"org-{at}"} for at in range(10)]
    return document


def _repeated(repository: Document, at: int) -> Document:
    copy = deepcopy(repository)
    copy["org"] = f"org-{at % 10}"
    copy["repository"] = f"github.com/org-{at % 10}/{copy['name']}-{at:04d}"
    return copy
