# SPDX-License-Identifier: Apache-2.0
"""The JSON object that Gait hashes: normalised members under their Go names (contract 1.5).

Order does not matter, because canonical JSON sorts; which members are present does.
"""

from __future__ import annotations

from typing import Final

from gaitops.gait.policy import (
    SCHEMA_ID,
    SCHEMA_VERSION,
    Dataflow,
    Endpoint,
    FreezeWindow,
    Limit,
    Match,
    Policy,
    Rule,
    Sandbox,
)

Json = dict[str, object]

_MATCH_ALWAYS: Final = (
    ("tool_names", "ToolNames"),
    ("risk_classes", "RiskClasses"),
    ("target_kinds", "TargetKinds"),
    ("target_values", "TargetValues"),
    ("provenance_sources", "ProvenanceSources"),
    ("identities", "Identities"),
    ("workspace_prefixes", "WorkspacePrefixes"),
)
_MATCH_WHEN_SET: Final = (
    ("endpoint_classes", "EndpointClasses"),
    ("discovery_method", "DiscoveryMethods"),
    ("skill_publishers", "SkillPublishers"),
    ("skill_sources", "SkillSources"),
    ("data_classes", "DataClasses"),
    ("destination_kinds", "DestinationKinds"),
    ("destination_values", "DestinationValues"),
    ("destination_operations", "DestinationOps"),
    ("context_tool_names", "ContextToolNames"),
    ("context_data_classes", "ContextDataClasses"),
    ("context_endpoint_classes", "ContextEndpointClasses"),
    ("context_autonomy_levels", "ContextAutonomyLevels"),
    ("require_delegation", "RequireDelegation"),
    ("allowed_delegator_identities", "AllowedDelegatorIdentities"),
    ("allowed_delegate_identities", "AllowedDelegateIdentities"),
    ("delegation_scopes", "DelegationScopes"),
)
_RULE_WHEN_SET: Final = (
    ("min_approvals", "MinApprovals"),
    ("require_distinct_approvers", "RequireDistinctApprovers"),
    ("require_declared_agent", "RequireDeclaredAgent"),
    ("allowed_agent_ids", "AllowedAgentIDs"),
    ("denied_agent_ids", "DeniedAgentIDs"),
    ("required_agent_manifest_digest", "RequiredAgentManifestDigest"),
    ("allowed_agent_manifest_publishers", "AllowedAgentManifestPublishers"),
    ("allowed_agent_manifest_sources", "AllowedAgentManifestSources"),
    ("required_agent_lifecycle_states", "RequiredAgentLifecycleStates"),
    ("require_agent_owner", "RequireAgentOwner"),
    ("require_unexpired_agent", "RequireUnexpiredAgent"),
    ("block_standing_credentials", "BlockStandingCredentials"),
    ("allowed_credential_sources", "AllowedCredentialSources"),
    ("allowed_credential_issuers", "AllowedCredentialIssuers"),
    ("allowed_credential_access_types", "AllowedCredentialAccessTypes"),
    ("max_credential_ttl_seconds", "MaxCredentialTTLSeconds"),
    ("require_jit_credential", "RequireJITCredential"),
    ("require_context_evidence", "RequireContextEvidence"),
    ("required_context_evidence_mode", "RequiredContextEvidenceMode"),
    ("max_context_age_seconds", "MaxContextAgeSeconds"),
    ("require_broker_credential", "RequireBrokerCredential"),
    ("broker_reference", "BrokerReference"),
    ("broker_scopes", "BrokerScopes"),
)
_ANNOTATIONS: Final = (
    ("read_only_hint", "ReadOnlyHint"),
    ("destructive_hint", "DestructiveHint"),
    ("idempotent_hint", "IdempotentHint"),
    ("open_world_hint", "OpenWorldHint"),
)


def payload(policy: Policy) -> Json:
    """The object whose canonical JSON Gait hashes."""
    closed = policy.fail_closed
    fail_closed: Json = {
        "Enabled": closed.enabled,
        "RiskClasses": closed.risk_classes,
        "RequiredFields": closed.required_fields,
    }
    if closed.required_high_risk_fields:
        fail_closed["RequiredHighRiskFields"] = closed.required_high_risk_fields
    result: Json = {
        "SchemaID": SCHEMA_ID,
        "SchemaVersion": SCHEMA_VERSION,
        "DefaultVerdict": policy.default_verdict,
        "FailClosed": fail_closed,
        "Rules": [_rule(rule) for rule in policy.rules],
    }
    if scripts := policy.scripts:
        result["Scripts"] = {
            "MaxSteps": scripts.max_steps,
            "RequireApprovalAbove": scripts.require_approval_above,
            "BlockMixedRisk": scripts.block_mixed_risk,
        }
    if trust := policy.mcp_trust:
        result["MCPTrust"] = {
            "Enabled": True,
            "SnapshotPath": trust.snapshot,
            "Action": trust.action,
            "RequiredRiskClasses": trust.required_risk_classes,
            "MinScore": trust.min_score,
            "MaxAge": trust.max_age,
            "PublisherAllowlist": trust.publisher_allowlist,
            "RequireRegistry": trust.require_registry,
        }
    return result


