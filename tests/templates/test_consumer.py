# SPDX-License-Identifier: Apache-2.0
"""What a consumer repository commits beside its pin, for either forge."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaitops.conformance.ci import wirings
from gaitops.content import MemorySnapshot
from gaitops.errors import InvalidInputError
from gaitops.gait.project_files import CONFIG_FILE, configured_policy
from gaitops.scaffold.consumer import ConsumerParameters, Forge, render_consumer

ROOT = Path(__file__).parents[2]
FORGES: tuple[Forge, ...] = ("github", "gitlab")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WORKFLOWS = (".github/workflows/gaitops.yml", ".github/workflows/gaitops-pin-update.yml")
_GAIT = """#!/bin/sh
case "$1 $2" in
  "policy validate") grep -q "default_verdict" "$3" ;;
  "policy test")
    verdict="$(sed -n 's/^default_verdict: //p' "$3")"
    echo '{"ok":true,"verdict":"'"$verdict"'"}'
    [ "$verdict" = allow ] || exit 3 ;;
  "regress run") exit "${REGRESS:-0}" ;;
esac
"""


def _parameters(**changes: Any) -> ConsumerParameters:
    usual: dict[str, Any] = {
        "repository": "github.com/acme/pay",
        "environments": ("production", "staging"),
        "release": "git+https://github.com/acme/publisher#release",
        "source": f"acme/gaitops@{COMMIT}",
        "version": "0.1.0",
    }
    return ConsumerParameters(**{**usual, **changes})


def _yaml(data: bytes) -> dict[str, Any]:
    document = yaml.load(data, Loader=yaml.BaseLoader)  # BaseLoader: `on` stays a text  # noqa: S506
    assert isinstance(document, dict)
    return document


@pytest.fixture(params=FORGES)
def files(request: pytest.FixtureRequest) -> Mapping[str, bytes]:
    """The rendered repository, for each forge."""
    return render_consumer(_parameters(), request.param)


def test_each_forge_gets_its_pipelines() -> None:
    """One set of files for Gait, and the pipelines of one forge."""
    common = {".gait/CI.md", ".gait/README.md", ".gait/config.yaml", ".gait/gate.sh"}
    assert set(render_consumer(_parameters(), "github")) == common | set(WORKFLOWS)
    assert set(render_consumer(_parameters(), "gitlab")) == common | {".gitlab-ci.yml"}


def test_rendered_text_is_plain(files: Mapping[str, bytes]) -> None:
    """Nothing is left to be filled in, and files end in one newline without odd white space."""
    for path, data in files.items():
        text = data.decode("ascii") if path.endswith((".yaml", ".yml", ".sh")) else data.decode()
        assert text == text.rstrip("\n") + "\n", path
        assert not re.search(r"[\t\r]| $|(?<!\$)\{\{", text, re.MULTILINE), path


def test_no_file_holds_the_trust_root_or_a_credential(files: Mapping[str, bytes]) -> None:
    """The trust root comes from the settings of the forge, and so do tokens."""
    for path, data in files.items():
        assert not re.search(rb"sha256:[0-9a-f]|glpat-|ghp_|BEGIN", data), path


def test_gait_uses_the_pinned_policy(files: Mapping[str, bytes]) -> None:
    """Project defaults name the enforced policy of the first environment (contract 1.1)."""
    policy = configured_policy(files[CONFIG_FILE])
    assert policy is not None
    assert policy.path == ".gaitops/production/enforced/gait.policy.yaml"


def test_conformance_finds_itself_wired(files: Mapping[str, bytes]) -> None:
    """The control that looks for the check in CI, pinned by commit, is content with what is written."""
    found = list(wirings(MemorySnapshot(dict(files))))
    assert [item.problem for item in found] == [None]


def test_actions_get_the_inputs_that_they_declare() -> None:
    """Every input that a workflow sets exists in the action of this version, and those that are required are set."""
    files = render_consumer(_parameters(), "github")
    used = 0
    for path in WORKFLOWS:
        for job in _yaml(files[path])["jobs"].values():
            for step in job["steps"]:
                match = re.fullmatch(rf"acme/gaitops/(github-actions/[a-z-]+)@{COMMIT}", step.get("uses", ""))
                if match:
                    declared = _yaml((ROOT / match[1] / "action.yml").read_bytes())["inputs"]
                    required = {name for name, item in declared.items() if item.get("required") == "true"}
                    assert required <= step["with"].keys() <= declared.keys()
                    used += 1
    assert used == 2


def test_components_get_the_inputs_that_they_declare() -> None:
    """The same for components of GitLab."""
    pipeline = _yaml(render_consumer(_parameters(), "gitlab")[".gitlab-ci.yml"])
    for item in pipeline["include"]:
        name = re.fullmatch(rf"\$CI_SERVER_FQDN/acme/gaitops/([a-z-]+)@{COMMIT}", item["component"])
        assert name
        component = (ROOT / "gaitops/templates/gitlab-ci" / f"{name[1]}.yml").read_bytes()
        declared = _yaml(component.partition(b"\n---\n")[0])["spec"]["inputs"]
        required = {key for key, value in declared.items() if "default" not in value}
        assert required <= item["inputs"].keys() <= declared.keys()


def test_no_expression_reaches_a_shell() -> None:
    """Text from outside comes to ``run`` through the environment only; every action is pinned by commit."""
    files = render_consumer(_parameters(), "github")
    for path in WORKFLOWS:
        assert _yaml(files[path])["permissions"] == {}
        for job in _yaml(files[path])["jobs"].values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", "")
                assert re.search(r"@[0-9a-f]{40}$", step.get("uses", f"@{COMMIT}"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"environments": ("Production",)}, "init.name"),
        ({"environments": ()}, "init.name"),
        ({"environments": ("a", "a")}, "init.duplicate"),
        ({"repository": "github.com/acme/pay\n"}, "init.repository"),
        ({"release": "../release"}, "init.release_address"),
        ({"release": 'https://x/"; id'}, "init.release_address"),
        ({"release": "git+https://host/path"}, "init.release_address"),
        ({"source": "acme/gaitops@main"}, "init.ci_source"),
        ({"source": f"gaitops@{COMMIT}"}, "init.ci_source"),
        ({"version": "0.1.0+local"}, "init.version"),
    ],
)
def test_what_needs_escaping_is_refused(change: dict[str, Any], code: str) -> None:
    """Nothing reaches a template that could be more than a text in it."""
    with pytest.raises(InvalidInputError) as caught:
        _parameters(**change)
    assert [problem.code for problem in caught.value.problems] == [code]


class Repository:
    """A consumer repository with a stand-in for Gait, whose verdict is the default verdict of the policy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path, data in render_consumer(_parameters(), "gitlab").items():
            self.put(path, data.decode())
        self.put(".gaitops/production/enforced/gait.policy.yaml", "default_verdict: block\n")
        self.put("bin/gait", _GAIT)
        (folder / "bin/gait").chmod(0o755)

    def put(self, path: str, text: str) -> None:
        """Write a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def gate(self, *, gait: bool = True, **env: str) -> tuple[int, str]:
        """Exit code and output of ``.gait/gate.sh``."""
        search = f"{self.folder / 'bin'}:{os.environ['PATH']}" if gait else os.environ["PATH"]
        command = ["bash", str(self.folder / ".gait/gate.sh")]
        settings = {"PATH": search, **env}
        done = subprocess.run(command, env=settings, cwd="/", capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one pinned environment."""
    return Repository(tmp_path)


