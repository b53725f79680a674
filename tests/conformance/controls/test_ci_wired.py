# SPDX-License-Identifier: Apache-2.0
"""``ci.wired``."""

from __future__ import annotations

import pytest

from gaitops.conformance.model import ControlResult, Outcome
from tests.conformance.conformance_builder import SHA, WORKFLOW, Consumer

ID = "ci.wired"
ACTION = f"acme/gaitops/github-actions/conformance@{SHA}"


def wired(files: dict[str, str]) -> ControlResult:
    """What the control says of these files of CI."""
    consumer = Consumer()
    del consumer.files[WORKFLOW]
    consumer.files |= {path: text.encode() for path, text in files.items()}
    return consumer.control(ID)


def workflow(step: str, on: str = "push", job: str = "") -> dict[str, str]:
    """A workflow with one step."""
    return {WORKFLOW: f"on: {on}\njobs:\n  one:\n    runs-on: x\n{job}    steps:\n      - {step}\n"}


@pytest.mark.parametrize(
    "files",
    [
        workflow(f"uses: {ACTION}"),
        workflow(f"uses: {ACTION}", on="{pull_request: {branches: [main]}}"),
        workflow(f"uses: {ACTION}", on="[workflow_dispatch, schedule]"),
        workflow(f"run: |\n          pip install git+https://x/gaitops.git@{SHA}\n          gaitops conformance"),
        workflow("run: pip install --require-hashes -r r.txt && gaitops conformance --strict"),
        {".github/workflows/x.yaml": f"on: push\njobs: {{a: {{uses: acme/.github/.github/workflows/conformance.yml@{SHA}}}}}"},
        {".gitlab-ci.yml": f"include:\n  - component: gitlab.com/acme/gaitops/conformance@{SHA}\n"},
        {".gitlab-ci.yml": f"include: {{project: acme/ci, ref: {SHA}, file: [/t/conformance.yml]}}\n"},
        {".gitlab-ci.yml": f".i: &i [pip install gaitops@{SHA}]\ncheck:\n  before_script: *i\n  script: [gaitops conformance]\n"},
    ],
)  # fmt: skip
def test_wired(files: dict[str, str]) -> None:
    """Every documented way to run the check, pinned by a full commit id or by hashes, passes."""
    assert wired(files).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("files", "because"),
    [
        (workflow("uses: acme/gaitops/github-actions/conformance@v1"), "v1, which is no full commit id"),
        (workflow(f"uses: acme/gaitops/github-actions/conformance@{SHA[:12]}"), "no full commit id"),
        (workflow(f"uses: {ACTION}\n        continue-on-error: true"), "failure is tolerated"),
        (workflow(f"uses: {ACTION}", job="    continue-on-error: true\n"), "failure is tolerated"),
        (workflow(f"uses: {ACTION}\n        if: false"), "switched off"),
        (workflow(f"uses: {ACTION}", on="workflow_dispatch"), "starts neither"),
        (workflow("run: pip install gaitops && gaitops conformance"), "neither from a full commit id"),
        ({".gitlab-ci.yml": "include: {project: acme/ci, file: conformance.yml}"}, "its default branch"),
        ({".gitlab-ci.yml": f"a:\n  allow_failure: true\n  script: pip install gaitops@{SHA}; gaitops conformance"}, "tolerated"),
        ({WORKFLOW: "jobs: [conformance\n"}, "cannot be read"),
    ],
)  # fmt: skip
def test_wired_badly(files: dict[str, str], because: str) -> None:
    """A check that can be changed from outside, or whose failure nobody sees, fails with the reason and the place."""
    result = wired(files)
    assert (result.outcome, result.path) == (Outcome.FAIL, next(iter(files)))
    assert because in result.reason


@pytest.mark.parametrize(
    "files",
    [
        {},
        workflow("run: gaitops fleet conformance --manifest m"),
        workflow("uses: actions/checkout@v4"),
        {WORKFLOW: "just text"},
        {WORKFLOW: ""},
        {".gitlab-ci.yml": "[a, b]"},
    ],
)
def test_not_wired(files: dict[str, str]) -> None:
    """Nothing that runs the check fails."""
    assert wired(files).outcome is Outcome.FAIL


def test_one_good_place_is_enough() -> None:
    """A second, badly pinned place does not spoil the good one, and the line of the good one is named."""
    files = workflow(f"uses: {ACTION}") | {".gitlab-ci.yml": "a: {script: gaitops conformance}"}
    result = wired(files)
    assert result.outcome is Outcome.PASS
    assert f"{WORKFLOW}, line 6" in result.reason
