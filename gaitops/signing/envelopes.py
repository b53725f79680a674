# SPDX-License-Identifier: Apache-2.0
"""Envelopes in the forms that approvals come in."""

from __future__ import annotations

from gaitops.signing.dsse import Envelope, parse_envelope


def read_envelope(data: bytes, path: str = "envelope") -> Envelope:
    """Read an envelope file.

    Raises:
        GaitopsError: as :func:`gaitops.signing.dsse.parse_envelope` does.
    """
    return parse_envelope(data, path)


def canonical_bundle(envelope: Envelope) -> bytes:
    """The bundle of an envelope as it is kept."""
    return envelope.bundle.raw if envelope.bundle is not None else b""
