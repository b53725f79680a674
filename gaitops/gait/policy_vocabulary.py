# SPDX-License-Identifier: Apache-2.0
"""The words that Gait knows in a policy, and the members that are normalised alike (contract 1.2 and 1.4)."""

from __future__ import annotations

from typing import Final

from gaitops.gait.policy import SEVERITY

# Words, compared after lowering.

VERDICTS: Final = frozenset(SEVERITY)
STOPS: Final = frozenset({"block", "require_approval"})
"""Verdicts that a constraint may answer with."""
ENDPOINT_CLASSES: Final = frozenset(
    [
        "fs.read",
        "fs.write",
        "fs.delete",
        "proc.exec",
        "net.http",
        "net.dns",
        "ui.click",
        "ui.type",
        "ui.navigate",
        "other",
    ]
)
EGRESS_CLASSES: Final = frozenset({"net.http", "net.dns"})
DISCOVERY: Final = frozenset(["webmcp", "dynamic_mcp", "a2a", "mcp", "static_mcp", "manual", "unknown"])
CREDENTIAL_SOURCES: Final = frozenset(
    [
        "aws_iam_user",
        "aws_sts",
        "azure_federated",
        "command",
        "env",
        "gcp_sts",
        "github_oidc",
        "github_pat",
        "kubernetes_service_account",
        "stub",
        "unknown",
        "vault_dynamic",
    ]
)
ACCESS_TYPES: Final = frozenset(["cloud_admin", "inherited", "jit", "standing", "static", "unknown"])
REQUIRED_FIELDS: Final = frozenset(
    ["targets", "arg_provenance", "endpoint_class", "delegation", "context_evidence"]
)
HIGH_RISK_FIELDS: Final = frozenset(
    [
        "agent_id",
        "agent_identity",
        "run_id",
        "workflow_id",
        "repo",
        "environment",
        "credential_ref",
        "credential_source",
        "credential_access_type",
        "credential_issuer",
        "credential_ttl_seconds",
        "approval_ref",
        "wrkr_inventory_ref",
        "agent_action_bom_ref",
    ]
)
SANDBOX_WORDS: Final = {
    "allowed_network_modes": frozenset({"disabled", "egress_allowlist", "full"}),
    "allowed_env_exposure_modes": frozenset({"allowlist", "full", "none"}),
    "allowed_filesystem_isolations": frozenset({"container", "none", "workspace"}),
    "allowed_user_modes": frozenset({"default", "root", "unprivileged"}),
}
DEFAULT_RISK_CLASSES: Final = ("critical", "high")
"""Taken where a block that needs risk classes names none."""

CASED_LISTS: Final = frozenset(
    [
        "target_values",
        "destination_values",
        "identities",
        "workspace_prefixes",
        "allowed_delegator_identities",
        "allowed_delegate_identities",
        "allowed_agent_ids",
        "denied_agent_ids",
        "allowed_credential_issuers",
        "reason_codes",
        "violations",
        "path_allowlist",
        "path_denylist",
    ]
)
"""Lists that keep upper case; all others are lowered."""


# Members that are treated alike.

HINTS: Final = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
SANDBOX_PATHS: Final = ("allowed_writable_path_prefixes", "required_read_only_roots")
ENDPOINT_LISTS: Final = ("path_allowlist", "path_denylist", "domain_allowlist", "domain_denylist")
DATAFLOW_LISTS: Final = (
    "tainted_sources",
    "destination_kinds",
    "destination_values",
    "destination_operations",
)
RULE_FLAGS: Final = (
    "require_declared_agent",
    "require_agent_owner",
    "require_unexpired_agent",
    "block_standing_credentials",
    "require_jit_credential",
    "require_distinct_approvers",
    "require_context_evidence",
    "require_broker_credential",
)
RULE_LISTS: Final = (
    "reason_codes",
    "violations",
    "allowed_agent_ids",
    "denied_agent_ids",
    "allowed_agent_manifest_publishers",
    "allowed_agent_manifest_sources",
    "required_agent_lifecycle_states",
    "allowed_credential_issuers",
    "broker_scopes",
)
MATCH_LISTS: Final = (
    "risk_classes",
    "target_kinds",
    "target_values",
    "skill_publishers",
    "skill_sources",
    "data_classes",
    "destination_kinds",
    "destination_values",
    "destination_operations",
    "provenance_sources",
    "identities",
    "workspace_prefixes",
    "context_tool_names",
    "context_data_classes",
    "context_endpoint_classes",
    "context_autonomy_levels",
    "allowed_delegator_identities",
    "allowed_delegate_identities",
    "delegation_scopes",
)
