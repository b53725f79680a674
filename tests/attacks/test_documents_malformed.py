# SPDX-License-Identifier: Apache-2.0
"""Documents that two readers could take for two things (threats D1 to D5, D9, D11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.attacks import git_tools as tools
from tests.attacks.story import REFUSED, Commands
from tests.simulator import World, binding_document, document

PROJECT = "orgs/acme/projects/pay/project.yaml"
HEAD = "apiVersion: gaitops.dev/v1\nkind: Project\nmetadata:\n  name: pay\n  org: acme\n"
GOOD = HEAD + "spec:\n  summary: payments\n  owners: [alice]\n"
HEAD_LINES = HEAD.count("\n")


def _refused(
    commands: Commands, world: World, path: str, data: str | bytes, code: str
) -> list[dict[str, Any]]:
    """Commit a document in a pull request and on main; the problems of that code, which say where they are.

    ``check`` and ``verify`` must both refuse it, and the next commit must be able to repair it.
    """
    good = world.head()
    world.commit({path: data}, by="alice", branch="topic")
    checked = commands.check(world, "topic")
    assert checked.code == REFUSED, checked.out
    world.commit({path: data}, by="alice")
    verdict = commands.survives(world, code)
    found = [problem for problem in verdict["problems"] if problem["code"] == code]
    assert [problem for problem in checked.json["problems"] if problem["code"] == code] == found
    assert {problem["path"] for problem in found} == {path}
    tools.restore(world, good)
    commands.accepts(world)
    return found


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (GOOD + "  summary: something else\n", HEAD_LINES + 4, "spec.summary"),
        (GOOD + "kind: Environment\n", HEAD_LINES + 4, "kind"),
        (GOOD.replace("summary:", '"summary": x\n  summary:'), HEAD_LINES + 3, "spec.summary"),
        (GOOD.replace("summary:", '"s\\u0075mmary": x\n  summary:'), HEAD_LINES + 3, "spec.summary"),
        ('{"apiVersion": "gaitops.dev/v1", "kind": "Project", "spec": {},\n "spec": {}}', 2, "spec"),
    ],
)
def test_duplicate_keys(commands: Commands, world: World, text: str, line: int, field: str) -> None:
    """D1: a key that stands twice, in block YAML and in JSON."""
    (problem,) = _refused(commands, world, PROJECT, text, "document.duplicate_key")
    assert (problem["line"], problem["field"]) == (line, field)


def test_duplicate_keys_in_root_metadata(commands: Commands, world: World) -> None:
    """D1: the next root with a key twice; the last one would win in most readers."""
    good = world.head()
    text = world.root.decode().replace('"signed"', '"signatures": [], "signed"', 1)
    world.commit({"trust/root/2.root.json": text}, by="alice")
    tools.refused_until_restored(commands, world, good, "document.duplicate_key")


def test_duplicate_keys_in_an_envelope(commands: Commands, world: World) -> None:
    """D1: an envelope with two payloads counts for neither."""
    world.commit({PROJECT: GOOD}, by="alice", branch="topic")
    envelopes = world.envelopes(world.signables("topic"), "bob", "approve")
    twice = {
        path: data.replace(b'"payload":', b'"payload":"e30=","payload":', 1)
        for path, data in envelopes.items()
    }
    world.commit(twice, by="bob", branch="topic")
    world.merge("topic")
    verdict = commands.survives(world, "approval.quorum")
    assert [item["code"] for item in verdict["ignored"]] == ["document.duplicate_key"]


FORBIDDEN = {
    "anchor": GOOD.replace("payments", "&a payments"),
    "alias": GOOD.replace("payments", "&a payments").replace("[alice]", "[*a]"),
    "tag": GOOD.replace("payments", "!!str payments"),
    "python": GOOD.replace("payments", "!!python/object/apply:os.system [id]"),
    "merge": GOOD.replace("  summary", "  <<: {}\n  summary"),
    "two documents": GOOD + "---\n" + GOOD,
    "directive": "%YAML 1.1\n---\n" + GOOD,
    "tab": GOOD.replace("summary: ", "summary:\t"),
    "billion laughs": "a: &a [x, x]\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join('*' + chr(97 + n) for _ in range(9))}]\n"
        for n in range(9)
    ),
}


@pytest.mark.parametrize("text", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_forbidden_syntax(commands: Commands, world: World, text: str) -> None:
    """D2: what YAML offers beyond plain data."""
    assert all(
        problem["line"] for problem in _refused(commands, world, PROJECT, text, "document.forbidden_syntax")
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000,
        '{"a":' * 100_000,
        "".join(" " * n + "a:\n" for n in range(1_000)),
        "a: b\n" * 300_000,
    ],
    ids=["flow", "block", "json", "indent", "bytes"],
)
def test_too_large(commands: Commands, world: World, text: str) -> None:
    """D2: 100,000 levels of nesting, and more than a MiB."""
    _refused(commands, world, PROJECT, text, "document.too_large")


@pytest.mark.parametrize(
    "scalar",
    [
        "no",
        "on",
        "Yes",
        "NULL",
        "~",
        "017",
        "0x1F",
        "0o17",
        "12:30",
        "1:30:00",
        "1e3",
        "1_000",
        ".inf",
        ".nan",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "True",
        "=",
        "+1",
        "-0.0",
    ],
)
def test_ambiguous_scalar(commands: Commands, world: World, scalar: str) -> None:
    """D3: plain scalars that parsers read differently."""
    found = _refused(commands, world, PROJECT, GOOD.replace("payments", scalar), "document.ambiguous_scalar")
    assert (found[0]["line"], found[0]["field"]) == (HEAD_LINES + 2, "spec.summary")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("payments", "12", "spec.summary"),
        ("payments", "true", "spec.summary"),
        ("[alice]", "alice", "spec.owners"),
        ("payments", "9007199254740993", "spec.summary"),
        ("payments", "{a: b}", "spec.summary"),
        ("[alice]", "[[alice]]", "spec.owners[0]"),
    ],
)
def test_wrong_type(commands: Commands, world: World, old: str, new: str, field: str) -> None:
    """D3: a number, a truth value or a list where text belongs."""
    found = _refused(commands, world, PROJECT, GOOD.replace(old, new), "document.type")
    assert field in {problem["field"] for problem in found}
    assert all(problem["line"] > HEAD_LINES for problem in found)


@pytest.mark.parametrize(
    ("path", "text", "field"),
    [
        (PROJECT, GOOD + "  Summary: x\n", "spec.Summary"),
        (PROJECT, GOOD + "status: {}\n", "status"),
        (PROJECT, GOOD.replace("  org:", "  uid: x\n  org:"), "metadata.uid"),
        (
            "trust/approvals/lax.yaml",
            document(
                "ApprovalRule",
                "lax",
                {"match": {"operations": ["policy.*"]}, "require": {"quorum": 2, "TTL": "1h"}},
            ),
            "spec.require.TTL",
        ),
    ],
)
def test_unknown_field(commands: Commands, world: World, path: str, text: str, field: str) -> None:
    """D4: a field that no model has, such as a misspelt limit."""
    (problem,) = _refused(commands, world, path, text, "document.unknown_field")
    assert problem["field"] == field
    assert problem["line"] > 1


BYTES = {
    "bom": b"\xef\xbb\xbf" + GOOD.encode(),
    "utf-16": GOOD.encode("utf-16"),
    "nul": GOOD.encode().replace(b"payments", b"pay\0ments"),
    "not utf-8": GOOD.encode().replace(b"payments", b"pay\xffments"),
    "overlong": GOOD.encode().replace(b"payments", b"pay\xc0\xafments"),
    "surrogate": GOOD.encode().replace(b"payments", b"pay\xed\xa0\x80ments"),
    "right-to-left": GOOD.replace("payments", "pay\u202estnem").encode(),
    "isolate": GOOD.replace("payments", "pay\u2066ments").encode(),
    "zero width": GOOD.replace("payments", "pay\u200bments").encode(),
    "in a comment": (GOOD + "# harmless \u202e\n").encode(),
    "tag character": GOOD.replace("payments", "pay\U000e0041ments").encode(),
    "line separator": GOOD.replace("payments", "pay\u2028ments").encode(),
    "lone return": GOOD.replace("payments\n", "payments\r").encode(),
    "terminal escape": GOOD.replace("payments", "\x1b[8mpayments").encode(),
    "escaped": GOOD.replace("payments", '"pay\\u202ements"').encode(),
    "escaped nul": GOOD.replace("payments", '"pay\\0ments"').encode(),
}


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES.keys())
def test_encoding(commands: Commands, world: World, data: bytes) -> None:
    """D5: bytes that are no text, or text that shows people something else than it tells programs."""
    found = _refused(commands, world, PROJECT, data, "document.encoding")
    assert all(problem["line"] for problem in found)


@pytest.mark.parametrize(
    ("path", "text", "field"),
    [
        (PROJECT, GOOD.replace("name: pay", "name: ledger"), "metadata.name"),
        (PROJECT, GOOD.replace("org: acme", "org: globex"), "metadata.org"),
        ("trust/roles/me.yaml", binding_document("you", "approver", "fleet", ["alice"]), "metadata.name"),
        (
            "trust/roles/me.yaml",
            json.dumps(
                {
                    **json.loads(binding_document("me", "approver", "fleet", ["alice"])),
                    "metadata": {"name": "me", "org": "acme"},
                }
            ),
            "metadata.org",
        ),
        ("orgs/acme/roles/me.yaml", binding_document("me", "approver", "fleet", ["alice"]), "spec.scope"),
        (
            "orgs/acme/roles/me.yaml",
            binding_document("me", "approver", "org/globex", ["alice"]),
            "spec.scope",
        ),
        (
            "orgs/acme/policies/p/versions/1.0.0/version.yaml",
            document(
                "PolicyVersion",
                "p",
                {
                    "files": [],
                    "gait": {"digest": "0" * 64, "scheme": "gait.gate.policy/1.0.0"},
                    "parents": [],
                },
                org="acme",
                version="1.0.1",
            ),
            "metadata.version",
        ),
    ],
)
def test_path_mismatch(commands: Commands, world: World, path: str, text: str, field: str) -> None:
    """D9: path and metadata name different things."""
    found = _refused(commands, world, path, text, "document.path_mismatch")
    assert field in {problem["field"] for problem in found}
    assert all(problem["line"] for problem in found)


@pytest.mark.parametrize(
    "path",
    ["trust/roles/Evil.yaml", "trust/role/x.yaml", "orgs/acme/x.yml", "orgs/acme/projects/pay/projects.yaml"],
)
def test_misplaced_document(commands: Commands, world: World, path: str) -> None:
    """D9: a document where none is read would be without effect, and nobody would notice."""
    _refused(commands, world, path, GOOD, "document.misplaced")


def test_kind_of_another_place(commands: Commands, world: World) -> None:
    """D9: a role binding where an approval rule belongs."""
    _refused(
        commands,
        world,
        "trust/approvals/x.yaml",
        binding_document("x", "approver", "fleet", ["alice"]),
        "document.kind",
    )


@pytest.mark.parametrize("rules", [0, 2, 99])
def test_unknown_rules_version(commands: Commands, world: World, rules: int) -> None:
    """D11: rules that this engine does not know are not guessed."""
    text = world.read("fleet.yaml").decode().replace("rules: 1", f"rules: {rules}")
    assert f"rules: {rules}" in text
    good = world.head()
    world.commit({"fleet.yaml": text}, by="alice", branch="topic")
    code = "engine.too_old" if rules else "document.value"
    checked = commands.check(world, "topic")
    assert (checked.code, code in checked.codes) == (REFUSED, True), checked.out
    world.commit({"fleet.yaml": text}, by="alice")
    tools.refused_until_restored(commands, world, good, code)
