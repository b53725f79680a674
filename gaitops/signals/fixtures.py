# SPDX-License-Identifier: Apache-2.0
"""Proposed fixtures for Gait: a regress fixture from a recorded run, a policy fixture from decisions (contract 1.7, 6, 9.3).

They are made from evidence alone, and evidence holds digests of arguments and never arguments. So a policy fixture has none, and
says so; a regress fixture refers to the runpack itself.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gaitops.errors import InvalidInputError
from gaitops.gait.go_text import lower, trim
from gaitops.signals.model import Fix
from gaitops.signals.rows import RunRow

CONFIG: Final = "gait.yaml"
"""Gait's regress configuration: JSON text, whatever its name says."""
_ALLOWED: Final = frozenset({"ok", "pass", "success"})
_DECISIONS: Final = (
    ("block", ("block", "deny", "denied")),
    ("require_approval", ("approval",)),
    ("dry_run", ("dry",)),
)
"""Decision that Gait reads from the status of a result → words in such statuses; :data:`_ALLOWED` are whole (contract 6)."""
_EXIT_CODES: Final = {"allow": 0, "dry_run": 0, "block": 3, "require_approval": 4}
"""Exit code of ``gait policy test`` (contract 9.3)."""
_NAME = re.compile("[^a-z0-9]+")
_INTENTS: Final = "examples/policy/intents"


def decision_of(status: str) -> str:
    """What Gait takes the status of a result for; ``error`` when no word fits."""
    text = lower(trim(status))
    if text in _ALLOWED:
        return "allow"
    return next((name for name, words in _DECISIONS if any(word in text for word in words)), "error")


def regress_fixture(run: RunRow, name: str) -> Fix:
    """A fixture that fails on ``run`` and passes on a run of the same tools whose failed calls succeed.

    What the gate decided must stay as it was. The candidate is a run of the corrected agent; until it is there, the
    fixture fails, so it can never pass by comparing the recorded run with itself.
    """
    folder = f"fixtures/{name}"
    decisions = [decision_of(step.status) for step in run.steps]
    fixture = {
        "schema_id": "gait.regress.fixture",
        "schema_version": "1.0.0",
        "name": name,
        "run_id": run.run_id,
        "runpack": "runpack.zip",
        "expected_replay_exit_code": 0,
        "expected_tool_sequence": list(run.action_sequence),
        "expected_verdict_sequence": ["allow" if one == "error" else one for one in decisions],
        "candidate_runpack": "candidate.zip",
        "diff_allow_changed_files": ["results.jsonl"],
    }
    if not run.steps:
        del fixture["expected_verdict_sequence"]
    entry = {"name": name, "run_id": run.run_id, "runpack": f"{folder}/runpack.zip"}
    return Fix(
        "regress_fixture",
        f"fixture {name} from run {run.run_id}: fails like the run, and passes once {folder}/candidate.zip is a run "
        "of the same tools without the failed calls",
        repository=run.where.repository,
        commands=("gait regress run --json",),
        files={f"{folder}/fixture.json": _text(fixture), CONFIG: _text(_config([entry]))},
        objects={f"{folder}/runpack.zip": run.artifact},
        artifacts=(run.artifact,),
    )


def _config(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "schema_id": "gait.regress.config",
        "schema_version": "1.0.0",
        "fixture_set": "default",
        "fixtures": list(entries),
    }


def merged_config(existing: str, proposed: str) -> str:
    """Gait's regress configuration with the proposed fixtures added; those that it has by name are replaced.

    Raises:
        InvalidInputError: ``signals.regress_config`` when ``existing`` is not such a configuration.
    """
    try:
        document = json.loads(existing)
        fixtures = {fixture["name"]: fixture for fixture in document["fixtures"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError.of(
            "signals.regress_config",
            f"expected Gait's regress configuration, JSON with fixtures that have names: {error}",
            path=CONFIG,
            remedy="add the fixture by hand",
        ) from error
    for fixture in json.loads(proposed)["fixtures"]:
        fixtures[fixture["name"]] = fixture
    return _text({**document, "fixtures": list(fixtures.values())})


def policy_fixture(
    tools: Iterable[str], decision: str, *, repository: str, environment: str, artifacts: tuple[str, ...]
) -> Fix:
    """Intents that a policy must go on deciding as the evidence shows, one per tool, with the decision that is expected.

    Arguments and targets are empty, because evidence does not hold them: rules that look at them need them filled in.
    """
    files: dict[str, str] = {}
    commands: list[str] = []
    for tool in sorted(set(tools)):
        stem = f"{_INTENTS}/{_slug(tool)}-{_slug(environment) or 'any'}-{decision.replace('_', '-')}"
        files[f"{stem}.json"] = _text(_intent(tool, repository, environment))
        files[f"{stem}.expected.json"] = _text({"verdict": decision, "exit_code": _EXIT_CODES[decision]})
        test = f"gait policy test .gait.yaml {shlex.quote(stem + '.json')} --json"
        commands.append(f"{test}; test $? -eq {_EXIT_CODES[decision]}")
    return Fix(
        "policy_fixture",
        f"intents that must stay {decision}; arguments and targets are not in the evidence, add those that rules look at",
        repository=repository,
        commands=tuple(commands),
        files=files,
        artifacts=artifacts,
    )


def _intent(tool: str, repository: str, environment: str) -> dict[str, Any]:
    place = {"repo": repository, "environment": environment}
    return {
        "schema_id": "gait.gate.intent_request",
        "schema_version": "1.0.0",
        "created_at": "1980-01-01T00:00:00Z",
        "producer_version": "gaitops",
        "tool_name": tool,
        "args": {},
        "targets": [],
        "context": {
            "identity": "gaitops-fixture",
            "workspace": "/workspace",
            "risk_class": "high",
            **{name: value for name, value in place.items() if value},
        },
    }


def _slug(text: str) -> str:
    return _NAME.sub("-", text.lower()).strip("-")


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
