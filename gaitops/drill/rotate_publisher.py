# SPDX-License-Identifier: Apache-2.0
"""Drill ``rotate-publisher``: every key that signs releases is replaced by another."""

from __future__ import annotations

import shlex

from gaitops.documents.models.drill import Finding
from gaitops.drill.ceremonies import (
    begin_rotation,
    finish_rotation,
    publish,
    publish_line,
    renew_pin,
    sign_rotation,
    signers,
    still_stands,
)
from gaitops.drill.opening import open_twin
from gaitops.drill.structure import publisher_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin

_BRANCH = "rotate-publishers"


def findings(found: Survey, _principal: str | None) -> tuple[Finding, ...]:
    """How many publishers may be lost, and what one stolen key could do."""
    return publisher_findings(found, severity="warning")


def run(twin: Twin, _principal: str | None) -> None:
    """Carry the runbook out.

    Raises:
        StoppedError: it cannot be carried out in this fleet.
    """
    memory = open_twin(twin)
    old = dict(twin.keys.publishers)
    new = {
        f"publisher-{number}-next": twin.keys.new(f"publisher-{number}", "release")
        for number in range(1, len(old) + 1)
    }
    twin.step("Prepare the next root version: other publishers")
    options = [f"--remove-publisher {shlex.quote(name)}" for name in old]
    options += [f"--add-publisher {name}={twin.path(key)}.pub" for name, key in new.items()]
    version = begin_rotation(twin, _BRANCH, " ".join(options))
    twin.step("Let the root people sign, and merge")
    sign_rotation(twin, version, signers(twin.keys.root, twin.found.root.threshold))
    finish_rotation(twin, _BRANCH, version)
    twin.step("Show that the old publisher keys no longer publish")
    one = old[min(old)]
    twin.refused(
        "an old publisher key cannot sign a release", publish_line(twin, one), 6, "release.publisher"
    )
    twin.step("Publish with the new keys, and let the consumer follow")
    twin.keys.publishers = new
    publish(twin)
    twin.holds("the new release verifies from the trust root", "gaitops verify --from-release ../release")
    if memory.pinned:
        renew_pin(twin, "a consumer follows the new publishers without a new trust root")
    twin.step("Everything from before still stands")
    still_stands(twin, memory)
