# SPDX-License-Identifier: Apache-2.0
"""``docs/verification.md`` and the code carry the same step numbers."""

from __future__ import annotations

import re

from gaitops.change.attestation import MAX_ENVELOPE_BYTES, PREDICATE_TYPE
from gaitops.change.requirements import BUILT_IN_QUORUM, BUILT_IN_TTL, RAISED_QUORUM
from gaitops.history.fold import DEFAULT_SKEW, FRONT
from gaitops.signing.statement import PAYLOAD_TYPE
from tests.docs.source_tree import ROOT, modules

PAGE = ROOT / "docs" / "verification.md"
NUMBERED = ("gaitops/history/fold.py", "gaitops/history/session.py", "gaitops/change/judge.py")


def text() -> str:
    """The page."""
    return PAGE.read_text(encoding="utf-8")


def test_the_steps_are_numbered_once_from_0_to_9() -> None:
    """One heading per step, in order."""
    assert re.findall(r"^## \((\d)\)", text(), re.MULTILINE) == list("0123456789")


def test_the_code_carries_every_number() -> None:
    """Each step's number stands in the modules that do it."""
    sources = "\n".join(module.text for module in modules() if module.name in NUMBERED)
    found = {int(number) for number in re.findall(r"\((\d)\)[ -]", sources)}
    found |= {n for a, b in re.findall(r"\((\d)\)-\((\d)\)", sources) for n in range(int(a), int(b) + 1)}
    assert found >= set(range(10))


def test_the_code_carries_no_other_number() -> None:
    """The code does not number steps that the page does not have."""
    for module in modules():
        if module.name in NUMBERED:
            assert not re.search(r"^\s*(#|\"\"\")? ?\(\d\d\)", module.text, re.MULTILINE), module.name


def test_constants_are_those_of_the_code() -> None:
    """Numbers and names in the page are the ones that the engine uses."""
    page = text()
    assert f"{MAX_ENVELOPE_BYTES:,} bytes" in page
    assert PREDICATE_TYPE in page
    assert PAYLOAD_TYPE in page
    assert DEFAULT_SKEW.total_seconds() == 5 * 60
    assert "five minutes before genesis" in page
    assert f"quorum {BUILT_IN_QUORUM}, lifetime {BUILT_IN_TTL.days} days; quorum {RAISED_QUORUM} if" in page
    assert f"more than {FRONT + 1} positions only the oldest {FRONT} and the newest" in page


def test_the_table_names_modules_that_exist() -> None:
    """Every full path of a module in the page is there."""
    paths = re.findall(r"`(gaitops/[\w/]+(?:\.py|/))`", text())
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
