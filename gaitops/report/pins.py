# SPDX-License-Identifier: Apache-2.0
"""What a pin holds, for people and machines."""

from __future__ import annotations

from gaitops.pin.model import Pin, PinnedEnvironment


def pinned_json(pin: Pin) -> list[dict[str, object]]:
    """The pinned environments by name, for ``--json``."""
    return [
        {
            "environment": name,
            "repository": item.repository,
            "enforced": str(item.enforced),
            "candidate": None if item.candidate is None else str(item.candidate),
            "mode": item.mode,
        }
        for name, item in sorted(pin.environments.items())
    ]


def pinned_lines(pin: Pin) -> list[tuple[str, str]]:
    """Environment and what it runs, by name."""
    return [(name, _runs(item)) for name, item in sorted(pin.environments.items())]


def pinned_summary(pin: Pin) -> str:
    """The pin in one line."""
    pinned = ", ".join(f"{name} {text}" for name, text in pinned_lines(pin))
    return f"fleet {pin.fleet}, release {pin.release}, {pinned}"


def _runs(item: PinnedEnvironment) -> str:
    candidate = f", candidate {item.candidate}" if item.candidate is not None else ""
    return f"{item.enforced}{candidate} ({item.mode})"
