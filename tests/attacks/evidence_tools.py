# SPDX-License-Identifier: Apache-2.0
"""What hostile stories about evidence share: a fleet with two producers, artifacts signed by anybody, and stores to break."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from deltalake import DeltaTable

from gaitops.cli.main import program
from gaitops.gait.artifacts.digests import digest, short_id
from gaitops.gait.gait_keys import GaitPrivateKey, GaitPublicKey
from tests.cli.harness import Run
from tests.simulator import POLICY, World, document, environment_document, policy_files, project_files

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
AT = "2026-11-03T09:00:00Z"
SINCE = "2026-10-20T00:00:00Z"
CHECKOUT, LEDGER = "github.com/acme/checkout", "github.com/acme/ledger"
FORMULA = '=HYPERLINK("http://evil.example","x")'
"""A cell that a spreadsheet would run."""
ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e"
"""Characters that retitle a terminal, empty it and turn the text around."""
LINE_BREAK = "one\r\n2026-11-03 all is well"


@cache
def key(name: str) -> GaitPrivateKey:
    """A key of Gait's kind, the same in every run."""
    seed = digest(f"seed of {name}")
    raw = bytes.fromhex(seed)
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
    return GaitPrivateKey(raw, GaitPublicKey(public))


def signed(value: Mapping[str, Any], by: GaitPrivateKey, **signature: Any) -> bytes:
    """A document of Gait with a signature over all of it; ``signature`` replaces members of that."""
    content = {name: item for name, item in value.items() if name != "signature"}
    over = digest(content)
    made = {
        "alg": "ed25519",
        "key_id": by.public.key_id,
        "sig": base64.b64encode(by.sign(bytes.fromhex(over))).decode(),
        "signed_digest": over,
    }
    return json.dumps({**content, "signature": {**made, **signature}}, ensure_ascii=False, indent=1).encode(
        "utf-8", "surrogatepass"
    )


def trace(
    name: str = "one",
    *,
    decision: str = "allow",
    when: datetime = NOW - timedelta(days=1),
    policy: str = "",
    **members: Any,
) -> dict[str, Any]:
    """A decision as the gate writes it, without a signature; ``name`` makes it one of its own."""
    policy, intent = policy or digest(f"policy of {name}"), digest(f"intent of {name}")
    observed = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    trace_id = short_id(policy, intent, decision)
    return {
        "schema_id": "gait.gate.trace",
        "schema_version": "1.0.0",
        "created_at": observed,
        "observed_at": observed,
        "producer_version": "1.0.0",
        "trace_id": trace_id,
        "event_id": short_id(trace_id, observed),
        "tool_name": "cart.read",
        "args_digest": digest(f"arguments of {name}"),
        "intent_digest": intent,
        "policy_digest": policy,
        "verdict": decision,
        **members,
    }


def producer(
    name: str, *repositories: str, public: GaitPublicKey | None = None, **more: object
) -> dict[str, str]:
    """The registration of a key, made of the name unless it is given, for repositories of acme's project."""
    public = public or key(name).public
    spec = {
        "keyId": public.key_id,
        "publicKey": base64.b64encode(public.raw).decode(),
        "repositories": [f"acme/pay/{item}" for item in repositories],
        **more,
    }
    return {f"evidence/producers/{name}.yaml": document("Producer", name, spec)}


def fleet_documents() -> dict[str, str]:
    """Two repositories in staging and production, one policy; each repository has a key, and some keys have limits."""
    reference = {"name": "guard", "version": "1.0.0"}
    environments = {
        name: environment_document(name, tier, reference)
        for name, tier in (("prod", "production"), ("staging", "staging"))
    }
    return {
        **policy_files("guard", "1.0.0"),
        **project_files(),
        **{f"orgs/acme/projects/pay/environments/{name}.yaml": text for name, text in environments.items()},
        **producer("checkout-ci", "checkout"),
        **producer("ledger-ci", "ledger"),
        **producer("shared-ci", "checkout", "ledger"),
        **producer("staging-ci", "checkout", environments=["staging"]),
        **producer("old-ci", "checkout", validUntil="2026-10-01T00:00:00Z"),
        **producer("next-ci", "checkout", validFrom="2026-12-01T00:00:00Z"),
    }


@cache
def guard_digest() -> str:
    """What Gait prints for the policy that both environments run."""
    from gaitops.gait.policy_digest import digest_policy

    return str(digest_policy(POLICY.encode()).digest)