def test_gate_compares_verdicts(repository: Repository) -> None:
    """Intents must get the verdict whose folder they are in, from every environment."""
    repository.put(".gait/intents/block/delete.json", "{}")
    assert repository.gate() == (0, "")
    repository.put(".gait/intents/allow/read it.json", "{}")
    code, said = repository.gate()
    assert code == 5
    assert ".gait/intents/allow/read it.json: expected allow, got block" in said
    assert "delete.json" not in said


def test_gate_wants_policies_that_gait_accepts(repository: Repository) -> None:
    """A pinned policy that Gait refuses, candidate or enforced, fails."""
    repository.put(".gaitops/production/candidate/gait.policy.yaml", "nonsense\n")
    assert repository.gate() == (
        5,
        "not accepted by Gait: .gaitops/production/candidate/gait.policy.yaml\n",
    )


def test_gate_runs_regress_where_it_is_set_up(repository: Repository) -> None:
    """A failed regression fails the gate."""
    repository.put("gait.yaml", "{}")
    assert repository.gate()[0] == 0
    assert repository.gate(REGRESS="5")[0] == 5


def test_gate_without_gait_does_not_pass(repository: Repository) -> None:
    """Nobody was asked, so nothing passed."""
    assert repository.gate(gait=False) == (7, "gait is not installed\n")


@pytest.mark.parametrize(("base", "compared"), [("", False), ("HEAD", True), ("HEAD~1", False)])
def test_pull_requests_compare_pins(base: str, tmp_path: Path, *, compared: bool) -> None:
    """The step of the workflow compares with the base where that has a pin, and not where the change brings the first."""
    job = _yaml(render_consumer(_parameters(), "github")[WORKFLOWS[0]])["jobs"]["conformance"]
    (script,) = [step["run"] for step in job["steps"] if step["name"] == "Verify the pin"]
    program = tmp_path / "gaitops"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    (tmp_path / ".gaitops").mkdir()
    (tmp_path / ".gaitops/pin.yaml").touch()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(tmp_path)]
    for words in (
        ("init", "--quiet"),
        ("commit", "--quiet", "--allow-empty", "--message", "before"),
        ("add", ".gaitops"),
        ("commit", "--quiet", "--message", "pin"),
    ):
        subprocess.run([*git, *words], check=True)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env={"PATH": os.environ["PATH"], "GAITOPS": str(program), "BASE": base},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = "pin verify --repository github.com/acme/pay"
    assert done.stdout.strip() == (f"{expected} --base {base}" if compared else expected)
