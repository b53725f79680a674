# SPDX-License-Identifier: Apache-2.0
"""Every command of gaitops, in one table that costs nothing to import.

To add a command: write its module (see :mod:`gaitops.cli.command`), add its line here, and run
``python -m gaitops.cli.reference --write``. Tests load every line and check its help, example and schema.
"""

from __future__ import annotations

from gaitops.cli.lazy import Lazy, Noun, Table

COMMANDS: Table = {
    "demo": Lazy("gaitops.cli.demo:demo", "Tell the whole story in a scratch folder, with real signatures."),
    "init": Lazy("gaitops.cli.init:init", "Create a fleet repository that its root people have signed."),
    "verify": Lazy("gaitops.cli.verify:verify", "Prove from the commits that every change was authorized."),
    "check": Lazy(
        "gaitops.cli.check:check", "Judge a pull request: what it does, who approved, who still may."
    ),
    "propose": Lazy("gaitops.cli.approvals:propose", "Sign that you propose a change."),
    "approve": Lazy("gaitops.cli.approvals:approve", "Sign that you approve a change."),
    "withdraw": Lazy("gaitops.cli.approvals:withdraw", "Take back your approvals of a change."),
    "attest": Lazy(
        "gaitops.cli.attest:attest", "Attest reviews at GitHub or GitLab, where a rule counts them."
    ),
    "collect": Lazy("gaitops.cli.collect:collect", "Take envelopes out of comments, and verify them."),
    "publish": Lazy("gaitops.cli.publish:publish", "Publish verified state as a signed release."),
    "pin": Noun(
        "Pin policies in a consumer repository and verify them offline.",
        {
            "init": Lazy("gaitops.cli.pin:init", "Create the pin of a consumer repository."),
            "update": Lazy("gaitops.cli.pin:update", "Renew the pin from the newest release."),
            "verify": Lazy("gaitops.cli.pin:verify", "Verify every byte of the pin offline."),
            "status": Lazy("gaitops.cli.pin:status", "Show how old the pin is."),
            "gait-args": Lazy("gaitops.cli.pin_gait_args:gait_args", "Print how to run Gait with the pin."),
        },
    ),
    "conformance": Lazy(
        "gaitops.cli.conformance:conformance", "Check whether a repository follows its fleet."
    ),
    "fleet": Noun(
        "Many repositories at once.",
        {
            "conformance": Lazy(
                "gaitops.cli.fleet_conformance:conformance", "Check which repositories follow their fleet."
            ),
        },
    ),
    "gate": Noun(
        "Gates that ask the fleet before something happens.",
        {
            "deploy": Lazy("gaitops.cli.gate_deploy:deploy", "Ask whether a repository may be deployed now."),
        },
    ),
    "resolve": Lazy("gaitops.cli.resolve:resolve", "Show which policy version repositories must run."),
    "rollout": Noun(
        "Move a policy version through a fleet in stages.",
        {
            "plan": Lazy(
                "gaitops.cli.rollout_plan:plan", "Show what a rollout would do, before anything is committed."
            ),
            "status": Lazy(
                "gaitops.cli.rollout_status:status", "Show where rollouts stand and what must be rolled back."
            ),
            "analyze": Lazy(
                "gaitops.cli.rollout_analyze:analyze", "Sign what the evidence says about the current step."
            ),
            "start": Lazy("gaitops.cli.rollout_edges:start", "Prepare the start of a rollout."),
            "advance": Lazy("gaitops.cli.rollout_edges:advance", "Prepare the next step, or the completion."),
            "pause": Lazy("gaitops.cli.rollout_edges:pause", "Prepare holding a rollout where it is."),
            "resume": Lazy("gaitops.cli.rollout_edges:resume", "Prepare going on after a pause."),
            "rollback": Lazy(
                "gaitops.cli.rollout_edges:rollback", "Prepare putting everything back as it was."
            ),
            "abort": Lazy(
                "gaitops.cli.rollout_edges:abort", "Prepare giving up before anything is enforced."
            ),
        },
    ),
    "evidence": Noun(
        "Artifacts that Gait wrote: judge, keep, query and prove them.",
        {
            "inspect": Lazy(
                "gaitops.cli.evidence_inspect:inspect_", "Judge artifact files: kind, verdict, reasons."
            ),
            "ingest": Lazy(
                "gaitops.cli.evidence_ingest:ingest", "Judge artifacts, keep them, record what they say."
            ),
            "checkpoint": Lazy(
                "gaitops.cli.evidence_checkpoint:checkpoint", "Write down what a store holds."
            ),
            "verify": Lazy(
                "gaitops.cli.evidence_verify:verify", "Prove that a store lost nothing, or check a proof."
            ),
            "show": Lazy(
                "gaitops.cli.evidence_show:show", "Show what is known of an artifact, run or decision."
            ),
            "query": Lazy(
                "gaitops.cli.evidence_query:query", "List or count rows, or the artifacts behind them."
            ),
            "export": Lazy("gaitops.cli.evidence_export:export", "Write tables as files for other programs."),
            "summarize": Lazy(
                "gaitops.cli.evidence_summarize:summarize",
                "Write the summary that rollouts and conformance read.",
            ),
        },
    ),
    "posture": Noun(
        "What the evidence says about a fleet.",
        {
            "show": Lazy(
                "gaitops.cli.posture:show", "Show states, versions, approvals, coverage, regressions."
            ),
            "report": Lazy("gaitops.cli.posture_report:report", "Write posture and signals as a web page."),
        },
        default="show",
    ),
    "signals": Noun(
        "What to fix first, across the fleet.",
        {
            "list": Lazy("gaitops.cli.signals:list_", "List what to look at, the most important first."),
            "show": Lazy("gaitops.cli.signals:show", "Show one signal with causes, fixes and evidence."),
            "fix": Lazy("gaitops.cli.signals:fix", "Write the files that a signal's fixes consist of."),
            "gait-report": Lazy(
                "gaitops.cli.signals_gait:gait_report", "Print Gait's own signal report of artifact files."
            ),
        },
        default="list",
    ),
    "audit": Noun(
        "The audit log: one event per decision.",
        {
            "export": Lazy("gaitops.cli.audit:export", "Export the audit log of a history."),
            "verify": Lazy("gaitops.cli.audit:verify", "Prove that an export is the history's own log."),
        },
    ),
    "hook": Noun(
        "Hooks for Git servers.",
        {
            "pre-receive": Lazy(
                "gaitops.cli.hook:pre_receive",
                "Refuse a push to the protected branch that is not authorized.",
            ),
        },
    ),
    "validate": Lazy(
        "gaitops.cli.validate:validate", "Check structure, schemas and policy graph; no signatures."
    ),
    "policy": Noun(
        "Create, describe and compare policies and their versions.",
        {
            "new": Lazy("gaitops.cli.policy_new:new", "Create a policy in a fleet repository."),
            "add-version": Lazy(
                "gaitops.cli.policy_add_version:add_version", "Add a version with its descriptor."
            ),
            "digest": Lazy(
                "gaitops.cli.policy_digest:digest", "Print the digest that Gait computes for a policy."
            ),
            "lint": Lazy(
                "gaitops.cli.policy_lint:lint", "Find what Gait accepts and an author would regret."
            ),
            "diff": Lazy("gaitops.cli.policy_diff:diff", "Compare two policy versions by meaning."),
            "graph": Lazy(
                "gaitops.cli.policy_graph:graph", "Show the version graph of an organization's policies."
            ),
        },
    ),
    "trust": Noun(
        "The root of trust: who holds it, changes to it, and revocations.",
        {
            "show": Lazy("gaitops.cli.trust_show:show", "Show root, people, roles and revocations in force."),
            "access": Lazy(
                "gaitops.cli.trust_access:access", "Show who can approve what, who did, and unused grants."
            ),
            "rotate": Lazy("gaitops.cli.trust_rotate:rotate", "Prepare the next root version."),
            "sign": Lazy("gaitops.cli.trust_sign:sign", "Sign root metadata in the working tree."),
            "revoke": Lazy("gaitops.cli.trust_revoke:revoke", "Write a revocation to the working tree."),
        },
    ),
    "drill": Noun(
        "Rehearse the loss and rotation of keys on a copy.",
        {
            "list": Lazy("gaitops.cli.drill:list_", "List the drills and what each proves."),
            "run": Lazy("gaitops.cli.drill:run", "Carry out a drill on a copy, and sign what was proven."),
            "verify": Lazy("gaitops.cli.drill_verify:verify", "Verify the signed report of a drill."),
        },
        default="list",
    ),
    "identity": Noun(
        "Principals, from a company's directory.",
        {
            "sync": Lazy("gaitops.cli.identity:sync", "Prepare who joins, moves and leaves, for approval."),
        },
    ),
    "key": Noun(
        "Create and describe signing keys.",
        {
            "generate": Lazy("gaitops.cli.key:generate", "Create a private key file and its public half."),
            "show": Lazy("gaitops.cli.key:show", "Show type, fingerprint and public half of a key."),
        },
    ),
    "schema": Noun(
        "JSON Schemas of fleet documents and of command output.",
        {
            "list": Lazy("gaitops.cli.schema:list_", "List the schemas that this version knows."),
            "export": Lazy("gaitops.cli.schema:export", "Write every schema into a folder."),
        },
    ),
}
"""Names to commands, in the order in which ``gaitops --help`` shows them."""
