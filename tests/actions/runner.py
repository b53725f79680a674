# SPDX-License-Identifier: Apache-2.0
"""A small runner of composite actions: reads ``action.yml`` and runs its steps with a real shell, as GitHub does.

Inputs and their defaults, ``env``, ``if``, outputs, and the files behind ``GITHUB_OUTPUT``, ``GITHUB_ENV``,
``GITHUB_PATH`` and ``GITHUB_STEP_SUMMARY`` work as documented. What an action refers to and does not have is an error
here, where GitHub would pass an empty text.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.actions.expressions import Value, evaluate, fill

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = ROOT / "github-actions"
_STATUS = re.compile(r"\b(?:always|success|failure)\(\)")
_COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<message>.*)")


@dataclass(frozen=True)
class Annotation:
    """One that people see."""

    level: str
    title: str
    message: str
    file: str = ""
    line: str = ""
    col: str = ""


@dataclass
class Outcome:
    """What the action did."""

    code: int = 0
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Other actions that would have run, with their inputs."""

    @property
    def annotations(self) -> list[Annotation]:
        """Workflow commands that a runner would have obeyed, decoded."""
        found, stopped = [], ""
        for line in self.log.splitlines():
            if stopped:
                stopped = "" if line == f"::{stopped}::" else stopped
            elif line.startswith("::stop-commands::"):
                stopped = line.removeprefix("::stop-commands::")
            elif line.startswith("::"):
                match = _COMMAND.fullmatch(line)
                assert match is not None, f"not an annotation: {line}"
                pairs = (pair.partition("=") for pair in match["properties"].split(",") if pair)
                properties = {name: _decoded(value) for name, _, value in pairs}
                found.append(Annotation(match["level"], message=_decoded(match["message"]), **properties))
        return found


def _decoded(text: str) -> str:
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


class Job:
    """One job on a runner: a working folder, a folder for temporary files, and the context ``github``."""

    def __init__(
        self, workspace: Path, temp: Path, github: Mapping[str, Any], environ: Mapping[str, str]
    ) -> None:
        self.workspace = workspace
        self.temp = temp
        self.github = github
        self.environ = dict(environ)

    def run(self, action: str | Path, **inputs: str) -> Outcome:
        """Run an action; ``trust_root`` stands for the input ``trust-root``."""
        folder = ACTIONS / action
        document = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
        assert document["runs"]["using"] == "composite"
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return _Run(self, folder, document, given).all()


class _Run:
    def __init__(self, job: Job, folder: Path, document: dict[str, Any], given: Mapping[str, str]) -> None:
        self._job, self._folder, self._document = job, folder, document
        declared = document["inputs"]
        assert given.keys() <= declared.keys(), f"unknown inputs {given.keys() - declared.keys()}"
        missing = [name for name, item in declared.items() if item.get("required") and name not in given]
        assert not missing, f"missing inputs {missing}"
        defaults = {name: fill(str(item.get("default", "")), self._before) for name, item in declared.items()}
        self._inputs = {**defaults, **given}
        self._steps: dict[str, dict[str, str]] = {}
        self._ids = {step["id"] for step in document["runs"]["steps"] if "id" in step}
        self._environ: dict[str, str] = {}
        self._paths: list[str] = []
        self._outcome = Outcome()

    def all(self) -> Outcome:
        """Run every step; outputs are set whatever happened."""
        for step in self._document["runs"]["steps"]:
            if not self._wanted(step):
                continue
            if "uses" in step:
                given = {name: fill(str(value), self._lookup) for name, value in step.get("with", {}).items()}
                self._outcome.used.append((step["uses"], given))
            else:
                self._shell(step)
        outputs = self._document.get("outputs", {})
        self._outcome.outputs = {name: fill(item["value"], self._lookup) for name, item in outputs.items()}
        return self._outcome

    def _wanted(self, step: dict[str, Any]) -> bool:
        condition = str(step.get("if", "success()"))
        if not _STATUS.search(condition):
            condition = f"success() && ({condition})"
        functions = {
            "always": lambda: True,
            "success": lambda: self._outcome.code == 0,
            "failure": lambda: self._outcome.code != 0,
        }
        return bool(evaluate(condition, self._lookup, functions))

    def _shell(self, step: dict[str, Any]) -> None:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression inside a script"
        files = {name: self._job.temp / f"_{name}" for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        script = self._job.temp / "_script.sh"
        script.write_text(step["run"])
        environ = {
            **self._job.environ,
            **self._environ,
            **{name: fill(str(value), self._lookup) for name, value in step.get("env", {}).items()},
            **{f"GITHUB_{name}": str(file) for name, file in files.items()},
            "GITHUB_ACTION_PATH": str(self._folder),
            "RUNNER_TEMP": str(self._job.temp),
        }
        environ["PATH"] = os.pathsep.join([*self._paths, environ["PATH"]])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            env=environ,
            cwd=self._job.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self._outcome.code = self._outcome.code or done.returncode
        self._outcome.log += done.stdout
        self._outcome.summary += files["STEP_SUMMARY"].read_text()
        self._environ.update(_pairs(files["ENV"].read_text()))
        self._paths[:0] = files["PATH"].read_text().splitlines()
        if "id" in step:
            self._steps[step["id"]] = _pairs(files["OUTPUT"].read_text())

    def _before(self, path: list[str]) -> Value:
        """Defaults of inputs see the context ``github`` only."""
        assert path[0] == "github", path
        value: Any = self._job.github
        for name in path[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
        assert value is None or isinstance(value, str | bool | int), path
        return value

    def _lookup(self, path: list[str]) -> Value:
        if path[0] == "inputs":
            return self._inputs[path[1]]
        if path[0] == "steps":
            assert path[1] in self._ids, f"no step {path[1]}"
            assert path[2] == "outputs"
            # A step that was skipped or has failed early has not set its outputs.
            return self._steps.get(path[1], {}).get(path[3])
        return self._before(path)


def _pairs(text: str) -> dict[str, str]:
    """The ``name=value`` and ``name<<mark`` lines of a file of the runner."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, sign, mark = line.partition("<<")
        if sign and "=" not in name:
            value = []
            for following in lines:
                if following == mark:
                    break
                value.append(following)
            else:
                raise ValueError(f"{name} has no end")
            found[name] = "\n".join(value)
        else:
            name, sign, rest = line.partition("=")
            assert sign, f"not an output: {line}"
            found[name] = rest
    return found
