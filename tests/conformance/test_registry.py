# SPDX-License-Identifier: Apache-2.0
"""One control, one module, one section, one test: tied by the id."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

from gaitops.conformance import controls
from gaitops.conformance.control import Control
from gaitops.conformance.registry import BY_ID, CONTROLS
from gaitops.documents.models.base import CONTROL_PATTERN
from gaitops.report.conformance_findings import CONTROLS_PAGE, conformance_sarif
from gaitops.report.control_reference import anchor, control_reference

ROOT = Path(__file__).parents[2]

STABLE = [
    "pin.present",
    "pin.verifies",
    "pin.trust_root",
    "pin.fresh",
    "policy.enforced",
    "policy.candidate",
    "policy.mode",
    "policy.bytes",
    "policy.withdrawn",
    "gait.config",
    "ci.wired",
    "regress.fixtures",
    "evidence.recent",
    "evidence.verifiable",
]
"""Ids that waivers, gates and dashboards of others name: one that is gone or renamed breaks them."""


def test_ids_are_stable() -> None:
    """The controls are exactly these, in this order."""
    assert [control.id for control in CONTROLS] == STABLE
    assert list(BY_ID) == STABLE


@pytest.mark.parametrize("control", CONTROLS, ids=STABLE)
def test_everything_exists(control: Control) -> None:
    """Each control has its module, its test and its section, and waivers can name it."""
    name = control.id.replace(".", "_")
    assert (ROOT / f"gaitops/conformance/controls/{name}.py").is_file()
    assert (ROOT / f"tests/conformance/controls/test_{name}.py").is_file()
    page = (ROOT / "docs/reference/controls.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {control.id}\n")[1].split("\n## ")[0]
    for text in (control.title, control.why, control.measured, control.remedy):
        assert text in section
    assert re.fullmatch(CONTROL_PATTERN, control.id)


@pytest.mark.parametrize("control", CONTROLS, ids=STABLE)
def test_texts_are_whole(control: Control) -> None:
    """Texts are sentences, apart from title and remedy, which stand in tables."""
    assert control.title[0].isupper()
    assert not control.title.endswith(".")
    assert control.why.endswith(".")
    assert control.measured.endswith(".")
    assert not control.remedy.endswith(".")


def test_no_module_is_forgotten() -> None:
    """A module that lies in the folder is registered."""
    found = {module.name for module in pkgutil.iter_modules(controls.__path__)}
    assert found == {control.id.replace(".", "_") for control in CONTROLS}


def test_links_of_findings_lead_to_sections() -> None:
    """The page that a finding links to has the section."""
    text = conformance_sarif([], "0.0.0")
    for control in CONTROLS:
        assert f"{CONTROLS_PAGE}#{anchor(control)}" in text
    assert "## Waivers" in control_reference()
