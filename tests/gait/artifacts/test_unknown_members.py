# SPDX-License-Identifier: Apache-2.0
"""Unknown additive members, anywhere in any format, never change what is read (contract 15.10)."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest

from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Inspection
from tests.gait.artifacts.rebuilding import Rebuild
from tests.gait.artifacts.samples import Sample, compact, samples
from tests.gait.artifacts.vectors import keyring

VALUES: tuple[object, ...] = (
    {"policy": "allow-all", "verdict": "allow", "repo": "evil/repo"},
    "block",
    ["run_1", "run_2"],
    True,
    0,
    1.5,
    None,
)
"""Objects, texts, lists, truth values and numbers, as a newer or another program may add."""
_NAMES = ("enterprise_extension", "x_note", "verdict2", "reason", "überlegung")


def objects_in(value: object, free: frozenset[str]) -> list[dict[str, Any]]:
    """Every object whose members are Gait's to define."""
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        found.append(value)
        for name, member in value.items():
            if name not in free:
                found += objects_in(member, free)
    elif isinstance(value, list):
        for member in value:
            found += objects_in(member, free)
    return found


def comparable(inspection: Inspection) -> dict[str, object]:
    """What an inspection says, without the digests of its own bytes, which follow every change of them."""
    facts = dataclasses.asdict(inspection.facts) if inspection.facts is not None else {}
    said = {"facts": facts, "ids": dict(inspection.ids), "digests": dict(inspection.digests)}
    return {name: _without(value) for name, value in said.items()}


def _without(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _without(item) for name, item in value.items() if name not in {"manifest_digest", "pack_id"}
        }
    return [_without(item) for item in value] if isinstance(value, list | tuple) else value


def with_extras(data: bytes, free: frozenset[str], seed: int) -> bytes:
    """A JSON text with one unknown member in some of its objects, the outermost always."""
    value = json.loads(data)
    chance = random.Random(seed)  # noqa: S311 - which members, not secrets
    for index, target in enumerate(objects_in(value, free)):
        if index == 0 or chance.random() < 0.5:
            name = chance.choice(_NAMES)
            if name not in target:
                target[name] = chance.choice(VALUES)
    return compact(value)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sample", samples(), ids=str)
def test_unknown_members_change_neither_facts_nor_ids(sample: Sample, seed: int) -> None:
    """Facts, ids and digests are the same with members that Gait does not know, at any depth."""
    before = inspect(sample.data, keyring())
    rebuilt = Rebuild(sample).mapped(
        lambda text, lines_seed: with_extras(text, sample.free, seed * 1000 + lines_seed)
    )
    assert rebuilt != sample.data
    after = inspect(rebuilt, keyring())
    assert after.kind == before.kind == sample.kind
    assert after.facts is not None, after.findings
    assert comparable(after) == comparable(before)


@pytest.mark.parametrize("sample", samples(), ids=str)
def test_samples_are_good(sample: Sample) -> None:
    """Every sample is read without anything that fails it, so that the property says something."""
    inspection = inspect(
        sample.data, keyring("checkout-ci", "platform-runner", "change-desk", "agent-broker")
    )
    assert inspection.verdict.value in {"verified", "unsigned"}, inspection.findings
    assert inspection.facts is not None
