# SPDX-License-Identifier: Apache-2.0
"""Asking a person: only on a terminal, on standard error, with passphrases never echoed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from gaitops.errors import InvalidInputError


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if ``yes`` was given (``--yes``) or a person says so.

    Raises:
        InvalidInputError: ``cli.confirmation`` when nobody can be asked.
        click.Abort: the person said no, which ends the command with exit code 6 (``cli.declined``).
    """
    if yes:
        return
    if not at_terminal():
        raise InvalidInputError.of(
            "cli.confirmation",
            "this needs a confirmation, and there is no terminal to ask at",
            remedy="Use `--yes` after reading what will be done.",
        )
    click.confirm(question, abort=True, err=True)


def passphrase_asker(label: str = "Passphrase") -> Callable[[], bytes] | None:
    """A function that asks for an existing passphrase; ``None`` when nobody can be asked.

    For the ``passphrase`` argument of :func:`gaitops.signing.signers.load_signer`.
    """
    if not at_terminal():
        return None

    def ask() -> bytes:
        answer: str = click.prompt(label, hide_input=True, err=True)
        return answer.encode()

    return ask


def new_passphrase() -> bytes:
    """Ask twice for a passphrase that is to be set.

    Raises:
        InvalidInputError: ``key.passphrase`` when nobody can be asked.
    """
    if not at_terminal():
        raise InvalidInputError.of(
            "key.passphrase",
            "a passphrase is asked for on a terminal, and there is none",
            remedy="Run the command on a terminal, or leave out --passphrase.",
        )
    answer: str = click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return answer.encode()
