# SPDX-License-Identifier: Apache-2.0
"""Telling a hostile story to the real command line and seeing what it makes of it.

A case counts as survived only when ``gaitops verify`` exits with the right code and names the right error, and when
``gaitops publish`` of the same history publishes nothing of what nobody authorized.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gaitops.documents.times import format_timestamp
from gaitops.history.signable import Signable
from gaitops.signing.canonical import canonical_json
from gaitops.signing.keys import fingerprint, parse_public_key
from tests.cli.harness import Invoke, Run
from tests.simulator import (
    POLICY,
    Actor,
    World,
    binding_document,
    document,
    environment_document,
    policy_files,
    principal_document,
    project_files,
    version_digest_of,
)

VERIFIED, REFUSED, PENDING, INVALID = 0, 2, 4, 6


@dataclass(frozen=True)
class Commands:
    """The command line, standing at a world's time."""

    invoke: Invoke
    clock: dict[str, datetime]
    """Time that the command line believes it is; one entry, ``now``."""
    scratch: Path

    def run(self, world: World, *arguments: str | Path) -> Run:
        """One command in a world's repository, with its trust root, at its time."""
        self.clock["now"] = world.now
        return self.invoke(
            *arguments, "--repo", world.path, "--trust-root", f"sha256:{world.trust_root}", "--json"
        )

    def verify(self, world: World, *options: str, rev: str = "main") -> Run:
        """``gaitops verify`` without any memory of earlier runs."""
        at = format_timestamp(world.now)
        return self.run(world, "verify", "--rev", rev, "--at", at, "--no-cache", *options)

    def check(self, world: World, head: str, *options: str) -> Run:
        """``gaitops check`` of a branch against main."""
        at = format_timestamp(world.now)
        return self.run(world, "check", "--base", "main", "--head", head, "--at", at, "--no-cache", *options)

    def publish(self, world: World) -> tuple[Run, Path]:
        """``gaitops publish`` into a folder that does not exist yet."""
        number = len(list(self.scratch.iterdir()))
        key, out = self.scratch / f"{number}.pem", self.scratch / f"{number}.release"
        key.write_bytes(world.publisher.private_pem)
        key.chmod(0o600)
        return self.run(world, "publish", "--out", out, "--key", key, "--first"), out

    def survives(
        self, world: World, *codes: str, forbidden: Sequence[str] = (), org: str | None = None
    ) -> dict[str, Any]:
        """The history of main is refused for these reasons, and nothing of what waits is published.

        Args:
            world: where the story happened.
            codes: error codes that the verdict must name.
            forbidden: texts that no published file may contain.
            org: judge this organization only.

        Returns:
            The verdict's JSON document.
        """
        run = self.verify(world, *(("--org", org) if org else ()))
        assert run.code == REFUSED, run.out
        named = {*run.codes, *(problem["code"] for problem in run.json["ignored"])}
        assert set(codes) <= named, named
        self.publishes_nothing_unauthorized(world, forbidden)
        return run.json

    def publishes_nothing_unauthorized(self, world: World, forbidden: Sequence[str] = ()) -> None:
        """What waits for authorization is in no release: neither its bytes nor their digest nor a given text."""
        run, out = self.publish(world)
        if run.code != VERIFIED:
            assert not out.exists() or not any(out.iterdir())
            return
        waiting = _waiting(world)
        for path in sorted(item for item in out.rglob("*") if item.is_file()):
            data = path.read_bytes()
            assert hashlib.sha256(data).hexdigest() not in waiting, f"{path.name} publishes {waiting}"
            data += _payload(data)
            for mark in (*waiting, *forbidden):
                assert mark.encode() not in data, f"{path.name} contains {mark}"

    def assigned(self, world: World) -> dict[tuple[str, str], str]:
        """``gaitops resolve --all``: (repository, environment) → version."""
        run = self.run(world, "resolve", "--all", "--at", format_timestamp(world.now))
        rows = run.json["assignments"]
        return {(row["repository"], row["environment"]): row["enforced"]["version"] for row in rows}

    def accepts(self, world: World, org: str | None = None) -> dict[str, Any]:
        """The whole history of main is verified, and a release can be made of it."""
        run = self.verify(world, *(("--org", org) if org else ()))
        assert run.code == VERIFIED, run.out
        released, _out = self.publish(world)
        assert released.code == VERIFIED, released.out
        return run.json


def _payload(data: bytes) -> bytes:
    """What a DSSE envelope carries; nothing for other files."""
    if not data.startswith(b"{"):
        return b""
    payload: str = json.loads(data).get("payload", "")
    return base64.b64decode(payload)


def _waiting(world: World) -> frozenset[str]:
    """SHA-256 of everything that the head has, verified state has not, and nobody authorized."""
    with world.history() as history:
        if not history.standing.born:
            return frozenset()
        verdict = history.verdict()
        verified = {
            history.repository.sha256(entry.oid) for _path, entry in history.state().snapshot.walk("")
        }
    new = {
        item.after
        for partition in verdict.partitions
        if partition.waiting is not None
        for item in partition.waiting.judgement.change.deltas
        if item.after is not None
    }
    return frozenset(new - verified)


def approvals_of(
    world: World, branch: str, principal: str, *, key: Actor | None = None, **options: Any
) -> dict[str, bytes]:
    """Approval envelopes for a branch, not committed anywhere yet."""
    return world.envelopes(world.signables(branch), principal, "approve", key=key, **options)


