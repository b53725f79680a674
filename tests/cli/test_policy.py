# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy new|add-version|graph|digest``: what is written is what Gait and the strict reader accept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.models.policy import PolicyVersion
from gaitops.fleet.graph import version_digest
from tests.cli.harness import Invoke, Run

ORG = """apiVersion: gaitops.dev/v1
kind: Organization
metadata:
  name: acme
spec:
  displayName: Acme
  repositories:
    - github.com/acme/*
"""
POLICY = (
    b"default_verdict: block\nrules:\n  - name: pay\n    effect: allow\n    match:\n      tool_names: [pay]\n"
)
STRICTER = POLICY.replace(b"effect: allow", b"effect: require_approval")
GUARD = "orgs/acme/policies/guard"


@pytest.fixture
def repo(tmp_path: Path, gaitops: Invoke) -> Path:
    """A working tree with one org and one policy without versions."""
    repo = tmp_path / "fleet"
    (repo / "orgs" / "acme").mkdir(parents=True)
    (repo / "orgs" / "acme" / "org.yaml").write_text(ORG)
    run = gaitops("policy", "new", "acme", "guard", "--owner", "payments", "--summary", "no: 1.0 # x", "--risk", "high", "--repo", repo, "--json")  # fmt: skip
    assert run.json["files"] == [f"{GUARD}/policy.yaml"]
    return repo


@pytest.fixture
def add(gaitops: Invoke, repo: Path, tmp_path: Path) -> Add:
    return Add(gaitops, repo, tmp_path)


class Add:
    """``add("1.0.0", POLICY)`` runs add-version with these bytes as the policy."""

    def __init__(self, gaitops: Invoke, repo: Path, scratch: Path) -> None:
        self.gaitops, self.repo, self.scratch = gaitops, repo, scratch

    def __call__(self, version: str, policy: bytes = POLICY, *more: str | Path) -> Run:
        file = self.scratch / "candidate.yaml"
        file.write_bytes(policy)
        return self.gaitops("policy", "add-version", "acme", "guard", version, "--file", file, "--repo", self.repo, "--json", *more)  # fmt: skip


def test_new_policy_is_a_document(repo: Path) -> None:
    """What ``policy new`` writes is accepted by the strict reader, awkward text included."""
    path = f"{GUARD}/policy.yaml"
    document = load_document((repo / path).read_bytes(), path)
    assert document.model_dump(by_alias=True, exclude_unset=True)["spec"] == {
        "owner": "payments",
        "summary": "no: 1.0 # x",
        "risk": "high",
    }


@pytest.mark.parametrize(
    ("org", "policy", "code"),
    [("acme", "guard", "input.exists"), ("nobody", "guard", "org.unknown"), ("acme", "../x", "document.misplaced"), ("acme", "Guard", "document.misplaced")],
)  # fmt: skip
def test_new_refuses(gaitops: Invoke, repo: Path, org: str, policy: str, code: str) -> None:
    """Existing policies, unknown orgs and names that are not names write nothing."""
    before = sorted(repo.rglob("*"))
    run = gaitops("policy", "new", org, policy, "--owner", "a", "--summary", "s", "--risk", "low", "--repo", repo, "--json")  # fmt: skip
    assert run.codes == [code]
    assert run.code == (8 if code == "input.exists" else 6)
    assert sorted(repo.rglob("*")) == before


