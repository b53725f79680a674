# SPDX-License-Identifier: Apache-2.0
"""The first half of the story: a fleet begins, a policy changes, two frauds are caught, the change is taken back."""

from __future__ import annotations

from typing import Final

from gaitops.demo.actions import Command, Edit, Export, Step, Write
from gaitops.demo.documents import ENVIRONMENT, PAYMENTS_GUARD, PROJECT, REPOSITORY
from gaitops.demo.evidence_story import EVIDENCE_STORY
from gaitops.demo.keyless import Instance, without_keys
from gaitops.demo.parts import branch, committed, merged, published, signed
from gaitops.demo.rollout_story import ROLLOUT_STORY

PEOPLE: Final = ("alice", "bob", "carol")
PUBLISHERS: Final = ("pia", "quinn")

_POLICY = "../payments-guard.yaml"
_PROJECT = "orgs/acme/projects/pay"
_PRODUCTION = f"{_PROJECT}/environments/production.yaml"
_PINNED_POLICY = ".gaitops/production/enforced/gait.policy.yaml"
_VERDICT = ("verified", "NOT verified", "acme ")
_JUDGEMENT = (
    "This change",
    "authorized",
    "pending",
    "refused",
    "needs",
    "missing",
    "approved by",
    "not counted",
)


def _assigned(before: str, after: str) -> Edit:
    return Edit(_PRODUCTION, ((f"version: {before}", f"version: {after}"),))


def _resolved(version: str) -> Command:
    return Command(
        "gaitops resolve --repository github.com/acme/checkout --environment production",
        shows=(f"github.com/acme/checkout  production   production  acme/payments-guard@{version}",),
    )


_KEYS = Step(
    "alice",
    "Five people make keys: three will hold the root of trust, two will publish.",
    (
        Command("mkdir keys"),
        *(Command(f"gaitops key generate --out keys/{name}.pem") for name in (*PEOPLE, *PUBLISHERS)),
    ),
)

_INIT = Step(
    "alice",
    "A fleet begins. Two of three root people must sign what only the root may change, and both publishers a release.",
    (
        Command(
            " \\\n    ".join(
                (
                    "gaitops init fleet --fleet larkspur --org acme",
                    *(f"--root-key keys/{name}.pem --email {name}={name}@example.com" for name in PEOPLE),
                    "--publisher-key keys/pia.pem.pub --publisher-key keys/quinn.pem.pub --publisher-threshold 2",
                )
            ),
            shows=("root people", "publishers", "trust root"),
        ),
        Export("GAITOPS_TRUST_ROOT", "trust root"),
        Command("cd fleet"),
        Command("gaitops verify", shows=_VERDICT),
    ),
)

_FIRST_VERSION = Step(
    "alice",
    "Alice brings version 1.0.0 of a payments guard to production. Bob and Carol approve, and it is merged.",
    (
        branch("payments-1.0.0"),
        Write(_POLICY, PAYMENTS_GUARD),
        Command(
            "gaitops policy new acme payments-guard --owner alice --risk high \\\n"
            "    --summary 'What agents may do with payments'"
        ),
        Command(
            f"gaitops policy add-version acme payments-guard 1.0.0 --file {_POLICY}", shows=("gait digest",)
        ),
        Write(f"{_PROJECT}/project.yaml", PROJECT),
        Write(f"{_PROJECT}/repositories/checkout.yaml", REPOSITORY),
        Write(_PRODUCTION, ENVIRONMENT),
        Command("gaitops validate", shows=("valid",)),
        *committed("Payments guard 1.0.0"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "bob", "carol"),
        *committed("Approve"),
        Command("gaitops check", shows=("This change",)),
        *merged("payments-1.0.0"),
        Command("gaitops verify", shows=_VERDICT),
        _resolved("1.0.0"),
    ),
)

_PROPOSAL = Step(
    "alice",
    "Alice proposes version 1.1.0: a lower rate of payments, and two people for a refund.",
    (
        branch("payments-1.1.0"),
        Edit(_POLICY, (("requests: 200", "requests: 100"), ("min_approvals: 1", "min_approvals: 2"))),
        Command(f"gaitops policy diff acme/payments-guard@1.0.0 {_POLICY}", shows=("~",)),
        Command(
            f"gaitops policy add-version acme payments-guard 1.1.0 --file {_POLICY}", shows=("made from",)
        ),
        _assigned("1.0.0", "1.1.0"),
        *committed("Payments guard 1.1.0"),
        *signed("propose", "alice"),
        *committed("Propose"),
    ),
)

_PENDING = Step(
    "alice",
    "The check says what the change does and who may approve it. It stays pending: nothing is wrong, but nobody has.",
    (Command("gaitops check", 4, names="approval.quorum", shows=_JUDGEMENT),),
)

