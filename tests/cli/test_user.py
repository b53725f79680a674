# SPDX-License-Identifier: Apache-2.0
"""The user's folders and configuration, and where the trust root may come from (threats T21, R6)."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from gaitops.cli import options, user
from gaitops.cli.command import command
from gaitops.cli.lazy import LazyGroup
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError, UnsafeOperationError
from tests.cli.harness import Invoke

DIGEST = "ab" * 32


@command(example="gaitops probe")
@options.trust_root
@options.at
def probe(trust_root: str, at: object) -> Result:
    """Show the trust root."""
    return Result("key", {}, f"{trust_root} {at}")


@pytest.fixture(autouse=True)
def only_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_command(*_: object) -> click.Command:
        return probe

    monkeypatch.setattr(LazyGroup, "get_command", get_command)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(options.TRUST_ROOT_VARIABLE, raising=False)
    file = tmp_path / "config" / "gaitops" / "config.toml"
    file.parent.mkdir(parents=True)
    return file


def test_trust_root_order(gaitops: Invoke, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the environment, which wins over the user's configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parents[1]))
    config.write_text(f'trust_root = "sha256:{"0c" * 32}"\n')
    assert gaitops("probe").out.split()[0] == "0c" * 32
    monkeypatch.setenv(options.TRUST_ROOT_VARIABLE, "0b" * 32)
    assert gaitops("probe").out.split()[0] == "0b" * 32
    assert gaitops("probe", "--trust-root", f"sha256:{DIGEST}").out.split()[0] == DIGEST


def test_no_trust_root_is_exit_6_even_if_the_repository_offers_one(
    gaitops: Invoke, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing verifies by default, and no file of the repository is ever taken as configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parents[1]))
    repository = tmp_path / "repository"
    for name in (
        "config.toml",
        "gaitops.toml",
        ".gaitops/config.toml",
        ".config/gaitops/config.toml",
        ".env",
    ):
        file = repository / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'trust_root = "sha256:{DIGEST}"\nGAITOPS_TRUST_ROOT={DIGEST}\n')
    monkeypatch.chdir(repository)
    run = gaitops("probe")
    assert run.code == 6
    assert "[trust.root_missing]" in run.err
    assert "--trust-root" in run.err


@pytest.mark.parametrize(
    "value", ["", "sha256:", "AB" * 32, "ab" * 31, f"sha512:{DIGEST}", f"{DIGEST}\n", f" {DIGEST}"]
)
def test_malformed_trust_root(gaitops: Invoke, value: str) -> None:
    """Anything but 64 lowercase hex characters, with or without the prefix, is a usage error."""
    run = gaitops("probe", "--trust-root", value)
    assert run.code == 6
    assert "[cli.usage]" in run.err


@pytest.mark.parametrize(
    "text", ["trust_root = ", "trust_root = 1", 'trust_root = "x"', f'trustroot = "{DIGEST}"', "\x00"]
)
def test_malformed_configuration(
    gaitops: Invoke, config: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A configuration with a mistake is refused, never half used."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parents[1]))
    config.write_text(text)
    run = gaitops("probe")
    assert run.code == 6
    assert "[config.malformed]" in run.err
    assert str(config) in run.err


def test_relative_xdg_folders_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative XDG path would let the current folder, perhaps a hostile repository, provide configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert user.configuration_file() == tmp_path / ".config" / "gaitops" / "config.toml"


def test_state_directory_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints live where only their owner reads and writes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = user.state_directory("checkpoints", "x")
    assert folder == tmp_path / "state" / "gaitops" / "checkpoints" / "x"
    assert [path.stat().st_mode & 0o777 for path in (folder, *folder.parents[:2])] == [0o700] * 3
    assert user.state_directory("checkpoints", "x") == folder


def test_open_state_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others could have written is not used."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "gaitops").mkdir()
    (tmp_path / "gaitops").chmod(0o777)
    with pytest.raises(UnsafeOperationError, match=r"state\.permissions"):
        user.state_directory()


def test_unknown_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any home folder the user learns which variable to set."""

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(InvalidInputError, match=r"state\.no_home"):
        user.state_directory()
