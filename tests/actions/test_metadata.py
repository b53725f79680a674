# SPDX-License-Identifier: Apache-2.0
"""What every ``action.yml`` owes its users, and the pages that describe the actions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.actions.expressions import Value, as_text, evaluate
from tests.actions.runner import ACTIONS, ROOT
from tools.action_reference import PAGE, page
from tools.lint_workflows import guide_workflows

NAMES = sorted(file.parent.name for file in ACTIONS.glob("*/action.yml"))
TEMPLATE = ROOT / "gaitops/templates/fleet-repo/.github/workflows/gaitops.yml"


def action(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ACTIONS / name / "action.yml").read_text())
    return document


def test_all_seven_are_there() -> None:
    """The actions that the documentation promises."""
    assert NAMES == [
        "check",
        "collect-approvals",
        "conformance",
        "deploy-gate",
        "pin-update",
        "publish",
        "verify",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_plain(name: str) -> None:
    """No expression inside a script, no token in a default but the job's own, other actions by commit alone."""
    document = action(name)
    for step in document["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
    defaults = [str(item.get("default", "")) for item in document["inputs"].values()]
    assert not [text for text in defaults if "secrets" in text]
    assert not [text for text in defaults if "token" in text and text != "${{ github.token }}"]


@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs_are_described_and_used(name: str) -> None:
    """Nothing is declared for nothing: each input reaches a step, each output comes from one."""
    document = action(name)
    steps = yaml.safe_dump(document["runs"]["steps"], width=10_000)
    for item in (document, *document["inputs"].values(), *document["outputs"].values()):
        assert item["description"]
    for key in document["inputs"]:
        assert re.search(rf"inputs\.{key}\b", steps), key
    modules = "".join(path.read_text() for path in (ACTIONS / "lib").glob("*.py"))
    for key, item in document["outputs"].items():
        step, output = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}", item["value"]).groups()  # type: ignore[union-attr]
        assert step == "install" or f"{output.replace('-', '_')}=" in modules, key


@pytest.mark.parametrize("name", NAMES)
def test_environment_and_inputs_have_the_same_names(name: str) -> None:
    """A script finds every input under the name that it asks for."""
    document = action(name)
    for step in document["runs"]["steps"]:
        for variable, value in step.get("env", {}).items():
            if variable.startswith("INPUT_"):
                assert (
                    value == f"${{{{ inputs.{variable.removeprefix('INPUT_').lower().replace('_', '-')} }}}}"
                )
    (script,) = re.findall(r"lib/(\w+)\.py", yaml.safe_dump(document["runs"], width=10_000))
    asked = set(
        re.findall(
            r'workflow\.(?:given|required|flag)\(["\']([\w-]+)', (ACTIONS / f"lib/{script}.py").read_text()
        )
    )
    assert asked <= document["inputs"].keys()


def test_the_page_is_up_to_date() -> None:
    """``github-actions/README.md`` says what the ``action.yml`` files say."""
    assert PAGE.read_text() == page()


def test_the_guide_shows_the_workflow_of_the_template() -> None:
    """What the guide tells people to save is what ``gaitops init`` writes, apart from comments."""
    guide = guide_workflows()[".github/workflows/gaitops.yml"]
    assert yaml.safe_load(guide) == yaml.safe_load(TEMPLATE.read_text())


@pytest.mark.parametrize("path", sorted(guide_workflows()))
def test_workflows_of_the_guide_use_actions_as_they_are_declared(path: str) -> None:
    """Every action exists, every input that is set exists, and the required ones are set."""
    used = 0
    for job in yaml.safe_load(guide_workflows()[path])["jobs"].values():
        assert job["permissions"].get("contents") in {"read", "write"}
        for step in job["steps"]:
            if step.get("uses", "").startswith("./"):
                declared = action(Path(step["uses"]).name)["inputs"]
                assert step["with"].keys() <= declared.keys()
                assert {key for key, item in declared.items() if item.get("required")} <= step["with"].keys()
                used += 1
    # The attester has a repository of its own, without copies of the actions; it runs gaitops itself.
    assert bool(used) is (path != ".github/workflows/attest-reviews.yml")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'a' == 'A' && !false", "true"),
        ("github.missing || 'it''s'", "it's"),
        ("(1 == 2) || github.name != ''", "true"),
        ("always() && github.name == 'x'", "true"),
        ("null", ""),
        ("false || github.number", "7"),
    ],
)
def test_expressions(expression: str, expected: str) -> None:
    """The runner of these tests reads expressions as GitHub does."""
    known: dict[str, Value] = {"name": "x", "number": 7}
    value = evaluate(expression, lambda path: known.get(path[1]), {"always": lambda: True})
    assert as_text(value) == expected


@pytest.mark.parametrize("expression", ["a b", "'open", "contains(a, b)", "(true", "=="])
def test_other_expressions_are_errors(expression: str) -> None:
    """What the runner does not know, it does not guess."""
    with pytest.raises((ValueError, KeyError, IndexError)):
        evaluate(expression, lambda path: "x", {})
