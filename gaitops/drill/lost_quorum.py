# SPDX-License-Identifier: Apache-2.0
"""Drill ``lost-quorum``: root keys are lost, first as many as the root bears, then one more."""

from __future__ import annotations

import shutil

from gaitops.documents.models.drill import Finding
from gaitops.drill.ceremonies import (
    CONSUMER,
    VERIFY_PIN,
    begin_rotation,
    finish_rotation,
    pin_line,
    publish,
    renewal_line,
    sign_rotation,
    signers,
    still_stands,
)
from gaitops.drill.changes import Change, approve, begin, codes_of, leave, merge
from gaitops.drill.founding import found_fleet
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.opening import open_twin
from gaitops.drill.structure import reserve_findings, root_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin

_RESTORED = "fleet-restored"
_RELEASE = "release-restored"


def findings(found: Survey, _principal: str | None) -> tuple[Finding, ...]:
    """How many root people may be lost, and who is indispensable for what."""
    return (*root_findings(found, severity="failure"), *reserve_findings(found))


def run(twin: Twin, _principal: str | None) -> None:
    """Carry the runbook out.

    Raises:
        StoppedError: it cannot be carried out in this fleet.
    """
    memory = open_twin(twin)
    _as_many_as_it_bears(twin)
    too_few = signers(twin.keys.root, twin.found.root.threshold - 1)
    _one_more(twin, too_few)
    twin.step("Everything from before still stands, also without a quorum")
    still_stands(twin, memory)
    _founded_anew(twin, pinned=memory.pinned)


def _as_many_as_it_bears(twin: Twin) -> None:
    """Lose as many root keys as the threshold allows, and replace them.

    Raises:
        StoppedError: the remaining people cannot.
    """
    root = twin.found.root
    bearable = len(twin.keys.root) - root.threshold
    twin.step(f"Lose as many root keys as the root bears: {bearable}")
    if bearable == 0:
        observed = f"{root.threshold} of {len(root.keys)} must sign"
        twin.proven("the loss of no key at all is borne, as the root says", observed)
        return
    lost = sorted(twin.keys.root)[-bearable:]
    new = {name: twin.keys.new(name, "root") for name in lost}
    options = " ".join(f"--replace-person {name}={twin.path(key)}.pub" for name, key in new.items())
    version = begin_rotation(twin, "replace-lost", options)
    sign_rotation(twin, version, [*signers(twin.keys.root, root.threshold, lost), *new.values()])
    finish_rotation(twin, "replace-lost", version)
    claim = f"with {root.threshold} of {len(root.keys)} root keys left, the lost ones are replaced"
    twin.proven(claim, f"replaced the keys of {', '.join(lost)}")
    twin.keys.root.update(new)


def _one_more(twin: Twin, left: list[ThrowAway]) -> None:
    """Show that fewer than the threshold can neither rotate nor change people, whatever they push.

    Raises:
        StoppedError: a command of the runbook fails.
    """
    root = twin.found.root
    owners = sorted(twin.keys.root)[: len(left)]
    twin.step(f"Lose one more, so that {len(left)} of the {root.threshold} that must sign are left")
    new = twin.keys.new(max(twin.keys.root), "root")
    options = f"--replace-person {max(twin.keys.root)}={twin.path(new)}.pub"
    version = begin_rotation(twin, "too-few", options)
    sign_rotation(twin, version, [*left, new])
    claim = f"{len(left)} of the {root.threshold} cannot install a new root"
    twin.refused(claim, "gaitops check", 2, "trust.root_rotation")
    merge(twin, "too-few")
    twin.refused(
        "merging it by force does not help: it stays unverified", "gaitops verify", 2, "trust.root_rotation"
    )
    twin.git("revert --no-edit --mainline 1 HEAD")
    twin.holds("taking the merge back restores the fleet as it was", "gaitops verify")
    twin.step("Show that too few root keys cannot change what only the root may change")
    _fleet_settings(twin, owners, left)


def _fleet_settings(twin: Twin, owners: list[str], left: list[ThrowAway]) -> None:
    path = "trust/approvals/drill.yaml"
    rule = (
        b"apiVersion: gaitops.dev/v1\nkind: ApprovalRule\nmetadata:\n  name: drill\n"
        b'spec:\n  match:\n    operations: ["gate.*"]\n  require:\n    quorum: 1\n'
    )
    if not owners:
        observed = "one root key alone decides in this fleet, and it is lost"
        twin.proven("nobody can change what only the root may change", observed)
        return
    change = Change("too-few-settings", owners[0], lambda: twin.write(path, rule), (path,))
    begin(twin, change, key=left[0])
    for name, key in zip(owners[1:], left[1:], strict=True):
        approve(twin, name, key)
    judged = twin.ask("gaitops check", (0, 2, 4))
    refused = judged["outcome"] == "pending" and "approval.quorum" in codes_of(judged)
    observed = f"`gaitops check` is {judged['outcome']}: {', '.join(sorted(codes_of(judged)))}"
    twin.prove("an approval rule that they all sign stays pending", refused, observed)
    leave(twin)


def _founded_anew(twin: Twin, *, pinned: bool) -> None:
    """The way out when the threshold is lost: a new fleet with the same content, whose trust root consumers take.

    Raises:
        StoppedError: it cannot be founded, published or pinned.
    """
    twin.step("Found the fleet anew: the same content, new root people's keys, a new trust root")
    twin.keys.root = {name: twin.keys.new(name, "root") for name in sorted(twin.keys.root)}
    digest = found_fleet(twin, _RESTORED, twin.files)
    twin.holds("the new fleet verifies from its own trust root", "gaitops verify")
    publish(twin, first=True, release=_RELEASE)
    if not pinned:
        return
    twin.step("Consumers take the new trust root, which nobody can do for them")
    twin.trust(twin.trust_root)
    claim = "with the old trust root a consumer refuses the new fleet"
    twin.refused(claim, renewal_line(_RELEASE), 2, "trust.root_mismatch")
    twin.holds("until then its old pin verifies, and what it runs goes on", VERIFY_PIN)
    shutil.rmtree(twin.folder / CONSUMER / ".gaitops")
    twin.trust(digest)
    consumer = twin.found.consumer
    if consumer is not None:
        twin.holds("with the new trust root it pins anew", pin_line(consumer, _RELEASE))
        twin.holds("the new pin verifies offline", VERIFY_PIN)
