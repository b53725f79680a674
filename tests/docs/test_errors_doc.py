# SPDX-License-Identifier: Apache-2.0
"""``docs/errors.md`` lists exactly the codes that the source can emit, with the exit codes of their classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import gaitops.errors
from gaitops.change.permissions import PERMISSIONS
from gaitops.cli import exit_codes
from gaitops.conformance.registry import BY_ID
from gaitops.posture.catalogue import METRICS
from tests.docs.source_tree import ROOT, Module, modules

PAGE = ROOT / "docs" / "errors.md"

DOTTED = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_0-9]*)+")
ROW = re.compile(r"\| `(?P<code>[a-z_]+(?:\.[a-z_]+)+)` \|.*\| (?P<exit>[0-9, ]+|report) \|")

FILE_NAME = re.compile(r".*\.(yaml|json|jsonl|md|toml|db|git|worktree|pem|pub|so|html|css)")
FIELD = re.compile(r"(spec|status|metadata|user)\..*")
CODE_FAMILIES_OF_GAIT = frozenset({"policy", "gait_key", "gait_pack"})
"""The package ``gait`` is full of dotted words that are Gait's, such as ``fs.read``; its own codes are of these families."""

NAMES = frozenset({"azure.core", "github.com", "google.cloud", "securesystemslib.signer"})
"""Hosts and modules of libraries."""

METRIC_FAMILIES = ("regress.drift_",)
"""Beginnings of metrics of which there is one for each word. The report page has further dotted words, and no codes."""

THREAT_CODES = frozenset(
    [
        "git.replace_refs",
        "git.grafts",
        "git.shallow",
        "git.partial_clone",
        "git.alternates",
        "git.ambiguous_revision",
        "git.unsupported_entry",
        "git.unsafe_path",
        "history.not_descendant",
        "signature.invalid",
        "history.time",
        "git.corrupt_object",
        "git.object_format",
        "approval.quorum",
        "trust.root_mismatch",
        "trust.root_rotation",
        "approval.separation_of_duties",
        "approval.expired",
        "approval.replayed",
        "approval.wrong_fleet",
        "approval.misleading",
        "permission.denied",
        "identity.revoked",
        "identity.expired",
        "decision.doubtful",
        "identity.reused",
        "proposer.unknown",
        "proposer.incomplete",
        "approval.withdrawn",
        "approval.tampered",
        "org.repository_claim",
        "history.base_unverified",
        "document.duplicate_key",
        "document.forbidden_syntax",
        "document.too_large",
        "document.ambiguous_scalar",
        "document.type",
        "document.unknown_field",
        "document.encoding",
        "policy.immutable",
        "policy.digest_mismatch",
        "policy.graph",
        "policy.gait_digest_mismatch",
        "document.path_mismatch",
        "assignment.unknown_version",
        "assignment.withdrawn",
        "assignment.not_shared",
        "engine.too_old",
        "release.rollback",
        "release.expired",
        "release.invalid",
        "pin.mismatch",
        "release.unverified_state",
        "history.fork",
    ]
)
"""The codes that hostile cases are promised to get, whatever else changes."""


def dotted_words(module: Module) -> Iterator[str]:
    """Dotted literals that can be codes: no operation, control, number, file, field path, host, module or word of Gait's."""
    for node in module.nodes():
        word = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if not DOTTED.fullmatch(word) or word in PERMISSIONS or word in BY_ID or word.startswith("gaitops."):
            continue
        if word.startswith(METRIC_FAMILIES) or module.name.startswith("gaitops/report/site/"):
            continue
        if word in NAMES or word in METRICS or FILE_NAME.fullmatch(word) or FIELD.fullmatch(word):
            continue
        if module.package == "gait" and word.partition(".")[0] not in CODE_FAMILIES_OF_GAIT:
            continue
        yield word


def emitted() -> dict[str, str]:
    """Code → one module that has it."""
    found: dict[str, str] = {}
    for module in modules():
        for word in dotted_words(module):
            found.setdefault(word, module.name)
    return found


def documented() -> dict[str, frozenset[int]]:
    """Code → exit codes of its row; empty for what is only reported."""
    rows: dict[str, frozenset[int]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        match = ROW.fullmatch(line)
        if match is not None:
            assert match["code"] not in rows, f"{match['code']} has two rows"
            exits = match["exit"]
            rows[match["code"]] = frozenset() if exits == "report" else frozenset(map(int, exits.split(", ")))
    return rows


def raised_directly() -> Iterator[tuple[str, int, str]]:
    """(code, exit code of the class, place) for every ``SomeError.of("code", …)``."""
    classes = {name: kind for name, kind in vars(gaitops.errors).items() if name.endswith("Error")}
    for module in modules():
        for node in module.nodes():
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            owner, first = node.func.value, node.args[0]
            if node.func.attr != "of" or not isinstance(owner, ast.Name) or owner.id not in classes:
                continue
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, classes[owner.id].exit_code, f"{module.name}:{node.lineno}"


def test_every_code_in_the_source_is_documented() -> None:
    """A new code needs its row before it can be merged."""
    rows = documented()
    missing = {code: place for code, place in emitted().items() if code not in rows}
    assert missing == {}


def test_every_documented_code_is_in_the_source() -> None:
    """A code that nothing emits has no row."""
    assert sorted(documented().keys() - emitted().keys()) == []


def test_the_codes_of_the_threat_table_are_all_there() -> None:
    """The contract with attackers' victims: these codes exist and are documented."""
    assert sorted(THREAT_CODES - documented().keys()) == []
    assert sorted(THREAT_CODES - emitted().keys()) == []


def test_the_documented_exit_code_is_that_of_the_class() -> None:
    """The page and the class that is raised agree on the exit code."""
    rows = documented()
    wrong = {
        place: f"{code} is raised with exit code {exit_code}"
        for code, exit_code, place in raised_directly()
        if rows.get(code) and exit_code not in rows[code]
    }
    assert wrong == {}


def test_the_table_of_exit_codes_is_complete() -> None:
    """Every exit code of the command line stands in the page's first table."""
    page = PAGE.read_text(encoding="utf-8")
    for code in exit_codes.MEANINGS:
        assert re.search(rf"^\| {code} \|", page, re.MULTILINE), code
