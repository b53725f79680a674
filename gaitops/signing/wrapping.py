# SPDX-License-Identifier: Apache-2.0
"""Envelope encryption: the one question that encrypted evidence asks of a service that holds keys.

Evidence that must not be readable where it is stored is encrypted with a data key of its own, and that key lies
beside it, wrapped by a key that stays in a KMS or HSM. Nothing in gaitops encrypts yet; the interface stands here
because its implementations belong to the services of :mod:`gaitops.signing.services`, with their errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class KeyWrapper(Protocol):
    """Wraps and unwraps data keys (32 random bytes each) with a key in a service.

    ``context`` is authenticated, not secret: fleet, repository and digest of what the data key encrypts. Unwrapping
    needs the same context, so that a wrapped key which is laid beside other evidence opens nothing. Both methods
    raise the errors of :mod:`gaitops.signing.service_errors`; a wrong context and a changed wrapped key are
    ``VerificationError``, never other bytes.
    """

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """``data_key`` as only the service can read it; two calls need not give the same bytes."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key that was wrapped in this context."""
