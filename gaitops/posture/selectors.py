# SPDX-License-Identifier: Apache-2.0
"""Selectors: the name of a number together with what it was counted over, so that its artifacts can be listed.

``events.block?repository=github.com/acme/pay&environment=prod`` is the number ``events.block`` of one place. Values are
percent-encoded as in a URL's query; the order of the members is fixed, so equal selectors are equal text.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from urllib.parse import parse_qsl, quote

from gaitops.errors import InvalidInputError
from gaitops.posture.catalogue import METRICS


@dataclass(frozen=True, slots=True)
class Scope:
    """What a number is counted over; members that are ``None`` do not narrow it."""

    org: str | None = None
    project: str | None = None
    """As ``org/project``."""
    team: str | None = None
    tier: str | None = None
    repository: str | None = None
    """Normalised id; empty for what belongs to no repository."""
    environment: str | None = None
    """Empty for what names none."""
    policy: str | None = None
    """Gait policy digest."""
    day: str | None = None
    """``2026-10-05``, in UTC."""
    week: str | None = None
    """ISO week, ``2026-W41``."""

    def members(self) -> dict[str, str]:
        """Members that narrow it, in order."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def selector(metric: str, scope: Scope | None = None) -> str:
    """A number and its scope as text."""
    members = scope.members() if scope is not None else {}
    query = "&".join(f"{name}={quote(value, safe='/@:')}" for name, value in members.items())
    return f"{metric}?{query}" if query else metric


def parse_selector(text: str) -> tuple[str, Scope]:
    """Read a selector.

    Raises:
        InvalidInputError: ``posture.selector`` for a number that does not exist or a member that scopes do not have.
    """
    metric, _, query = text.partition("?")
    if metric not in METRICS:
        close = [name for name in METRICS if name.startswith(metric.partition(".")[0] + ".")]
        raise InvalidInputError.of(
            "posture.selector",
            f"there is no number {metric!r}",
            remedy="one of " + ", ".join(close[:12])
            if close
            else "gaitops posture --format csv lists every number",
        )
    names = {field.name for field in fields(Scope)}
    members = _members(query)
    if members is None or {name for name, _value in members} - names or len(dict(members)) != len(members):
        raise InvalidInputError.of(
            "posture.selector",
            f"a scope has the members {', '.join(sorted(names))}, each once and with a value; found {query!r}",
        )
    return metric, Scope(**dict(members))


def _members(query: str) -> list[tuple[str, str]] | None:
    """Names and values of a query; ``None`` when it is not one: half of a scope would prove too much."""
    if not query:
        return []
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        return None