@dataclass(frozen=True)
class Fleet:
    """A fleet repository."""

    world: World

    @property
    def options(self) -> tuple[str | Path, ...]:
        """Its place and trust root, as commands take them."""
        return ("--fleet-repo", self.world.path, "--trust-root", f"sha256:{self.world.trust_root}")


def make_fleet(folder: Path, more: Mapping[str, str] | None = None) -> Fleet:
    """The fleet of :func:`fleet_documents` and ``more``, verified."""
    documents = {**fleet_documents(), **(more or {})}
    world = World(folder, extra={path: text.encode() for path, text in documents.items()})
    world.now = NOW
    assert world.verify().verified, world.verify().all_problems()
    return Fleet(world)


@contextmanager
def clean_settings(folder: Path) -> Iterator[None]:
    """No settings of whoever runs the tests, and the story's time."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_CONFIG_HOME", "GAITOPS_TRUST_ROOT", "GAITOPS_DEBUG"):
            patch.delenv(variable, raising=False)
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("XDG_STATE_HOME", str(folder / "home" / "state"))
        patch.setattr("gaitops.cli.opening.now", lambda: NOW)
        yield


def gaitops(*arguments: str | Path) -> Run:
    """One command, in this process."""
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    return Run(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True)
class Site:
    """A store, a folder of collected files, and a fleet that may be known."""

    folder: Path
    fleet: Fleet | None = None

    @property
    def store(self) -> Path:
        """The store."""
        return self.folder / "store"

    @property
    def inbox(self) -> Path:
        """What was collected."""
        return self.folder / "inbox"

    def collect(self, files: Mapping[str, bytes]) -> None:
        """Put files into the folder that is collected from."""
        for name, data in files.items():
            path = self.inbox / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    @property
    def known(self) -> tuple[str | Path, ...]:
        """Options that name the fleet; none without one."""
        return self.fleet.options if self.fleet is not None else ()

    def ingest(self, *options: str | Path) -> Run:
        """Collect: paths say the repository, and the second folder the environment, unless ``options`` say otherwise."""
        layout: Sequence[str] = (
            "--layout",
            "{owner}/{name}/{environment}/**",
            "--repository-prefix",
            "github.com",
        )
        if "--layout" in options or "--repository" in options:
            layout = ()
        return gaitops(
            "evidence",
            "ingest",
            "--json",
            "--store",
            self.store,
            "--from",
            self.inbox,
            "--at",
            AT,
            *layout,
            *self.known,
            *options,
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table as they are stored, which is faster than asking for them."""
        found: list[dict[str, Any]] = self.delta(table).to_pyarrow_table().to_pylist()
        return found

    def counted(self) -> dict[tuple[str | None, str | None], int]:
        """(repository, environment) → decisions that count there."""
        counts: dict[tuple[str | None, str | None], int] = {}
        for row in self.rows("decisions"):
            if row["verdict"].startswith("verified") and not row["repeat"]:
                place = (row["repository"], row["environment"])
                counts[place] = counts.get(place, 0) + 1
        return counts

    def codes(self) -> list[str]:
        """Codes of the findings about all artifacts, in order."""
        return sorted(code for row in self.rows("artifacts") for code in row["codes"])

    def posture(self, *options: str) -> Run:
        """The posture of the fleet by the store."""
        window = ("--at", AT, "--since", SINCE)
        return gaitops("posture", "show", "--store", self.store, *window, *self.known, *options)

    def numbers(self) -> dict[str, Any]:
        """Numbers of the whole fleet."""
        found: dict[str, Any] = self.posture("--json").json["total"]["numbers"]
        return found

    def states(self) -> set[str]:
        """States of all places."""
        repositories = self.posture("--json").json["repositories"]
        return {place["state"] for item in repositories for place in item["places"]}

    def verify(self, *options: str | Path) -> Run:
        """Read everything again."""
        return gaitops("evidence", "verify", "--json", "--store", self.store, *options)

    def checkpoint(self, name: str = "checkpoint.json") -> Path:
        """Write down what the store holds."""
        path = self.folder / name
        run = gaitops("evidence", "checkpoint", "--json", "--store", self.store, "--out", path, "--at", AT)
        assert run.code == 0, run.out
        return path

    def delta(self, table: str) -> DeltaTable:
        """A table, for whoever can write to it."""
        return DeltaTable(str(self.store / "tables" / table))

    def copied(self, folder: Path) -> Site:
        """The same, elsewhere."""
        shutil.copytree(self.folder, folder)
        return Site(folder, self.fleet)
