# SPDX-License-Identifier: Apache-2.0
"""A Gait policy after Gait's normalisation, as immutable values.

Two files that Gait cannot tell apart give equal policies: texts are trimmed and lowered, lists are sorted and
without duplicates, defaults are filled in, rules are in the order in which Gait tries them (contract 1.4).
Blocks that Gait ignores because nothing in them switches them on are ``None``. Attributes carry the names used in
files; where there are two spellings (``effect``/``action``), the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SCHEMA_ID: Final = "gait.gate.policy"
SCHEMA_VERSION: Final = "1.0.0"

SEVERITY: Final = {"allow": 0, "dry_run": 1, "require_approval": 2, "block": 3}
"""Verdicts by restriction; of several rules that match, Gait takes the most restrictive (contract 1.6)."""

Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolAnnotations:
    """Hints of a tool that must be exactly so; ``None`` asks for nothing."""

    read_only_hint: bool | None = None
    destructive_hint: bool | None = None
    idempotent_hint: bool | None = None
    open_world_hint: bool | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which calls a rule is about: each list that is not empty must contain something of the call."""

    tool_names: Texts = ()
    risk_classes: Texts = ()
    target_kinds: Texts = ()
    target_values: Texts = ()
    endpoint_classes: Texts = ()
    discovery_method: Texts = ()
    tool_annotations: ToolAnnotations = ToolAnnotations()
    skill_publishers: Texts = ()
    skill_sources: Texts = ()
    data_classes: Texts = ()
    destination_kinds: Texts = ()
    destination_values: Texts = ()
    destination_operations: Texts = ()
    provenance_sources: Texts = ()
    identities: Texts = ()
    workspace_prefixes: Texts = ()
    context_tool_names: Texts = ()
    context_data_classes: Texts = ()
    context_endpoint_classes: Texts = ()
    context_autonomy_levels: Texts = ()
    require_delegation: bool = False
    allowed_delegator_identities: Texts = ()
    allowed_delegate_identities: Texts = ()
    delegation_scopes: Texts = ()
    max_delegation_depth: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Paths, domains and network classes that targets of a matching call must keep to."""

    path_allowlist: Texts
    path_denylist: Texts
    domain_allowlist: Texts
    domain_denylist: Texts
    egress_classes: Texts
    action: str
    destructive_action: str
    reason_code: str
    violation: str


@dataclass(frozen=True, slots=True)
class FreezePeriod:
    """One period of a freeze window. Gait parses ``start`` and ``end`` only when it evaluates a call."""

    name: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """Periods, in local time of ``timezone`` and in file order, in which ``effect`` applies."""

    timezone: str
    effect: str
    reason: str
    environments: Texts
    risk_classes: Texts
    windows: tuple[FreezePeriod, ...]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a call must prove about the sandbox it runs in. ``max_timeout_seconds`` 0 sets no limit."""

    allowed_network_modes: Texts
    allowed_writable_path_prefixes: Texts
    required_read_only_roots: Texts
    allowed_env_exposure_modes: Texts
    max_timeout_seconds: int
    allowed_filesystem_isolations: Texts
    allowed_user_modes: Texts


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``requests`` calls per ``window`` (minute or hour), counted per ``scope``."""

    requests: int
    window: str
    scope: str


@dataclass(frozen=True, slots=True)
class Dataflow:
    """Stops what comes from tainted sources on its way to the listed destinations."""

    tainted_sources: Texts
    destination_kinds: Texts
    destination_values: Texts
    destination_operations: Texts
    action: str
    reason_code: str
    violation: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Smaller priorities are tried first; numbers of 0 and empty texts and lists ask for nothing."""

    name: str
    priority: int
    effect: str
    match: Match = Match()
    endpoint: Endpoint | None = None
    reason_codes: Texts = ()
    violations: Texts = ()
    require_declared_agent: bool = False
    allowed_agent_ids: Texts = ()
    denied_agent_ids: Texts = ()
    required_agent_manifest_digest: str = ""
    allowed_agent_manifest_publishers: Texts = ()
    allowed_agent_manifest_sources: Texts = ()
    required_agent_lifecycle_states: Texts = ()
    require_agent_owner: bool = False
    require_unexpired_agent: bool = False
    block_standing_credentials: bool = False
    allowed_credential_sources: Texts = ()
    allowed_credential_issuers: Texts = ()
    allowed_credential_access_types: Texts = ()
    max_credential_ttl_seconds: int = 0
    require_jit_credential: bool = False
    min_approvals: int = 0
    require_distinct_approvers: bool = False
    require_context_evidence: bool = False
    required_context_evidence_mode: str = ""
    max_context_age_seconds: int = 0
    require_broker_credential: bool = False
    broker_reference: str = ""
    broker_scopes: Texts = ()
    freeze_window: FreezeWindow | None = None
    sandbox: Sandbox | None = None
    rate_limit: Limit | None = None
    destructive_budget: Limit | None = None
    dataflow: Dataflow | None = None
    index: int = field(default=0, compare=False)
    """Place of the rule in the file, from 0."""


@dataclass(frozen=True, slots=True)
class FailClosed:
    """Calls of these risk classes are blocked when one of the required fields is missing."""

    enabled: bool = False
    risk_classes: Texts = ()
    required_fields: Texts = ()
    required_high_risk_fields: Texts = ()


@dataclass(frozen=True, slots=True)
class Scripts:
    """Limits of calls with several steps; 0 sets no limit."""

    max_steps: int
    require_approval_above: int
    block_mixed_risk: bool


@dataclass(frozen=True, slots=True)
class McpTrust:
    """What is asked of MCP servers, judged by a snapshot file that the digest covers only by its path."""

    snapshot: str
    action: str
    required_risk_classes: Texts
    min_score: float
    max_age: str
    publisher_allowlist: Texts
    require_registry: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy, rules in evaluation order."""

    default_verdict: str
    fail_closed: FailClosed = FailClosed()
    scripts: Scripts | None = None
    mcp_trust: McpTrust | None = None
    rules: tuple[Rule, ...] = ()
