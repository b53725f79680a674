# SPDX-License-Identifier: Apache-2.0
"""``ci.wired``."""

from __future__ import annotations

from gaitops.conformance.ci import GITHUB_FOLDER, GITLAB_FILE, wirings
from gaitops.conformance.control import Control, failed, passed
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment


def _evaluate(subject: Subject, _required: Required | None, _context: Context) -> Assessment:
    found = list(wirings(subject.snapshot))
    good = next((item for item in found if item.problem is None), None)
    if good is not None:
        return passed(f"{good.path}, line {good.line}, runs the check, pinned by commit")
    if found:
        first = found[0]
        return failed(f"{first.path} runs the check, but {first.problem}", path=first.path, line=first.line)
    return failed(f"nothing in {GITHUB_FOLDER}/ or {GITLAB_FILE} runs the check")


CONTROL = Control(
    id="ci.wired",
    title="CI runs the conformance check, pinned by commit",
    why="A check that nobody runs finds nothing, and one that is taken from a branch or tag can be changed by "
    "whoever can move it.",
    measured="A GitHub workflow that starts on changes or on a schedule uses the action `github-actions/conformance`, "
    "or a reusable workflow named `…conformance….yml`, at a full commit id; or `.gitlab-ci.yml` includes a component "
    "or project file named `…conformance…` at one; or a step runs `gaitops conformance` with gaitops installed from a "
    "full commit id or with `--require-hashes`. A check whose failure is tolerated does not count.",
    remedy="take the pipeline from the consumer templates of gaitops, pinned by a full commit id",
    evaluate=_evaluate,
)
