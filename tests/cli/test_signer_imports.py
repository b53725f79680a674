# SPDX-License-Identifier: Apache-2.0
"""Whoever signs with one cloud does not wait for the libraries of all of them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from gaitops.signing.keyfiles import generate_private_key

CLIENTS = ("boto3", "hvac", "pkcs11")
PROGRAM = """
import sys
from gaitops.cli.main import run
code = run(["key", "show", sys.argv[1]])
loaded = sorted(set(sys.argv[2:]) & set(sys.modules))
for name in sys.argv[2:]:
    __import__(name)
import securesystemslib.signer as signer
left = [type(finder).__name__ for finder in sys.meta_path if type(finder).__module__.startswith("gaitops")]
print(code, loaded, left, signer.CryptoSigner.__name__, signer.Signer.__module__)
"""


@pytest.mark.parametrize("client", CLIENTS)
def test_the_tests_have_something_to_hide(client: str) -> None:
    """The libraries are installed here, so that not loading them says something."""
    assert find_spec(client) is not None


def test_clients_stay_unloaded_and_importable(tmp_path: Path) -> None:
    """A command that reads keys loads none of them; afterwards each can be imported, and nothing is left behind."""
    generate_private_key(tmp_path / "key")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "key"), *CLIENTS]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.splitlines()[-1] == "0 [] [] CryptoSigner securesystemslib.signer._signer"
