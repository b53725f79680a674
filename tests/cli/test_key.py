# SPDX-License-Identifier: Apache-2.0
"""``gaitops key``: private keys are written once, for their owner only, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Invoke


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa"])
def test_generate_and_show(gaitops: Invoke, tmp_path: Path, algorithm: str) -> None:
    """A generated key is private on disk, absent from the output, and described alike by both halves."""
    out = tmp_path / "alice.pem"
    made = gaitops("key", "generate", "--out", out, "--type", algorithm, "--json")
    assert made.code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    secret = out.read_text().splitlines()[1]
    assert secret not in made.out
    document = made.json
    assert document["private_key_file"] == str(out)
    for uri in (out, f"{out}.pub", f"file:{out}"):
        shown = gaitops("key", "show", uri, "--json").json
        assert shown == {name: document[name] for name in document if not name.endswith("_file")}
    text = gaitops("key", "show", out)
    assert document["fingerprint"] in text.out
    assert secret not in text.out


def test_generate_never_overwrites(gaitops: Invoke, tmp_path: Path) -> None:
    """An existing key survives a second run."""
    out = tmp_path / "alice.pem"
    gaitops("key", "generate", "--out", out)
    before = out.read_bytes()
    again = gaitops("key", "generate", "--out", out, "--json")
    assert (again.code, again.json["error_code"]) == (8, "key.exists")
    assert out.read_bytes() == before


def test_passphrase_without_a_terminal(gaitops: Invoke, tmp_path: Path) -> None:
    """Nobody to ask means no key, not a key without passphrase."""
    out = tmp_path / "alice.pem"
    run = gaitops("key", "generate", "--out", out, "--passphrase", stdin="secret secret\nsecret secret\n")
    assert run.code == 6
    assert "[key.passphrase]" in run.err
    assert not out.exists()


def test_encrypted_key(gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a passphrase the file is encrypted, and describing it asks for the passphrase again."""
    out = tmp_path / "alice.pem"
    monkeypatch.setattr("gaitops.cli.asking.at_terminal", lambda: True)
    monkeypatch.setattr("gaitops.cli.asking.click.prompt", lambda *_, **__: "correct horse battery")
    made = gaitops("key", "generate", "--out", out, "--passphrase", "--json")
    assert made.code == 0
    assert "BEGIN ENCRYPTED PRIVATE KEY" in out.read_text()
    assert gaitops("key", "show", out, "--json").json["fingerprint"] == made.json["fingerprint"]


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"\xff"])
def test_unusable_key(gaitops: Invoke, tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty and foreign files are the user's mistake, with a code."""
    path = tmp_path / "x.pub"
    if content is not None:
        path.write_bytes(content)
    run = gaitops("key", "show", path, "--json")
    assert run.code == 6
    assert run.json["error_code"].startswith("key.")
