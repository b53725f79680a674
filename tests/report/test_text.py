# SPDX-License-Identifier: Apache-2.0
"""Text for people can be styled, and can never be made to deceive by what documents contain."""

from __future__ import annotations

import pytest

from gaitops.report.text import Style, for_terminal, plain, safe, styled, width


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("lone\udc80", "lone\\udc80"),
    ],
)
def test_safe(value: str, shown: str) -> None:
    """Control, direction and invisible characters are shown as escapes; letters of all scripts stay."""
    assert safe(value) == shown


def test_styles_are_kept_or_removed_as_a_whole() -> None:
    """With colour the known styles stay, without it nothing of them is left."""
    text = "a " + styled("b", Style.BOLD, Style.RED) + "\n"
    assert for_terminal(text, colour=True) == "a \x1b[1m\x1b[31mb\x1b[0m\n"
    assert for_terminal(text, colour=False) == "a b\n"
    assert plain(text) == "a b\n"
    assert styled("", Style.BOLD) == ""
    assert styled("x") == "x"


@pytest.mark.parametrize("colour", [True, False])
def test_last_step_escapes_what_renderers_missed(colour: bool) -> None:
    """Unknown escape sequences, hidden text and direction overrides never reach a terminal raw."""
    shown = for_terminal("\x1b[8mhidden\x1b[0K \u202e \r\tok\n", colour=colour)
    assert "\x1b[8m" not in shown
    assert "\x1b[0K" not in shown
    assert "\u202e" not in shown
    assert "\r" not in shown
    assert shown.endswith("\tok\n")


def test_removing_styles_cannot_assemble_a_new_sequence() -> None:
    """A sequence hidden inside another one does not appear when the inner one is taken out."""
    assert "\x1b" not in for_terminal("\x1b[\x1b[1m8m", colour=False)


def test_width() -> None:
    """Width counts terminal columns: styles none, combining characters none, wide characters two."""
    assert width(styled("ab", Style.GREEN)) == 2
    assert width("漢字") == 4
    assert width("e\u0301") == 1