def _rule(rule: Rule) -> Json:
    result: Json = {
        "Name": rule.name,
        "Priority": rule.priority,
        "Effect": rule.effect,
        "Match": _match(rule.match),
        "ReasonCodes": rule.reason_codes,
        "Violations": rule.violations,
    }
    for attribute, name in _RULE_WHEN_SET:
        if value := getattr(rule, attribute):
            result[name] = value
    if rule.endpoint:
        result["Endpoint"] = _endpoint(rule.endpoint)
    if rule.freeze_window:
        result["FreezeWindow"] = _freeze_window(rule.freeze_window)
    if rule.sandbox:
        result["Sandbox"] = _sandbox(rule.sandbox)
    if rule.rate_limit:
        result["RateLimit"] = _limit(rule.rate_limit)
    if rule.destructive_budget:
        result["DestructiveBudget"] = _limit(rule.destructive_budget)
    if rule.dataflow:
        result["Dataflow"] = _dataflow(rule.dataflow)
    return result


def _match(match: Match) -> Json:
    result: Json = {name: getattr(match, attribute) for attribute, name in _MATCH_ALWAYS}
    for attribute, name in _MATCH_WHEN_SET:
        if value := getattr(match, attribute):
            result[name] = value
    hints = {
        name: hint
        for attribute, name in _ANNOTATIONS
        if (hint := getattr(match.tool_annotations, attribute)) is not None
    }
    if hints:
        result["ToolAnnotations"] = hints
    if match.max_delegation_depth is not None:
        result["MaxDelegationDepth"] = match.max_delegation_depth
    return result


def _endpoint(endpoint: Endpoint) -> Json:
    return {
        "Enabled": True,
        "PathAllowlist": endpoint.path_allowlist,
        "PathDenylist": endpoint.path_denylist,
        "DomainAllowlist": endpoint.domain_allowlist,
        "DomainDenylist": endpoint.domain_denylist,
        "EgressClasses": endpoint.egress_classes,
        "Action": endpoint.action,
        "DestructiveAction": endpoint.destructive_action,
        "ReasonCode": endpoint.reason_code,
        "Violation": endpoint.violation,
    }


def _freeze_window(window: FreezeWindow) -> Json:
    return {
        "Enabled": True,
        "Timezone": window.timezone,
        "Effect": window.effect,
        "Reason": window.reason,
        "Environments": window.environments,
        "RiskClasses": window.risk_classes,
        "Windows": [
            {"Name": period.name, "Start": period.start, "End": period.end} for period in window.windows
        ],
    }


def _sandbox(sandbox: Sandbox) -> Json:
    return {
        "Enabled": True,
        "AllowedNetworkModes": sandbox.allowed_network_modes,
        # Empty path lists are null in Gait, all other empty lists are [].
        "AllowedWritablePathPrefixes": sandbox.allowed_writable_path_prefixes or None,
        "RequiredReadOnlyRoots": sandbox.required_read_only_roots or None,
        "AllowedEnvExposureModes": sandbox.allowed_env_exposure_modes,
        "MaxTimeoutSeconds": sandbox.max_timeout_seconds,
        "AllowedFilesystemIsolations": sandbox.allowed_filesystem_isolations,
        "AllowedUserModes": sandbox.allowed_user_modes,
    }


def _limit(limit: Limit) -> Json:
    return {"Requests": limit.requests, "Window": limit.window, "Scope": limit.scope}


def _dataflow(dataflow: Dataflow) -> Json:
    result: Json = {
        "Enabled": True,
        "TaintedSources": dataflow.tainted_sources,
        "Action": dataflow.action,
        "ReasonCode": dataflow.reason_code,
        "Violation": dataflow.violation,
    }
    for name, values in (
        ("DestinationKinds", dataflow.destination_kinds),
        ("DestinationValues", dataflow.destination_values),
        ("DestinationOperations", dataflow.destination_operations),
    ):
        if values:
            result[name] = values
    return result
