# SPDX-License-Identifier: Apache-2.0
"""The members that a policy file may have, their types, and reading a tree of nodes by them.

The result is what Gait has after decoding and before normalising: every text as written (numbers printed again),
absent members absent. All problems are collected, each with its place; unknown members reject the file
(contract 1.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gaitops.errors import Problem
from gaitops.gait.quoting import quote
from gaitops.gait.yaml_scalars import (
    MismatchError,
    Scalar,
    UncertainError,
    to_bool,
    to_float,
    to_int,
    to_text,
)
from gaitops.gait.yaml_tree import ListNode, MapNode, Node, ScalarNode

MAX_VALUES = 200_000
"""Values in one policy, counting aliased ones each time; beyond this no digest is computed."""


class Kind(Enum):
    """Type of a member that is not a block."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    FLAG = auto()
    TEXTS = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping with known members; ``many`` for a list of such mappings."""

    members: Mapping[str, Kind | Block]
    many: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member stands in the file, and its text when it is a single value."""

    line: int
    column: int
    text: str | None = None


Raw = dict[str, object]
"""Decoded members of one block."""


def _members(kind: Kind, names: str) -> dict[str, Kind | Block]:
    return dict.fromkeys(names.split(), kind)


_ANNOTATIONS: Final = Block(_members(Kind.FLAG, "readOnlyHint destructiveHint idempotentHint openWorldHint"))
_MATCH: Final = Block(
    _members(
        Kind.TEXTS,
        "tool_names risk_classes target_kinds target_values endpoint_class endpoint_classes discovery_method"
        " skill_publishers skill_sources data_classes destination_kinds destination_values destination_operations"
        " provenance_sources identities workspace_prefixes context_tool_names context_data_classes"
        " context_endpoint_classes context_autonomy_levels allowed_delegator_identities"
        " allowed_delegate_identities delegation_scopes",
    )
    | {
        "tool_name": Kind.TEXT,
        "tool_annotations": _ANNOTATIONS,
        "require_delegation": Kind.FLAG,
        "max_delegation_depth": Kind.INTEGER,
    }
)
_ENDPOINT: Final = Block(
    _members(Kind.TEXTS, "path_allowlist path_denylist domain_allowlist domain_denylist egress_classes")
    | _members(Kind.TEXT, "action destructive_action reason_code violation")
    | {"enabled": Kind.FLAG}
)
_FREEZE_WINDOW: Final = Block(
    _members(Kind.TEXT, "timezone effect reason")
    | _members(Kind.TEXTS, "environments risk_classes")
    | {"enabled": Kind.FLAG, "windows": Block(_members(Kind.TEXT, "name start end"), many=True)}
)
_SANDBOX: Final = Block(
    _members(
        Kind.TEXTS,
        "allowed_network_modes allowed_writable_path_prefixes required_read_only_roots allowed_env_exposure_modes"
        " allowed_filesystem_isolations allowed_user_modes",
    )
    | {"enabled": Kind.FLAG, "max_timeout_seconds": Kind.INTEGER}
)
_LIMIT: Final = Block({"requests": Kind.INTEGER, "window": Kind.TEXT, "scope": Kind.TEXT})
_DATAFLOW: Final = Block(
    _members(Kind.TEXTS, "tainted_sources destination_kinds destination_values destination_operations")
    | _members(Kind.TEXT, "action reason_code violation")
    | {"enabled": Kind.FLAG}
)
_RULE: Final = Block(
    _members(
        Kind.TEXT,
        "name effect action required_agent_manifest_digest required_context_evidence_mode broker_reference",
    )
    | _members(Kind.INTEGER, "priority max_credential_ttl_seconds min_approvals max_context_age_seconds")
    | _members(
        Kind.FLAG,
        "require_declared_agent require_agent_owner require_unexpired_agent block_standing_credentials"
        " require_jit_credential require_distinct_approvers require_context_evidence require_broker_credential",
    )
    | _members(
        Kind.TEXTS,
        "reason_codes violations allowed_agent_ids denied_agent_ids allowed_agent_manifest_publishers"
        " allowed_agent_manifest_sources required_agent_lifecycle_states allowed_credential_sources"
        " allowed_credential_issuers allowed_credential_access_types broker_scopes",
    )
    | {
        "match": _MATCH,
        "endpoint": _ENDPOINT,
        "freeze_window": _FREEZE_WINDOW,
        "sandbox": _SANDBOX,
        "rate_limit": _LIMIT,
        "destructive_budget": _LIMIT,
        "dataflow": _DATAFLOW,
    },
    many=True,
)
POLICY: Final = Block(
    _members(Kind.TEXT, "schema_id schema_version default_verdict default_action")
    | {
        "scripts": Block(
            _members(Kind.INTEGER, "max_steps require_approval_above") | {"block_mixed_risk": Kind.FLAG}
        ),
        "fail_closed": Block(
            _members(Kind.TEXTS, "risk_classes required_fields required_high_risk_fields")
            | {"enabled": Kind.FLAG}
        ),
        "mcp_trust": Block(
            _members(Kind.TEXT, "snapshot action max_age")
            | _members(Kind.TEXTS, "required_risk_classes publisher_allowlist")
            | {"enabled": Kind.FLAG, "require_registry": Kind.FLAG, "min_score": Kind.NUMBER}
        ),
        "rules": _RULE,
    }
)
"""The whole file."""

