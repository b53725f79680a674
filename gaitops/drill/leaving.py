# SPDX-License-Identifier: Apache-2.0
"""What has to happen with somebody's keys, groups and roles, for drills in which one stops counting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gaitops.documents.layout import classify, principal_path
from gaitops.documents.load import load_document
from gaitops.documents.models.trust import Principal, RoleBinding
from gaitops.documents.writer import values_of, write_yaml
from gaitops.drill.ceremonies import begin_rotation, finish_rotation, sign_rotation, signers
from gaitops.drill.changes import Asked, Change, land, proposer_of
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.twin import Twin

SUCCESSOR = "drill-successor"
"""Takes over a root key where the root could not do without."""


@dataclass(frozen=True)
class Revoked:
    """What a revocation is about."""

    name: str
    keys: Sequence[ThrowAway]
    cause: str
    since: str | None = None


def without_root_key(twin: Twin, name: str) -> None:
    """A root version without somebody, signed by the others; with a successor where the threshold needs one.

    Raises:
        StoppedError: the version is refused.
    """
    left = {other: key for other, key in twin.keys.root.items() if other != name}
    twin.step(f"Take {name} out of the root: the others sign the next version")
    options, joining = f"--remove-person {name}", {}
    if len(left) < max(twin.found.root.threshold, 2):
        joining[SUCCESSOR] = twin.keys.new(SUCCESSOR, "root")
        options += f" --add-person {SUCCESSOR}={twin.path(joining[SUCCESSOR])}.pub"
    _rotated(twin, name, options, joining, remaining=left)


def replace_root_key(twin: Twin, name: str) -> None:
    """A root version in which somebody has another key, signed by the others.

    Raises:
        StoppedError: the version is refused.
    """
    left = {other: key for other, key in twin.keys.root.items() if other != name}
    twin.step(f"Give {name} another root key: the others sign the next version")
    key = twin.keys.new(name, "root")
    _rotated(twin, name, f"--replace-person {name}={twin.path(key)}.pub", {name: key}, remaining=left)


def _rotated(
    twin: Twin,
    name: str,
    options: str,
    joining: Mapping[str, ThrowAway],
    *,
    remaining: Mapping[str, ThrowAway],
) -> None:
    root = twin.found.root
    signing = signers(remaining, root.threshold)
    enough = len(signing) == root.threshold
    observed = f"{root.threshold} of {len(root.keys)} must sign, and {len(remaining)} others are there"
    twin.prove(f"the root can be rotated without the key of {name}", enough, observed)
    if not enough:  # What a real fleet could do only while the key is at hand; the rest of the runbook is shown all the same.
        signing.append(twin.keys.root[name])
    version = begin_rotation(twin, f"root-{name}", options)
    sign_rotation(twin, version, [*signing, *joining.values()])
    finish_rotation(twin, f"root-{name}", version)
    twin.keys.root = {**remaining, **joining}


def revoke(twin: Twin, what: Revoked, proposer: str, asked: Asked) -> tuple[str, ...]:
    """Revocations of keys, in force once merged; whoever approved.

    Raises:
        StoppedError: they cannot be approved.
    """

    def write() -> None:
        for key in what.keys:
            since = f" --since {what.since}" if what.since is not None else ""
            named = f"--principal {what.name} --fingerprint {key.fingerprint}"
            twin.run(f"gaitops trust revoke {named} --cause {what.cause}{since} --reason drill")

    slug = what.name.replace("/", "-")
    return land(twin, Change(f"revoke-{slug}", proposer, write, ("trust/revocations",)), asked)


def strip(twin: Twin, name: str) -> None:
    """Take somebody out of every group and role, the fleet's first, then each organization's.

    Raises:
        StoppedError: nobody is left who may approve it.
    """
    for number, (scope, kind, documents) in enumerate(_memberships(twin, name), 1):
        proposer = proposer_of(twin, kind, scope, never=(name,))

        def write(documents: Mapping[str, bytes | None] = documents) -> None:
            for path, data in documents.items():
                twin.write(path, data)

        land(twin, Change(f"strip-{number}", proposer, write, tuple(documents)), Asked(never=(name,)))


def _memberships(twin: Twin, name: str) -> Iterator[tuple[str, str, Mapping[str, bytes | None]]]:
    """(scope, kind of change, documents without somebody), for the fleet and for each organization that names them."""
    by_org: dict[str | None, dict[str, bytes | None]] = {}
    own = principal_path(name)
    for path in sorted(twin.files):
        location = classify(path)
        if location.kind == "RoleBinding":
            data = twin.read(path)
            changed = _binding(data, path, name)
        elif path == own:
            data = twin.read(path)
            changed = _ungrouped(data, path)
        else:
            continue
        if changed != data:
            by_org.setdefault(location.org, {})[path] = changed
    for org in sorted(by_org, key=lambda item: item or ""):
        scope, kind = ("fleet", "role.change") if org is None else (f"org/{org}", "org_role.change")
        yield scope, kind, by_org[org]


def _binding(data: bytes, path: str, name: str) -> bytes | None:
    """A role binding without somebody; ``None`` where nobody is left."""
    document = load_document(data, path)
    if not isinstance(document, RoleBinding) or name not in document.spec.members.principals:
        return data
    values = values_of(document)
    members = values["spec"]["members"]
    members["principals"] = [member for member in members["principals"] if member != name]
    return write_yaml(values) if members["principals"] or members.get("groups") else None


def _ungrouped(data: bytes, path: str) -> bytes:
    document = load_document(data, path)
    if not isinstance(document, Principal) or not document.spec.groups:
        return data
    values = values_of(document)
    values["spec"].pop("groups")
    return write_yaml(values)
