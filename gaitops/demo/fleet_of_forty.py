# SPDX-License-Identifier: Apache-2.0
"""What the second half of the story is played with: forty repositories of a shop chain, and what their agents did.

Everything is made from the fleet repository that the story built; the numbers of the evidence are the story's.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from gaitops.cli.clock import now
from gaitops.documents.times import format_timestamp

SHOPS: Final = 40
FLEET: Final = Path("fleet")
"""The fleet repository, seen from the folder of the whole story."""
CLONES: Final = Path("shops")
_PROJECT: Final = FLEET / "orgs" / "acme" / "projects" / "shops"
_POLICY: Final = FLEET / "orgs" / "acme" / "policies" / "payments-guard" / "versions"
_SERVICES: Final = {"rosa": "operator", "ana": "analyst"}


def names() -> list[str]:
    """The forty repositories."""
    return [f"shop-{number:02d}" for number in range(1, SHOPS + 1)]


def write_services(operator: str = "") -> None:
    """The operator and the analyst, with the public keys that were made for them, or ``operator`` for the former."""
    for name, role in _SERVICES.items():
        identity = operator if role == "operator" and operator else _key_identity(name)
        spec = f"  type: service\n  emails: [{name}@example.com]\n  identities:\n{identity}"
        _document(FLEET / "trust" / "principals" / f"{name}.yaml", "Principal", name, spec)
        members = f"  members: {{principals: [{name}]}}\n"
        _document(
            FLEET / "trust" / "roles" / f"{role}s.yaml", "RoleBinding", f"{role}s",
            f"  role: {role}\n  scope: org/acme/project/shops\n{members}",
        )  # fmt: skip


def _key_identity(name: str) -> str:
    key = (Path("keys") / f"{name}.pem.pub").read_text(encoding="utf-8").strip().replace("\n", "\n        ")
    return f"    - id: ci\n      type: key\n      publicKey: |\n        {key}\n"


def write_project() -> None:
    """A project of forty repositories that all run one version in production."""
    _document(_PROJECT / "project.yaml", "Project", "shops", "  summary: Forty shops\n  owners: [alice]\n")
    spec = "  tier: production\n  selector: {all: true}\n  policy: {name: payments-guard, version: 1.0.0}\n"
    _document(_PROJECT / "environments" / "production.yaml", "Environment", "production", spec)
    for name in names():
        spec = f"  url: https://github.com/acme/{name}\n"
        _document(_PROJECT / "repositories" / f"{name}.yaml", "Repository", name, spec)


def _document(path: Path, kind: str, name: str, spec: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"apiVersion: gaitops.dev/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}"
    path.write_text(text, encoding="utf-8", newline="\n")


def write_manifest() -> None:
    """Where the clones are, for ``gaitops fleet conformance``."""
    paths = {name: f"{CLONES}/{name}" for name in names()} | {"checkout": "checkout"}
    lines = [f"- {{repository: github.com/acme/{name}, path: {path}}}" for name, path in paths.items()]
    Path("shops.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def enter_rehearsing_shop() -> None:
    """Go into the clone of a shop that the current step reaches; the order of a rollout is known only when it starts."""
    text = (_PROJECT / "rollouts" / "stricter-1-2-0.yaml").read_text(encoding="utf-8")
    os.chdir(CLONES / _listed(text)[0])


def _listed(text: str) -> list[str]:
    """Repositories of a rollout in the order of its status."""
    return re.findall(r"^ *- (shop-[0-9]+)$", text, re.MULTILINE)


def write_evidence(version: str, blocked: int, repositories: int) -> None:
    """An evidence summary of the last minutes: the candidate blocked so many of a hundred calls in each repository."""
    at = now()
    old, new = _gait_digest("1.0.0"), _gait_digest(version)
    rollout = f"stricter-{version.replace('.', '-')}"
    text = (_PROJECT / "rollouts" / f"{rollout}.yaml").read_text(encoding="utf-8")
    summary = {
        "schema": "gaitops.dev/evidence-summary/v1",
        "trustRoot": os.environ["GAITOPS_TRUST_ROOT"].removeprefix("sha256:"),
        "generatedAt": format_timestamp(at),
        "window": {"start": format_timestamp(at - timedelta(minutes=2)), "end": format_timestamp(at)},
        "repositories": [_row(name, old, new, blocked) for name in _listed(text)[:repositories]],
    }
    Path("evidence.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def _gait_digest(version: str) -> str:
    text = (_POLICY / version / "version.yaml").read_text(encoding="utf-8")
    match = re.search(r"^  gait:\n    digest: \"?([0-9a-f]{64})", text, re.MULTILINE)
    if match is None:
        raise ValueError(f"{version} states no Gait digest")
    return match[1]


def _row(name: str, old: str, new: str, blocked: int) -> Mapping[str, object]:
    return {
        "repository": f"github.com/acme/{name}",
        "environment": "production",
        "lastEvidenceAt": format_timestamp(now()),
        "artifacts": {"verified": 200},
        "policies": [
            {"gaitPolicyDigest": old, "allow": 98, "block": 2},
            {"gaitPolicyDigest": new, "allow": 100 - blocked, "block": blocked},
        ],
        "comparisons": [
            {"enforced": old, "candidate": new, "both": 100, "unexpectedBlocks": max(0, blocked - 2)}
        ],
    }
