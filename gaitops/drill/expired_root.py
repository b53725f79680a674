# SPDX-License-Identifier: Apache-2.0
"""Drill ``expired-root``: nobody renewed the root in time, and then somebody does."""

from __future__ import annotations

from datetime import timedelta

from gaitops.documents.models.drill import Finding
from gaitops.documents.times import format_timestamp
from gaitops.drill.ceremonies import (
    VERIFY_PIN,
    begin_rotation,
    finish_rotation,
    go_on,
    publish_line,
    renewal_line,
    sign_rotation,
    signers,
)
from gaitops.drill.founding import ROOT_LIFE
from gaitops.drill.opening import open_twin
from gaitops.drill.structure import root_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin

_BRANCH = "renew-root"
_RENEW = timedelta(days=30)
"""Time that it takes to bring root people together, as ``gaitops trust show`` reckons."""


def findings(found: Survey, _principal: str | None) -> tuple[Finding, ...]:
    """When the root expires, and whether enough people are there to renew it."""
    left, expires = found.root.expires - found.at, format_timestamp(found.root.expires)
    if left <= timedelta():
        told = Finding(severity="failure", about="root-expired", text=f"the root expired at {expires}")
    elif left <= _RENEW:
        text = f"the root expires at {expires}, in {left.days} days"
        told = Finding(severity="warning", about="root-expires", text=text)
    else:
        text = f"the root expires at {expires}, in {left.days} days"
        told = Finding(severity="note", about="root-expires", text=text)
    return (told, *root_findings(found, severity="warning"))


def run(twin: Twin, _principal: str | None) -> None:
    """Carry the runbook out.

    Raises:
        StoppedError: it cannot be carried out in this fleet.
    """
    memory = open_twin(twin)
    twin.travel(ROOT_LIFE)
    twin.step("Time passes until the root has expired")
    twin.refused("an expired root stops verification", "gaitops verify", 2, "trust.root_expired")
    line = publish_line(twin, signers(twin.keys.publishers, 1)[0])
    twin.refused("an expired root stops releases", line, 2, "trust.root_expired")
    if memory.pinned:
        claim = "a consumer notices it when it renews its pin"
        twin.refused(claim, renewal_line(), 2, "trust.root_expired")
        claim = "what a consumer has pinned still verifies, so that nothing stops running"
        twin.holds(claim, VERIFY_PIN)
    twin.step("Prepare the next root version: the same people, a later expiry")
    version = begin_rotation(twin, _BRANCH, "--expires 365d")
    twin.step("Let the root people sign, and merge: an expired root can still be rotated")
    sign_rotation(twin, version, signers(twin.keys.root, twin.found.root.threshold))
    finish_rotation(twin, _BRANCH, version)
    go_on(twin, memory, "a consumer follows the renewed root without a new trust root")
