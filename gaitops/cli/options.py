# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, so that they are spelled, explained and checked in one way.

Each is a decorator for a command function and names the parameter that it passes. ``--json`` and
``--format`` belong to :class:`gaitops.cli.command.Command` itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from gaitops.errors import InvalidInputError

TRUST_ROOT_VARIABLE = "GAITOPS_TRUST_ROOT"

_Function = TypeVar("_Function", bound=Callable[..., Any])
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def sha256_digest(text: str) -> str:
    """Option type ``sha256:<64 lowercase hex>``, the prefix being optional; converts to the bare hex."""
    match = _SHA256.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not sha256: and 64 lowercase hex characters")
    return match.group(1)


def timestamp(text: str) -> datetime:
    """Option type ``2026-11-22T21:00:00Z`` (RFC 3339, UTC, whole seconds); converts to an aware datetime."""
    from gaitops.documents.times import parse_timestamp

    try:
        return parse_timestamp(text)
    except (ValueError, InvalidInputError) as error:
        raise click.BadParameter(f"{text!r} is not a time like 2026-11-22T21:00:00Z") from error


def duration(text: str) -> timedelta:
    """Option type ``72h`` or ``7d``; converts to a timedelta."""
    from gaitops.documents.times import parse_duration

    try:
        return parse_duration(text)
    except (ValueError, InvalidInputError) as error:
        raise click.BadParameter(f"{text!r} is not a duration like 72h or 7d") from error


def repo(function: _Function) -> _Function:
    """``--repo DIR`` as ``repo: Path``: the fleet repository, the current folder by default."""
    return _repository_folder("The fleet repository.")(function)


def consumer_repo(function: _Function) -> _Function:
    """``--repo DIR`` as ``repo: Path``: the consumer repository, the current folder by default."""
    return _repository_folder("The consumer repository, which holds .gaitops/.")(function)


def _repository_folder(help_text: str) -> Callable[[_Function], _Function]:
    return click.option(
        "--repo",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        default=Path(),
        show_default="current folder",
        metavar="DIR",
        help=help_text,
    )


def at(function: _Function) -> _Function:
    """``--at TIME`` as ``at: datetime | None``; ``None`` means now (:func:`gaitops.cli.clock.now`)."""
    return click.option(
        "--at",
        type=timestamp,
        metavar="TIME",
        help="Judge as of this time, e.g. 2026-11-22T21:00:00Z; default now.",
    )(function)


def key(function: _Function) -> _Function:
    """``--key URI`` (required) as ``key: str``, for :func:`gaitops.signing.signers.load_signer`."""
    return click.option(
        "--key",
        required=True,
        metavar="URI",
        help="The signing key: a PEM or OpenSSH key file, ssh:FILE for a key in the agent, or a signer URI.",
    )(function)


def principal(function: _Function) -> _Function:
    """``--as PRINCIPAL`` (required) as ``principal: str``."""
    return click.option(
        "--as",
        "principal",
        required=True,
        metavar="PRINCIPAL",
        help="Who you are in the fleet: NAME or ORG/NAME.",
    )(function)


def yes(function: _Function) -> _Function:
    """``--yes`` as ``yes: bool``: do not ask for confirmation."""
    return click.option("--yes", is_flag=True, help="Do not ask for confirmation.")(function)


def trust_root(function: _Function) -> _Function:
    """``--trust-root DIGEST`` as ``trust_root: str``: 64 hex characters that the caller vouches for.

    Taken from the option, else from ``GAITOPS_TRUST_ROOT``, else from the user's configuration; never from
    the repository that is judged. Without one the command ends with exit code 6 (threat T21).
    """

    def settle(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None or ctx.resilient_parsing:
            return value
        return trust_root_from_configuration()

    return click.option(
        "--trust-root",
        type=sha256_digest,
        envvar=TRUST_ROOT_VARIABLE,
        show_envvar=True,
        callback=settle,
        metavar="SHA256",
        help="SHA-256 of the first TUF root metadata, obtained out of band; or set in the user's configuration.",
    )(function)


def trust_root_from_configuration() -> str:
    """The trust root of the user's configuration, for commands that need one only sometimes.

    Raises:
        InvalidInputError: ``trust.root_missing``, ``config.malformed``.
    """
    from gaitops.cli.user import configuration_file, configured_trust_root

    configured = configured_trust_root()
    if configured is None:
        raise InvalidInputError.of(
            "trust.root_missing",
            "no trust root was given, and nothing verifies without one",
            remedy=f"Pass --trust-root sha256:..., set {TRUST_ROOT_VARIABLE}, or write "
            f'trust_root = "sha256:..." to {configuration_file()}.',
        )
    try:
        return sha256_digest(configured)
    except click.BadParameter as error:
        raise InvalidInputError.of(
            "config.malformed", error.message, path=str(configuration_file()), field="trust_root"
        ) from error


def base_and_head(function: _Function) -> _Function:
    """``--base REV`` and ``--head REV`` as ``base: str`` and ``head: str``."""
    function = click.option(
        "--head", default="HEAD", show_default=True, metavar="REV", help="Newest commit of the change."
    )(function)
    return click.option(
        "--base",
        default="main",
        show_default=True,
        metavar="REV",
        help="The protected branch that it is meant for.",
    )(function)


def include_pending(function: _Function) -> _Function:
    """``--include-pending`` as ``include_pending: bool``."""
    return click.option(
        "--include-pending",
        is_flag=True,
        help="Judge content of BASE that nobody authorized yet together with the change, instead of refusing.",
    )(function)
