# SPDX-License-Identifier: Apache-2.0
"""The user's own folders (XDG base directories) and configuration; the only reader of the environment for them.

``$XDG_CONFIG_HOME/gaitops/config.toml`` (default ``~/.config``) may hold::

    trust_root = "sha256:..."
    require = "both"

Nothing in a fleet or consumer repository is ever read as configuration: whoever controls the repository
that is judged must not choose what it is judged by (threats T21, R6).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gaitops.errors import InvalidInputError, UnsafeOperationError

_KNOWN_SETTINGS = {"require", "trust_root"}


def state_directory(*parts: str) -> Path:
    """A folder for gaitops' own data (checkpoints, caches) that nobody else can read or write; created 0700.

    ``parts`` are subfolders of ``$XDG_STATE_HOME/gaitops`` (default ``~/.local/state``).

    Raises:
        UnsafeOperationError: ``state.permissions``, when an existing folder belongs to somebody else or is
            open to other users; what it holds could then have been planted.
    """
    folder = _base("XDG_STATE_HOME", ".local/state") / "gaitops"
    _make_private(folder)
    for part in parts:
        folder = folder / part
        _make_private(folder)
    return folder


def configured_trust_root() -> str | None:
    """``trust_root`` of the user's configuration, as written there; ``None`` without one.

    Raises:
        InvalidInputError: ``config.malformed``, when the file is not TOML or has settings that gaitops does not know.
    """
    return _setting("trust_root")


def configured_require() -> str | None:
    """``require`` of the user's configuration: signatures that pins must have; ``None`` without one.

    Raises:
        InvalidInputError: ``config.malformed``, as above.
    """
    return _setting("require")


def _setting(name: str) -> str | None:
    import tomllib

    path = configuration_file()
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError.of("config.malformed", f"not valid TOML: {error}", path=str(path)) from error
    unknown = sorted(set(settings) - _KNOWN_SETTINGS)
    if unknown:
        raise InvalidInputError.of(
            "config.malformed",
            f"unknown setting {', '.join(unknown)}; known: {', '.join(sorted(_KNOWN_SETTINGS))}",
            path=str(path),
        )
    value = settings.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInputError.of("config.malformed", f"{name} must be a string", path=str(path), field=name)
    return value


def configuration_file() -> Path:
    """Where the user's configuration is read from, whether or not it exists."""
    return _base("XDG_CONFIG_HOME", ".config") / "gaitops" / "config.toml"


def _base(variable: str, default: str) -> Path:
    # The XDG specification: a relative path in these variables is invalid and must be ignored.
    value = os.environ.get(variable, "")
    if value and Path(value).is_absolute():
        return Path(value)
    try:
        return Path.home() / default
    except RuntimeError as error:
        raise InvalidInputError.of(
            "state.no_home", "the user's home folder is unknown", remedy=f"Set HOME or {variable}."
        ) from error


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077):
        raise UnsafeOperationError.of(
            "state.permissions",
            f"{folder} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid})",
            remedy=f"Remove it, or run `chmod 700 {folder}` if you trust what it holds.",
        )
