# SPDX-License-Identifier: Apache-2.0
"""What hostile stories about rollouts share: an edge bent by hand, and the two places where it must be refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.attacks.story import VERIFIED, Commands
from tests.history.rollouts import PATH, Fleet


def refused(
    fleet: Fleet,
    commands: Commands,
    files: Mapping[str, bytes | str | None],
    code: str,
    *,
    by: str = "rosa",
    signed: bool = False,
    approvers: Sequence[str] = (),
) -> None:
    """``check`` refuses it as a pull request and ``verify`` after it was pushed; nothing of it is published.

    ``signed`` when nothing but authority is missing, so that it can be proposed, and approved by ``approvers``.
    """
    world = fleet.world
    world.commit(files, by=by, branch="attack")
    if signed:
        world.sign("attack", by, "propose")
    world.approve("attack", *approvers)
    run = commands.check(world, "attack")
    assert run.code != VERIFIED, run.out
    assert code in run.codes, run.codes
    world.merge("attack", by=by)
    commands.survives(world, code)


def changed(files: Mapping[str, str], edit: Mapping[str, Any], *, path: str = PATH) -> dict[str, str]:
    """Files of an edge with members of the status replaced."""
    body = json.loads(files[path])
    body["status"] |= edit
    return {**files, path: json.dumps(body, indent=2) + "\n"}
