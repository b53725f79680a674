# SPDX-License-Identifier: Apache-2.0
"""Start-up is a feature: what ``gaitops --help`` and ``--version`` may import is fixed here (design 14)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.signing.sigstore.trusted_roots import root
from tests.simulator import World, document, project_files

PROGRAM = """
import sys
from gaitops.cli.main import run
import click
before = set(sys.modules)
code = run(sys.argv[1:])
print(code, *sorted(name for name in sys.modules if name.partition(".")[0] in {HEAVY} or name.startswith("gaitops")))
"""
HEAVY = {
    "pydantic", "pygit2", "cryptography", "securesystemslib", "tuf", "yaml", "orjson", "rfc8785", "jsonschema",
    "json", "unicodedata", "tomllib", "urllib",
}  # fmt: skip
"""Packages that are expensive, or that help and version have no business with."""


def imported(*arguments: str) -> tuple[str, set[str]]:
    program = PROGRAM.replace("{HEAVY}", repr(HEAVY))
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    code, *modules = result.stdout.splitlines()[-1].split(" ")
    return code, set(modules)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["policy", "--help"]])
def test_help_and_version_import_nothing_but_click(arguments: list[str]) -> None:
    """Help of the program and of its nouns, and the version, load only click and the command table."""
    code, modules = imported(*arguments)
    assert code == "0"
    assert modules == {
        "gaitops",
        "gaitops.cli",
        "gaitops.cli.exit_codes",
        "gaitops.cli.lazy",
        "gaitops.cli.main",
        "gaitops.cli.signer_imports",
        "gaitops.cli.table",
    }


WATCHED = """
import sys
from gaitops.cli.main import run
code = run(sys.argv[1:])
print(code, *sorted(name for name in sys.modules if name.startswith({KEYLESS})))
"""
KEYLESS = ("sigstore", "cryptography.x509", "pysequoia", "rfc3161_client")
"""What only keyless signatures, OpenPGP and X.509 need."""


def loaded(world: World, home: Path, *arguments: str) -> list[str]:
    """Exit code, and what a command loaded of that."""
    program = WATCHED.replace("{KEYLESS}", repr(KEYLESS))
    command = [sys.executable, "-c", program, *arguments, "--trust-root", f"sha256:{world.trust_root}"]
    environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return result.stdout.splitlines()[-1].split(" ")


@pytest.mark.parametrize("pinned", [False, True])
def test_a_fleet_without_bundles_loads_no_sigstore(tmp_path: Path, *, pinned: bool) -> None:
    """Naming keyless people and pinning a Sigstore root costs nothing before one of them signs."""
    world = World(tmp_path / "fleet")
    keyless = {
        "id": "sso",
        "type": "sigstore",
        "issuer": "https://accounts.example.com",
        "subject": "dana@acme.example",
    }
    people = {
        "trust/principals/dana.yaml": document(
            "Principal", "dana", {"type": "human", "groups": [], "emails": [], "identities": [keyless]}
        )
    }
    pin = {"trust/sigstore/trusted_root.json": root().decode()} if pinned else {}
    world.land({**people, **pin}, by="alice", approvers=["bob"])
    world.commit(project_files(), by="alice", branch="topic")
    where = ("--repo", str(world.path))
    code, *modules = loaded(
        world,
        tmp_path,
        "check",
        *where,
        "--base",
        "main",
        "--head",
        "topic",
        "--at",
        f"{world.now:%Y-%m-%dT%H:%M:%SZ}",
    )
    # Only who pins a root has X.509 certificates to look at, and only when the pin changes.
    assert {name.split(".")[0] for name in modules} <= ({"cryptography"} if pinned else set())
    assert code == "4"
