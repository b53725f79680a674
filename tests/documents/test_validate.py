# SPDX-License-Identifier: Apache-2.0
"""Validating a whole fleet repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from gaitops.content import Entry, MemorySnapshot
from gaitops.documents.validate import validate_snapshot

Files = dict[str, bytes]


class Modes(MemorySnapshot):
    """A snapshot in which some paths have other modes."""

    def __init__(self, files: Mapping[str, bytes], modes: Mapping[str, str]) -> None:
        super().__init__(files)
        self._modes = modes

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        for path, entry in super().walk(folder):
            yield path, Entry(self._modes.get(path, entry.mode), entry.oid)


def found(files: Files) -> list[tuple[str, str | None, str | None]]:
    """Code, path and field of each problem."""
    return [(p.code, p.path, p.field) for p in validate_snapshot(MemorySnapshot(files))]


def test_the_examples_make_a_valid_fleet(fleet_files: Files) -> None:
    """Nothing dangles, nothing is misplaced."""
    assert validate_snapshot(MemorySnapshot(fleet_files)) == ()


def test_an_empty_repository_is_not_a_fleet() -> None:
    """The one document that must exist."""
    assert found({"README.md": b"hello\n"}) == [("document.missing_file", "fleet.yaml", None)]


def test_every_file_is_read_and_every_problem_reported(fleet_files: Files) -> None:
    """Sorted by path; one broken file hides no other."""
    fleet_files["fleet.yaml"] = b"kind: no\n"
    fleet_files["orgs/acme/org.yaml"] += b"extra: 1\n"
    fleet_files["trust/principals/Eve.yaml"] = b"x: y\n"
    fleet_files["trust/root/1.root.json"] = b'{"a": 1, "a": 2}'
    assert found(fleet_files) == [
        ("document.ambiguous_scalar", "fleet.yaml", "kind"),
        ("document.unknown_field", "orgs/acme/org.yaml", "extra"),
        ("document.misplaced", "trust/principals/Eve.yaml", None),
        ("document.duplicate_key", "trust/root/1.root.json", None),
    ]


@pytest.mark.parametrize("mode", ["120000", "160000", "100664"])
def test_g6_unsupported_entries(fleet_files: Files, mode: str) -> None:
    """Symbolic links, submodules and odd modes under protected paths; not under unprotected ones."""
    fleet_files |= {"tools/x": b"y", "docs/x": b"y"}
    problems = validate_snapshot(Modes(fleet_files, {"tools/x": mode, "docs/x": mode}))
    assert [(p.code, p.path) for p in problems] == [("git.unsupported_entry", "tools/x")]


def test_g6_lfs_pointers(fleet_files: Files) -> None:
    """A pointer is not the content that people approve."""
    path = "orgs/acme/policies/payments-guard/versions/2.0.0/gait.policy.yaml"
    fleet_files[path] = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    assert found(fleet_files) == [("git.unsupported_entry", path, None)]


def test_g7_colliding_paths(fleet_files: Files) -> None:
    """Two files that one checkout cannot hold."""
    fleet_files |= {"tools/a": b"", "tools/A": b"", "docs/b": b"", "docs/B": b""}
    assert found(fleet_files) == [("git.unsafe_path", "tools/a", None)]


def test_g7_unsafe_paths(fleet_files: Files) -> None:
    """Under protected paths; documentation may have any name."""
    fleet_files |= {"tools/é": b"", "tools/a\\b": b"", "docs/é": b""}
    assert found(fleet_files) == [
        ("git.unsafe_path", "tools/a\\b", None),
        ("git.unsafe_path", "tools/é", None),
    ]


def test_what_is_unprotected_is_said_by_fleet_yaml(fleet_files: Files) -> None:
    """Globs of the fleet replace the defaults."""
    fleet_files["fleet.yaml"] = fleet_files["fleet.yaml"].replace(b"docs/**", b"notes/**")
    fleet_files |= {"docs/é": b"", "notes/é": b""}
    assert found(fleet_files) == [("git.unsafe_path", "docs/é", None)]


def test_envelopes_are_small_json(fleet_files: Files) -> None:
    """At most 64 KiB, and strict JSON."""
    folder = "approvals/ab/" + "c" * 62
    fleet_files |= {
        f"{folder}/dana.{'0' * 12}.json": b'"' + b"x" * 65536 + b'"',
        f"{folder}/dana.{'1' * 12}.json": b"{",
    }
    assert [code for code, *_ in found(fleet_files)] == ["document.too_large", "document.syntax"]


# path of the document, what to replace, by what, field of the dangling reference
DANGLING = [
    ("orgs/acme/roles/pay-approvers.yaml", "acme/bob", "acme/eve", "spec.members.principals[1]"),
    ("orgs/acme/roles/pay-approvers.yaml", "acme/payments", "acme/nobody", "spec.members.groups[0]"),
    ("orgs/acme/roles/pay-approvers.yaml", "project/pay", "project/play", "spec.scope"),
    ("trust/approvals/production.yaml", "[security]", "[guards]", "spec.require.groups[0]"),
    ("trust/approvals/production.yaml", "[year-end]", "[easter]", "spec.require.freezeWindows[0]"),
    ("trust/approvals/production.yaml", "org/acme", "org/umbrella", "spec.match.scope"),
    ("orgs/acme/policies/payments-guard/policy.yaml", "acme/payments", "acme/nobody", "spec.owner"),
    ("orgs/acme/policies/payments-guard/policy.yaml", "[globex]", "[umbrella]", "spec.sharedWith[0]"),
    ("orgs/acme/policies/payments-guard/policy.yaml", "stable: 1.4.0", "stable: 1.4.1", "spec.channels.stable"),
    ("orgs/acme/projects/pay/project.yaml", "[dana,", "[eve,", "spec.owners[0]"),
    ("orgs/acme/projects/pay/environments/prod.yaml", "1.4.0", "1.4.1", "spec.policy"),
    ("orgs/acme/projects/pay/environments/prod.yaml", "version: 1.4.0", "channel: canary", "spec.policy"),
    ("orgs/acme/projects/pay/environments/prod.yaml", "org: acme\n    name", "org: globex\n    name", "spec.policy"),
    ("orgs/acme/projects/pay/environments/prod.yaml", "matchLabels:\n      exposure: public", "names: [x]", "spec.selector.names[0]"),
    ("orgs/acme/projects/pay/rollouts/payments-guard-2.yaml", "to: 2.0.0", "to: 3.0.0", "spec.to"),
    ("orgs/acme/projects/pay/rollouts/payments-guard-2.yaml", "first: [checkout]", "first: [x]", "spec.first[0]"),
    ("orgs/acme/projects/pay/rollouts/payments-guard-2.yaml", "environments: [prod]", "environments: [qa]", "spec.steps[0].environments[0]"),
    ("orgs/acme/projects/pay/waivers/ledger-evidence.yaml", "environment/prod", "environment/qa", "spec.scope"),
    ("orgs/acme/projects/pay/waivers/ledger-evidence.yaml", "[ledger]", "[x]", "spec.repositories[0]"),
    ("orgs/acme/projects/pay/waivers/ledger-evidence.yaml", "acme/bob", "bob", "spec.owner"),
    ("orgs/acme/projects/pay/gates/production.yaml", "[prod]", "[qa]", "spec.environments[0]"),
    ("evidence/producers/checkout-ci.yaml", "acme/pay/checkout", "acme/pay/x", "spec.repositories[0]"),
    ("evidence/producers/checkout-ci.yaml", "[prod]", "[qa]", "spec.environments[0]"),
    ("evidence/stores/main.yaml", "[traces]", "[x]", "spec.retention[0]"),
    ("evidence/retention/traces.yaml", "fleet", "org/umbrella", "spec.scope"),
    ("evidence/holds/refund-case.yaml", "acme/pay/checkout", "acme/pay/x", "spec.repositories[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "field"), DANGLING)
def test_dangling_references(fleet_files: Files, path: str, old: str, new: str, field: str) -> None:
    """What is named must exist; the problem stands where the name does."""
    text = fleet_files[path].decode()
    assert old in text
    fleet_files[path] = text.replace(old, new, 1).encode()
    (problem,) = validate_snapshot(MemorySnapshot(fleet_files))
    assert (problem.code, problem.path, problem.field) == ("reference.unknown", path, field)
    assert problem.line is not None


def test_a_revoked_version_must_exist(fleet_files: Files) -> None:
    """Versions never disappear, so the name is a mistake."""
    path = "trust/revocations/x.yaml"
    fleet_files[path] = (
        b"apiVersion: gaitops.dev/v1\nkind: Revocation\nmetadata: {name: x}\nspec:\n  revokes: policy_version\n"
        b"  cause: error\n  reason: typo\n  policyVersion: {org: acme, policy: payments-guard, version: 9.0.0}\n"
    )
    assert found(fleet_files) == [("reference.unknown", path, "spec.policyVersion")]


def test_folders_need_their_documents(fleet_files: Files) -> None:
    """An org, project, policy or version folder without the document that explains it."""
    fleet_files["orgs/umbrella/principals/bob.yaml"] = fleet_files["orgs/acme/principals/bob.yaml"]
    fleet_files["orgs/acme/policies/payments-guard/versions/3.0.0/gait.policy.yaml"] = b"rules: []\n"
    assert [(code, path) for code, path, _ in found(fleet_files)] == [
        ("document.missing_file", "orgs/acme/policies/payments-guard/versions/3.0.0/version.yaml"),
        ("reference.unknown", "orgs/umbrella/principals/bob.yaml"),
    ]


def test_unreadable_targets_cause_no_further_problems(fleet_files: Files) -> None:
    """Whoever names a group of a broken principal is not to blame."""
    fleet_files["orgs/acme/principals/bob.yaml"] += b"extra: 1\n"
    assert [code for code, *_ in found(fleet_files)] == ["document.unknown_field"]
