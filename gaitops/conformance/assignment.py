# SPDX-License-Identifier: Apache-2.0
"""What the controls of an assignment share: is what the pin says what is required now?"""

from __future__ import annotations

from dataclasses import dataclass

from gaitops.conformance.control import failed, passed, warned
from gaitops.conformance.inputs import Context, KnownVersion, Required, Subject
from gaitops.conformance.lag import lag_of
from gaitops.conformance.model import Assessment
from gaitops.pin.layout import FOLDER, PIN_FILE
from gaitops.pin.model import PinnedVersion

NO_PIN = "there is no pin that verifies, so what it says is not known"
NO_REQUIREMENT = "nothing that verifies says what is required"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an assignment, as a name for people and as what tells it from every other."""

    name: str
    identity: str


def version_part(version: PinnedVersion | KnownVersion | None) -> Part:
    """A policy version, or none; its digest is what counts."""
    return Part("none", "") if version is None else Part(str(version), version.digest)


def compare(
    what: str, pinned: Part, wanted: Part, subject: Subject, required: Required, context: Context
) -> Assessment:
    """One part of a verified pin against what is required; a difference is a warning while the pin may lag behind."""
    if pinned == wanted:
        says = "as the pin's own statement says" if required.source == "pin" else "as required"
        return passed(f"{what} is {pinned.name}, {says}")
    reason = f"{what} is {pinned.name}, required is {wanted.name}"
    if pinned.name == wanted.name:
        reason = f"{what} is {pinned.name} with digest {pinned.identity}, required is {wanted.identity}"
    path = f"{FOLDER}/{PIN_FILE}"
    lag = lag_of(subject, required, context)
    if lag is not None and lag.accepted:
        return warned(f"{reason}; the pinned release was {lag}", path=path)
    return failed(reason, path=path)
