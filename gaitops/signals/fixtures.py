# SPDX-License-Identifier: Apache-2.0
"""Proposed fixtures for Gait: a regress fixture from a recorded run, a policy fixture from decisions.

They are made from evidence alone, and evidence holds digests of arguments and never arguments. So a policy fixture has none, and
says so; a regress fixture refers to the runpack itself.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Final

from gaitops.errors import InvalidInputError
from gaitops.gait import fixtures as gait
from gaitops.signals.model import Fix
from gaitops.signals.rows import RunRow

_NAME = re.compile("[^a-z0-9]+")
_INTENTS: Final = "examples/policy/intents"


def regress_fixture(run: RunRow, name: str) -> Fix:
    """A fixture that fails on ``run`` and passes on a run of the same tools whose failed calls succeed.

    What the gate decided must stay as it was. The candidate is a run of the corrected agent; until it is there, the
    fixture fails, so it can never pass by comparing the recorded run with itself.
    """
    folder = f"fixtures/{name}"
    decisions = [gait.decision_of(step.status) for step in run.steps]
    wanted = ["allow" if one == "error" else one for one in decisions]
    fixture, entry = gait.regress_fixture(name, run.run_id, run.action_sequence, wanted)
    return Fix(
        "regress_fixture",
        f"fixture {name} from run {run.run_id}: fails like the run, and passes once {folder}/{gait.CANDIDATE} is a run "
        "of the same tools without the failed calls",
        repository=run.where.repository,
        commands=("gait regress run --json",),
        files={f"{folder}/fixture.json": _text(fixture), gait.CONFIG: _text(gait.regress_config([entry]))},
        objects={f"{folder}/{gait.RUNPACK}": run.artifact},
        artifacts=(run.artifact,),
    )


def merged_config(existing: str, proposed: str) -> str:
    """Gait's regress configuration with the proposed fixtures added; those that it has by name are replaced.

    Raises:
        InvalidInputError: ``signals.regress_config`` when ``existing`` is not such a configuration.
    """
    joined = gait.joined_config(existing, json.loads(proposed)["fixtures"])
    if joined is None:
        raise InvalidInputError.of(
            "signals.regress_config",
            "expected Gait's regress configuration, JSON with fixtures that have names",
            path=gait.CONFIG,
            remedy="add the fixture by hand",
        )
    return _text(joined)


def policy_fixture(
    tools: Iterable[str], decision: str, *, repository: str, environment: str, artifacts: tuple[str, ...]
) -> Fix:
    """Intents that a policy must go on deciding as the evidence shows, one per tool, with the decision that is expected.

    Arguments and targets are empty, because evidence does not hold them: rules that look at them need them filled in.
    """
    files: dict[str, str] = {}
    commands: list[str] = []
    code = gait.EXIT_CODES[decision]
    for tool in sorted(set(tools)):
        stem = f"{_INTENTS}/{_slug(tool)}-{_slug(environment) or 'any'}-{decision.replace('_', '-')}"
        files[f"{stem}.json"] = _text(
            gait.intent_request(tool, {"repo": repository, "environment": environment})
        )
        files[f"{stem}.expected.json"] = _text({"verdict": decision, "exit_code": code})
        test = f"gait policy test .gait.yaml {shlex.quote(stem + '.json')} --json"
        commands.append(f"{test}; test $? -eq {code}")
    return Fix(
        "policy_fixture",
        f"intents that must stay {decision}; arguments and targets are not in the evidence, add those that rules look at",
        repository=repository,
        commands=tuple(commands),
        files=files,
        artifacts=artifacts,
    )


def _slug(text: str) -> str:
    return _NAME.sub("-", text.lower()).strip("-")


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
