# SPDX-License-Identifier: Apache-2.0
"""Registries of approved scripts: entries that let known sequences of tools pass without asking again (contract 5.9).

Each entry has its own signature; the registry has none. It is as good as its worst entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, expect_digest, other_facts
from gaitops.gait.artifacts.fields import SIGNATURE, Obj, Objs, Spec, Text, Texts, Time, checked, extras
from gaitops.gait.artifacts.model import Inspection, Keyring, Verdict
from gaitops.gait.artifacts.reading import UNSIGNED, Notes, Source, objects, texts
from gaitops.gait.artifacts.signatures import Judgement, judge

SCRIPT_ENTRY: Final = Spec(
    **HEAD,
    pattern_id=Text(always=True),
    policy_digest=Text(always=True),
    script_hash=Text(always=True),
    tool_sequence=Texts(always=True),
    scope=Texts(),
    approver_identity=Text(always=True),
    expires_at=Time(),
    signature=Obj(SIGNATURE),
)
SCRIPT_REGISTRY: Final = Spec(entries=Objs(SCRIPT_ENTRY, always=True))
_FROM_WORST: Final = (
    Verdict.FAILED,
    Verdict.UNSIGNED,
    Verdict.UNVERIFIABLE,
    Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS,
    Verdict.VERIFIED,
)


def read(source: Source) -> Inspection:
    """Judge a registry, or one entry that was stored alone."""
    document = source.document
    alone = "pattern_id" in document
    registry = checked(SCRIPT_REGISTRY, {"entries": [document]} if alone else document)
    entries = objects(registry, "entries")
    judged = [(entry, judge(entry, SCRIPT_ENTRY, source.keys)) for entry in entries]
    notes = Notes(_together(judged))
    if not alone:
        notes.extras(name for name in extras(SCRIPT_REGISTRY, document) if "." not in name)
    for entry in entries:
        notes.expect_schema(entry, "gait.gate.approved_script_entry")
        expect_digest(notes, entry, "policy_digest", "script_hash")
        if "*" in texts(entry, "scope"):
            notes.notes("script.wildcard_scope", "an entry's scope is everything")
    only = entries[0] if len(entries) == 1 else {}
    return notes.conclude(
        "script_registry",
        source,
        ids={"pattern_id": only.get("pattern_id")},
        digests={
            "policy_digest": bare(only.get("policy_digest")),
            "script_hash": bare(only.get("script_hash")),
        },
        facts=other_facts(only),
    )


def judge_entry(entry: Mapping[str, object], keys: Keyring) -> Judgement:
    """What the signature of one entry says; Gait uses entries one by one.

    Raises:
        RejectedError: the entry does not have the types that Gait reads.
    """
    return judge(checked(SCRIPT_ENTRY, entry), SCRIPT_ENTRY, keys)


def _together(judged: list[tuple[dict[str, object], Judgement]]) -> Judgement:
    """One judgement over all entries: the worst verdict, and the key that all of them name, if it is one."""
    if not judged:
        return UNSIGNED
    verdicts = {judgement.verdict for _, judgement in judged}
    keys = {judgement.key_id for _, judgement in judged}
    return Judgement(
        verdict=next(verdict for verdict in _FROM_WORST if verdict in verdicts),
        findings=tuple(finding for _, judgement in judged for finding in judgement.findings),
        key_id=keys.pop() if len(keys) == 1 else None,
        extras=tuple(
            f"entries[{index}].{name}"
            for index, (_, judgement) in enumerate(judged)
            for name in judgement.extras
        ),
    )
