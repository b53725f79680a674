# SPDX-License-Identifier: Apache-2.0
"""``--sigstore``: signing as whoever signs in, instead of with a key: sign-in, and what is shown before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gaitops.errors import InvalidInputError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

    from gaitops.cli.keyless_options import Choice
    from gaitops.cli.sealing import Sealer
    from gaitops.fleet.people import Directory
    from gaitops.signing.sigstore.claims import Claims
    from gaitops.signing.sigstore.device import Prompt
    from gaitops.signing.sigstore.expected import Person, Workload
    from gaitops.signing.sigstore.sign import Instance, Session
    from gaitops.signing.sigstore.tokens import Token
    from gaitops.signing.sigstore.verify import TrustedRootFile

_LARGEST_TOKEN_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who signed in; nothing is signed yet, and no certificate has been asked for."""

    instance: Instance
    token: Token
    at: datetime

    def shown(self) -> str:
        """What must be known before signing."""
        return (
            f"signing as {self.token.subject}\n"
            f"  who signed in at {self.token.issuer}\n"
            "warning: the transparency log will show this identity and the digest of what is signed to everybody "
            "who can read it, for ever"
        )

    def sealer(self) -> KeylessSealer:
        """Get the certificate, which the certificate log shows from now on.

        Raises:
            GaitopsError: As :func:`gaitops.signing.sigstore.sign.open_session`.
        """
        from gaitops.signing.sigstore.sign import open_session

        return KeylessSealer(open_session(self.instance, self.token), self.at)


