# SPDX-License-Identifier: Apache-2.0
"""What the third part of the story is played with: twelve repositories of agents, and two weeks of their evidence.

The evidence was written by the real ``gait`` program for a fictional organization; here it is only laid out as a
collector would have: one folder for each repository. Documents of the fleet are made to fit it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

FLEET: Final = Path("agents")
"""The fleet repository, seen from the folder of the whole story."""
COLLECTED: Final = Path("collected")
"""What was collected: ``<owner>/<repository>/…``."""
TEAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "checkout": ("cart-api", "payment-router", "fraud-scorer", "receipt-mailer"),
    "merchandising": ("catalog-sync", "price-agent", "search-index", "promo-writer"),
    "platform": ("deploy-bot", "infra-live", "secrets-rotator", "support-copilot"),
}
ENVIRONMENTS: Final = {
    "dev": ("development", "2.0.0"),
    "staging": ("staging", "1.1.0"),
    "prod": ("production", "1.1.0"),
}
"""Environment → its tier, and the version that it runs at first."""
VERSIONS: Final = ("1.0.0", "1.1.0", "2.0.0")
_PRODUCERS: Final = ("checkout-ci", "platform-runner", "change-desk")
"""Two sign traces and runpacks, the third approval tokens."""
_CANDIDATES: Final = (
    Path(__file__).resolve().parent / "evidence",
    Path(__file__).resolve().parents[2] / "tests" / "vectors" / "gait",
)
"""In the wheel the data lies in this package; in a checkout it is that of the tests."""


def _data() -> Path:
    return next((folder for folder in _CANDIDATES if folder.is_dir()), _CANDIDATES[0])


def write_policies() -> None:
    """The three versions of the organization's baseline policy, as its authors have them."""
    for version in VERSIONS:
        name = f"larkspur-agent-baseline-{version}.yaml"
        shutil.copyfile(_data() / "fleet" / "policies" / name, f"baseline-{version}.yaml")


def write_documents() -> None:
    """Teams as projects, their repositories and environments, and the keys that sign their evidence."""
    for team, repositories in TEAMS.items():
        project = FLEET / "orgs" / "larkspur" / "projects" / team
        spec = f"  summary: Repositories of the team {team}\n  owners: [alice]\n"
        _document(project / "project.yaml", "Project", team, spec)
        for name, (tier, version) in ENVIRONMENTS.items():
            spec = f"  tier: {tier}\n  selector: {{all: true}}\n  policy: {{name: agent-baseline, version: {version}}}\n"
            _document(project / "environments" / f"{name}.yaml", "Environment", name, spec)
        for name in repositories:
            spec = f"  url: https://github.com/larkspur/{name}\n"
            _document(project / "repositories" / f"{name}.yaml", "Repository", name, spec)
    everything = ", ".join(f"larkspur/{team}/{name}" for team, names in TEAMS.items() for name in names)
    for producer in _PRODUCERS:
        key = (_data() / "keys" / f"{producer}_public.key").read_text(encoding="ascii").strip()
        key_id = hashlib.sha256(base64.b64decode(key)).hexdigest()
        spec = f'  keyId: "{key_id}"\n  publicKey: "{key}"\n  repositories: [{everything}]\n'
        _document(FLEET / "evidence" / "producers" / f"{producer}.yaml", "Producer", producer, spec)


def move_staging() -> None:
    """Every team's staging runs 2.0.0 from now on."""
    for team in TEAMS:
        path = FLEET / "orgs" / "larkspur" / "projects" / team / "environments" / "staging.yaml"
        text = path.read_text(encoding="utf-8").replace("version: 1.1.0", "version: 2.0.0")
        path.write_text(text, encoding="utf-8", newline="\n")


def _document(path: Path, kind: str, name: str, spec: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"apiVersion: gaitops.dev/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}"
    path.write_text(text, encoding="utf-8", newline="\n")


def collect() -> None:
    """Lay out every artifact of the two weeks as the repositories' pipelines uploaded them."""
    for names in TEAMS.values():
        for name in names:
            source = _data() / "fleet" / name
            target = COLLECTED / "larkspur" / name
            for path, data in _artifacts(source):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(data)
            _copy_whole(source, target)


def delete_one_artifact() -> None:
    """Delete the first object of the store, as somebody with access to its bucket could."""
    min(path for path in Path("evidence", "sha256").rglob("*") if path.is_file()).unlink()


def _artifacts(source: Path) -> Iterator[tuple[str, bytes]]:
    """Artifacts that the data keeps line by line, under the paths that they were uploaded with."""
    for number, line in enumerate(_lines(source / "traces.jsonl"), 1):
        # One emission may have been delivered twice under one name.
        yield f"traces/{number:04d}-{line['file']}", line["text"].encode()
    for kind in ("approval_audits", "approval_tokens"):
        for number, line in enumerate(_lines(source / f"{kind}.jsonl"), 1):
            yield f"{kind}/{number:04d}.json", line["text"].encode()


def _copy_whole(source: Path, target: Path) -> None:
    """Artifacts that the data keeps as files."""
    for folder in ("runpacks", "regress"):
        if (source / folder).is_dir():
            shutil.copytree(source / folder, target / folder, dirs_exist_ok=True)
    for name in ("scout_snapshot.json", "scout_signal.json"):
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
