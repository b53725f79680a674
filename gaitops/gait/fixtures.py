# SPDX-License-Identifier: Apache-2.0
"""Fixtures that Gait reads: regress fixtures with their configuration, and intents for policy tests (contract 1.7, 6, 9.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gaitops.gait.go_text import lower, trim

CONFIG: Final = "gait.yaml"
"""Gait's regress configuration: JSON text, whatever its name says."""
RUNPACK: Final = "runpack.zip"
"""Name of the recorded run inside a fixture's folder."""
CANDIDATE: Final = "candidate.zip"
"""Name of the run that it is compared with."""
EXIT_CODES: Final[Mapping[str, int]] = {"allow": 0, "dry_run": 0, "block": 3, "require_approval": 4}
"""Decision → exit code of ``gait policy test``."""

_ALLOWED: Final = frozenset({"ok", "pass", "success"})
_DECISIONS: Final = (
    ("block", ("block", "deny", "denied")),
    ("require_approval", ("approval",)),
    ("dry_run", ("dry",)),
)
"""Decision that Gait reads from the status of a result → words in such statuses; :data:`_ALLOWED` are whole (contract 6)."""


def decision_of(status: str) -> str:
    """What Gait takes the status of a result for; ``error`` when no word fits."""
    text = lower(trim(status))
    if text in _ALLOWED:
        return "allow"
    return next((name for name, words in _DECISIONS if any(word in text for word in words)), "error")


def regress_fixture(
    name: str, run_id: str, tools: Sequence[str], decisions: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The description of a fixture, and its entry in the configuration.

    Args:
        name: of the fixture, and of its folder below ``fixtures/``.
        run_id: of the recorded run.
        tools: in the order in which the candidate must use them.
        decisions: what the candidate must come to, call by call; not expected when there are none.
    """
    fixture = {
        "schema_id": "gait.regress.fixture",
        "schema_version": "1.0.0",
        "name": name,
        "run_id": run_id,
        "runpack": RUNPACK,
        "expected_replay_exit_code": 0,
        "expected_tool_sequence": list(tools),
        "expected_verdict_sequence": list(decisions),
        "candidate_runpack": CANDIDATE,
        "diff_allow_changed_files": ["results.jsonl"],
    }
    if not decisions:
        del fixture["expected_verdict_sequence"]
    return fixture, {"name": name, "run_id": run_id, "runpack": f"fixtures/{name}/{RUNPACK}"}


def regress_config(fixtures: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A regress configuration with these fixtures."""
    return {
        "schema_id": "gait.regress.config",
        "schema_version": "1.0.0",
        "fixture_set": "default",
        "fixtures": [dict(fixture) for fixture in fixtures],
    }


def joined_config(existing: str, fixtures: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A configuration that is there with fixtures added, those of the same name replaced; ``None`` when it is none."""
    try:
        document = json.loads(existing)
        known = {fixture["name"]: fixture for fixture in document["fixtures"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    known |= {fixture["name"]: fixture for fixture in fixtures}
    return {**document, "fixtures": list(known.values())}


def intent_request(tool_name: str, context: Mapping[str, str]) -> dict[str, Any]:
    """An intent without arguments and targets, for a policy test; ``context`` names where it comes from."""
    return {
        "schema_id": "gait.gate.intent_request",
        "schema_version": "1.0.0",
        "created_at": "1980-01-01T00:00:00Z",
        "producer_version": "gaitops",
        "tool_name": tool_name,
        "args": {},
        "targets": [],
        "context": {
            "identity": "gaitops-fixture",
            "workspace": "/workspace",
            "risk_class": "high",
            **{name: value for name, value in context.items() if value},
        },
    }