@dataclass(frozen=True, slots=True)
class KeylessSealer:
    """Signs with a certificate of minutes (see :class:`gaitops.cli.sealing.Sealer`)."""

    session: Session
    at: datetime

    def require_listed(self, principal: str, people: Directory) -> None:
        """Make sure that the certificate is the principal's.

        Raises:
            InvalidInputError: ``key.not_principals``.
        """
        self._expected(principal, people)

    def seal(self, payload: bytes, principal: str, people: Directory) -> bytes:
        """A Sigstore bundle v0.3 that verifies with the trusted root of verified state.

        Raises:
            InvalidInputError: ``approval.too_large``.
            GaitopsError: As :meth:`gaitops.signing.sigstore.sign.Session.sign`.
        """
        from gaitops.change.attestation import MAX_ENVELOPE_BYTES
        from gaitops.signing.sigstore.sign import OVERHEAD

        _fits(len(payload) * 4 // 3 + OVERHEAD, MAX_ENVELOPE_BYTES)
        data = self.session.sign(payload, pinned_root(people), self._expected(principal, people))[0]
        # What the log and the authorities put into it is up to them.
        _fits(len(data), MAX_ENVELOPE_BYTES)
        return data

    def _expected(self, principal: str, people: Directory) -> Person | Workload:
        return own_identity(principal, people, self.session.claims, self.at)


def _fits(size: int, most: int) -> None:
    if size > most:
        raise InvalidInputError.of(
            "approval.too_large",
            f"the statement with certificate and log entry needs {size} bytes, an envelope has at most {most}",
            remedy="split the change into several pull requests, or sign with a key",
        )


def sign_in(choice: Choice, principal: str, people: Sequence[Directory], at: datetime) -> SignedIn:
    """Find out who signs: with which instance, and by which token.

    Args:
        choice: the options.
        principal: for whom it will be signed.
        people: the people of verified state, for each of the partitions that are signed.
        at: now.

    Raises:
        InvalidInputError: ``key.not_principals``: the principal has no keyless identity; ``sigstore.instance``,
            ``sigstore.token``, ``sigstore.login``.
        InternalError: ``sigstore.unavailable``.
        VerificationError: ``sigstore.trust_root``.
        MissingDependencyError: ``dependency.sigstore``.
    """
    from gaitops.signing.sigstore.tokens import CLIENT_ID, read_token

    for directory in people:
        if not any(_keyless(directory, principal)):
            raise _not_listed(f"verified state lists no Sigstore identity for {principal}")
    roots = {root.sha256: root for root in map(pinned_root, people)}
    instance = pinned_instance(choice.config, roots.values())
    client_id = choice.client_id or CLIENT_ID
    token = read_token(_raw_token(choice, instance, client_id), audience=client_id, at=at)
    return SignedIn(instance, token, at)


def pinned_instance(config: Path | None, roots: Iterable[TrustedRootFile]) -> Instance:
    """The Sigstore instance of ``--sigstore-config``, or the public one, if each of these trusted roots pins it.

    Raises:
        GaitopsError: As :func:`gaitops.signing.sigstore.sign.open_instance` and its ``require_pinned``.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.signing.sigstore.sign import open_instance

    instance = open_instance(None) if config is None else open_instance(read_bytes(config), str(config))
    for root in roots:
        instance.require_pinned(root)
    return instance


def token_in(path: Path) -> str:
    """What ``--identity-token-file`` holds, no more of it than a token has."""
    from gaitops.cli.files import read_bytes

    return read_bytes(path)[:_LARGEST_TOKEN_FILE].decode("ascii", "replace")


def pinned_root(people: Directory) -> TrustedRootFile:
    """The Sigstore trusted root of verified state.

    Raises:
        VerificationError: ``sigstore.trust_root``: there is none.
    """
    from gaitops.history.signatures import NO_TRUSTED_ROOT

    if people.trusted_root is None:
        raise VerificationError((NO_TRUSTED_ROOT,))
    return people.trusted_root


def own_identity(principal: str, people: Directory, claims: Claims, at: datetime) -> Person | Workload:
    """The identity of the principal that a certificate names.

    Raises:
        InvalidInputError: ``key.not_principals``: there is none.
    """
    reasons = []
    for credential in _keyless(people, principal):
        reason = credential.mismatch(claims, at)
        if reason is None:
            return credential
        reasons.append(reason)
    found = f"{claims.subject!r} of {claims.issuer!r}"
    raise _not_listed(
        f"verified state does not list {found} for {principal}" + "".join(f"; {reason}" for reason in reasons)
    )


def _keyless(people: Directory, principal: str) -> list[Person | Workload]:
    from gaitops.signing.sigstore.expected import Person, Workload

    return [
        identity.credential
        for identity in people.identities_of(principal)
        if isinstance(identity.credential, Person | Workload)
    ]


def _not_listed(message: str) -> InvalidInputError:
    return InvalidInputError.of(
        "key.not_principals",
        message,
        remedy="Sign in as that principal, or have the identity added to its document first.",
    )


def _raw_token(choice: Choice, instance: Instance, client_id: str) -> str:
    """From the file; on another device; from the CI system around us; with a browser. The first that applies."""
    from gaitops.cli.asking import at_terminal
    from gaitops.signing.sigstore.device import device_token
    from gaitops.signing.sigstore.tokens import ambient, from_browser

    if choice.token_file is not None:
        return token_in(choice.token_file)
    if choice.issuer is None and not choice.device:
        found = ambient(client_id)
        if found is not None:
            return found
    issuer = choice.issuer or instance.provider
    if not issuer:
        raise InvalidInputError.of(
            "sigstore.login",
            "the Sigstore instance names no OpenID provider",
            remedy="name one: --oidc-issuer URL",
        )
    if choice.device:
        return device_token(issuer, client_id, _show, time.sleep)
    if not at_terminal():
        raise InvalidInputError.of(
            "sigstore.login",
            "nobody can sign in with a browser here: there is no terminal",
            remedy="use --oidc-device, or --identity-token-file FILE",
        )
    return from_browser(issuer, client_id)


def _show(prompt: Prompt) -> None:
    from gaitops.cli.output import note

    where = prompt.complete_url or prompt.url
    note(f"open {where} on any device, and enter or compare the code {prompt.code}")


def prepared(
    choice: Choice, principal: str, people: Sequence[Directory], at: datetime
) -> Callable[[], Sealer]:
    """What to call once it is confirmed; whoever signs without a key signs in, and is shown, before that."""
    from gaitops.cli.output import note
    from gaitops.cli.sealing import KeySealer
    from gaitops.cli.signing import signer_for

    key, public_key = choice.key, choice.public_key
    if key is not None:
        return lambda: KeySealer(signer_for(key, public_key))
    signed_in = sign_in(choice, principal, people, at)
    note(signed_in.shown())
    return signed_in.sealer
