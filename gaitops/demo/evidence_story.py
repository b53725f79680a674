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
        *signed("approve", "bob", "carol", root=True),
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
        *signed("approve", "bob", "carol", root=True),
        *committed("Approve"),
        *merged("staging"),
        Command("gaitops verify", shows=("verified",)),
    ),
)

_STORE: Final = "--store evidence"
_FLEET_REPO: Final = "--fleet-repo agents"
_INGEST: Final = (
    f"gaitops evidence ingest {_STORE} --from collected \\\n"
    f"    --layout '{{owner}}/{{name}}/**' --repository-prefix github.com {_FLEET_REPO}"
)

_COLLECT = Step(
    "ana",
    "Two weeks of what the real gait program wrote there are collected, judged, kept by hash and recorded.",
    (
        Travel(_AFTERWARDS),
        Command("cd .."),
        Made("collect what twelve repositories uploaded: collected/", agents.collect),
        Command(_INGEST, shows=("2,0", "trace", "runpack", "6 artifacts")),
    ),
)

_POSTURE = Step(
    "ana",
    "What is enforced where? What nobody knows comes first; every number leads to the artifacts behind it.",
    (
        Command(
            f"gaitops posture {_STORE} {_FLEET_REPO}",
            shows=("not known", "3 of", "1 of", "22 of", "█", "larkspur/", "drifted", "silent"),
        ),
        Command(
            f"gaitops posture {_STORE} {_FLEET_REPO} \\\n    --proof 'events.block?repository=github.com/larkspur/catalog-sync'",
            shows=("events.block", "46"),
        ),
    ),
)

_SIGNALS = Step(
    "ana",
    "What to fix first? Not what is loudest: one destructive block in production outranks a thousand harmless ones.",
    (
        Command(f"gaitops signals {_STORE} {_FLEET_REPO} --top 4", shows=("541", "1  ", "2  ", "3  ", "4  ")),
        Command(
            f"gaitops signals show {_STORE} {_FLEET_REPO} fam_5fbb0b6f1bd4",
            shows=("term", "privilege", "tier", "radius", "volume", "total", "fix:"),
        ),
    ),
)

_CHECKPOINT = Step(
    "ana",
    "A checkpoint fixes what is recorded. Somebody deletes an artifact, and is caught; the collector still has it.",
    (
        Command(f"gaitops evidence checkpoint {_STORE} --out checkpoint.json", shows=("artifacts", "root")),
        Made("delete one artifact from the store", agents.delete_one_artifact),
        Command(
            f"gaitops evidence verify {_STORE} --checkpoint checkpoint.json", 2, shows=("gone", "checkpoints")
        ),
        Command(_INGEST, shows=("0 new",)),
        Command(
            f"gaitops evidence verify {_STORE} --checkpoint checkpoint.json",
            shows=("artifacts", "checkpoints"),
        ),
    ),
)

_REPORT = Step(
    "ana",
    "All of it as one page that needs no server and no network: report/index.html.",
    (Command(f"gaitops posture report {_STORE} {_FLEET_REPO} --out report", shows=("wrote",)),),
)

EVIDENCE_STORY: Final = (_AGENTS, _MOVE, _COLLECT, _POSTURE, _SIGNALS, _CHECKPOINT, _REPORT)
"""Begins in the fleet repository of the parts before, and needs the libraries of the evidence plane."""