def test_add_version_writes_the_descriptor(add: Add, repo: Path, tmp_path: Path) -> None:
    """Files are copied byte for byte; digests, parents and the reported digest are those of the files."""
    companion = tmp_path / "trust.json"
    companion.write_bytes(b"{}\r\n")
    first = add("1.0.0").json
    second = add("1.1.0", STRICTER, "--companion", companion, "--summary", "Asks first").json
    folder = f"{GUARD}/versions/1.1.0"
    assert second["files"] == [
        f"{folder}/{name}" for name in ("gait.policy.yaml", "trust.json", "version.yaml")
    ]
    assert (repo / folder / "gait.policy.yaml").read_bytes() == STRICTER
    assert (repo / folder / "trust.json").read_bytes() == b"{}\r\n"
    descriptor = load_document((repo / folder / "version.yaml").read_bytes(), f"{folder}/version.yaml")
    assert isinstance(descriptor, PolicyVersion)
    assert version_digest(descriptor) == second["digest"]
    assert [(item.path, item.sha256) for item in descriptor.spec.files] == [
        ("gait.policy.yaml", hashlib.sha256(STRICTER).hexdigest()),
        ("trust.json", hashlib.sha256(b"{}\r\n").hexdigest()),
    ]
    assert [(item.version, item.digest) for item in descriptor.spec.parents] == [("1.0.0", first["digest"])]
    assert first["parents"] == []


def test_default_parent_is_the_highest_below(add: Add) -> None:
    """A fix for an old line is made from the old line, not from the newest version."""
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0"):
        add(version)
    assert add("1.10.1").json["parents"] == ["1.10.0"]
    assert add("2.1.0", POLICY, "--parent", "2.0.0", "--parent", "1.10.1").json["parents"] == [
        "2.0.0",
        "1.10.1",
    ]


def test_same_meaning_is_flagged(add: Add) -> None:
    """A version that differs only in comments is told so, and allowed."""
    add("1.0.0")
    assert add("1.1.0", POLICY + b"# comment\n").json["same_gait_digest"] == ["1.0.0"]


@pytest.mark.parametrize(
    ("version", "policy", "more", "status", "code"),
    [
        ("1.0.0", POLICY, [], 8, "policy.immutable"),
        ("0.9.0", POLICY, [], 6, "policy.graph"),
        ("1.1.0", POLICY, ["--parent", "7.0.0"], 6, "policy.unknown_version"),
        ("one", POLICY, [], 6, "document.value"),
        ("1.1.0+build", POLICY, [], 6, "document.value"),
        ("1.1.0", b"\xef\xbb\xbf" + POLICY, [], 6, "policy.not_yaml"),
        ("1.1.0", b"\xff", [], 6, "policy.not_computed"),
        ("1.1.0", POLICY, ["--companion", "/nonexistent"], 6, "input.unreadable"),
    ],
)
def test_add_version_refuses(
    *, add: Add, repo: Path, version: str, policy: bytes, more: list[str], status: int, code: str
) -> None:
    """Published versions, unsound graphs, rejected and uncertain policies write nothing."""
    add("1.0.0")
    before = {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()}
    run = add(version, policy, *more)
    assert (run.code, run.codes[0]) == (status, code)
    assert {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()} == before


def test_companions_with_one_name(add: Add, tmp_path: Path) -> None:
    """Two files cannot have one name in the version folder, and none can take the descriptor's."""
    (tmp_path / "version.yaml").write_bytes(b"")
    assert add("1.0.0", POLICY, "--companion", tmp_path / "version.yaml").codes == ["input.duplicate"]


def test_archived_policy(add: Add, repo: Path) -> None:
    """An archived policy takes no new versions."""
    path = repo / GUARD / "policy.yaml"
    path.write_text(path.read_text() + "  archived: true\n")
    run = add("1.0.0")
    assert (run.code, run.codes) == (3, ["policy.archived"])


def test_unknown_policy(gaitops: Invoke, repo: Path) -> None:
    """A version of a policy that does not exist names the command that creates it."""
    run = gaitops("policy", "add-version", "acme", "other", "1.0.0", "--file", repo / GUARD / "policy.yaml", "--repo", repo)  # fmt: skip
    assert run.code == 6
    assert "`gaitops policy new acme other`" in run.err


