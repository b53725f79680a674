# SPDX-License-Identifier: Apache-2.0
"""The kill switch of one machine (Gait contract 9.2).

The state is unsigned and local: that it lies in an archive does not say that any gate reads it. Selectors of an entry
are combined with *and*, so that an entry without any stops everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gaitops.gait.artifacts.documents import HEAD, Format
from gaitops.gait.artifacts.fields import Flag, Objs, Spec, Text, Texts, Time
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Source, objects, text, texts

_TEXT_SELECTORS: Final = (
    "agent_id",
    "identity",
    "tool_name",
    "target_kind",
    "target_value",
    "environment",
)
_LIST_SELECTORS: Final = ("path_prefixes", "workspace_prefixes")
KILL_SWITCH_STATE: Final = Format(
    "kill_switch_state",
    "gait.gate.kill_switch_state",
    Spec(
        **HEAD,
        updated_at=Time(),
        entries=Objs(
            Spec(
                entry_id=Text(always=True),
                enabled=Flag(always=True),
                **{name: Text() for name in _TEXT_SELECTORS},
                **{name: Texts() for name in _LIST_SELECTORS},
                reason=Text(),
                actor=Text(),
                created_at=Time(),
                expires_at=Time(),
            ),
            always=True,
        ),
    ),
)


def read(source: Source) -> Inspection:
    """Judge a kill switch state. Whether an entry has expired depends on when somebody asks."""
    value, notes = KILL_SWITCH_STATE.opened(source)
    entries = objects(value, "entries")
    enabled = [entry for entry in entries if entry.get("enabled") is True]
    if len({text(entry, "entry_id") for entry in entries}) < len(entries):
        notes.forged("kill_switch.duplicate_entry", "two entries have one id")
    if enabled:
        notes.notes("kill_switch.enabled", f"{len(enabled)} of {len(entries)} entries are enabled")
    if any(not _selects(entry) for entry in enabled):
        notes.notes("kill_switch.stops_everything", "an enabled entry has no selector: it matches every call")
    return KILL_SWITCH_STATE.concluded(source, value, notes)


def _selects(entry: Mapping[str, object]) -> bool:
    return any(text(entry, name) for name in _TEXT_SELECTORS) or any(
        texts(entry, name) for name in _LIST_SELECTORS
    )
