# SPDX-License-Identifier: Apache-2.0
"""The version graph of a policy: sound graphs pass, and each way of being unsound is found (threat D7)."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.load import load_document
from gaitops.documents.models.policy import PolicyVersion
from gaitops.documents.reader import read_yaml
from gaitops.fleet.graph import PolicyGraph, graph_problems, latest, version_digest
from gaitops.signing.canonical import digest

POLICY = "orgs/acme/policies/guard"


def make(version: str, *parents: tuple[str, str], gait: str = "0" * 64) -> PolicyVersion:
    """A descriptor whose members are exactly those of a document."""
    return PolicyVersion.model_validate(
        {
            "apiVersion": "gaitops.dev/v1",
            "kind": "PolicyVersion",
            "metadata": {"name": "guard", "org": "acme", "version": version},
            "spec": {
                "files": [{"path": "gait.policy.yaml", "sha256": "1" * 64}],
                "gait": {"digest": gait, "scheme": "gait.gate.policy/1.0.0"},
                "parents": [{"version": number, "digest": digest} for number, digest in parents],
            },
        }
    )


def grow(**lines: list[str]) -> dict[str, PolicyVersion]:
    """A sound graph: ``grow(**{"1.1.0": ["1.0.0"]})`` in an order in which parents come first."""
    versions: dict[str, PolicyVersion] = {}
    for number, parents in lines.items():
        versions[number] = make(number, *((parent, version_digest(versions[parent])) for parent in parents))
    return versions


SOUND = grow(
    **{"1.0.0": [], "1.0.1": ["1.0.0"], "1.1.0": ["1.0.0"], "1.10.0": ["1.1.0"], "2.0.0": ["1.0.1", "1.10.0"]}
)


def messages(versions: dict[str, PolicyVersion]) -> list[str]:
    problems = graph_problems(versions, POLICY)
    assert {problem.code for problem in problems} <= {"policy.graph"}
    return [problem.message for problem in problems]


def test_sound_graph() -> None:
    """Branches, merges and numbers that text order would get wrong are fine."""
    assert graph_problems(SOUND, POLICY) == ()
    graph = PolicyGraph(SOUND)
    assert graph.order == ("1.0.0", "1.0.1", "1.1.0", "1.10.0", "2.0.0")
    assert graph.roots == ("1.0.0",)
    assert graph.children["1.0.0"] == ("1.0.1", "1.1.0")
    assert [(edge.parent, edge.child) for edge in graph.edges][-2:] == [
        ("1.0.1", "2.0.0"),
        ("1.10.0", "2.0.0"),
    ]
    assert latest(SOUND) == "2.0.0"


def test_empty_graph() -> None:
    """A policy without versions is not wrong."""
    assert graph_problems({}, POLICY) == ()
    assert latest([]) is None


def test_version_digest_is_that_of_the_document() -> None:
    """The digest is SHA-256 over the canonical JSON of metadata and spec as written, defaults left out."""
    members = {
        "metadata": {"name": "guard", "org": "acme", "version": "1.0.0"},
        "spec": {
            "files": [{"path": "gait.policy.yaml", "sha256": "1" * 64}],
            "gait": {"digest": "0" * 64, "scheme": "gait.gate.policy/1.0.0"},
            "parents": [],
        },
    }
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    assert version_digest(make("1.0.0")) == hashlib.sha256(canonical).hexdigest()


def test_version_digest_of_a_file() -> None:
    """The model yields the digest of what stands in the file: labels kept, absent members absent, order irrelevant."""
    text = f"""kind: PolicyVersion
apiVersion: gaitops.dev/v1
spec:
  summary: "What changed, und warum \u00fcberhaupt"
  gait: {{scheme: gait.gate.policy/1.0.0, digest: "{"0" * 64}"}}
  files:
    - {{sha256: "{"1" * 64}", path: gait.policy.yaml}}
metadata:
  version: "1.0.0"
  labels: {{team: pay, reviewed: "yes"}}
  org: acme
  name: guard
