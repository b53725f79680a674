# SPDX-License-Identifier: Apache-2.0
"""Inventory snapshots and Gait's coverage reports (Gait contract 7.1).

Items come from a textual scan and carry local paths: the same id in two repositories means the same name, nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from gaitops.gait.artifacts.documents import HEAD, Format, expect_digest
from gaitops.gait.artifacts.facts import InventoryFacts, InventoryItemFacts, OtherFacts
from gaitops.gait.artifacts.fields import (
    RELATIONSHIP,
    Integer,
    Number,
    Obj,
    Objs,
    Spec,
    Text,
    Texts,
    checked,
    extras,
)
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Notes, Source, number, objects, text, texts
from gaitops.gait.artifacts.times import moment

_ITEM: Final = Spec(
    id=Text(always=True),
    kind=Text(always=True),
    name=Text(always=True),
    locator=Text(always=True),
    risk_level=Text(always=True),
    tags=Texts(always=True),
    last_seen_run=Text(),
    relationship=Obj(RELATIONSHIP),
)
INVENTORY_SNAPSHOT: Final = Format(
    "inventory_snapshot",
    "gait.scout.inventory_snapshot",
    Spec(
        **HEAD,
        snapshot_id=Text(always=True),
        workspace=Text(always=True),
        items=Objs(_ITEM, always=True),
    ),
)
COVERAGE_REPORT: Final = Spec(
    snapshot_id=Text(always=True),
    discovered_tools=Integer(always=True),
    gated_tools=Integer(always=True),
    high_risk_ungated_tools=Integer(always=True),
    coverage_percent=Number(always=True),
    policy_digests=Texts(),
    discovered_tool_names=Texts(),
    gated_tool_names=Texts(),
    high_risk_ungated_tool_ids=Texts(),
)


def snapshot_id(workspace: str, items: Iterable[InventoryItemFacts]) -> str:
    """The id of a snapshot: a digest over its root path and items, so that it means nothing elsewhere (contract 7.1)."""
    hashed = hashlib.sha256(workspace.encode() + b"\0")
    for item in items:
        for part in (item.item_id, item.item_kind, item.name, item.locator, item.risk_level, *item.tags):
            hashed.update(part.encode() + b"\0")
        hashed.update(b"\xff")
    return f"snap_{hashed.hexdigest()[:12]}"


def read(source: Source) -> Inspection:
    """Judge an inventory snapshot."""
    value, notes = INVENTORY_SNAPSHOT.opened(source)
    items = tuple(_item(entry) for entry in objects(value, "items"))
    facts = InventoryFacts(
        snapshot_id=text(value, "snapshot_id"),
        workspace=text(value, "workspace"),
        created_at=moment(value.get("created_at")),
        producer_version=text(value, "producer_version"),
        items=items,
    )
    derived = snapshot_id(facts.workspace, items)
    if facts.snapshot_id != derived:
        notes.forged("inventory.snapshot_id_mismatch", f"the items give the id {derived}")
    if len({item.item_id for item in items}) < len(items):
        notes.forged("inventory.duplicate_item", "two items have one id")
    return notes.conclude("inventory_snapshot", source, ids={"snapshot_id": facts.snapshot_id}, facts=facts)


def read_coverage(source: Source) -> Inspection:
    """Judge a coverage report, which has no schema id, no time and no producer."""
    value = checked(COVERAGE_REPORT, source.document)
    notes = Notes()
    notes.extras(extras(COVERAGE_REPORT, value))
    for digest in texts(value, "policy_digests"):
        expect_digest(notes, {"policy_digests": digest}, "policy_digests")
    if not _adds_up(value):
        notes.forged("coverage.inconsistent", "the counts, the share and the lists do not agree")
    return notes.conclude(
        "coverage_report",
        source,
        ids={"snapshot_id": value.get("snapshot_id")},
        facts=OtherFacts("", None, ""),
    )


def _item(entry: Mapping[str, object]) -> InventoryItemFacts:
    return InventoryItemFacts(
        item_id=text(entry, "id"),
        item_kind=text(entry, "kind"),
        name=text(entry, "name"),
        locator=text(entry, "locator"),
        risk_level=text(entry, "risk_level"),
        tags=texts(entry, "tags"),
        last_seen_run=text(entry, "last_seen_run"),
    )


def _adds_up(value: Mapping[str, object]) -> bool:
    found, gated = number(value, "discovered_tools"), number(value, "gated_tools")
    risky = number(value, "high_risk_ungated_tools")
    percent = value.get("coverage_percent")
    share = gated / found * 100 if found else 100.0
    return (
        0 <= gated <= found
        and 0 <= risky <= found - gated
        and risky == len(texts(value, "high_risk_ungated_tool_ids"))
        and isinstance(percent, (int, float))
        and abs(percent - share) < 0.01
    )
