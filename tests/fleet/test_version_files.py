# SPDX-License-Identifier: Apache-2.0
"""A version's files are those of its descriptor, or each difference has its code (threats D6 and D8)."""

from __future__ import annotations

import hashlib

import pytest

from gaitops.content import MemorySnapshot
from gaitops.documents.models.policy import PolicyVersion
from gaitops.fleet.graph import PolicyGraph
from gaitops.fleet.new_version import new_descriptor
from gaitops.fleet.version_files import version_problems

FOLDER = "orgs/acme/policies/guard/versions/1.0.0"
POLICY = b"default_verdict: block\n"
FILES = {"gait.policy.yaml": POLICY, "mcp/trust.json": b"{}"}


def descriptor() -> PolicyVersion:
    document = new_descriptor(PolicyGraph({}), ("acme", "guard", "1.0.0"), FILES)
    return PolicyVersion.model_validate(document)


def codes(files: dict[str, bytes], version: PolicyVersion | None = None) -> list[tuple[str, str]]:
    snapshot = MemorySnapshot(
        {f"{FOLDER}/{name}": data for name, data in {**files, "version.yaml": b""}.items()}
    )
    found = version_problems(snapshot, FOLDER, version or descriptor())
    return [(problem.code, (problem.path or "").removeprefix(FOLDER + "/")) for problem in found]


def test_unchanged() -> None:
    """The files that the descriptor was made from have no problems."""
    assert codes(FILES) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"mcp/trust.json": b"{} "}, [("policy.digest_mismatch", "mcp/trust.json")]),
        ({"extra": b""}, [("policy.unlisted_file", "extra")]),
        ({"gait.policy.yaml": POLICY + b"# comment\n"}, [("policy.digest_mismatch", "gait.policy.yaml")]),
        (
            {"gait.policy.yaml": b"default_verdict: allow\n"},
            [
                ("policy.digest_mismatch", "gait.policy.yaml"),
                ("policy.gait_digest_mismatch", "gait.policy.yaml"),
            ],
        ),
    ],
)
def test_changed(change: dict[str, bytes], expected: list[tuple[str, str]]) -> None:
    """One byte more in any file is noticed; Gait's digest only changes with the meaning."""
    assert codes({**FILES, **change}) == expected


@pytest.mark.parametrize("name", FILES)
def test_missing(name: str) -> None:
    """A listed file that is gone is named."""
    left = {path: data for path, data in FILES.items() if path != name}
    assert codes(left) == [("policy.missing_file", name)]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (b"default_verdict: allow\n", "but version.yaml says"),
        (b"- not a policy\n", "Gait refuses the policy"),
        (b"\xff", "cannot be computed with certainty"),
    ],
)
def test_lying_descriptor(policy: bytes, words: str) -> None:
    """A descriptor that lists the right bytes but claims another policy's Gait digest is caught."""
    honest = descriptor().model_dump(by_alias=True, mode="json")
    honest["spec"]["files"][0]["sha256"] = hashlib.sha256(policy).hexdigest()
    snapshot = MemorySnapshot({f"{FOLDER}/gait.policy.yaml": policy, f"{FOLDER}/mcp/trust.json": b"{}"})
    (problem,) = version_problems(snapshot, FOLDER, PolicyVersion.model_validate(honest))
    assert problem.code == "policy.gait_digest_mismatch"
    assert words in problem.message