"""
    path = f"{POLICY}/versions/1.0.0/version.yaml"
    document = load_document(text.encode(), path)
    assert isinstance(document, PolicyVersion)
    written = read_yaml(text.encode(), path).value
    assert isinstance(written, dict)
    assert version_digest(document) == digest({name: written[name] for name in ("metadata", "spec")})


def test_missing_parent() -> None:
    """A parent that does not exist is named, with the descriptor that names it."""
    versions = {"1.1.0": make("1.1.0", ("1.0.0", "a" * 64))}
    (problem,) = graph_problems(versions, POLICY)
    assert problem.message == "version 1.1.0 names the parent 1.0.0, which does not exist"
    assert problem.path == f"{POLICY}/versions/1.1.0/version.yaml"


def test_wrong_parent_digest() -> None:
    """A parent digest that is not the parent's breaks the Merkle graph."""
    versions = {"1.0.0": make("1.0.0"), "1.1.0": make("1.1.0", ("1.0.0", "a" * 64))}
    (message,) = messages(versions)
    assert message == (
        f"version 1.1.0 declares {'a' * 64} as the digest of its parent 1.0.0, "
        f"which has {version_digest(versions['1.0.0'])}"
    )


def test_a_changed_ancestor_breaks_its_children_only() -> None:
    """Rewriting a version is noticed by every version made from it."""
    versions = {**SOUND, "1.0.0": make("1.0.0", gait="9" * 64)}
    assert [text.split(" declares ")[0] for text in messages(versions)] == ["version 1.0.1", "version 1.1.0"]


@pytest.mark.parametrize(("parent", "child"), [("1.1.0", "1.0.0"), ("1.0.0", "1.0.0-rc.1")])
def test_number_must_rise(parent: str, child: str) -> None:
    """A child with a lower number than its parent is refused."""
    root = make(parent)
    versions = {parent: root, child: make(child, (parent, version_digest(root)))}
    assert messages(versions) == [f"version {child} is not higher than its parent {parent}"]


def test_second_root() -> None:
    """A second line without ancestry would escape every pin; the higher one is reported."""
    versions = {"1.0.0": make("1.0.0"), "0.9.0": make("0.9.0"), "2.0.0": make("2.0.0")}
    found = graph_problems(versions, POLICY)
    assert [problem.path for problem in found] == [
        f"{POLICY}/versions/1.0.0/version.yaml",
        f"{POLICY}/versions/2.0.0/version.yaml",
    ]
    assert all(problem.remedy for problem in found)


def test_cycle() -> None:
    """A declared cycle is named by its members only, not by what descends from it or leads to it."""
    versions = {
        "1.0.0": make("1.0.0"),
        "1.1.0": make("1.1.0", ("1.0.0", "a" * 64), ("1.3.0", "a" * 64)),
        "1.2.0": make("1.2.0", ("1.1.0", "a" * 64)),
        "1.3.0": make("1.3.0", ("1.2.0", "a" * 64)),
        "1.4.0": make("1.4.0", ("1.3.0", "a" * 64)),
    }
    assert "version 1.1.0 descends from itself; the cycle holds 1.1.0, 1.2.0, 1.3.0" in messages(versions)


def test_own_parent() -> None:
    """A version that names itself is a cycle of one."""
    versions = {"1.0.0": make("1.0.0", ("1.0.0", "a" * 64))}
    assert messages(versions)[-1].endswith("the cycle holds 1.0.0")


def test_duplicates_are_flagged() -> None:
    """Versions that mean the same to Gait are grouped, and are not an error."""
    versions = {
        number: make(number, gait=digit * 64)
        for number, digit in [("1.0.0", "a"), ("1.1.0", "b"), ("1.2.0", "a")]
    }
    assert PolicyGraph(versions).duplicates == (("1.0.0", "1.2.0"),)


@given(st.lists(st.lists(st.integers(0, 30), max_size=3, unique=True), min_size=1, max_size=20))
def test_any_graph_that_grows_is_sound(shape: list[list[int]]) -> None:
    """Adding versions one after the other, each with existing parents, never yields a problem."""
    lines = {
        f"1.{index}.0": sorted({f"1.{parent % index}.0" for parent in parents} or {"1.0.0"}) if index else []
        for index, parents in enumerate(shape)
    }
    assert graph_problems(grow(**lines), POLICY) == ()


def test_five_thousand_versions() -> None:
    """A long history costs no recursion."""
    lines = {f"1.{index}.0": [f"1.{index - 1}.0"] if index else [] for index in range(5000)}
    assert graph_problems(grow(**lines), POLICY) == ()