def only_partition(signables: Sequence[Signable], name: str) -> list[Signable]:
    """Those of one partition."""
    return [item for item in signables if item.partition == name]


# -- what stories are about ---------------------------------------------------------------------------------------

ROLES = ("policy_author", "approver", "platform_admin")
GUARD = "orgs/acme/policies/guard"
PRODUCTION = "orgs/acme/projects/pay/environments/production.yaml"
LAX = POLICY.replace("default_verdict: block", "default_verdict: allow")


def project(name: str = "pay", *, org: str = "acme", summary: str = "payments") -> dict[str, str]:
    """A project without repositories: the smallest change that needs one approval."""
    body = {"summary": summary, "owners": ["alice"]}
    return {f"orgs/{org}/projects/{name}/project.yaml": document("Project", name, body, org=org)}


def rule(name: str, operations: Sequence[str], *, scope: str = "fleet", **require: object) -> dict[str, str]:
    """An approval rule."""
    spec = {"match": {"operations": list(operations), "scope": scope}, "require": require}
    return {f"trust/approvals/{name}.yaml": document("ApprovalRule", name, spec)}


def fingerprint_of(actor: Actor) -> str:
    """SHA-256 of an actor's key as SPKI."""
    return fingerprint(parse_public_key(actor.pem))


def revocation(
    name: str, principal: str, actor: Actor, *, cause: str = "compromised", since: str | None = None
) -> dict[str, str]:
    """A revocation of an actor's key."""
    identity = {"principal": principal, "fingerprint": fingerprint_of(actor)}
    spec: dict[str, object] = {"revokes": "identity", "cause": cause, "identity": identity, "reason": "story"}
    if since is not None:
        spec["since"] = since
    return {f"trust/revocations/{name}.yaml": document("Revocation", name, spec)}


def with_identity(text: str, actor: Actor, label: str, **validity: str) -> str:
    """A principal document with one more key."""
    body = json.loads(text)
    body["spec"]["identities"].append({"id": label, "type": "key", "publicKey": actor.pem, **validity})
    return json.dumps(body, indent=2) + "\n"


def hire(
    world: World, *names: str, roles: Sequence[str] = ROLES, scope: str = "fleet", groups: Sequence[str] = ()
) -> None:
    """Root people add principals of the fleet, with roles."""
    files = {
        f"trust/principals/{name}.yaml": principal_document(world.actor(name), groups=groups)
        for name in names
    }
    for role in roles:
        label = f"{names[0]}-{role.replace('_', '-')}"
        files[f"trust/roles/{label}.yaml"] = binding_document(label, role, scope, names)
    world.land(files, by="alice", approvers=["alice", "bob"])


def hire_in_org(world: World, org: str, roles: Mapping[str, Sequence[str]]) -> None:
    """An organization gets people of its own: role → names."""
    names = sorted({name for members in roles.values() for name in members})
    files = {
        f"orgs/{org}/principals/{name}.yaml": principal_document(world.actor(f"{org}/{name}"))
        for name in names
    }
    for role, members in roles.items():
        label = role.replace("_", "-")
        qualified = [f"{org}/{name}" for name in members]
        files[f"orgs/{org}/roles/{label}.yaml"] = binding_document(label, role, f"org/{org}", qualified)
    world.land(files, by="alice", approvers=["bob", "carol"])


def guard(version: str, *, text: str = POLICY, parent: str | None = None, **options: Any) -> dict[str, str]:
    """A version of the policy ``guard``, with the digest of its parent's descriptor (of the strict text)."""
    parents = []
    if parent is not None:
        descriptor = policy_files("guard", parent)[f"{GUARD}/versions/{parent}/version.yaml"]
        parents = [(parent, version_digest_of(descriptor, "guard", parent))]
    return policy_files("guard", version, text=text, parents=parents, **options)


def in_production(world: World, *, version: str = "1.0.0") -> None:
    """Two repositories of acme run the strict guard in production; a laxer version 2.0.0 is published."""
    world.land({**guard("1.0.0"), **project_files()}, by="alice", approvers=["bob"])
    world.land(guard("2.0.0", text=LAX, parent="1.0.0", risk=None), by="alice", approvers=["bob"])
    assign(world, version)


def production(version: str, *, tier: str = "production", **options: Any) -> dict[str, str]:
    """The production environment on a version."""
    return {
        PRODUCTION: environment_document("production", tier, {"name": "guard", "version": version}, **options)
    }


def assign(world: World, version: str) -> None:
    """Production moves to a version, with all the approvals that it needs."""
    world.land(production(version), by="alice", approvers=["bob", "carol"])


def edited(files: Mapping[str, bytes], edit: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """Envelope files with their JSON changed; names stay."""
    changed = {}
    for path, data in files.items():
        value = json.loads(data)
        edit(value)
        changed[path] = json.dumps(value).encode()
    return changed


def restated(
    world: World,
    files: Mapping[str, bytes],
    actor: Actor,
    principal: str,
    edit: Callable[[dict[str, Any]], None],
) -> dict[str, bytes]:
    """Envelopes whose predicate was changed and which were signed anew."""
    made: dict[str, bytes] = {}
    for data in files.values():
        statement = json.loads(base64.b64decode(json.loads(data)["payload"]))
        edit(statement["predicate"])
        made |= world.sealed(canonical_json(statement), actor, principal)
    return made
