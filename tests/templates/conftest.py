# SPDX-License-Identifier: Apache-2.0
"""A fleet of three people and two organizations, from which the templates are rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.scaffold.parameters import FleetParameters, FleetPerson

Make = Callable[..., FleetParameters]


def _public_key(seed: int) -> str:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def make() -> Make:
    """Builds parameters: three people, threshold two, unless a test says otherwise."""
    people = (
        FleetPerson("dana", _public_key(1), ("dana@example.com", "dana@users.noreply.github.com")),
        FleetPerson("lee", _public_key(2)),
        FleetPerson("sam", _public_key(3), ("sam@example.com",)),
    )
    usual = {
        "fleet": "acme",
        "people": people,
        "threshold": 2,
        "publishers": ("publisher-1", "publisher-2"),
        "trust_root": "ab" * 32,
        "version": "0.1.0",
        "orgs": ("payments", "search"),
    }

    def build(**changes: Any) -> FleetParameters:
        return FleetParameters(**{**usual, **changes})

    return build


@pytest.fixture
def parameters(make: Make) -> FleetParameters:
    """The usual fleet."""
    return make()


@pytest.fixture
def renamed(parameters: FleetParameters) -> Callable[[str], tuple[FleetPerson, ...]]:
    """The usual people with another name for the first."""

    def rename(name: str) -> tuple[FleetPerson, ...]:
        return (replace(parameters.people[0], name=name), *parameters.people[1:])

    return rename