_APPROVALS = Step(
    "bob",
    "Bob and Carol read the operations and the difference, and sign exactly those bytes.",
    (
        *signed("approve --reason CHG-1042", "bob", "carol", shows=("wrote",)),
        *committed("Approve"),
        Command("gaitops check", shows=_JUDGEMENT),
    ),
)

_MERGE = Step(
    "alice",
    "Merged. Anybody can now prove from the commits alone that every change was authorized.",
    (*merged("payments-1.1.0"), Command("gaitops verify", shows=_VERDICT), _resolved("1.1.0")),
)

_PUBLISH = Step(
    "pia",
    "Pia verifies and signs a release: staged, so nobody sees it. Quinn verifies herself and co-signs: published.",
    published("--first"),
)

_PIN = Step(
    "alice",
    "A consumer repository pins the release. From here on it needs no network to verify every byte.",
    (
        Command("cd .."),
        Command("git init --quiet checkout"),
        Command("cd checkout"),
        Command(
            "gaitops pin init --from ../release --repository github.com/acme/checkout --environment production",
            shows=("fleet larkspur",),
        ),
        *committed("Pin agent policies"),
        Command("gaitops pin verify", shows=("pin verified",)),
    ),
)

_TAMPERED = Step(
    "mallory",
    "An attacker lifts the limit in the pinned policy, and is caught.",
    (
        Edit(_PINNED_POLICY, (("requests: 100", "requests: 100000"),)),
        Command("gaitops pin verify", 2, names="pin.mismatch", shows=("error",)),
        Command("git restore .gaitops"),
        Command("gaitops pin verify", shows=("pin verified",)),
    ),
)

_INSIDER = Step(
    "bob",
    "Bob proposes a laxer policy and approves it himself. His approval does not count: he made the change.",
    (
        Command("cd ../fleet"),
        branch("payments-1.2.0"),
        Edit(_POLICY, (("requests: 100", "requests: 9000"), ("min_approvals: 2", "min_approvals: 1"))),
        Command(f"gaitops policy add-version acme payments-guard 1.2.0 --file {_POLICY}"),
        _assigned("1.1.0", "1.2.0"),
        *committed("Payments guard 1.2.0"),
        *signed("propose", "bob"),
        *signed("approve", "bob"),
        *committed("Propose and approve"),
        Command("gaitops check", 4, names="approval.separation_of_duties", shows=_JUDGEMENT),
    ),
)

_FORCED = Step(
    "bob",
    "Bob can push, so he merges it all the same. Verification notices, and what consumers run stays as it was.",
    (
        *merged("payments-1.2.0"),
        Command(
            "gaitops verify",
            2,
            names="approval.separation_of_duties",
            shows=(*_VERDICT, "error: approvals/"),
        ),
        _resolved("1.1.0"),
    ),
)

_REVERTED = Step(
    "alice",
    "Alice takes the merge back. The signed envelopes stay: approvals/ is evidence and only grows.",
    (
        Command("git revert --no-commit --mainline 1 HEAD"),
        Command("git restore --source HEAD --staged --worktree approvals"),
        Command("git commit --quiet -m 'Revert payments guard 1.2.0'"),
        Command("gaitops verify", shows=_VERDICT),
    ),
)

_ROLLBACK = Step(
    "alice",
    "1.1.0 turns out too strict. Back to what ran before is the safe direction: one approver is enough.",
    (
        branch("rollback"),
        _assigned("1.1.0", "1.0.0"),
        *committed("Back to payments guard 1.0.0"),
        *signed("propose", "alice"),
        *committed("Propose"),
        *signed("approve", "carol"),
        *committed("Approve"),
        Command("gaitops check", shows=_JUDGEMENT),
        *merged("rollback"),
        Command("gaitops verify", shows=_VERDICT),
    ),
)

_UPDATE = Step(
    "alice",
    "The publishers sign the next release, and the consumer follows it. A pin never goes back to an older release.",
    (
        *published("--previous ../release"),
        Command("cd ../checkout"),
        Command("gaitops pin update --from ../release", shows=("fleet larkspur",)),
        Command("gaitops pin verify --base HEAD", shows=("pin verified",)),
    ),
)

STORY: Final = (
    _KEYS,
    _INIT,
    _FIRST_VERSION,
    _PROPOSAL,
    _PENDING,
    _APPROVALS,
    _MERGE,
    _PUBLISH,
    _PIN,
    _TAMPERED,
    _INSIDER,
    _FORCED,
    _REVERTED,
    _ROLLBACK,
    _UPDATE,
    *ROLLOUT_STORY,
)
"""In the order in which it happens. It begins in an empty folder and ends in the fleet repository."""


def story(*, evidence: bool, sigstore: Instance | None = None) -> tuple[Step, ...]:
    """All parts that can be told: the one about evidence only where its libraries are installed.

    With an instance of Sigstore, people sign in as soon as the fleet has begun.
    """
    parts = STORY if sigstore is None else without_keys(STORY, sigstore)
    return (*parts, *EVIDENCE_STORY) if evidence else parts