LEGACY_MEMBERS: Final = frozenset(
    {"version", "name", "boundaries", "defaults", "trust_sources", "unknown_server"}
)
"""Top-level members of an old draft of the format; Gait names the migration when it meets one."""


class FieldReader:
    """Reads one tree; use once. ``places`` has the position of every member by its path in the file."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        self._values = 0

    def read(self, root: MapNode) -> Raw:
        """The decoded members of a policy.

        Raises:
            UncertainError: a value whose reading is not certain, or too many values.
        """
        return self._block(root, POLICY, "")

    def _block(self, node: Node, block: Block, path: str) -> Raw:
        raw: Raw = {}
        if isinstance(node, ScalarNode) and node.plain and node.value is None:
            return raw
        if not isinstance(node, MapNode):
            self._mismatch(node, path, "expected a mapping")
            return raw
        self._count(len(node.members))
        prefix = path + "." if path else ""
        for name, (key, value) in node.members.items():
            member_path = prefix + name
            kind = block.members.get(name)
            if kind is None:
                self._unknown(key, member_path, block)
                continue
            text = value.text if isinstance(value, ScalarNode) else None
            self.places[member_path] = Place(key.line, key.column, text)
            if isinstance(kind, Block):
                raw[name] = (
                    self._blocks(value, kind, member_path)
                    if kind.many
                    else self._block(value, kind, member_path)
                )
            elif kind is Kind.TEXTS:
                raw[name] = self._texts(value, member_path)
            else:
                self._single(raw, name, value, kind, member_path)
        return raw

    def _blocks(self, node: Node, block: Block, path: str) -> list[Raw]:
        result = []
        for index, item in enumerate(self._items(node, path)):
            item_path = f"{path}[{index}]"
            self.places[item_path] = Place(item.line, item.column)
            result.append(self._block(item, block, item_path))
        return result

    def _texts(self, node: Node, path: str) -> list[str]:
        result = []
        for item in self._items(node, path):
            if isinstance(item, ScalarNode):
                result.append(to_text(item.value) if item.plain else item.text)
            else:
                self._mismatch(item, path, "expected a text in the list")
        return result

    def _items(self, node: Node, path: str) -> list[Node]:
        if isinstance(node, ListNode):
            self._count(len(node.items))
            return node.items
        if not (isinstance(node, ScalarNode) and node.plain and node.value is None):
            self._mismatch(node, path, "expected a list")
        return []

    def _single(self, raw: Raw, name: str, node: Node, kind: Kind, path: str) -> None:
        """Decode a single value; null leaves the member out, as Gait leaves its zero value."""
        if not isinstance(node, ScalarNode):
            self._mismatch(node, path, "expected a single value")
            return
        value = node.value
        if value is None:
            return
        try:
            raw[name] = _convert(value, kind)
        except MismatchError as mismatch:
            self._mismatch(node, path, str(mismatch))
        except UncertainError as uncertain:
            raise UncertainError(f"line {node.line} has {uncertain}") from uncertain

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise UncertainError(f"the policy has more than {MAX_VALUES} values")

    def _mismatch(self, node: Node, path: str, message: str) -> None:
        problem = Problem(
            "policy.wrong_type", message, line=node.line, column=node.column, field=path or None
        )
        self.problems.append(problem)

    def _unknown(self, key: ScalarNode, path: str, block: Block) -> None:
        code, message, remedy = "policy.unknown_field", f"unknown member {quote(key.text)}", None
        if block is POLICY and key.text in LEGACY_MEMBERS:
            code, message = (
                "policy.legacy_field",
                f"{quote(key.text)} belongs to an old draft of the policy format",
            )
            remedy = f"write the policy in the format {POLICY_FORMAT}"
        self.problems.append(
            Problem(code, message, line=key.line, column=key.column, field=path, remedy=remedy)
        )


POLICY_FORMAT: Final = "gait.gate.policy 1.0.0"


def _convert(value: Scalar, kind: Kind) -> object:
    if kind is Kind.TEXT:
        return to_text(value)
    if kind is Kind.FLAG:
        return to_bool(value)
    return to_int(value) if kind is Kind.INTEGER else to_float(value)
