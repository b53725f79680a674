# SPDX-License-Identifier: Apache-2.0
"""The Gait vectors, as parameters of tests."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

VECTORS = Path(__file__).parent.parent / "vectors" / "gait"


@dataclass(frozen=True)
class PolicyVector:
    """A policy text and what ``gait policy validate`` said about it."""

    name: str
    data: bytes
    ok: bool
    digest: str | None
    may_abstain: bool


def _policy_vectors() -> list[PolicyVector]:
    vectors = []
    for file in ("policies.jsonl", "realistic_policies.jsonl"):
        for line in (VECTORS / file).read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            text = item["yaml"]
            data = base64.b64decode(item["yaml_b64"]) if text is None else text.encode()
            digest = item.get("policy_digest") or None
            vectors.append(
                PolicyVector(item["name"], data, item["ok"], digest, item.get("may_abstain", False))
            )
    return vectors


POLICY_VECTORS = _policy_vectors()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that asks for ``policy_vector`` all of them."""
    if "policy_vector" in metafunc.fixturenames:
        metafunc.parametrize("policy_vector", POLICY_VECTORS, ids=[vector.name for vector in POLICY_VECTORS])


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Folder of the Gait vectors."""
    return VECTORS


@pytest.fixture(scope="session")
def accepted_policies() -> dict[str, bytes]:
    """All policy texts that Gait accepts and that must be read, by name."""
    return {vector.name: vector.data for vector in POLICY_VECTORS if vector.ok and not vector.may_abstain}
