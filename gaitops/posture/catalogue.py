# SPDX-License-Identifier: Apache-2.0
"""Every number of the posture: its id, what it counts, and of what a share is a share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gaitops.posture.metrics import DECISIONS, DRIFT_CLASSES, STATES, VERDICTS, Metric

_STATE_MEANINGS: Final = {
    "enforced": "whose recent decisions were made under the enforced version and took effect",
    "shadow": "whose recent decisions are expected, but none took effect under the enforced version",
    "drifted": "with a recent decision under a version that was not expected",
    "silent": "that were heard of in the window, but not lately",
    "unknown": "of which the evidence says nothing that can be judged",
}
_DECISION_MEANINGS: Final = {
    "allow": "that allowed the call",
    "block": "that blocked the call",
    "require_approval": "that asked for an approval",
    "dry_run": "that only rehearsed the call",
}
_VERDICT_MEANINGS: Final = {
    "verified": "signed by a registered key, and intact",
    "verified_with_unsigned_extras": "verified, with content that no signature covers",
    "unsigned": "that nobody signed",
    "unverifiable": "signed by a key that nobody registered",
    "failed": "whose signature or digest does not hold",
    "rejected": "that are ambiguous or malformed",
}


def _words(text: str) -> str:
    return text.replace("_", " ")


def _all() -> Iterator[Metric]:
    yield Metric(
        "places.total",
        "places",
        "places",
        "Repositories in environments to which the fleet assigns something, and those where decisions were made without an assignment.",
    )
    for state in STATES:
        yield Metric(f"places.{state}", f"{state} places", "places", f"Places {_STATE_MEANINGS[state]}.")
        yield Metric(
            f"places.{state}_share",
            f"share {state}",
            "ratio",
            f"Share of all places that are {state}.",
            "places.total",
            f"places.{state}",
        )
    yield Metric("repositories.total", "repositories", "repositories", "Repositories of the fleet.")
    yield Metric(
        "repositories.silent",
        "silent repositories",
        "repositories",
        "Repositories with proven evidence in the window, but none lately.",
    )
    yield Metric(
        "repositories.without_evidence",
        "repositories without evidence",
        "repositories",
        "Repositories without a single proven artifact in the window.",
    )
    yield Metric(
        "repositories.without_inventory",
        "repositories without inventory",
        "repositories",
        "Repositories of which no inventory was collected: their coverage is unknown.",
    )
    yield Metric(
        "repositories.unassigned",
        "unassigned repositories",
        "repositories",
        "Repositories that no environment selects.",
    )
    yield from _events()
    yield from _evidence()
    yield from _approvals()
    yield from _coverage()
    yield from _regress()


def _events() -> Iterator[Metric]:
    yield Metric(
        "events.total", "decisions", "decisions", "Decisions in verified traces, each emission once."
    )
    for decision in DECISIONS:
        yield Metric(
            f"events.{decision}",
            f"decisions: {_words(decision)}",
            "decisions",
            f"Decisions {_DECISION_MEANINGS[decision]}.",
        )
    yield Metric(
        "events.block_share",
        "share blocked",
        "ratio",
        "Share of decisions that blocked the call.",
        "events.total",
        "events.block",
    )
    yield Metric(
        "events.expected",
        "decisions under an expected version",
        "decisions",
        "Decisions under a version that was assigned at that moment, or within the grace before it.",
    )
    yield Metric(
        "events.unexpected",
        "decisions under an unexpected version",
        "decisions",
        "Decisions under any other policy digest at a place to which something was assigned.",
    )
    yield Metric(
        "events.judged",
        "decisions that can be judged",
        "decisions",
        "Decisions at a place to which something was assigned at that moment.",
    )
    yield Metric(
        "events.unjudged",
        "decisions that cannot be judged",
        "decisions",
        "Decisions without an environment, or where and when nothing was assigned.",
    )
    yield Metric(
        "events.unexpected_share",
        "share under an unexpected version",
        "ratio",
        "Share of the decisions that can be judged.",
        "events.judged",
        "events.unexpected",
    )
    yield Metric(
        "events.unknown_policy",
        "decisions under an unknown policy",
        "decisions",
        "Decisions whose policy digest belongs to no version of the fleet.",
    )
    yield Metric(
        "events.unknown_policy_share",
        "share under an unknown policy",
        "ratio",
        "Share of all decisions.",
        "events.total",
        "events.unknown_policy",
    )
    yield Metric(
        "events.without_environment",
        "decisions without environment",
        "decisions",
        "Decisions that name no environment and were collected from none.",
    )
    yield Metric(
        "events.kill_switch",
        "calls that the kill switch stopped",
        "decisions",
        "Decisions that the kill switch made.",
    )


def _evidence() -> Iterator[Metric]:
    for family, title, what in (
        (
            "evidence",
            "signable artifacts",
            "Artifacts of the kinds that Gait can sign, and whatever failed or was rejected, each once however often it was delivered",
        ),
        ("traces", "traces", "Traces, each once however often it was delivered"),
        ("runpacks", "runpacks", "Runpacks and packs, each once however often it was delivered"),
    ):
        yield Metric(f"{family}.total", title, "artifacts", f"{what}.")
        for verdict in VERDICTS:
            yield Metric(
                f"{family}.{verdict}",
                f"{title}: {_words(verdict)}",
                "artifacts",
                f"{title.capitalize()} {_VERDICT_MEANINGS[verdict]}.",
            )
            yield Metric(
                f"{family}.{verdict}_share",
                f"share of {title}: {_words(verdict)}",
                "ratio",
                f"Share of {title} {_VERDICT_MEANINGS[verdict]}.",
                f"{family}.total",
                f"{family}.{verdict}",
            )
    yield Metric(
        "evidence.other",
        "other artifacts",
        "artifacts",
        "Intact artifacts of kinds that Gait never signs: audits, regress results, inventories, reports.",
    )
    yield Metric(
        "evidence.repeated",
        "repeated deliveries",
        "artifacts",
        "Deliveries of bytes that were known already.",
    )
    yield Metric(
        "evidence.unsigned_where_required",
        "unsigned where required",
        "artifacts",
        "Unsigned traces, runpacks and packs of an environment of tier staging or production.",
    )
    yield Metric(
        "evidence.unsigned_anywhere_required",
        "unsigned in an unknown environment",
        "artifacts",
        "Unsigned traces, runpacks and packs that name no environment, of a repository that has one where signatures are required.",
    )
    yield Metric(
        "evidence.throwaway_keys",
        "throw-away keys",
        "keys",
        "Unregistered keys behind unverifiable traces and runs, counted per repository: development mode makes one for each run.",
    )


def _approvals() -> Iterator[Metric]:
    yield Metric(
        "approvals.calls",
        "calls that need approval",
        "calls",
        "Calls (intent and policy of one repository) for which a gate asked for an approval.",
    )
    yield Metric(
        "approvals.granted",
        "approved calls",
        "calls",
        "Those of them that were allowed after they were last asked for.",
    )
    yield Metric("approvals.open", "open calls", "calls", "Those of them that were not: they wait.")
    yield Metric(
        "approvals.granted_share",
        "share approved",
        "ratio",
        "Share of the calls that need approval.",
        "approvals.calls",
        "approvals.granted",
    )
    yield Metric(
        "approvals.minutes_median",
        "median time to approval",
        "minutes",
        "From the first question to the first allowing decision, nearest rank, in whole minutes.",
    )
    yield Metric(
        "approvals.minutes_p90",
        "90th percentile of the time to approval",
        "minutes",
        "The same for nine of ten approved calls.",
    )
    yield Metric(
        "approvals.approvers",
        "distinct approvers",
        "people",
        "Names on the tokens that gates took, as audits tell; names are assertions and not bound to keys.",
    )
    yield Metric("approvals.tokens", "approval tokens", "tokens", "Approval tokens that were collected.")
    yield Metric(
        "approvals.tokens_long_lived",
        "tokens that live longer than an hour",
        "tokens",
        "Tokens whose expiry lies more than an hour after their making.",
    )
    yield Metric("approvals.tokens_wildcard", "tokens for everything", "tokens", "Tokens with the scope *.")
    yield Metric(
        "approvals.tokens_reused",
        "tokens used more than once",
        "tokens",
        "Tokens that stand in more than one emitted decision.",
    )
    yield Metric(
        "approvals.refused_expired",
        "tokens refused as expired",
        "tokens",
        "Presentations of tokens that gates refused because they had expired.",
    )


def _coverage() -> Iterator[Metric]:
    yield Metric(
        "coverage.discovered_tools",
        "discovered tools",
        "items",
        "Tools and servers in the newest inventory of each repository.",
    )
    yield Metric(
        "coverage.gated_tools",
        "gated tools (Gait)",
        "items",
        "Those whose name some rule of an enforced version lists, whatever the rule does: Gait's own definition.",
    )
    yield Metric(
        "coverage.gait_share",
        "gated-tool coverage (Gait)",
        "ratio",
        "Gait's coverage: gated of discovered.",
        "coverage.discovered_tools",
        "coverage.gated_tools",
    )
    yield Metric(
        "coverage.strictly_gated",
        "strictly gated tools",
        "items",
        "Those that every enforced version of the repository restricts at least in part (`gaitops.gait.policy_tools.Gating`): ours.",
    )
    yield Metric(
        "coverage.strict_share",
        "strict coverage",
        "ratio",
        "Strictly gated of discovered.",
        "coverage.discovered_tools",
        "coverage.strictly_gated",
    )
    yield Metric(
        "coverage.high_risk_ungated",
        "high-risk ungated tools (Gait)",
        "items",
        "Items of high or critical risk that are not gated in Gait's sense.",
    )
    yield Metric(
        "coverage.high_risk_not_strict",
        "high-risk tools not strictly gated",
        "items",
        "Items of high or critical risk that are not strictly gated.",
    )


def _regress() -> Iterator[Metric]:
    yield Metric(
        "regress.results",
        "regress results",
        "results",
        "Regress results that were collected in the window, by where they were collected: equal runs write equal bytes.",
    )
    yield Metric("regress.passed", "passed", "results", "Results that passed and compared something.")
    yield Metric("regress.failed", "failed", "results", "Results that failed.")
    yield Metric(
        "regress.vacuous",
        "vacuous passes",
        "results",
        "Results that passed with nothing to compare against: they prove nothing and count as neither.",
    )
    yield Metric(
        "regress.judged",
        "results that prove something",
        "results",
        "Passed and failed results, without vacuous ones.",
    )
    yield Metric(
        "regress.pass_share",
        "share passed",
        "ratio",
        "Share of the results that prove something.",
        "regress.judged",
        "regress.passed",
    )
    yield Metric(
        "regress.vacuous_share",
        "share vacuous",
        "ratio",
        "Share of all results.",
        "regress.results",
        "regress.vacuous",
    )
    for name in DRIFT_CLASSES:
        yield Metric(
            f"regress.drift_{name}",
            f"results with drift: {_words(name)}",
            "results",
            f"Results whose drift is of the class {_words(name)}.",
        )


METRICS: Final[Mapping[str, Metric]] = {metric.id: metric for metric in _all()}
"""Every number by id, in the order in which reports show them."""
COUNTS: Final = tuple(metric.id for metric in METRICS.values() if metric.is_count)
SHARES: Final = tuple(metric.id for metric in METRICS.values() if metric.unit == "ratio")
