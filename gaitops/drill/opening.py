# SPDX-License-Identifier: Apache-2.0
"""How every drill begins: the copy is founded, a release is published from it, a consumer pins it."""

from __future__ import annotations

from gaitops.drill.ceremonies import Memory, pin, publish, remember
from gaitops.drill.copied import copied
from gaitops.drill.founding import found_fleet
from gaitops.drill.twin import Twin
from gaitops.release.ceremony import PUBLISHER_FIELD


def open_twin(twin: Twin) -> Memory:
    """Found the copy, publish, pin; what then holds is what must hold at the end.

    Raises:
        StoppedError: this fleet's content cannot be founded anew, published or pinned.
        GaitopsError: a key file cannot be written.
    """
    twin.step("Found a copy of the fleet with throw-away keys")
    content = copied(twin.found, twin.keys)
    twin.files.update(content.files)
    twin.different(*content.substitutions)
    for number, key in enumerate(twin.found.root.publishers, 1):
        name = str(key.unrecognized_fields.get(PUBLISHER_FIELD) or f"publisher-{number}")
        twin.keys.publishers[name] = twin.keys.new(f"publisher-{number}", "release")
    twin.trust_root = found_fleet(twin, twin.fleet, content.files)
    twin.holds("the copy verifies from its own trust root", "gaitops verify")
    twin.step("Publish a first release, and let a consumer pin it")
    publish(twin, first=True)
    pinned = pin(twin)
    if not pinned:
        twin.different("no repository is assigned a policy, so no pin was made")
    return remember(twin, 1, pinned=pinned)
