# SPDX-License-Identifier: Apache-2.0
"""The pipelines that docs/ci-gitlab.md tells people to write, taken from the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.gitlab.forge import Forge, git
from tests.gitlab.pipelines import COMMIT, COMPONENTS, ROOT, jobs

PAGE = (ROOT / "docs/ci-gitlab.md").read_text(encoding="utf-8")
PIPELINES = re.findall(r"```yaml\n(# \.gitlab-ci\.yml\n.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (0, {"gaitops-check", "gaitops-verify"}),
        (1, {"gaitops-collect-approvals"}),
        (2, {"gaitops-publish", "gaitops-publish-first"}),
        (3, {"gaitops-deploy-gate", "deploy"}),
    ],
)
def test_pipelines_of_the_guide(number: int, names: set[str], forge: Forge, tmp_path: Path) -> None:
    """Each is accepted as it stands, with the id of a commit in place of COMMIT, and has the jobs that the page names."""
    work = tmp_path / "work"
    git("init", "--quiet", "--initial-branch=main", str(work))
    git("-C", str(work), "remote", "add", "origin", f"{forge.url}/acme/project.git")
    (work / ".gitlab-ci.yml").write_text(re.sub(r"\bCOMMIT\b", COMMIT, PIPELINES[number]))
    git("-C", str(work), "add", "--all")
    git("-C", str(work), "commit", "--quiet", "--message", "pipeline")
    assert {job["name"] for job in jobs(work)} == names


def test_every_pipeline_is_tried() -> None:
    """No pipeline of the page is left out above, and every component has its place on the page."""
    assert len(PIPELINES) == 4
    for path in COMPONENTS.glob("*.yml"):
        assert f"`{path.stem}`" in PAGE


def test_hooks_of_the_guide_exist() -> None:
    """The hooks that the page names are those of the manifest."""
    (block,) = re.findall(r"```yaml\n(# \.pre-commit-config\.yaml\n.*?)```", PAGE, re.DOTALL)
    named = {hook["id"] for repo in yaml.safe_load(block)["repos"] for hook in repo["hooks"]}
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_bytes())
    assert named == {hook["id"] for hook in manifest}
