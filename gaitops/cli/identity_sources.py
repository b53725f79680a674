# SPDX-License-Identifier: Apache-2.0
"""Reading a directory for ``gaitops identity sync``: which options belong to which source, and where tokens come from."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gaitops.cli.clock import now
from gaitops.cli.files import read_bytes
from gaitops.errors import InvalidInputError, UnsafeOperationError

if TYPE_CHECKING:
    from gaitops.directory.answer import Answer
    from gaitops.directory.plan import Setting

_BELONGS: Final[Mapping[str, frozenset[str]]] = {
    "scim": frozenset({"token_env", "token_file", "user_filter"}),
    "oidc": frozenset({"token_env", "token_file", "id_token_file", "client_id", "nonce"}),
    "file": frozenset({"export", "expect_users"}),
}
_NAMES: Final = {"user_filter": "--filter", "export": "--file"}
_MAX_TOKEN: Final = 16 * 1024


def check_given(source: str, given: Mapping[str, Any]) -> None:
    """Raises click.UsageError for options that are missing or belong to another source."""
    for name, value in given.items():
        if value is not None and name not in _BELONGS[source]:
            option = _NAMES.get(name, "--" + name.replace("_", "-"))
            raise click.UsageError(f"{option} does not belong to --from {source}")
    if source == "file":
        if given["export"] is None:
            raise click.UsageError("--from file needs --file")
        return
    if (given["token_env"] is None) == (given["token_file"] is None):
        raise click.UsageError("give one of --token-env and --token-file")
    if (given["id_token_file"] is None) != (given["client_id"] is None):
        raise click.UsageError("--id-token-file and --client-id belong together")
    if given["nonce"] is not None and given["id_token_file"] is None:
        raise click.UsageError("--nonce needs --id-token-file")


def read_source(setting: Setting, known: frozenset[str], given: Mapping[str, Any]) -> Answer:
    """What the directory of a mapping says.

    Raises:
        InvalidInputError: ``directory.token``, ``directory.malformed``.
        UnsafeOperationError: ``directory.token_file``, ``directory.partial`` and others; see the readers.
    """
    source = setting.mapping.spec.source
    if source.type == "file":
        from gaitops.directory.export import read_export

        path: Path = given["export"]
        return read_export(read_bytes(path), str(path), known=known, expected=given["expect_users"])
    url, token = source.url or "", _token(given["token_env"], given["token_file"])
    if source.type == "scim":
        from gaitops.directory.http import Client
        from gaitops.directory.scim import Scim

        return Scim(Client(url, token), url).read(user_filter=given["user_filter"], known=known)
    from gaitops.directory.oidc import IdToken, read_person

    id_token = None
    if given["id_token_file"] is not None:
        text = _secret_file(given["id_token_file"])
        id_token = IdToken(text, given["client_id"], given["nonce"], int(now().timestamp()))
    return read_person(
        url,
        token,
        groups_claim=source.groups_claim,
        userinfo_url=source.userinfo_url,
        id_token=id_token,
    )


def _token(variable: str | None, file: Path | None) -> str:
    if file is not None:
        return _secret_file(file)
    value = os.environ.get(variable or "", "").strip()
    if not value:
        raise InvalidInputError.of(
            "directory.token",
            f"the environment variable {variable} is empty or not set",
            remedy="set it to the token",
        )
    return value


def _secret_file(path: Path) -> str:
    """The one line of a file that only its owner can read."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise UnsafeOperationError.of(
            "directory.token_file",
            f"{path} can be read by others (mode {mode:04o})",
            path=str(path),
            remedy=f"chmod 600 {path}, and get another token if others may have read it",
        )
    try:
        text = read_bytes(path)[: _MAX_TOKEN + 1].decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > _MAX_TOKEN:
        raise InvalidInputError.of("directory.token", "the file holds no token", path=str(path))
    return text
