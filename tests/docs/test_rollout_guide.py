# SPDX-License-Identifier: Apache-2.0
"""The plan that the rollout guide shows is a document that gaitops reads."""

from __future__ import annotations

import re

from gaitops.documents.load import load_document
from gaitops.documents.models.rollout import Rollout
from gaitops.rollout.measure import METRICS
from gaitops.rollout.transitions import EDGES
from tests.docs.source_tree import ROOT

TEXT = (ROOT / "docs" / "rollout-guide.md").read_text(encoding="utf-8")


def test_the_plan_of_the_guide_is_read() -> None:
    """Copied as it stands, it is a plan."""
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    document = load_document(block.encode(), "orgs/acme/projects/pay/rollouts/tighten.yaml")
    assert isinstance(document, Rollout)
    assert document.status.phase == "pending"


def test_every_metric_and_edge_is_explained() -> None:
    """The tables of the guide are complete."""
    for name in (*METRICS, *(edge for edge in EDGES if edge not in ("start", "advance", "complete"))):
        assert f"| `{name}` |" in TEXT, name
