# SPDX-License-Identifier: Apache-2.0
"""Texts of a file in messages: quoted, on one line, and never long."""

from __future__ import annotations

_MAX_SHOWN = 80


def quote(text: str) -> str:
    """``text`` in quotes, with control characters escaped, cut after 80 characters."""
    return repr(text) if len(text) <= _MAX_SHOWN else repr(text[:_MAX_SHOWN]) + "..."
