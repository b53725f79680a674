# SPDX-License-Identifier: Apache-2.0
"""The third part of the story: two weeks of evidence from twelve repositories, and what it says about the fleet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from gaitops.demo import agents
from gaitops.demo.actions import Command, Export, Made, Step, Travel
from gaitops.demo.parts import branch, committed, merged, signed

_PEOPLE: Final = ("alice", "bob", "carol")
_IN_SEPTEMBER: Final = datetime(2026, 9, 5, tzinfo=UTC)
_MOVED: Final = datetime(2026, 10, 12, tzinfo=UTC)
_AFTERWARDS: Final = datetime(2026, 10, 19, tzinfo=UTC)

_AGENTS = Step(
    "alice",
    "Another fleet, some weeks ago: twelve repositories in three teams, one policy in three versions, two signing keys.",
    (
        Travel(_IN_SEPTEMBER),
        Command("cd .."),
        Command(
            " \\\n    ".join(
                (
                    "gaitops init agents --fleet larkspur-agents --org larkspur",
                    *(f"--root-key keys/{name}.pem --email {name}={name}@example.com" for name in _PEOPLE),
                    "--publisher-key keys/pia.pem.pub",
                )
            ),
            shows=("trust root",),
        ),
        Export("GAITOPS_TRUST_ROOT", "trust root"),
        Made("write the three versions of the policy", agents.write_policies),
        Made("write teams, repositories, environments and producers", agents.write_documents),
        Command("cd agents"),
        branch("agents"),
        Command(
            "gaitops policy new larkspur agent-baseline --owner alice --risk high --summary 'What agents may do'"
        ),
        *(
            Command(
                f"gaitops policy add-version larkspur agent-baseline {version} --file ../baseline-{version}.yaml",
                shows=("gait digest",),
            )
            for version in agents.VERSIONS
        ),
        Command("gaitops validate", shows=("valid",)),
        *committed("Twelve repositories of agents"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "bob", "carol"),
        *committed("Approve"),
        *merged("agents"),
        Command("gaitops verify", shows=("verified",)),
    ),
)

_MOVE = Step(
    "alice",
    "In October, version 2.0.0 moves from development to staging.",
    (
        Travel(_MOVED),
        branch("staging"),
        Command("cd .."),
        Made("assign 2.0.0 in every team's staging", agents.move_staging),
        Command("cd agents"),
        *committed("Agent baseline 2.0.0 in staging"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "bob", "carol"),
        *committed("Approve"),
        *merged("staging"),
        Command("gaitops verify", shows=("verified",)),
    ),
)
