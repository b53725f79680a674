# SPDX-License-Identifier: Apache-2.0
"""Drill ``rotate-root``: every root person gets another key."""

from __future__ import annotations

from gaitops.documents.layout import principal_path
from gaitops.documents.models.drill import Finding
from gaitops.drill.ceremonies import (
    begin_rotation,
    finish_rotation,
    go_on,
    sign_rotation,
    signers,
)
from gaitops.drill.changes import Change, begin, land, leave, proposer_of
from gaitops.drill.copied import with_key
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.opening import open_twin
from gaitops.drill.structure import root_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import Twin

_BRANCH = "rotate-root"


def findings(found: Survey, _principal: str | None) -> tuple[Finding, ...]:
    """How many root people may be lost."""
    return root_findings(found, severity="warning")


def run(twin: Twin, _principal: str | None) -> None:
    """Carry the runbook out.

    Raises:
        StoppedError: it cannot be carried out in this fleet.
    """
    memory = open_twin(twin)
    old = dict(twin.keys.root)
    replace_root_keys(twin, old)
    twin.step("Retire the old keys: revoke them, and take them out of the principals' documents")
    retire(twin, old)
    twin.step("Show that the old keys no longer count")
    old_root_keys_are_refused(twin, old)
    go_on(twin, memory, "a consumer follows the rotation without a new trust root")


def replace_root_keys(twin: Twin, old: dict[str, ThrowAway]) -> None:
    """One root version in which everybody has a new key; fewer than the threshold of the old people fail first.

    Raises:
        StoppedError: it cannot be carried out.
    """
    threshold = twin.found.root.threshold
    twin.step("Prepare the next root version: every root person gets another key")
    new = {name: twin.keys.new(name, "root") for name in sorted(old)}
    options = " ".join(f"--replace-person {name}={twin.path(key)}.pub" for name, key in new.items())
    version = begin_rotation(twin, _BRANCH, options)
    twin.step("Let all new keys sign, and one person fewer of the old root than must")
    sign_rotation(twin, version, [*signers(old, threshold - 1), *signers(new, len(new))])
    claim = f"{threshold - 1} of the old root people cannot install a new root"
    twin.refused(claim, "gaitops check", 2, "trust.root_rotation")
    twin.step("Let the missing old root person sign, and merge")
    sign_rotation(twin, version, signers(old, threshold)[threshold - 1 :])
    finish_rotation(twin, _BRANCH, version)
    twin.keys.root.update(new)


def retire(twin: Twin, old: dict[str, ThrowAway]) -> None:
    """Revoke the old root keys that principals' documents list, and list the new ones in their place.

    Raises:
        StoppedError: it cannot be carried out.
    """
    listed = {name: key for name, key in old.items() if key in twin.keys.by_owner.get(name, ())}
    if not listed:
        twin.proven("no principal's document lists a root key", "root keys stand in root metadata alone")
        return
    someone = min(listed)

    def revoke() -> None:
        for name, key in listed.items():
            named = f"--principal {name} --fingerprint {key.fingerprint}"
            twin.run(f"gaitops trust revoke {named} --cause retired --reason drill")

    first = Change("retire-keys", someone, revoke, ("trust/revocations",))
    land(twin, first, key=twin.keys.root[someone])
    for name, key in listed.items():
        twin.keys.take(name, key)
        twin.keys.give(name, twin.keys.root[name])

    def rewrite() -> None:
        for name, key in listed.items():
            path = principal_path(name)
            twin.write(path, with_key(twin.read(path), path, key, twin.keys.root[name]))

    paths = tuple(principal_path(name) for name in listed)
    land(twin, Change("list-new-keys", someone, rewrite, paths), key=twin.keys.root[someone])
    twin.holds("the history verifies with the new keys in force", "gaitops verify")


def old_root_keys_are_refused(twin: Twin, old: dict[str, ThrowAway]) -> None:
    """The old keys can sign neither a root version nor an approval.

    Raises:
        StoppedError: it cannot be carried out.
    """
    name = min(old)
    twin.git("switch --quiet --create next-root main")
    twin.run("gaitops trust rotate --expires 400d")
    claim = "an old root key cannot sign the version after"
    twin.refused(claim, f"gaitops trust sign --key {twin.path(old[name])} --yes", 6, "key.not_principals")
    twin.git("clean --quiet --force -- trust/root")
    leave(twin)
    proposer = proposer_of(twin, "revocation.release", "fleet", never=(name,) if len(old) > 1 else ())

    def revoke() -> None:
        twin.run("gaitops trust revoke --release 999 --cause error --reason drill")

    begin(twin, Change("old-key", proposer, revoke, ("trust/revocations",)))
    claim = "an old root key cannot approve a change"
    twin.refused(
        claim, f"gaitops approve --as {name} --key {twin.path(old[name])} --yes", 6, "key.not_principals"
    )
    leave(twin)
