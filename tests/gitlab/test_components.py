# SPDX-License-Identifier: Apache-2.0
"""What holds for every component, read from its file; and how gaitops gets into a job."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaitops import __version__
from tests.gitlab.forge import git
from tests.gitlab.pipelines import COMPONENTS, MISSING, installed, jobs

NAMES = sorted(path.stem for path in COMPONENTS.glob("*.yml"))
COMMON = {"job", "stage", "image", "requirement"}


@dataclass(frozen=True)
class Component:
    """One file: its inputs and its jobs."""

    text: str
    inputs: dict[str, dict[str, Any]]
    jobs: dict[str, dict[str, Any]]

    def scripts(self) -> Iterator[str]:
        """Every block that a shell runs."""
        for job in self.jobs.values():
            yield from (*job["before_script"], *job["script"])


def _component(name: str) -> Component:
    text = (COMPONENTS / f"{name}.yml").read_text(encoding="utf-8")
    header, jobs = yaml.safe_load_all(text)
    return Component(text, header["spec"]["inputs"], jobs)


@pytest.fixture(params=NAMES)
def component(request: pytest.FixtureRequest) -> Component:
    """Each component."""
    return _component(request.param)


def test_the_components() -> None:
    """One for each thing that a pipeline of a fleet, a publisher or a consumer does."""
    assert NAMES == [
        "check",
        "collect-approvals",
        "conformance",
        "deploy-gate",
        "pin-update",
        "publish",
        "verify",
    ]


def test_inputs_are_described(component: Component) -> None:
    """Every input says what it is for, and all components share four."""
    assert component.inputs.keys() >= COMMON
    assert all(item["description"].endswith(".") for item in component.inputs.values())
    assert component.inputs["requirement"]["default"] == f"gaitops=={__version__}"


def test_inputs_reach_the_shell_as_variables(component: Component) -> None:
    """No script is put together from inputs: text of others is never a part of a command."""
    assert not [script for script in component.scripts() if "$[[" in script]
    used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", component.text))
    assert used == component.inputs.keys()


def test_gitlab_accepts_every_component(tmp_path: Path) -> None:
    """All of them in one pipeline are valid by the schema of GitLab's language, with their names and stages."""
    if not installed():
        pytest.skip(MISSING)
    required = {"release": "https://releases.example.com/fleet", "fleet": "acme/fleet", "environment": "prod"}
    entries = []
    for name in NAMES:
        inputs = {key: value for key, value in required.items() if "default" not in _input(name, key)}
        entries.append({"local": f"templates/{name}.yml", "inputs": inputs})
    shutil.copytree(COMPONENTS, tmp_path / "templates")
    (tmp_path / ".gitlab-ci.yml").write_text(json.dumps({"include": entries}))
    git("init", "--quiet", str(tmp_path))
    git("-C", str(tmp_path), "add", "--all")
    git("-C", str(tmp_path), "commit", "--quiet", "--message", "components")
    listed = {job["name"]: job["stage"] for job in jobs(tmp_path)}
    assert listed == {
        "gaitops-check": "test",
        "gaitops-collect-approvals": "test",
        "gaitops-conformance": "test",
        "gaitops-deploy-gate": "test",
        "gaitops-pin-update": ".post",
        "gaitops-publish": "deploy",
        "gaitops-publish-first": "deploy",
        "gaitops-verify": "test",
    }


def _input(name: str, key: str) -> dict[str, Any]:
    return _component(name).inputs.get(key, {"default": ""})


def test_jobs_end_and_say_when_they_run(component: Component) -> None:
    """Every job has rules and a time limit, and never works in what an earlier job has left."""
    for job in component.jobs.values():
        assert job["rules"]
        assert re.fullmatch(r"(?:15|30) minutes", job["timeout"])
        assert job["variables"]["GIT_STRATEGY"] in {"clone", "none"}


def test_shell_is_well_formed(component: Component) -> None:
    """Bash can read every block, and Python every program inside one."""
    for script in component.scripts():
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        for program in re.findall(r"<<'END'\n(.*?)\nEND", script, re.DOTALL):
            compile(program, "component", "exec")


def test_variables_are_quoted(component: Component) -> None:
    """A variable stands between quotes, where its words stay together, or in an assignment or a test of numbers."""
    for script in component.scripts():
        bare = re.sub(r"<<'END'\n.*?\nEND|'[^']*'|\"(?:[^\"\\]|\\.)*\"|#.*", "", script, flags=re.DOTALL)
        assert re.findall(r"\$[A-Za-z{]", bare) == [], bare


def test_python_takes_nothing_from_the_working_folder(component: Component) -> None:
    """A change could bring a ``json.py``: Python runs isolated."""
    for script in component.scripts():
        for call in re.findall(r"python3?\"? (?!-I)[^\n]*", script):
            assert call == "", call


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"check", "verify"}])
def test_tokens_are_put_away_before_anything_is_installed(name: str) -> None:
    """Nothing that pip installs finds a token that can write in its environment."""
    for job in _component(name).jobs.values():
        first, *_others = job["before_script"]
        for token in set(re.findall(r"GAITOPS_\w*(?:TOKEN|KEY_FILE|KEY_URI)\b", "\n".join(job["script"]))):
            assert re.search(rf"^unset .*\b{token}\b", first, re.MULTILINE)


def test_components_of_a_change_need_no_credential() -> None:
    """What runs for merge requests works without any token but the one that reads."""
    for name in ("check", "conformance", "verify"):
        text = _component(name).text
        assert not re.search(r"GAITOPS_\w*TOKEN", text)


def test_install_is_the_same_everywhere() -> None:
    """Each file carries its own copy, because components cannot share one; no requirement is read as an option."""
    (script,) = {_component(name).jobs["$[[ inputs.job ]]"]["before_script"][-1] for name in NAMES}
    assert '-- "$GAITOPS_REQUIREMENT"' in script


def test_install(tmp_path: Path) -> None:
    """Exactly the named wheel is installed, apart from everything; modules of the working folder take no part."""
    wheels, work = tmp_path / "wheels", tmp_path / "work"
    wheels.mkdir()
    work.mkdir()
    for name in ("pip", "venv", "json"):
        (work / f"{name}.py").write_text("raise SystemExit('from the working folder')\n")
    info = "gaitops-9.9.dist-info"
    with zipfile.ZipFile(wheels / "gaitops-9.9-py3-none-any.whl", "w") as wheel:
        wheel.writestr("told.py", "def main():\n    print('gaitops 9.9')\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: gaitops\nVersion: 9.9\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\ngaitops = told:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "GAITOPS_REQUIREMENT": "gaitops==9.9",
    }
    script = _component("verify").jobs["$[[ inputs.job ]]"]["before_script"][-1]
    command = ["bash", "-eo", "pipefail", "-c", f"{script}\ngaitops --version"]
    done = subprocess.run(command, cwd=work, env=settings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "gaitops 9.9\n"), done.stderr
