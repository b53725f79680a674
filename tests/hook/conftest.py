# SPDX-License-Identifier: Apache-2.0
"""A fleet, and a Git server that guards its branch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import simulator
from tests.hook.server import Server
from tests.simulator import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A verified fleet with the organization ``acme``, founded six hours ago by the clock that the hook reads."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    monkeypatch.setattr(simulator, "START", start)
    return World(tmp_path / "fleet")


@pytest.fixture
def server(tmp_path: Path, world: World) -> Server:
    """A bare repository that holds the fleet, with the hook installed and its set-up tested."""
    server = Server(tmp_path, world.trust_root)
    assert server.push(world, "main").accepted
    server.install()
    code, document = server.hook()
    assert (code, document["accepted"]) == (0, True)
    return server
