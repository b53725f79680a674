# SPDX-License-Identifier: Apache-2.0
"""``gaitops validate``: the working tree as Git sees it, or a commit; every problem at once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.harness import Invoke

FILES = {
    "fleet.yaml": "apiVersion: gaitops.dev/v1\nkind: Fleet\nmetadata:\n  name: demo\nspec:\n  rules: 1\n",
    "orgs/acme/org.yaml": "apiVersion: gaitops.dev/v1\nkind: Organization\nmetadata:\n  name: acme\nspec:\n"
    "  displayName: Acme\n",
    "trust/principals/pat.yaml": "apiVersion: gaitops.dev/v1\nkind: Principal\nmetadata:\n  name: pat\nspec:\n"
    "  type: human\n",
}
GUARD = "orgs/acme/policies/guard"


def git(repo: Path, *arguments: str) -> None:
    names = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    hermetic = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "-C", str(repo), *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, **names, **hermetic},
    )


@pytest.fixture
def repo(tmp_path: Path, gaitops: Invoke) -> Path:
    """A small valid fleet, not committed, with a policy of two versions."""
    repo = tmp_path / "fleet"
    for path, text in FILES.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)
    policy = tmp_path / "policy.yaml"
    gaitops(
        "policy", "new", "acme", "guard", "--owner", "pat", "--summary", "s", "--risk", "low", "--repo", repo
    )
    for version, verdict in (("1.0.0", "block"), ("1.1.0", "require_approval")):
        policy.write_text(f"default_verdict: {verdict}\n")
        assert (
            gaitops("policy", "add-version", "acme", "guard", version, "--file", policy, "--repo", repo).code
            == 0
        )
    return repo


def test_valid(gaitops: Invoke, repo: Path) -> None:
    """A sound fleet is valid whether or not it is in Git already."""
    document = gaitops("validate", "--repo", repo, "--json").json
    assert (document["valid"], document["documents"], document["policy_versions"]) == (True, 6, 2)
    run = gaitops("validate", "--repo", repo)
    assert (run.code, run.out) == (0, "valid: 6 documents and 2 policy versions\n")


def test_every_problem_at_once(gaitops: Invoke, repo: Path) -> None:
    """Documents, references, digests and graph: one run shows all of them, with their places."""
    (repo / "fleet.yaml").write_text(FILES["fleet.yaml"].replace("rules: 1", "rules: no"))
    (repo / GUARD / "policy.yaml").write_text(
        (repo / GUARD / "policy.yaml").read_text().replace("owner: pat", "owner: who")
    )
    (repo / GUARD / "versions/1.0.0/gait.policy.yaml").write_text("default_verdict: allow\n")
    descriptor = repo / GUARD / "versions/1.1.0/version.yaml"
    descriptor.write_text(descriptor.read_text().replace("version: 1.0.0", "version: 0.9.0"))
    run = gaitops("validate", "--repo", repo, "--json")
    assert run.code == 6
    assert [(item["code"], item["path"]) for item in run.json["problems"]] == [
        ("document.ambiguous_scalar", "fleet.yaml"),
        ("reference.unknown", f"{GUARD}/policy.yaml"),
        ("policy.digest_mismatch", f"{GUARD}/versions/1.0.0/gait.policy.yaml"),
        ("policy.gait_digest_mismatch", f"{GUARD}/versions/1.0.0/gait.policy.yaml"),
        ("policy.graph", f"{GUARD}/versions/1.1.0/version.yaml"),
    ]
    text = gaitops("validate", "--repo", repo)
    assert text.out.startswith("error: fleet.yaml:6:")
    assert text.out.endswith("5 problems in 6 documents and 2 policy versions\n")


def test_malformed_descriptor_is_reported_once(gaitops: Invoke, repo: Path) -> None:
    """What would only follow from a malformed descriptor is not reported beside it."""
    path = f"{GUARD}/versions/1.0.0/version.yaml"
    (repo / path).write_text("kind: PolicyVersion\nkind: PolicyVersion\n")
    run = gaitops("validate", "--repo", repo, "--json")
    assert {item["path"] for item in run.json["problems"]} == {path}
    assert run.json["policy_versions"] == 1


def test_same_meaning_is_a_warning(gaitops: Invoke, repo: Path, tmp_path: Path) -> None:
    """A version that repeats an earlier one is allowed, and flagged."""
    (tmp_path / "again.yaml").write_text("# again\ndefault_verdict: block\n")
    gaitops(
        "policy", "add-version", "acme", "guard", "1.2.0", "--file", tmp_path / "again.yaml", "--repo", repo
    )
    run = gaitops("validate", "--repo", repo, "--json")
    assert run.code == 0
    assert [item["code"] for item in run.json["warnings"]] == ["policy.same_gait_digest"]
    assert "warning: " in gaitops("validate", "--repo", repo).out


def test_ignored_files_do_not_count(gaitops: Invoke, repo: Path) -> None:
    """What Git ignores is no part of the fleet; what it merely does not track yet is."""
    git(repo, "init", "-q")
    (repo / ".gitignore").write_text(".venv/\n*.swp\n")
    (repo / ".venv").mkdir()
    (repo / ".venv" / "ünsafe").write_text("")
    (repo / "orgs" / "acme" / "org.yaml.swp").write_text("")
    assert gaitops("validate", "--repo", repo).code == 0
    (repo / "orgs" / "acme" / "typo.yaml").write_text("")
    assert gaitops("validate", "--repo", repo, "--json").codes == ["document.misplaced"]


def test_asking_git_runs_nothing_of_the_repository(gaitops: Invoke, repo: Path, tmp_path: Path) -> None:
    """A repository that configures a file-system monitor does not get it run (threat G9)."""
    git(repo, "init", "-q")
    trap = tmp_path / "trap"
    git(repo, "config", "core.fsmonitor", f"touch {trap}; false")
    assert gaitops("validate", "--repo", repo).code == 0
    assert not trap.exists()


def test_revision(gaitops: Invoke, repo: Path) -> None:
    """With ``--rev`` the commit counts and the working tree does not."""
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "fleet")
    (repo / "fleet.yaml").unlink()
    document = gaitops("validate", "--repo", repo, "--rev", "main", "--json").json
    assert document["valid"] is True
    assert len(document["revision"]) == 40
    assert gaitops("validate", "--repo", repo, "--json").codes == ["document.missing_file"]


def test_unknown_revision(gaitops: Invoke, repo: Path) -> None:
    """A revision that does not exist, and a folder that is no repository, are the caller's mistakes."""
    run = gaitops("validate", "--repo", repo, "--rev", "main", "--json")
    assert (run.code, run.codes) == (6, ["git.not_a_repository"])
    git(repo, "init", "-q")
    run = gaitops("validate", "--repo", repo, "--rev", "nothing", "--json")
    assert (run.code, run.codes) == (6, ["git.unknown_revision"])
    assert gaitops("validate", "--repo", repo / "nowhere").code == 6
