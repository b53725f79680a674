# SPDX-License-Identifier: Apache-2.0
"""Scopes: where in the fleet something applies (design 1)."""

from __future__ import annotations

from gaitops.documents.models.base import scope_contains

FLEET = "fleet"


def org_scope(org: str) -> str:
    """Scope of one organization."""
    return f"org/{org}"


def project_scope(org: str, project: str) -> str:
    """Scope of one project."""
    return f"org/{org}/project/{project}"


def environment_scope(org: str, project: str, environment: str) -> str:
    """Scope of one environment of a project."""
    return f"org/{org}/project/{project}/environment/{environment}"


contains = scope_contains
"""Whether the first scope is the same as the second or one around it; documents are read with the same rule."""


def overlaps(one: str, other: str) -> bool:
    """Whether something can lie in both scopes."""
    return contains(one, other) or contains(other, one)
