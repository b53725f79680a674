# SPDX-License-Identifier: Apache-2.0
"""Authorization bundles: digests of everything behind one decision (Gait contract 5.8).

A bundle has no signature and no lifetime of its own. Alone it is a list of claims; in a pack its evidence lies beside it,
and the linked trace carries a signature that Gait itself never looks at.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, VERDICTS, Format
from gaitops.gait.artifacts.fields import Obj, Object, Spec, Text
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.pack_rules import empties, not_a_digest, unset
from gaitops.gait.artifacts.reading import Source, text
from gaitops.gait.artifacts.trace import FREEZE_WINDOW, KILL_SWITCH, SANDBOX
from gaitops.gait.go_text import clean_path, lower, trim
from gaitops.gait.quoting import quote

SCHEMA_ID: Final = "gait.gate.authorization_bundle"
EVIDENCE: Final = (
    "trace",
    "approval_audit",
    "credential_evidence",
    "delegation_audit",
    "context_evidence",
    "outcome",
)
"""What a bundle may link to: each has a path and a digest."""

BUNDLE: Final = Spec(
    **HEAD,
    trace_id=Text(always=True),
    policy_digest=Text(always=True),
    intent_digest=Text(always=True),
    **{f"{name}_{part}": Text() for name in EVIDENCE for part in ("path", "digest")},
    outcome_status=Text(),
    freeze_window=Obj(FREEZE_WINDOW),
    kill_switch=Obj(KILL_SWITCH),
    sandbox=Obj(SANDBOX),
)


FORMAT: Final = Format("authorization_bundle", SCHEMA_ID, BUNDLE, strict=True)


@dataclass(frozen=True, slots=True)
class Link:
    """Evidence that a bundle names."""

    name: str
    """One of :data:`EVIDENCE`."""
    path: str
    """As written."""
    digest: str
    """As Gait compares it: trimmed and in lower case."""

    @property
    def member(self) -> str:
        """Where it lies in a pack; empty when the path leaves the folder of the evidence."""
        cleaned = clean_path(trim(self.path).replace("\\", "/"))
        if cleaned.startswith(("/", "../")) or cleaned in {".", ".."}:
            return ""
        return posixpath.join("evidence", cleaned)

    @property
    def is_json(self) -> bool:
        """Whether its digest is over canonical JSON, by the path that is written in the bundle (contract 5.8)."""
        return lower(posixpath.splitext(trim(self.path))[1]) == ".json"


def read(source: Source) -> Inspection:
    """A bundle outside a pack: its claims are well-formed or not, and there is nothing to compare them with."""
    bundle, notes = FORMAT.opened(source)
    for message in contract_problems(bundle):
        notes.fails("authorization.bundle_invalid", message, gait=True)
    for link in links(bundle):
        if not link.member:
            notes.fails("authorization.path_unsafe", f"{link.name}_path leaves the folder of the evidence")
    return FORMAT.concluded(source, bundle, notes, ids=("trace_id",), digests=digests(bundle))


def digests(bundle: Object) -> dict[str, str]:
    """The digests of a bundle to join on."""
    return {name: bare(text(bundle, name)) for name in ("policy_digest", "intent_digest")}


def links(bundle: Object) -> tuple[Link, ...]:
    """The evidence that a bundle names, in the order of :data:`EVIDENCE`."""
    found = ((name, text(bundle, f"{name}_path"), text(bundle, f"{name}_digest")) for name in EVIDENCE)
    return tuple(Link(name, path, lower(trim(digest))) for name, path, digest in found if trim(path))


def contract_problems(bundle: Object) -> Iterator[str]:
    """What Gait refuses in a bundle, apart from schema and evidence (contract 5.8)."""
    if unset(bundle, "created_at"):
        yield "the bundle has no created_at"
    yield from empties(bundle, ("trace_id", "trace_path", "trace_digest"), "the bundle")
    for name in ("policy_digest", "intent_digest"):
        yield from not_a_digest(bundle, name, "the bundle")
    status = text(bundle, "outcome_status")
    if trim(status):
        if status not in VERDICTS:
            yield f"the bundle has the outcome {quote(status)}, which Gait does not know"
        yield from empties(bundle, ("outcome_path", "outcome_digest"), "the bundle")
