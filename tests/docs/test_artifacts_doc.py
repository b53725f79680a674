# SPDX-License-Identifier: Apache-2.0
"""``docs/artifacts.md`` lists exactly the kinds, limits and finding codes that the readers know."""

from __future__ import annotations

import ast
import re

from gaitops.gait.artifacts import limits
from gaitops.gait.artifacts.kinds import KINDS
from gaitops.gait.artifacts.model import Verdict
from tests.docs.source_tree import ROOT, Module, modules

PAGE = ROOT / "docs" / "artifacts.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(?P<code>[a-z_]+\.[a-z_0-9]+)` \| (?P<effect>[a-z ]+) \| (?P<gait>yes|no|sometimes) \| (?P<meaning>.+) \|$",
    re.MULTILINE,
)
CODE = re.compile(r"[a-z_]+\.[a-z_][a-z_0-9]*")
FILE = re.compile(r".*\.(json|jsonl|zip|key|pdf)")
EFFECTS = frozenset({"rejects", "fails", "notes", "rejects or fails", "fails or notes", "rejects or notes"})


def documented() -> list[str]:
    """Every code that has a row, in order."""
    return [match["code"] for match in ROW.finditer(TEXT)]


def constants(module: Module) -> set[str]:
    """Texts that look like codes and are the first argument of a call, or that a name is given."""
    found = set()
    for node in module.nodes():
        if isinstance(node, ast.Call) and node.args:
            found |= _texts(node.args[0])
        elif isinstance(node, ast.Assign):
            found |= _texts(node.value)
    return {text for text in found if CODE.fullmatch(text) and not FILE.fullmatch(text)}


def _texts(node: ast.expr) -> set[str]:
    """The texts that an expression can be: one, or either of a choice."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    return _texts(node.body) | _texts(node.orelse) if isinstance(node, ast.IfExp) else set()


def emitted() -> set[str]:
    """Every code in the source, of families that the page knows or that carry a finding's name."""
    families = {code.partition(".")[0] for code in documented()}
    return {
        text
        for module in modules()
        if module.name.startswith("gaitops/gait/artifacts/")
        for text in constants(module)
        if text.partition(".")[0] in families
    }


def test_every_code_of_the_readers_is_documented() -> None:
    """Who meets a code finds it on the page."""
    assert sorted(emitted() - set(documented())) == []


def test_every_documented_code_is_emitted() -> None:
    """A code that no reader emits has no row, and none has two."""
    everything = "\n".join(
        module.text for module in modules() if module.name.startswith("gaitops/gait/artifacts/")
    )
    assert [code for code in documented() if f'"{code}"' not in everything] == []
    assert len(documented()) == len(set(documented()))


def test_rows_say_effect_and_gaits_opinion_in_fixed_words() -> None:
    """The columns can be read by a program as well."""
    assert {match["effect"] for match in ROW.finditer(TEXT)} <= EFFECTS
    rows = [line for line in TEXT.splitlines() if re.match(r"\| `[a-z_]+\.", line)]
    assert len(rows) == len(documented())


def test_every_kind_and_verdict_is_described() -> None:
    """The table of kinds is the one in the source, and every verdict has its meaning."""
    rows = dict(
        re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", TEXT.split("## Kinds")[1].split("\n## ")[0], re.MULTILINE)
    )
    assert rows == KINDS
    verdicts = TEXT.split("## Verdicts")[1].split("\n## ")[0]
    assert all(f"| `{verdict.value}` |" in verdicts for verdict in Verdict)


def test_the_limits_are_those_of_the_source() -> None:
    """Numbers on the page are the numbers in force."""
    section = TEXT.split("## Limits")[1].split("\n## ")[0]
    shown = dict(re.findall(r"^\| (.+) \| ([\d,]+)(?: MiB)? \|$", section, re.MULTILINE))
    assert {what: int(number.replace(",", "")) for what, number in shown.items()} == {
        "bytes of an artifact": limits.MAX_ARTIFACT_BYTES // limits.MIB,
        "bytes of a JSON document": limits.MAX_DOCUMENT_BYTES // limits.MIB,
        "bytes of a line of a log": limits.MAX_LINE_BYTES // limits.MIB,
        "values in a JSON document": limits.MAX_VALUES,
        "nesting of JSON": limits.MAX_DEPTH,
        "members of an archive": limits.MAX_ENTRIES,
        "bytes of a member, inflated": limits.MAX_MEMBER_BYTES // limits.MIB,
        "bytes of all members, inflated": limits.MAX_INFLATED_BYTES // limits.MIB,
        "artifacts inside each other": limits.MAX_NESTED_ARTIFACTS,
    }
