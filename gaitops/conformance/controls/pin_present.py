# SPDX-License-Identifier: Apache-2.0
"""``pin.present``."""

from __future__ import annotations

from gaitops.conformance.control import Control, failed, passed
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment
from gaitops.pin.layout import FOLDER, PIN_FILE

_PATH = f"{FOLDER}/{PIN_FILE}"


def _evaluate(subject: Subject, _required: Required | None, _context: Context) -> Assessment:
    reading = subject.reading
    if PIN_FILE not in reading.files:
        reason = reading.problems[0].message if reading.problems else f"there is no {_PATH}"
        return failed(reason, _init("init", subject))
    if reading.pin is None:
        problem = reading.problems[0]
        return failed(f"{_PATH} cannot be read: {problem.message}", path=_PATH, line=problem.line)
    if subject.claimed is None:
        known = ", ".join(sorted(reading.pin.environments))
        return failed(
            f"the pin has no environment {subject.environment}, only {known}",
            _init("update", subject),
            path=_PATH,
        )
    return passed(f"environment {subject.environment} is pinned")


def _init(verb: str, subject: Subject) -> str:
    return f"gaitops pin {verb} --from RELEASE --repository {subject.repository} --environment {subject.environment}"


CONTROL = Control(
    id="pin.present",
    title="The repository pins the environment",
    why="Without a pin nobody can tell which policy the agents of a repository run under, "
    "and nothing stops them from running without one.",
    measured="`.gaitops/pin.yaml` is a regular file that can be read, and names the environment.",
    remedy="gaitops pin init --from RELEASE --repository REPOSITORY --environment ENVIRONMENT, and commit .gaitops/",
    evaluate=_evaluate,
)