def test_graph(gaitops: Invoke, add: Add, repo: Path) -> None:
    """The graph shows descent, channels and withdrawals, as text, JSON and DOT."""
    for version in ("1.0.0", "1.1.0", "1.0.1"):
        add(version, POLICY + f"# {version}\n".encode() if version != "1.1.0" else STRICTER)
    path = repo / GUARD / "policy.yaml"
    path.write_text(path.read_text() + '  channels:\n    stable: "1.1.0"\n')
    revocation = repo / "trust" / "revocations" / "bad.yaml"
    revocation.parent.mkdir(parents=True)
    revocation.write_text(
        "apiVersion: gaitops.dev/v1\nkind: Revocation\nmetadata:\n  name: bad\nspec:\n  revokes: policy_version\n"
        '  cause: error\n  reason: wrong\n  policyVersion:\n    org: acme\n    policy: guard\n    version: "1.0.1"\n'
    )
    run = gaitops("policy", "graph", "acme", "--repo", repo)
    assert run.code == 0
    lines = run.out.splitlines()
    assert lines[0] == "acme/guard"
    assert lines[1].split()[0] == "1.0.0"
    assert lines[2].startswith("  ├─ 1.0.1  ")
    assert "withdrawn: error" in lines[2]
    assert lines[3].startswith("  1.1.0  ")
    assert "[stable]" in lines[3]
    (policy,) = gaitops("policy", "graph", "acme", "guard", "--repo", repo, "--json").json["policies"]
    assert policy["channels"] == {"stable": "1.1.0"}
    assert [(item["version"], item["withdrawn"]) for item in policy["versions"]] == [
        ("1.0.0", None),
        ("1.0.1", "error"),
        ("1.1.0", None),
    ]
    assert policy["same_gait_digest"] == [["1.0.0", "1.0.1"]]
    dot = gaitops("policy", "graph", "acme", "--repo", repo, "--format", "dot").out
    assert '"acme/guard@1.0.0" -> "acme/guard@1.1.0";' in dot
    assert dot.count("style=") == 1


def test_unsound_graph_is_shown_and_reported(gaitops: Invoke, add: Add, repo: Path) -> None:
    """A graph with a hole is drawn as far as it goes, its problems are listed, and the exit code is 6."""
    add("1.0.0")
    add("1.1.0")
    for file in sorted((repo / GUARD / "versions" / "1.0.0").iterdir()):
        file.unlink()
    (repo / GUARD / "versions" / "1.0.0").rmdir()
    run = gaitops("policy", "graph", "acme", "--repo", repo, "--json")
    assert (run.code, run.codes) == (6, ["policy.graph"])
    text = gaitops("policy", "graph", "acme", "--repo", repo)
    assert "1.1.0" in text.out
    assert "names the parent 1.0.0, which does not exist" in text.out


def test_graph_without_policies(gaitops: Invoke, tmp_path: Path) -> None:
    """An org without policies is not an error; an unknown org or policy is."""
    (tmp_path / "orgs" / "acme").mkdir(parents=True)
    (tmp_path / "orgs" / "acme" / "org.yaml").write_text(ORG)
    assert gaitops("policy", "graph", "acme", "--repo", tmp_path).out == "acme has no policies\n"
    assert gaitops("policy", "graph", "other", "--repo", tmp_path, "--json").codes == ["org.unknown"]
    assert gaitops("policy", "graph", "acme", "x", "--repo", tmp_path, "--json").codes == ["policy.unknown"]


def test_digest(gaitops: Invoke, tmp_path: Path) -> None:
    """Accepted files have a digest; rejected, uncertain and missing ones say why, and the exit code is 6."""
    good, bad, unsure = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "unsure.yaml"
    good.write_bytes(b"")
    bad.write_bytes(b"nonsense: 1\n")
    unsure.write_bytes(b"\xff")
    empty = "07a528a879e4f0e0cd5a0e2ca801924746b47dac624862207ef21d4ec266f8f9"
    one = gaitops("policy", "digest", good)
    assert (one.code, one.out) == (0, f"{empty}  {good}\n")
    run = gaitops("policy", "digest", "--format", "jsonl", good, bad, unsure, tmp_path / "none")
    assert run.code == 6
    rows = [json.loads(line) for line in run.out.splitlines()]
    assert [list(row) for row in rows] == [["file", "ok", "gait_policy_digest", "sha256", "error"]] * 4
    assert [row["ok"] for row in rows] == [True, False, False, False]
    assert rows[0]["gait_policy_digest"] == empty
    assert rows[1]["sha256"] == hashlib.sha256(b"nonsense: 1\n").hexdigest()
    assert rows[2]["error"].startswith("not computed: ")
    assert rows[3]["sha256"] is None
    assert gaitops("policy", "digest", good, bad, "--json").json["files"] == rows[:2]


