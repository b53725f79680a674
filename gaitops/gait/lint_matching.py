# SPDX-License-Identifier: Apache-2.0
"""When one matcher takes every call that another takes.

Decided from the matchers alone, so "yes" is certain and "no" may only mean that it cannot be seen from here.
Every list of a matcher asks that the call has at least one of its entries, and an empty list asks for nothing
(contract 1.6); so a list is wider when it is empty or has all entries of the other.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from gaitops.gait.policy import Match, Rule, ToolAnnotations

_NOT_LISTS: Final = frozenset(
    {"workspace_prefixes", "tool_annotations", "require_delegation", "max_delegation_depth"}
)
_LISTS: Final = tuple(item.name for item in fields(Match) if item.name not in _NOT_LISTS)
_HINTS: Final = tuple(item.name for item in fields(ToolAnnotations))
_DESTRUCTIVE_OPERATIONS: Final = frozenset({"delete", "destroy", "drop", "purge", "remove", "rm", "truncate"})
_DESTRUCTIVE_CLASSES: Final = frozenset({"fs.delete", "proc.exec"})


def covers(wider: Match, narrower: Match) -> bool:
    """Whether every call that ``narrower`` takes is certainly taken by ``wider`` too."""
    return (
        all(_list_covers(getattr(wider, name), getattr(narrower, name)) for name in _LISTS)
        and _prefixes_cover(wider.workspace_prefixes, narrower.workspace_prefixes)
        and _hints_cover(wider.tool_annotations, narrower.tool_annotations)
        and _delegation_covers(wider, narrower)
    )


def is_high_risk(rule: Rule) -> bool:
    """Whether a rule speaks of dangerous calls: by risk class, by what they touch, or by what the tool says."""
    match = rule.match
    return (
        not {"high", "critical"}.isdisjoint(match.risk_classes)
        or not _DESTRUCTIVE_CLASSES.isdisjoint(match.endpoint_classes)
        or not _DESTRUCTIVE_OPERATIONS.isdisjoint(match.destination_operations)
        or match.tool_annotations.destructive_hint is True
    )


def _list_covers(wider: tuple[str, ...], narrower: tuple[str, ...]) -> bool:
    return not wider or (bool(narrower) and set(narrower) <= set(wider))


def _prefixes_cover(wider: tuple[str, ...], narrower: tuple[str, ...]) -> bool:
    return not wider or (bool(narrower) and all(prefix.startswith(wider) for prefix in narrower))


def _hints_cover(wider: ToolAnnotations, narrower: ToolAnnotations) -> bool:
    return all(getattr(wider, hint) in (None, getattr(narrower, hint)) for hint in _HINTS)


def _delegation_covers(wider: Match, narrower: Match) -> bool:
    """The lists about delegation are compared with all others; here, that there is one, and how deep."""
    delegated = (
        narrower.require_delegation
        or narrower.max_delegation_depth is not None
        or bool(narrower.allowed_delegator_identities)
        or bool(narrower.allowed_delegate_identities)
        or bool(narrower.delegation_scopes)
    )
    if wider.require_delegation and not delegated:
        return False
    depth = wider.max_delegation_depth
    return depth is None or (
        narrower.max_delegation_depth is not None and narrower.max_delegation_depth <= depth
    )
