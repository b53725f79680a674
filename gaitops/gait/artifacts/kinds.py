# SPDX-License-Identifier: Apache-2.0
"""The kinds of artifact that gaitops tells apart."""

from __future__ import annotations

from typing import Final

KINDS: Final[dict[str, str]] = {
    "trace": "one decision of the gate",
    "runpack": "a recorded run",
    "pack": "a pack of a run, job, call or authorization",
    "session_journal": "events and checkpoints of a session, line by line",
    "session_chain": "the chain of a session's checkpoints",
    "approval_token": "an approval of one intent under one policy",
    "approval_audit": "what the gate made of approval tokens",
    "delegation_token": "a delegation between two identities",
    "delegation_audit": "what the gate made of delegation tokens",
    "broker_record": "a credential that the broker gave",
    "authorization_bundle": "digests of everything behind one decision",
    "script_registry": "approved scripts",
    "context_envelope": "the content that a call may refer to",
    "regress_result": "a regress result",
    "regress_cli_output": "what the regress command printed, often stored under the same name",
    "policy_test_result": "a policy test result",
    "inventory_snapshot": "tools and servers found in a workspace",
    "coverage_report": "Gait's coverage of an inventory by policies",
    "adoption_events": "a log of adoption events",
    "operational_events": "a log of operational events",
    "decision_events": "a log of decisions exported by the MCP proxy",
    "run_fingerprint": "the fingerprint of one run",
    "signal_report": "Gait's own signal report",
    "top_actions": "Gait's report of top actions",
    "guard_pack": "an evidence or incident pack",
    "retention_report": "what retention deleted",
    "encrypted_artifact": "an artifact that only its key opens",
    "registry_pack": "a signed list of policy files",
    "registry_verification": "Gait's verification of a registry pack",
    "kill_switch_state": "the kill switch of one machine",
    "action_contract": "an activated action contract",
    "action_contract_proposal": "a proposed action contract",
    "unknown": "nothing that Gait writes, as far as can be told",
}
"""Kind → what it is. The first thing that ``evidence inspect`` says of a file."""
