# SPDX-License-Identifier: Apache-2.0
"""``pin.verifies``."""

from __future__ import annotations

from gaitops.conformance.control import Control, failed, passed, unknown
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment
from gaitops.pin.layout import PIN_FILE
from gaitops.pin.require import Require


def _evaluate(subject: Subject, _required: Required | None, _context: Context) -> Assessment:
    reading = subject.reading
    if reading.verified is not None:
        count = len(reading.files)
        asked = (
            ""
            if reading.verified.require is Require.KEY
            else f", signatures: {reading.verified.require.word}"
        )
        return passed(
            f"all {count} files are accounted for by signed statements of release "
            f"{reading.verified.pin.release}{asked}"
        )
    if PIN_FILE not in reading.files and not reading.problems:
        return unknown("there is no pin to verify")
    first, more = reading.problems[0], len(reading.problems) - 1
    reason = f"{first} and {more} more" if more else str(first)
    return failed(reason, first.remedy, path=first.path, line=first.line)


CONTROL = Control(
    id="pin.verifies",
    title="Every byte of the pin is signed for",
    why="A pin that was edited, mixed from several releases or copied from another repository says nothing about "
    "what the fleet has approved.",
    measured="As `gaitops pin verify --repository` does: root chain, signatures of enough publishers (and keyless ones with `--require`), every line of "
    "`pin.yaml`, every file, and nothing besides. Without a pin it cannot tell.",
    remedy="restore .gaitops/ from Git, or renew it: gaitops pin update --from RELEASE",
    evaluate=_evaluate,
)
