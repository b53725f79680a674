# SPDX-License-Identifier: Apache-2.0
"""Registry packs, and Gait's verification reports of them (Gait contract 9.1).

A pack is a signed list of files by digest; nobody fetches or hashes the files. Type, publisher and source are lowered
before the digest, so their case is not signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.digests import bare, digest_or_none
from gaitops.gait.artifacts.documents import HEAD, Format, expect_digest, expect_word, other_facts
from gaitops.gait.artifacts.fields import (
    SIGNATURE,
    Flag,
    Free,
    Objs,
    Spec,
    Text,
    Texts,
    checked,
    extras,
    project,
)
from gaitops.gait.artifacts.model import Inspection, Keyring, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, objects, text
from gaitops.gait.artifacts.signatures import Judgement, judge_digests, signatures_of
from gaitops.gait.go_text import lower

PACK_SCHEMA: Final = "gait.registry.pack"
LOWERED: Final = ("pack_type", "publisher", "source")
"""Members that Gait lowers before it digests."""
REGISTRY_PACK: Final = Spec(
    **HEAD,
    pack_name=Text(always=True),
    pack_version=Text(always=True),
    pack_type=Text(),
    publisher=Text(),
    source=Text(),
    risk_class=Text(),
    use_case=Text(),
    compatibility=Texts(),
    provenance=Free(),
    artifacts=Objs(Spec(path=Text(always=True), sha256=Text(always=True), media_type=Text()), always=True),
    signatures=Objs(SIGNATURE),
)
REGISTRY_VERIFICATION: Final = Format(
    "registry_verification",
    "gait.registry.verification_report",
    Spec(
        **HEAD,
        pack_name=Text(always=True),
        pack_version=Text(always=True),
        digest=Text(always=True),
        metadata_path=Text(always=True),
        pin_path=Text(),
        pin_digest=Text(),
        pin_present=Flag(always=True),
        pin_verified=Flag(always=True),
        signature_verified=Flag(always=True),
        publisher=Text(),
        source=Text(),
        publisher_allowed=Flag(always=True),
        status=Text(always=True),
        failure_reasons=Texts(),
    ),
)


@dataclass(frozen=True, slots=True)
class PackJudgement:
    """What the signatures of a registry pack say, and the digest that a pin would hold."""

    signatures: Judgement
    digest: str | None
    """Of what is signed; of the whole content where nothing is. ``None`` when it has no canonical form."""


def judge_pack(pack: Mapping[str, object], keys: Keyring) -> PackJudgement:
    """Judge the signatures of a pack, whose members are checked by :data:`REGISTRY_PACK`."""
    content = {
        name: lower(item) if name in LOWERED and type(item) is str else item
        for name, item in pack.items()
        if name != "signatures"
    }
    whole, known = digest_or_none(content), digest_or_none(project(REGISTRY_PACK, content))
    judgement = judge_digests(signatures_of(pack, "signatures"), (whole, known), keys)
    if judgement.verdict is not Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS:
        return PackJudgement(judgement, whole)
    unsigned = extras(REGISTRY_PACK, content)
    return PackJudgement(Judgement(judgement.verdict, judgement.findings, judgement.key_id, unsigned), known)


def read_pack(source: Source) -> Inspection:
    """Judge a registry pack. Its files are not looked at."""
    pack = checked(REGISTRY_PACK, source.document)
    judged = judge_pack(pack, source.keys)
    notes = Notes(judged.signatures)
    notes.expect_schema(pack, PACK_SCHEMA)
    for file in objects(pack, "artifacts"):
        expect_digest(notes, file, "sha256")
    return notes.conclude(
        "registry_pack",
        source,
        ids={name: pack.get(name) for name in ("pack_name", "pack_version")},
        digests={"pack_digest": judged.digest},
        facts=other_facts(pack),
    )


def read_verification(source: Source) -> Inspection:
    """Judge a verification report, which is Gait's word and unsigned."""
    value, notes = REGISTRY_VERIFICATION.opened(source)
    expect_word(notes, value, "status", ("pass", "fail"))
    unpinned = value.get("pin_present") is True and value.get("pin_verified") is not True
    good = value.get("signature_verified") is True and value.get("publisher_allowed") is True and not unpinned
    if text(value, "status") == "pass" and not good:
        notes.forged("registry.status_mismatch", "the report says pass, and one of its checks failed")
    return REGISTRY_VERIFICATION.concluded(
        source,
        value,
        notes,
        ids=("pack_name", "pack_version"),
        digests={"pack_digest": bare(value.get("digest")), "pin_digest": bare(value.get("pin_digest"))},
    )
