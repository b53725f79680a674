# SPDX-License-Identifier: Apache-2.0
"""``--key`` or ``--sigstore``: the options, and which of them go together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

TOKEN_FILE_VARIABLE = "GAITOPS_IDENTITY_TOKEN_FILE"  # noqa: S105 - the name of a variable
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the options of :func:`key_or_sigstore` say."""

    key: str | None
    public_key: Path | None
    sigstore: bool
    issuer: str | None
    client_id: str | None
    device: bool
    token_file: Path | None
    config: Path | None

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            click.UsageError: they do not.
        """
        if self.sigstore == (self.key is not None):
            raise click.UsageError("give either --key URI or --sigstore")
        signing_in = self.device or self.issuer is not None
        if not self.sigstore and (signing_in or self.client_id is not None or self.config is not None):
            raise click.UsageError(
                "--oidc-issuer, --oidc-client-id, --oidc-device and --sigstore-config need --sigstore"
            )
        if self.sigstore and self.public_key is not None:
            raise click.UsageError("--public-key belongs to --key")
        if self.sigstore and self.token_file is not None and signing_in:
            raise click.UsageError(
                "--identity-token-file replaces signing in with --oidc-issuer or --oidc-device"
            )


def key_or_sigstore(function: _F) -> _F:
    """``--key URI`` or ``--sigstore`` with its options, as ``key``, ``public_key``, ``sigstore`` and so on."""
    for decorate in reversed(
        (
            click.option(
                "--key",
                metavar="URI",
                help="The signing key: a PEM or OpenSSH key file, ssh:FILE for a key in the agent, or a signer URI.",
            ),
            click.option(
                "--public-key",
                "public_key",
                type=_FILE,
                metavar="FILE",
                help="Public key of a signer URI that does not tell it (KMS, HSM).",
            ),
            click.option(
                "--sigstore",
                is_flag=True,
                help="Sign in and sign without a key. The transparency log shows who signed, for ever.",
            ),
            click.option(
                "--oidc-issuer",
                metavar="URL",
                help="OpenID provider to sign in at; default that of the Sigstore instance.",
            ),
            click.option(
                "--oidc-client-id",
                metavar="ID",
                help="Client id at that provider, and audience of the token; default sigstore.",
            ),
            click.option(
                "--oidc-device",
                is_flag=True,
                help="Sign in on another device: shows a code and an address instead of opening a browser.",
            ),
            click.option(
                "--identity-token-file",
                type=_FILE,
                envvar=TOKEN_FILE_VARIABLE,
                show_envvar=True,
                metavar="FILE",
                help="Use the OIDC identity token in FILE instead of signing in.",
            ),
            click.option(
                "--sigstore-config",
                type=_FILE,
                metavar="FILE",
                help="ClientTrustConfig JSON of a Sigstore instance; default the public one.",
            ),
        )
    ):
        function = decorate(function)
    return function


def chosen(
    *,
    key: str | None,
    public_key: Path | None,
    sigstore: bool,
    oidc_issuer: str | None,
    oidc_client_id: str | None,
    oidc_device: bool,
    identity_token_file: Path | None,
    sigstore_config: Path | None,
) -> Choice:
    """What the options of :func:`key_or_sigstore` say together.

    Raises:
        click.UsageError: they do not go together.
    """
    choice = Choice(
        key,
        public_key,
        sigstore,
        oidc_issuer,
        oidc_client_id,
        oidc_device,
        identity_token_file,
        sigstore_config,
    )
    choice.check()
    return choice
