# SPDX-License-Identifier: Apache-2.0
"""The second half of the story: a stricter version moves through forty repositories, fails, comes back and arrives."""

from __future__ import annotations

from functools import partial
from typing import Final

from gaitops.demo import fleet_of_forty as forty
from gaitops.demo.actions import Action, Command, Each, Edit, Made, Step, Write
from gaitops.demo.documents import rollout_plan
from gaitops.demo.parts import branch, committed, merged, published, signed

_CONTROLS = "--control pin.verifies --control policy.enforced --control policy.mode --control policy.bytes"
_STANDS = ("acme/shops", "█", "▓", "░", "·", "gate", "must be rolled back", "now", "next")


def _rollout(version: str) -> str:
    return f"acme/shops/stricter-{version.replace('.', '-')}"


def _conformance(code: int = 0, options: str = "") -> Command:
    line = f"gaitops fleet conformance --manifest ../shops.yaml --release ../release{options} \\\n    {_CONTROLS}"
    return Command(line, code, shows=("█", "▒", "·", "1 of", "41 of", "control", "policy.enforced"))


def _version(number: str, before: str, after: str) -> tuple[Action, ...]:
    return (
        Edit("../payments-guard.yaml", ((f"requests: {before}", f"requests: {after}"),)),
        Command(f"gaitops policy add-version acme payments-guard {number} --file ../payments-guard.yaml"),
    )


def _started(version: str) -> tuple[Action, ...]:
    name = _rollout(version).rpartition("/")[2]
    path = f"orgs/acme/projects/shops/rollouts/{name}.yaml"
    return (
        Write(path, rollout_plan(name, version)),
        Command(
            f"gaitops rollout plan {_rollout(version)}",
            shows=("rollout", "start needs", "step", "rehearse", "some", "all"),
        ),
        Command(f"gaitops rollout start {_rollout(version)}", shows=("start ",)),
        *committed(f"Start {name}"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "bob", "carol"),
        *committed("Approve"),
        *merged(f"start-{version}"),
    )


def _edge(version: str, verb: str, name: str, options: str = "") -> tuple[Action, ...]:
    """An edge that the operator takes alone."""
    return (
        Command(
            f"gaitops rollout {verb} {_rollout(version)} --branch {name}{options}", shows=(verb, "complete")
        ),
        Command(f"git switch --quiet {name}"),
        *signed("propose", "rosa"),
        *committed("Propose"),
        *merged(name),
    )


def _analyzed(version: str, blocked: int, repositories: int, code: int) -> tuple[Action, ...]:
    return (
        Command("cd .."),
        Made(
            f"collect what {repositories} shops did in the last minutes: evidence.json",
            partial(forty.write_evidence, version, blocked, repositories),
        ),
        Command("cd fleet"),
        Command(
            f"gaitops rollout analyze {_rollout(version)} --evidence ../evidence.json \\\n    --as ana --key ../keys/ana.pem",
            code,
            shows=("acme/shops", "gate", "block_rate_delta"),
        ),
        *committed("What the evidence says"),
    )


_SHOPS = Step(
    "alice",
    "A chain of forty shops joins, with two services: Rosa operates rollouts, and Ana signs what the evidence says.",
    (
        *committed("Update the pin"),
        Command("cd ../fleet"),
        branch("shops"),
        Command("cd .."),
        *(Command(f"gaitops key generate --out keys/{name}.pem") for name in ("rosa", "ana")),
        Made("write principals and roles of Rosa and Ana", forty.write_services),
        Made("write a project of forty repositories", forty.write_project),
        Command("cd fleet"),
        *_version("1.2.0", "9000", "20"),
        Command("gaitops validate", shows=("valid",)),
        *committed("Forty shops, and payments guard 1.2.0"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "bob", "carol", root=True),
        *committed("Approve"),
        *merged("shops"),
        Command("gaitops verify", shows=("verified",)),
    ),
)