def test_lint(gaitops: Invoke, tmp_path: Path) -> None:
    """Findings have an id, a line and advice; they fail the command only when asked for."""
    careless = tmp_path / "careless.yaml"
    careless.write_bytes(b"default_verdict: allow\n")
    run = gaitops("policy", "lint", careless)
    assert run.code == 0
    assert run.out.startswith(f"{careless}:1:")
    assert " high default-allow: " in run.out
    assert "\n  fix: " in run.out
    assert gaitops("policy", "lint", careless, "--fail-on", "medium").code == 5
    (row,) = gaitops("policy", "lint", careless, "--json").json["files"]
    assert [found["id"] for found in row["findings"]] == ["default-allow"]


def test_lint_of_nothing_wrong(gaitops: Invoke, tmp_path: Path) -> None:
    """A careful policy has no findings at any severity."""
    careful = tmp_path / "careful.yaml"
    careful.write_bytes(b"default_verdict: block\n")
    run = gaitops("policy", "lint", careful, "--fail-on", "low")
    assert (run.code, run.out) == (0, "no findings\n")


@pytest.mark.parametrize("content", [b"- not a policy\n", b"\xff"])
def test_lint_of_what_is_no_policy(gaitops: Invoke, tmp_path: Path, content: bytes) -> None:
    """A file that Gait rejects, or that cannot be read with certainty, never counts as free of findings."""
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    run = gaitops("policy", "lint", file, "--json")
    assert run.code == 6
    (problem,) = run.json["files"][0]["problems"]
    assert problem["path"] == str(file)
    assert "error: " in gaitops("policy", "lint", file).out


def test_diff(gaitops: Invoke, add: Add, repo: Path, tmp_path: Path) -> None:
    """Versions and files are compared by meaning; the same meaning is said to be the same."""
    add("1.0.0")
    add("1.1.0", STRICTER)
    run = gaitops("policy", "diff", "acme/guard@1.0.0", "acme/guard@1.1.0", "--repo", repo, "--json")
    assert run.code == 0
    assert [(change["path"], change["judgement"]) for change in run.json["changes"]] == [
        ("rules[pay].effect", "stricter")
    ]
    assert (
        "rules[pay].effect"
        in gaitops("policy", "diff", "acme/guard@1.0.0", "acme/guard@1.1.0", "--repo", repo).out
    )
    file = tmp_path / "same.yaml"
    file.write_bytes(b"# other bytes\n" + STRICTER)
    assert (
        gaitops("policy", "diff", file, "acme/guard@1.1.0", "--repo", repo, "--json").json["same_policy"]
        is True
    )


@pytest.mark.parametrize(
    ("old", "code"),
    [("acme/guard@9.9.9", "policy.unknown_version"), ("nothing.yaml", "input.unreadable"), ("bad.yaml", "policy.wrong_type"), ("unsure.yaml", "policy.not_computed")],
)  # fmt: skip
def test_diff_of_what_is_no_policy(
    gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, code: str
) -> None:
    """Unknown versions, missing files and files without a certain reading are refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_bytes(b"- x\n")
    (tmp_path / "unsure.yaml").write_bytes(b"\xff")
    (tmp_path / "good.yaml").write_bytes(POLICY)
    run = gaitops("policy", "diff", old, "good.yaml", "--json")
    assert (run.code, run.codes) == (6, [code])
