# SPDX-License-Identifier: Apache-2.0
"""What the readers of plain JSON documents share: the head that every artifact has, and the way from bytes to notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.digests import HEX_DIGEST
from gaitops.gait.artifacts.facts import OtherFacts
from gaitops.gait.artifacts.fields import Field, Spec, Text, Time, checked, extras
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Notes, Source, text
from gaitops.gait.artifacts.strict import shown, unknown_members
from gaitops.gait.artifacts.times import moment
from gaitops.gait.quoting import quote

HEAD: Final[Mapping[str, Field]] = {
    "schema_id": Text(always=True),
    "schema_version": Text(always=True),
    "created_at": Time(),
    "producer_version": Text(always=True),
}
"""The first members of everything that Gait writes (contract 13)."""
VERDICTS: Final = frozenset({"allow", "block", "dry_run", "require_approval"})
"""Contract 1.2."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of unsigned document."""

    kind: str
    schema_id: str
    spec: Spec
    version: str = "1.0.0"
    strict: bool = False
    """Whether Gait's own reader refuses members that it does not know (contract 0.4)."""

    def opened(self, source: Source) -> tuple[dict[str, object], Notes]:
        """The document with checked types, and notes that know of its schema and of members to ignore."""
        value = checked(self.spec, source.document)
        notes = Notes()
        notes.expect_schema(value, self.schema_id, self.version)
        if self.strict:
            refuse_unknown(notes, self.spec, value)
        else:
            notes.extras(extras(self.spec, value))
        return value, notes

    def concluded(
        self,
        source: Source,
        value: Mapping[str, object],
        notes: Notes,
        *,
        ids: Iterable[str] = (),
        digests: Mapping[str, object] | None = None,
    ) -> Inspection:
        """The inspection of a format of which only identifiers and digests are indexed; ``ids`` names members."""
        return notes.conclude(
            self.kind,
            source,
            ids={name: value.get(name) for name in ids},
            digests=digests,
            facts=other_facts(value),
        )


def other_facts(value: Mapping[str, object]) -> OtherFacts:
    """The head of a checked document."""
    return OtherFacts(
        schema_id=text(value, "schema_id"),
        created_at=moment(value.get("created_at")),
        producer_version=text(value, "producer_version"),
    )


def refuse_unknown(notes: Notes, spec: Spec, value: Mapping[str, object]) -> None:
    """Say that Gait's strict reader refuses the document for members that it does not know; they are ignored here."""
    if names := shown(unknown_members(spec, value)):
        notes.only_gait("artifact.unknown_member", f"Gait's reader refuses unknown members: {names}")


def expect_word(notes: Notes, value: Mapping[str, object], name: str, words: Iterable[str]) -> None:
    """A member that Gait only ever fills with one of ``words``."""
    if (found := text(value, name)) not in words:
        notes.forged("artifact.word", f"{name} is {quote(found)}, which Gait does not write")


def expect_digest(notes: Notes, value: Mapping[str, object], *names: str, optional: bool = False) -> None:
    """Members that are digests as Gait writes them: 64 hex digits in lower case, without prefix (contract 0.1)."""
    for name in names:
        found = text(value, name)
        if HEX_DIGEST.fullmatch(found) is None and not (optional and not found):
            notes.forged("artifact.digest_shape", f"{name} is {quote(found)}, which is not a digest")