_FOLLOW = Step(
    "pia",
    "The next release is published. Of forty shops nothing is known, which is no pass, until each has pinned it.",
    (
        *published("--previous ../release"),
        Command("cd .."),
        Made("list the forty clones in shops.yaml", forty.write_manifest),
        Command("cd fleet"),
        _conformance(3, " --strict"),
        Command("cd .."),
        Each(
            "in each of the forty shops: gaitops pin init, git commit",
            (
                "git init --quiet",
                "gaitops pin init --from ../../release --repository github.com/acme/{name} --environment production",
                "git add .",
                "git commit --quiet -m Pin",
            ),
        ),
        Command("cd fleet"),
        _conformance(),
    ),
)

_START = Step(
    "alice",
    "Version 1.2.0 shall reach them in steps. Alice looks at the plan; Bob and Carol approve the start, and with it the plan.",
    (
        branch("start-1.2.0"),
        *_started("1.2.0"),
        Command(f"gaitops rollout status {_rollout('1.2.0')}", shows=_STANDS),
    ),
)

_REHEARSE = Step(
    "rosa",
    "Four shops observed it. Rosa takes the next step alone, because the plan allows it: ten shops rehearse the candidate.",
    (
        *_edge("1.2.0", "advance", "rehearse"),
        Command("gaitops verify", shows=("verified",)),
        *published("--previous ../release"),
        Command("cd .."),
        Made("find a shop that rehearses", forty.enter_rehearsing_shop),
        Command("gaitops pin update --from ../../release", shows=("fleet larkspur",)),
        Command("gaitops pin gait-args --environment production", shows=("--policy",)),
        Command("cd ../../fleet"),
    ),
)

_FAILED = Step(
    "ana",
    "The candidate blocks 31 calls in a hundred where the version before blocked 2. The gate fails, and nobody gets past it.",
    (
        *_analyzed("1.2.0", 31, 10, 5),
        Command(
            f"gaitops rollout advance {_rollout('1.2.0')} --branch some",
            5,
            names="rollout.gate",
            shows=("error",),
        ),
        Command(f"gaitops rollout status {_rollout('1.2.0')}", shows=_STANDS),
    ),
)

_BACK = Step(
    "rosa",
    "A trigger of the plan fired, so Rosa may roll back alone: one change puts every shop back to what it ran before.",
    (
        *_edge("1.2.0", "rollback", "rollback-1.2.0", " --reason INC-12"),
        Command("gaitops verify", shows=("verified",)),
        Command(f"gaitops rollout status {_rollout('1.2.0')}", shows=_STANDS),
    ),
)

_AGAIN = Step(
    "alice",
    "Version 1.3.0 mends it, and begins anew.",
    (
        branch("payments-1.3.0"),
        *_version("1.3.0", "20", "120"),
        *committed("Payments guard 1.3.0"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "bob", "carol"),
        *committed("Approve"),
        *merged("payments-1.3.0"),
        branch("start-1.3.0"),
        *_started("1.3.0"),
    ),
)

_ARRIVES = Step(
    "rosa",
    "This time the evidence is calm. Step by step, gate by gate, it is enforced everywhere, and the plan is complete.",
    (
        *_edge("1.3.0", "advance", "rehearse-again"),
        *_analyzed("1.3.0", 2, 10, 0),
        *_edge("1.3.0", "advance", "some-again"),
        *_analyzed("1.3.0", 3, 20, 0),
        *_edge("1.3.0", "advance", "all-again"),
        *_edge("1.3.0", "advance", "completed"),
        Command("gaitops verify", shows=("verified",)),
        Command(f"gaitops rollout status {_rollout('1.3.0')}", shows=_STANDS),
    ),
)

_CONFORM = Step(
    "pia",
    "The new release asks for 1.3.0. Forty shops lag behind, within their days of grace; each updates its pin, and all follow.",
    (
        *published("--previous ../release"),
        _conformance(),
        Command("cd .."),
        Each(
            "in each of the forty shops: gaitops pin update, git commit",
            (
                "gaitops pin update --from ../../release",
                "git add .",
                "git commit --quiet -m 'Update the pin'",
            ),
        ),
        Command("cd fleet"),
        _conformance(),
    ),
)

ROLLOUT_STORY: Final = (_SHOPS, _FOLLOW, _START, _REHEARSE, _FAILED, _BACK, _AGAIN, _ARRIVES, _CONFORM)
"""It begins in the consumer repository in which the first half ended, beside ``fleet`` and ``release``."""
