# SPDX-License-Identifier: Apache-2.0
"""What every reader gets, and how it makes an inspection of what it finds.

A reader looks like this::

    def read(source: Source) -> Inspection:
        value = checked(TOKEN, source.document)
        judgement = judge(value, TOKEN, source.keys)
        notes = Notes(judgement)
        notes.expect_schema(value, "gait.gate.approval_token")
        if token_id(value) != value.get("token_id"):
            notes.forged("token.id_mismatch", "token_id is not derived from the fields")
        return notes.conclude("approval_token", source, ids={...}, digests={...}, facts=TokenFacts(...))

It may raise :class:`~gaitops.gait.artifacts.refusals.ArtifactError`: whoever called it turns that into a rejected or failed
inspection without facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gaitops.gait.artifacts.archive import Archive
from gaitops.gait.artifacts.facts import Facts
from gaitops.gait.artifacts.limits import MAX_NESTED_ARTIFACTS
from gaitops.gait.artifacts.model import (
    PROVEN,
    Buffer,
    Effect,
    Finding,
    Inspection,
    Keyring,
    Neighbours,
    Verdict,
)
from gaitops.gait.artifacts.refusals import ArtifactError, RejectedError
from gaitops.gait.artifacts.signatures import Judgement
from gaitops.gait.quoting import quote

UNSIGNED: Final = Judgement(Verdict.UNSIGNED, (), None)
"""For formats that Gait never signs."""
_MAX_FINDINGS: Final = 100
"""More are not kept: a hostile artifact must not flood whoever reads about it."""
_MAX_ID_LENGTH: Final = 200


@dataclass(slots=True)
class Source:
    """The bytes of one artifact, read as far as the kind needs, with everything a verdict depends on.

    Not frozen, because making one is felt at the rate of traces; only :mod:`~gaitops.gait.artifacts.inspect` fills it in.
    """

    data: Buffer
    sha256: str
    keys: Keyring
    neighbours: Neighbours | None = None
    parsed: dict[str, object] | None = None
    """The JSON object, when the artifact is one document."""
    opened: Archive | None = None
    """The archive, when it is one; its structure is checked."""
    depth: int = 1
    """1 for what was collected, 2 for what lies inside it."""

    @property
    def document(self) -> dict[str, object]:
        """The JSON object.

        Raises:
            RejectedError: ``artifact.not_a_document``.
        """
        if self.parsed is None:
            raise RejectedError("artifact.not_a_document", "expected one JSON object")
        return self.parsed

    @property
    def archive(self) -> Archive:
        """The zip archive.

        Raises:
            RejectedError: ``artifact.not_an_archive``.
        """
        if self.opened is None:
            raise RejectedError("artifact.not_an_archive", "expected a zip archive")
        return self.opened

    def inside(self, data: Buffer) -> Source:
        """A source for an artifact that lies inside this one, with the same keys.

        Raises:
            RejectedError: ``artifact.nested_too_deep``.
        """
        if self.depth >= MAX_NESTED_ARTIFACTS:
            message = f"artifacts lie more than {MAX_NESTED_ARTIFACTS} deep in each other"
            raise RejectedError("artifact.nested_too_deep", message, gait=False)
        return replace(
            self, data=data, sha256=sha256_of(data), parsed=None, opened=None, depth=self.depth + 1
        )


class Notes:
    """Collects what a reader notices, and decides the verdict by it.

    The worst counts: rejected, failed, then what the signatures say. Gait's verdict is decided alike from what Gait
    checks itself.

    Args:
        judgement: what the signatures say.
        gait: what Gait makes of the signatures, where that is something else.
    """

    def __init__(self, judgement: Judgement = UNSIGNED, *, gait: Verdict | None = None) -> None:
        self.judgement = judgement
        self._base = judgement.verdict
        self._gait_base = gait or judgement.verdict
        self._effects: set[Effect] = set()
        self._gait_effects: set[Effect] = set()
        self.findings: list[Finding] = []
        for finding in judgement.findings:
            self.add(finding)
        if judgement.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS:
            # Where no single member is to blame, the content merely is in another spelling.
            self.extras(judgement.extras or ("(spelling)",))

    @property
    def proven(self) -> bool:
        """Whether a registered key signed the artifact and nothing said so far contradicts it."""
        return self._base in PROVEN and not self._effects

    def add(self, finding: Finding) -> None:
        """Keep a finding and what follows from it."""
        if finding.effect is not Effect.NOTES:
            self._effects.add(finding.effect)
            if finding.gait:
                self._gait_effects.add(finding.effect)
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(finding)

    def rejects(self, code: str, message: str, *, gait: bool = False) -> None:
        """The artifact is ambiguous, unsafe or not what Gait writes."""
        self.add(Finding(code, message, Effect.REJECTS, gait))

    def fails(self, code: str, message: str, *, gait: bool = False) -> None:
        """What is signed or hashed does not hold; ``gait`` when Gait checks it too."""
        self.add(Finding(code, message, Effect.FAILS, gait))

    def notes(self, code: str, message: str) -> None:
        """Worth knowing, and no reason to disbelieve."""
        self.add(Finding(code, message))

    def only_gait(self, code: str, message: str, effect: Effect = Effect.FAILS) -> None:
        """Gait refuses it and gaitops does not: an unknown member where Gait's reader is strict, say."""
        self._gait_effects.add(effect)
        self.add(Finding(code, message, Effect.NOTES, gait=True))

    def forged(self, code: str, message: str) -> None:
        """Not what Gait writes, which Gait does not check.

        Validly signed it cannot come from Gait, so it is rejected. Without a valid signature it is merely not intact.
        """
        effect = Effect.REJECTS if self._base in PROVEN else Effect.FAILS
        self.add(Finding(code, message, effect))

    def expect_schema(
        self, value: Mapping[str, object], schema_id: str, version: str = "1.0.0", *, gait: bool = False
    ) -> None:
        """Schema id and version must be these; ``gait`` where Gait compares them too.

        An artifact whose signature does not hold has failed already: then this is only worth a note.
        """
        for name, expected in (("schema_id", schema_id), ("schema_version", version)):
            if value.get(name) != expected:
                message = f"{name} is {quote(str(value.get(name)))}, not {expected}"
                effect = Effect.NOTES if self._base is Verdict.FAILED and not gait else Effect.REJECTS
                self.add(Finding("artifact.schema", message, effect, gait))

    def extras(self, paths: Iterable[str], *, where: str = "artifact") -> None:
        """Members that nobody signed or nobody knows: reported, never used."""
        names = sorted(set(paths))
        if names:
            shown = ", ".join(quote(name) for name in names[:5]) + (", …" if len(names) > 5 else "")
            self.notes(
                "artifact.unsigned_extras",
                f"ignored, and not covered by what Gait checks in the {where}: {shown}",
            )
            self._base = _with_extras(self._base)
            self._gait_base = _with_extras(self._gait_base)

    def verdict(self) -> Verdict:
        """The verdict by everything said so far."""
        return _worst(self._effects, self._base)

    def conclude(
        self,
        kind: str,
        source: Source,
        *,
        ids: Mapping[str, object] | None = None,
        digests: Mapping[str, object] | None = None,
        facts: Facts | None = None,
        members: tuple[Inspection, ...] = (),
    ) -> Inspection:
        """The inspection; ids and digests that are empty or no text are left out, and facts of what is rejected."""
        verdict = self.verdict()
        return Inspection(
            kind=kind,
            verdict=verdict,
            gait_verdict=_worst(self._gait_effects, self._gait_base),
            sha256=source.sha256,
            size=len(source.data),
            findings=tuple(self.findings),
            ids=_texts(ids or {}),
            digests=_texts(digests or {}),
            key_id=self.judgement.key_id,
            facts=None if verdict is Verdict.REJECTED else facts,
            members=members,
        )


