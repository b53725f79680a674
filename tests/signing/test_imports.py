# SPDX-License-Identifier: Apache-2.0
"""Start-up: what is light stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"cryptography", "securesystemslib", "pydantic"}


def loaded_by(module: str) -> set[str]:
    """Everything that a fresh interpreter has loaded after importing a module."""
    program = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return set(result.stdout.split())


@pytest.mark.parametrize("module", ["gaitops.signing", "gaitops.signing.canonical"])
def test_light_modules(module: str) -> None:
    """The package itself and canonical JSON load neither cryptography nor securesystemslib."""
    assert not {name.partition(".")[0] for name in loaded_by(module)} & HEAVY


def test_verification_does_not_load_signers() -> None:
    """Verifying needs no code that runs programs or reads private keys."""
    private = {f"gaitops.signing.{name}" for name in ("signers", "ssh_signer", "keyfiles", "private_files")}
    assert not loaded_by("gaitops.signing.dsse") & private
