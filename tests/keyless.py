# SPDX-License-Identifier: Apache-2.0
"""A fleet whose people and pipelines sign without keys: the small world with a Sigstore instance of its own.

The first people have keys, because genesis needs root keys; ``dana`` and ``erin`` approve with their single sign-on,
``robot`` is a pipeline that proposes and operates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.sigstore_double.double import Faults, SigstoreDouble
from tests.sigstore_double.identities import ACCOUNTS, GITHUB, GitHubRun, Signer, Someone
from tests.simulator import Actor, World, document

TRUSTED_ROOT = "trust/sigstore/trusted_root.json"
RUN = GitHubRun()
"""A run of the pipeline that :func:`workload` describes."""


class KeylessActor(Actor):
    """Somebody who signs statements through Sigstore, and commits with a key of no principal."""

    def __init__(self, name: str, double: SigstoreDouble, identity: Signer) -> None:
        super().__init__(name, seed=f"keyless {name}")
        self.double = double
        self.identity = identity
        self.faults: Faults | None = None
        self.at: datetime | None = None
        """When it signs; at the story's time unless it is set."""

    def seal(self, payload: bytes, at: datetime) -> bytes:
        """A bundle in place of an envelope."""
        return self.double.sign_dsse(payload, self.identity, at=self.at or at, faults=self.faults)


def person(name: str, email: str | None = None, issuer: str = ACCOUNTS, **more: object) -> dict[str, object]:
    """The identity of somebody at an OpenID provider."""
    return {
        "id": "sso",
        "type": "sigstore",
        "issuer": issuer,
        "subject": email or f"{name}@example.com",
        **more,
    }


def workload(**more: object) -> dict[str, object]:
    """The identity of the pipeline that :data:`RUN` runs."""
    described: dict[str, object] = {
        "id": "pipeline",
        "type": "workload",
        "issuer": GITHUB,
        "repositoryId": RUN.repository_id,
        "ownerId": RUN.repository_owner_id,
        "names": [alias()],
        "refs": ["refs/heads/main"],
        "triggers": ["push"],
        "runnerEnvironments": ["github-hosted"],
    }
    return {**described, **more}


def alias(
    repository: str = RUN.repository, file: str = RUN.workflow_path, **more: object
) -> dict[str, object]:
    """One name of a pipeline."""
    url = f"https://github.com/{repository}"
    return {"repository": url, "workflow": f"{url}/{file}", **more}


def principal(name: str, kind: str, *identities: Mapping[str, object]) -> dict[str, str]:
    """A principal document by path."""
    spec = {"type": kind, "identities": list(identities)}
    return {f"trust/principals/{name}.yaml": document("Principal", name, spec)}


def binding(role: str, *names: str, scope: str = "org/acme") -> dict[str, str]:
    """A role binding document by path."""
    name = f"keyless-{role.replace('_', '-')}"
    spec = {"role": role, "scope": scope, "members": {"principals": list(names)}}
    return {f"trust/roles/{name}.yaml": document("RoleBinding", name, spec)}


class KeylessWorld(World):
    """A fleet with keyless approvers and a pipeline that may propose."""

    def __init__(
        self,
        path: Path,
        double: SigstoreDouble,
        *,
        robot: Sequence[Mapping[str, object]] = (),
        approvers: Mapping[str, Mapping[str, object]] | None = None,
        trusted_root: bytes | None = None,
        **options: object,
    ) -> None:
        people = approvers or {"dana": person("dana"), "erin": person("erin")}
        files: dict[str, str] = {}
        for name, identity in people.items():
            files |= principal(name, "human", identity)
        files |= principal("robot", "service", *(robot or [workload()]))
        files |= binding("approver", *people) | binding("platform_admin", "robot", *people)
        extra = {name: text.encode() for name, text in files.items()}
        extra[TRUSTED_ROOT] = trusted_root if trusted_root is not None else double.trusted_root_bytes
        super().__init__(path, extra=extra, **options)  # type: ignore[arg-type]  # options of World, as they are
        self.double = double
        for name in people:
            self.actors[name] = KeylessActor(name, double, Someone(f"{name}@example.com"))
        self.actors["robot"] = KeylessActor("robot", double, RUN)

    def keyless(self, name: str) -> KeylessActor:
        """A keyless actor."""
        actor = self.actors[name]
        assert isinstance(actor, KeylessActor)
        return actor

    def run_as(self, **claims: object) -> None:
        """The robot's next signatures come from a run with other claims."""
        self.keyless("robot").identity = replace(RUN, **claims)  # type: ignore[arg-type]  # fields of GitHubRun


def edited(bundle: bytes, **members: object) -> bytes:
    """A bundle with other members."""
    return json.dumps({**json.loads(bundle), **members}).encode()
