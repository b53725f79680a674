# SPDX-License-Identifier: Apache-2.0
"""How much one edge of a rollout may change at once (design 9)."""

from __future__ import annotations

from gaitops.documents.models.base import Caps


def combined(*caps: Caps) -> Caps:
    """The lowest of each limit: a rollout's own never lifts those of its org or of the fleet."""
    return Caps().model_copy(
        update={
            name: min((value for each in caps if (value := getattr(each, name)) is not None), default=None)
            for name in Caps.model_fields
        }
    )


def exceeded(caps: Caps, *, entering: int, production: int, listed: int) -> list[str]:
    """What an edge goes beyond, one sentence each; empty when it keeps every limit.

    Args:
        caps: The combined limits.
        entering: Repositories whose assignment the edge newly changes.
        production: Those of them whose assignment changes in an environment of tier production.
        listed: Repositories in the order of the rollout, of which a percentage is taken. One repository is always
            within a percentage, however small the fleet is.
    """
    found = []
    most, percent = caps.max_repositories_per_step, caps.max_percent_per_step
    if most is not None and entering > most:
        found.append(f"{_repositories(entering)} would change at once, at most {most} may")
    if percent is not None and entering > (allowed := max(1, percent * listed // 100)):
        found.append(
            f"{_repositories(entering)} would change at once, at most {allowed} may ({percent}% of {listed})"
        )
    most = caps.max_production_per_step
    if most is not None and production > most:
        found.append(f"{_repositories(production, 'production ')} would change at once, at most {most} may")
    return found


def _repositories(count: int, kind: str = "") -> str:
    return f"{count} {kind}{'repository' if count == 1 else 'repositories'}"
