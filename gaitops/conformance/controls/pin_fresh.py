# SPDX-License-Identifier: Apache-2.0
"""``pin.fresh``."""

from __future__ import annotations

from gaitops.conformance.control import Control, failed, passed, unknown
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.lag import lag_of
from gaitops.conformance.model import Assessment
from gaitops.documents.times import format_timestamp


def _evaluate(subject: Subject, required: Required | None, context: Context) -> Assessment:
    pinned = subject.release
    if pinned is None:
        return unknown("there is no pin that verifies")
    if required is None or required.timeline is None:
        return unknown(
            f"release {pinned.release} was issued at {pinned.issued}; whether it is the newest was not asked",
            "name the newest release with --release",
        )
    if required.timeline.is_behind(pinned):
        return unknown(
            f"the pin holds release {pinned.release}, which is newer than what it is compared with",
            "compare with another mirror, or an up-to-date clone: this one is behind",
        )
    lag = lag_of(subject, required, context)
    if lag is None:
        return passed(f"release {pinned.release} is the newest")
    reason = f"release {pinned.release} was {lag}"
    if lag.accepted:
        return passed(reason)
    return failed(f"{reason}; now it is {format_timestamp(context.at)}", "gaitops pin update --from RELEASE")


CONTROL = Control(
    id="pin.fresh",
    title="The pin holds a release that is new enough",
    why="Withdrawals, revoked publishers and fixed policies reach a repository only through a newer release. "
    "A pin that is never renewed is a way around all of them.",
    measured="The time since the first release after the pinned one is at most `pinGrace` of `fleet.yaml` (7 days by "
    "default). Releases list when the ones before them were issued; a release further back than 256 counts from its "
    "own issue. Needs a release or a fleet repository to compare with.",
    remedy="gaitops pin update --from RELEASE, and merge the result; run it on a schedule",
    evaluate=_evaluate,
)