def refused(kind: str, source: Source, error: ArtifactError) -> Inspection:
    """The inspection of an artifact that could not be read to its end.

    What Gait would have made of the rest is not known here, so its verdict is *rejected* as well, even where the finding says
    that Gait does not stop at it.
    """
    notes = Notes(gait=Verdict.REJECTED)
    notes.add(error.finding())
    return notes.conclude(kind, source)


def sha256_of(data: Buffer) -> str:
    """Lower-case hex SHA-256 of the bytes."""
    return hashlib.sha256(data).hexdigest()


def text(value: Mapping[str, object], name: str) -> str:
    """A member that is a text, or empty; for values whose types are checked."""
    found = value.get(name)
    return found if type(found) is str else ""


def texts(value: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A member that is a list of texts; empty when absent or ``null``."""
    found = value.get(name)
    return tuple(item or "" for item in found) if type(found) is list else ()


def objects(value: Mapping[str, object], name: str) -> tuple[dict[str, object], ...]:
    """A member that is a list of objects; empty when absent or ``null``, and ``null`` elements are empty objects."""
    found = value.get(name)
    return tuple(item or {} for item in found) if type(found) is list else ()


def member(value: Mapping[str, object], name: str) -> dict[str, object]:
    """A member that is an object; empty when absent or ``null``."""
    found = value.get(name)
    return found if type(found) is dict else {}


def number(value: Mapping[str, object], name: str) -> int:
    """A member that is a whole number; 0 when absent or ``null``."""
    found = value.get(name)
    return found if type(found) is int else 0


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: item[:_MAX_ID_LENGTH] for name, item in values.items() if type(item) is str and item}


def _with_extras(verdict: Verdict) -> Verdict:
    return Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS if verdict is Verdict.VERIFIED else verdict


def _worst(effects: set[Effect], base: Verdict) -> Verdict:
    if Effect.REJECTS in effects:
        return Verdict.REJECTED
    return Verdict.FAILED if Effect.FAILS in effects else base
