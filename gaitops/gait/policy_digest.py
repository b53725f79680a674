# SPDX-License-Identifier: Apache-2.0
"""The digest by which Gait names a policy, computed without Gait.

A reading has one of three outcomes. *accepted*: Gait takes the file, and ``digest`` is what it prints.
*rejected*: Gait refuses the file; ``problems`` say where and why. *abstained*: the file uses something that cannot
be read with certainty, so neither is claimed; ``reason`` names it. A digest is never guessed (contract 1.3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import yaml

from gaitops.errors import Problem
from gaitops.gait.policy import SCHEMA_ID, SCHEMA_VERSION, Policy
from gaitops.gait.policy_fields import FieldReader, Place
from gaitops.gait.policy_normalise import Normaliser
from gaitops.gait.policy_payload import payload
from gaitops.gait.yaml_limits import certain_rejection
from gaitops.gait.yaml_scalars import UncertainError
from gaitops.gait.yaml_tree import MapNode, TreeReader
from gaitops.signing.canonical import canonical_json

SCHEME = f"{SCHEMA_ID}/{SCHEMA_VERSION}"
"""Name of the digest scheme, as version descriptors state it (design 7)."""
MAX_BYTES = 1_048_576
"""Larger files are not read. Gait has no limit; the largest policies seen are a hundredth of this."""
MAX_PROBLEMS = 1_000
"""Problems reported of one file."""

_STABLE_SORT_RULES = 12
"""Up to this many rules, Go's sort keeps equal elements in order; beyond, equal rules may change places."""


@dataclass(frozen=True, slots=True)
class PolicyReading:
    """What is known about a policy file. ``policy`` is set when it was read, whatever the outcome."""

    outcome: Literal["accepted", "rejected", "abstained"]
    policy: Policy | None = None
    digest: str | None = None
    problems: tuple[Problem, ...] = ()
    reason: str | None = None
    places: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    """Position of every member in the file, by its path, for example ``rules[2].effect``."""


def digest_policy(data: bytes) -> PolicyReading:
    """Read a policy file and compute its Gait digest. Never raises for any ``data``."""
    if len(data) > MAX_BYTES:
        return PolicyReading("abstained", reason=f"the file has more than {MAX_BYTES} bytes")
    if data.startswith(b"\xef\xbb\xbf"):
        return _rejected(
            [Problem("policy.not_yaml", "the file starts with a byte order mark", line=1, column=1)]
        )
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return PolicyReading("abstained", reason="the file is not valid UTF-8")
    try:
        return _read(text)
    except UncertainError as uncertain:
        return PolicyReading("abstained", reason=str(uncertain))


def policy_digest(policy: Policy) -> str:
    """The digest of a normalised policy: hex SHA-256 of the canonical JSON of its payload (contract 1.5)."""
    return hashlib.sha256(canonical_json(payload(policy))).hexdigest()


def _read(text: str) -> PolicyReading:
    tree = TreeReader(text)
    try:
        root = tree.read()
    except yaml.YAMLError as error:
        problem = certain_rejection(error, text, in_flow=tree.in_flow, after_key=tree.after_key)
        if problem is None:
            fault = getattr(error, "problem", None) or type(error).__name__
            raise UncertainError(
                f"it is not certain that Gait refuses what libyaml refuses: {fault}"
            ) from error
        return _rejected([*tree.problems, problem])
    if root is None:
        root = MapNode(1, 1)
    if not isinstance(root, MapNode):
        message = "a policy is a mapping"
        return _rejected(
            [*tree.problems, Problem("policy.wrong_type", message, line=root.line, column=root.column)]
        )
    fields = FieldReader()
    normaliser = Normaliser(fields.places)
    try:
        policy = normaliser.policy(fields.read(root))
    except UncertainError:
        # What Gait certainly refuses is refused, whatever else is not certain.
        if problems := _problems(tree, fields, normaliser):
            return _rejected(problems)
        raise
    if problems := _problems(tree, fields, normaliser):
        return _rejected(problems)
    places = MappingProxyType(fields.places)
    if _order_dependent(policy):
        reason = (
            f"more than {_STABLE_SORT_RULES} rules, and two of them share priority and name: order-dependent"
        )
        return PolicyReading("abstained", policy=policy, reason=reason, places=places)
    return PolicyReading("accepted", policy=policy, digest=policy_digest(policy), places=places)


def _problems(tree: TreeReader, fields: FieldReader, normaliser: Normaliser) -> list[Problem]:
    """All problems, without those that only follow from a value of a wrong type further up."""
    mistyped = tuple(problem.field + "." for problem in fields.problems if problem.field)
    further = [problem for problem in normaliser.problems if not f"{problem.field}.".startswith(mistyped)]
    return [*tree.problems, *fields.problems, *further]


def _rejected(problems: list[Problem]) -> PolicyReading:
    ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
    return PolicyReading("rejected", problems=tuple(ordered[:MAX_PROBLEMS]))


def _order_dependent(policy: Policy) -> bool:
    """Whether the digest depends on how Gait's unstable sort places two different rules of equal rank."""
    if len(policy.rules) <= _STABLE_SORT_RULES:
        return False
    return any(
        (first.priority, first.name) == (second.priority, second.name) and first != second
        for first, second in pairwise(policy.rules)
    )
