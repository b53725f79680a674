# SPDX-License-Identifier: Apache-2.0
"""The scripts of docs/server-hook.md, taken from the page and installed as they stand there."""

from __future__ import annotations

import re

import pytest

from tests.docs.source_tree import ROOT
from tests.history.stories import project
from tests.hook.server import GAITOPS, Server
from tests.simulator import World

SCRIPTS = re.findall(
    r"```sh\n(.*?)```", (ROOT / "docs" / "server-hook.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_of_the_page_work(server: Server, world: World, script: str) -> None:
    """Each script, with path and digest filled in, refuses what is not approved and accepts what is."""
    text = re.sub(r"^ +(?=#!|exec)|^ {3}", "", script, flags=re.MULTILINE)
    text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{world.trust_root}", text)
    (server.path / "hooks" / "pre-receive").write_text(text.replace("/opt/gaitops/bin/gaitops", str(GAITOPS)))
    world.commit(project(), by="alice")
    refused = server.push(world, "main")
    assert "[approval.quorum]" in refused.err
    world.commit(world.envelopes(world.signables("main", include_pending=True), "bob", "approve"), by="bob")
    accepted = server.push(world, "main")
    assert accepted.accepted, accepted.err


def test_the_page_has_both_scripts() -> None:
    """One for plain Git, and one for GitLab, whose pushers see only marked lines."""
    assert [("GL-HOOK-ERR" in script) for script in SCRIPTS] == [False, True]
