# SPDX-License-Identifier: Apache-2.0
"""``pin.trust_root``."""

from __future__ import annotations

import hashlib

from gaitops.conformance.control import Control, failed, passed, unknown, warned
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment
from gaitops.documents.times import format_timestamp
from gaitops.pin.layout import FOLDER, PIN_FILE, root_file


def _evaluate(subject: Subject, _required: Required | None, context: Context) -> Assessment:
    reading = subject.reading
    if reading.pin is None:
        return unknown("there is no readable pin")
    first = reading.files.get(root_file(1))
    found = reading.pin.trust_root if first is None else hashlib.sha256(first).hexdigest()
    if context.trust_root != found or reading.pin.trust_root != context.trust_root:
        path = f"{FOLDER}/{PIN_FILE if first is None else root_file(1)}"
        return failed(f"the pin starts at trust root {found}, yours is {context.trust_root}", path=path)
    if first is None:
        return failed("the pin does not carry its first root", path=f"{FOLDER}/{root_file(1)}")
    verified = reading.verified
    if verified is None:
        return passed("the pin starts at your trust root")
    root = verified.root
    if context.at >= root.expires:
        return warned(
            f"root version {root.version}, the newest that the pin knows, expired at {format_timestamp(root.expires)}",
            "gaitops pin update --from RELEASE",
        )
    return passed(f"the pin starts at your trust root and knows root version {root.version}")


CONTROL = Control(
    id="pin.trust_root",
    title="The pin starts at the trust root of the fleet",
    why="Whoever replaces a pin replaces the trust root in it as well. Only one that came another way tells.",
    measured="SHA-256 of the first root in the pin, and the one that `pin.yaml` names, are the trust root that the "
    "caller was given out of band. Warns when the newest root of the pin has expired.",
    remedy="find out which of the two was changed; never copy the pin's digest. To move to another fleet on purpose, "
    "delete .gaitops/ and run: gaitops pin init",
    evaluate=_evaluate,
)
