# SPDX-License-Identifier: Apache-2.0
"""What a KMS or HSM can answer instead of a signature: one error for each answer, whichever service gave it.

The text that a service sent is never repeated: with some failures it holds parts of the signed request, and with
them credentials. Messages name the key by its URI, the service's own code where it has one, and the remedy.
What else comes from a service into ``reason`` (a code, the name of an algorithm) is cut to a short printable line.
"""

from __future__ import annotations

from gaitops.errors import InternalError, InvalidInputError

_LONGEST = 200
"""Characters."""


def unavailable(uri: str, reason: str) -> InternalError:
    """``signer.unavailable``: no answer in time, throttled, or a failure inside the service. Worth another try."""
    return InternalError.of(
        "signer.unavailable",
        f"the service of {uri} gave no answer: {_plain(reason)}",
        remedy="try again in a while; if it stays, check the network, the address and the service's status",
    )


def denied(uri: str, reason: str, needed: str) -> InvalidInputError:
    """``signer.denied``: whoever we are there, we may not use the key. ``needed`` names the permissions."""
    return InvalidInputError.of(
        "signer.denied",
        f"the service of {uri} does not let us use the key: {_plain(reason)}",
        remedy=f"allow {needed}",
    )


def credentials(uri: str, reason: str, remedy: str) -> InvalidInputError:
    """``signer.credentials``: there are none, or they are unknown or expired."""
    return InvalidInputError.of(
        "signer.credentials",
        f"no valid credentials for the service of {uri}: {_plain(reason)}",
        remedy=remedy,
    )


def disabled(uri: str, reason: str) -> InvalidInputError:
    """``signer.disabled``: the key exists and must not be used: disabled, destroyed, waiting for its deletion."""
    return InvalidInputError.of(
        "signer.disabled",
        f"the key {uri} may not sign now: {_plain(reason)}",
        remedy="find out who switched the key off and why, before anybody switches it on again",
    )


def not_found(uri: str, reason: str, remedy: str) -> InvalidInputError:
    """``signer.not_found``: no such key, version or token where we asked."""
    return InvalidInputError.of("signer.not_found", f"there is no key {uri}: {_plain(reason)}", remedy=remedy)


def algorithm(uri: str, reason: str) -> InvalidInputError:
    """``signer.algorithm``: a key for something else, or one that signs in a way nobody would accept."""
    return InvalidInputError.of(
        "signer.algorithm",
        f"the key {uri} cannot sign for gaitops: {_plain(reason)}",
        remedy="make a key for signing with ECDSA on P-256 (SHA-256)",
    )


def configuration(uri: str, reason: str, remedy: str) -> InvalidInputError:
    """``signer.configuration``: region, address or module is missing or unusable."""
    return InvalidInputError.of(
        "signer.configuration", f"{uri} cannot be reached: {_plain(reason)}", remedy=remedy
    )


def pin(uri: str, reason: str, remedy: str) -> InvalidInputError:
    """``signer.pin``: the token did not accept the PIN, or nobody can be asked for it."""
    return InvalidInputError.of(
        "signer.pin", f"the token of {uri} stays closed: {_plain(reason)}", remedy=remedy
    )


def malformed_uri(uri: str, expected: str) -> InvalidInputError:
    """``key.uri``: not how keys of that service are named."""
    return InvalidInputError.of("key.uri", f"{uri} does not name a key", remedy=f"write it as {expected}")


def failed(uri: str, reason: str) -> InternalError:
    """``signing.failed``: any other failure."""
    return InternalError.of("signing.failed", f"signing with {uri} failed: {_plain(reason)}")


def _plain(reason: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in reason[:_LONGEST])
