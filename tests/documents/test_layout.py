# SPDX-License-Identifier: Apache-2.0
"""Which path holds what."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents import layout
from gaitops.documents.kinds import KINDS
from gaitops.documents.layout import LAYOUT, Location, classify, collisions, path_problem

HEX64 = "ab" + "c" * 62


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fleet.yaml", {"kind": "Fleet"}),
        ("trust/root/12.root.json", {"kind": "root_metadata", "name": "12"}),
        ("trust/root/0.root.json", {"kind": "other"}),
        ("trust/root/01.root.json", {"kind": "other"}),
        ("trust/sigstore/trusted_root.json", {"kind": "sigstore_root"}),
        ("trust/principals/dana.yaml", {"kind": "Principal", "name": "dana"}),
        ("trust/principals/Dana.yaml", {"kind": "other"}),
        ("trust/principals/dana.yml", {"kind": "other"}),
        ("trust/principals/x/dana.yaml", {"kind": "other"}),
        ("orgs/acme/org.yaml", {"kind": "Organization", "org": "acme", "name": "acme", "scope": "org/acme"}),
        (
            "orgs/acme/principals/bob.yaml",
            {"kind": "Principal", "org": "acme", "name": "bob", "scope": "org/acme"},
        ),
        ("orgs/acme/roles/x.yaml", {"kind": "RoleBinding", "org": "acme", "name": "x", "scope": "org/acme"}),
        (
            "orgs/acme/policies/pay/policy.yaml",
            {"kind": "Policy", "org": "acme", "name": "pay", "scope": "org/acme"},
        ),
        (
            "orgs/acme/policies/pay/versions/1.0.0-rc.1/version.yaml",
            {
                "kind": "PolicyVersion",
                "org": "acme",
                "name": "pay",
                "version": "1.0.0-rc.1",
                "scope": "org/acme",
            },
        ),
        (
            "orgs/acme/policies/pay/versions/1.0.0/a/b.json",
            {
                "kind": "policy_file",
                "org": "acme",
                "name": "pay",
                "version": "1.0.0",
                "file": "a/b.json",
                "scope": "org/acme",
            },
        ),
        ("orgs/acme/policies/pay/versions/1.0/version.yaml", {"kind": "other", "partition": "acme"}),
        ("orgs/acme/policies/pay/versions/1.0.0+b/version.yaml", {"kind": "other", "partition": "acme"}),
        (
            "orgs/acme/projects/pay/project.yaml",
            {
                "kind": "Project",
                "org": "acme",
                "project": "pay",
                "name": "pay",
                "scope": "org/acme/project/pay",
            },
        ),
        (
            "orgs/acme/projects/pay/environments/prod.yaml",
            {
                "kind": "Environment",
                "org": "acme",
                "project": "pay",
                "name": "prod",
                "scope": "org/acme/project/pay/environment/prod",
            },
        ),
        ("approvals/ab/" + "c" * 62 + "/dana." + "1" * 12 + ".json", {"kind": "envelope", "name": "dana"}),
        (
            "approvals/ab/" + "c" * 62 + "/acme.dana." + "1" * 12 + ".json",
            {"kind": "envelope", "name": "acme/dana"},
        ),
        ("approvals/ab/" + "c" * 61 + "/dana." + "1" * 12 + ".json", {"kind": "other"}),
        (
            f"evidence/analyses/acme/pay/tighten/{'0' * 64}.json",
            {
                "kind": "analysis",
                "org": "acme",
                "project": "pay",
                "name": "tighten",
                "partition": "fleet",
                "scope": "org/acme/project/pay",
            },
        ),
        ("evidence/analyses/2026/x.json", {"kind": "other"}),
        ("evidence/other/x.json", {"kind": "other"}),
        (".github/workflows/check.yml", {"kind": "ci_config"}),
        (".gitlab-ci.yml", {"kind": "ci_config"}),
        ("CODEOWNERS", {"kind": "ci_config"}),
        ("docs/CODEOWNERS", {"kind": "ci_config"}),
        (".gitattributes", {"kind": "ci_config"}),
        ("docs/.gitattributes", {"kind": "ci_config"}),
        ("orgs/acme/policies/pay/versions/1.0.0/.gitattributes", {"kind": "ci_config", "partition": "acme"}),
        ("README.md", {"kind": "other"}),
        ("orgs/acme/notes.md", {"kind": "other", "partition": "acme"}),
        ("orgs/Acme/org.yaml", {"kind": "other"}),
        ("orgs/acme", {"kind": "other"}),
        ("", {"kind": "other"}),
    ],
)
def test_classify(path: str, expected: dict[str, str]) -> None:
    """Kind, names, partition and scope; an org's partition is its folder."""
    partition = {"partition": expected["org"]} if "org" in expected else {}
    assert classify(path) == Location(path, **{**partition, **expected})


