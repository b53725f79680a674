# SPDX-License-Identifier: Apache-2.0
"""Confirmation comes from a person or from ``--yes``, never from silence."""

from __future__ import annotations

import click
import pytest

from gaitops.cli import asking
from gaitops.errors import InvalidInputError


def test_yes_asks_nobody() -> None:
    """``--yes`` is an answer."""
    asking.confirm("Really?", yes=True)


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal and without ``--yes`` nothing is done."""
    monkeypatch.setattr(asking, "at_terminal", lambda: False)
    with pytest.raises(InvalidInputError, match=r"cli\.confirmation"):
        asking.confirm("Really?", yes=False)
    assert asking.passphrase_asker() is None


@pytest.mark.parametrize(("answer", "accepted"), [("y", True), ("n", False), ("", False)])
def test_a_person_decides(monkeypatch: pytest.MonkeyPatch, answer: str, accepted: bool) -> None:
    """Only an explicit yes goes on."""
    monkeypatch.setattr(asking, "at_terminal", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer)
    if accepted:
        asking.confirm("Really?", yes=False)
    else:
        with pytest.raises(click.Abort):
            asking.confirm("Really?", yes=False)