def test_every_document_kind_has_a_row_and_every_row_is_reachable() -> None:
    """The table and the models speak of the same kinds."""
    values = {
        "org": "acme", "project": "pay", "name": "x1", "number": "3", "version": "1.2.3", "file": "f/g.txt",
        "2 hex": "ab", "62 hex": "c" * 62, "principal": "acme.dana", "12 hex": "0" * 12,
        "64 hex": "1" * 64,
    }  # fmt: skip
    for row in LAYOUT:
        assert classify(re.sub(r"<([^>]+)>", lambda match: values[match[1]], row.pattern)).kind == row.kind
    assert set(KINDS) <= {row.kind for row in LAYOUT}


def test_builders_agree_with_the_table() -> None:
    """Every path that code builds is explained by the row it is meant for."""
    built = {
        layout.principal_path("dana"): "Principal",
        layout.principal_path("acme/bob"): "Principal",
        layout.organization_path("acme"): "Organization",
        layout.policy_path("acme", "pay"): "Policy",
        layout.version_path("acme", "pay", "1.0.0"): "PolicyVersion",
        layout.version_folder("acme", "pay", "1.0.0") + "/gait.policy.yaml": "policy_file",
        layout.project_path("acme", "pay"): "Project",
        layout.repository_path("acme", "pay", "x"): "Repository",
        layout.environment_path("acme", "pay", "prod"): "Environment",
        layout.root_path(1): "root_metadata",
        layout.envelope_path(HEX64, "acme/dana", "f" * 64): "envelope",
    }
    assert {path: classify(path).kind for path in built} == built
    assert classify(layout.principal_path("acme/bob")).principal_ref == "acme/bob"
    assert classify(layout.principal_path("dana")).principal_ref == "dana"
    assert classify("fleet.yaml").principal_ref is None


@pytest.mark.parametrize(
    "path",
    [
        "a/../b", "./a", "a//b", "/a", "a/", "", "a\\b", "a\nb", "a\x00b", "ä", "a/é.md", "a:b", "a*", "a?", "CON", "a/nul.txt",
        "a/b.", "a/b ", "a/ b", ".git/config", "a/.GIT/hooks", "a/git~1", "a" * 513, "a\x7f",
    ],
)  # fmt: skip
def test_g7_unsafe_paths(path: str) -> None:
    """What another platform reads as another path, or cannot hold."""
    problem = path_problem(path)
    assert problem is not None
    assert problem.code == "git.unsafe_path"


@pytest.mark.parametrize(
    "path",
    [
        "trust/principals/Dana.yaml",
        "orgs/acme/policy.yaml",
        "evidence/hold/x.yaml",
        "trust/x.yml",
        "approvals/x.yaml",
    ],
)
def test_mistyped_document_paths_are_not_without_effect_in_silence(path: str) -> None:
    """A document where none belongs is a problem, not an unknown file."""
    problem = path_problem(path)
    assert problem is not None
    assert problem.code == "document.misplaced"


@pytest.mark.parametrize(
    "path", ["README.md", "a b/c.txt", "trust/README.md", "tools/x.yaml", ".github/workflows/x.yml"]
)
def test_ordinary_paths_are_safe(path: str) -> None:
    """Spaces inside names, and YAML elsewhere, are nobody's problem."""
    assert path_problem(path) is None


def test_collisions_of_files_and_folders() -> None:
    """Once per pair, also where only folders collide."""
    found = list(collisions(["a/b", "A/c", "A/d", "x", "X", "y"]))
    assert found == [("a", "A"), ("x", "X")]
    assert list(collisions(["a/b", "a/c"])) == []


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from([*"abc/.-", "orgs/", "trust/", "principals/", ".yaml"])).map("".join)
)
def test_classification_is_total(path: str) -> None:
    """Every text has a location, and only documents of an org carry its name."""
    location = classify(path)
    assert location.path == path
    assert location.org is None or location.partition == location.org
