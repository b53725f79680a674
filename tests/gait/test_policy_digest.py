# SPDX-License-Identifier: Apache-2.0
"""Reading policies: forms that are not read, limits, problems, and properties of the digest."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.gait.policy_digest import MAX_BYTES, SCHEME, PolicyReading, digest_policy, policy_digest

EMPTY_DIGEST = "07a528a879e4f0e0cd5a0e2ca801924746b47dac624862207ef21d4ec266f8f9"


def read(text: str) -> PolicyReading:
    return digest_policy(text.encode())


def rule(members: str) -> str:
    return f"rules:\n  - name: r\n    effect: allow\n    {members}\n"


def test_the_example_of_the_contract_has_its_digest() -> None:
    """Aliases, mixed case, defaults and rule order of the worked example."""
    text = """
default_verdict: Require_Approval
rules:
  - name: stop-prod-writes
    priority: 10
    action: BLOCK
    match: {tool_names: [" DB.Drop ", db.write, db.write], workspace_prefixes: [/srv/Payments]}
    reason_codes: [prod_write]
  - name: reads
    effect: allow
    match: {endpoint_class: [fs.read]}
    min_approvals: 2
    rate_limit: {requests: 30}
"""
    reading = read(text)
    assert reading.digest == "59c3ef783862054b7ca7528dae528fb036743a44ebd02715df66bc296885715f"
    assert reading.policy is not None
    assert policy_digest(reading.policy) == reading.digest
    assert SCHEME == "gait.gate.policy/1.0.0"


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "rules:\n", "default_verdict: ''\n"])
def test_an_empty_policy_is_a_policy(text: str) -> None:
    """An empty file, comments and explicit defaults are the same policy."""
    assert read(text).digest == EMPTY_DIGEST


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\n", "first document is empty"),
        ("...\n", "refuses"),
        ("--- {default_verdict: block}\n", "has content"),
        ("default_verdict: block\n...\nrules: []\n", "follows the end"),
        ("default_verdict: block\n... x\n", "follows the end"),
        ("default_verdict:\tblock\n", "tab"),
        ("rules:\n  -\tname: r\n", "refuses"),
        ("\tdefault_verdict: block\n", "refuses"),
        ('{\n\t"default_verdict": "block"\n}\n', "tab"),
        ("a: !x b\n", "tag"),
        ("? a\n: b\n", "key"),
        ("?\n  a\n: b\n", "'?'"),
        ("1: x\nrules: []\n", "not text"),
        ("? [a]\n: b\n", "key"),
        ("default_verdict: a\u2028b\n", "U+2028"),
        ("default_verdict: block\x7f\n", "U+007F"),
        ("# \ufeff\n", "U+FEFF"),
        ('default_verdict: "\\ud83dblock"\n', "refuses"),
        (rule("match: {tool_names: [a\n      b]}"), "unusual value"),
        (rule("match: {tool_names: }"), "unusual value"),
        (rule("match: {tool_names:[a]}"), "refuses"),
        (rule("match: {tool_names: a: b}"), "refuses"),
        (rule("broker_scopes: [a, :b]"), "refuses"),
        (rule("broker_scopes: [a, -]"), "unusual value"),
        (rule("broker_scopes: [a: b]"), "without braces"),
        ("{rules: [{name: r, effect: allow, broker_scopes: ['https://h:1', https://h:1]}]}", "inside braces"),
        (rule("name2: &a x\n    broker_reference: &a y"), "again"),
        (rule("reason_codes: &null [x]"), "unusual name"),
        (rule("reason_codes: &1 [x]"), "unusual name"),
        (rule("match: &m {tool_names: *m}"), "what contains it"),
        (rule("broker_reference: &n ~"), "nothing"),
        (rule("&k broker_reference: x"), "key"),
        ("a: &x y\nb: {*x : c}\n", "key"),
        ("a: &x y\nb: [*x,c]\n", "right after"),
        ("a: &x [y]\nb:\n  <<: [*x]\n", "merges"),
        ("a: &x {y: 1}\nb:\n  <<: *x\n  <<: *x\n", "merges"),
        ("a: b\n---\nc: *d\n", "after the first document"),
        (rule("broker_reference: |2\n      x"), "block text"),
        (rule("broker_reference: |\n      x\n\n      y"), "block text"),
        (rule("broker_reference: |\n      x\n     # c"), "block text"),
        (rule("broker_reference: >\n      x\n        y"), "block text"),
        (rule("broker_reference: a\n\n      b"), "folded"),
        (rule("broker_reference: a\n      - b"), "folded"),
        (rule('broker_reference: "a\\\n      b"'), "folded"),
        (rule("max_credential_ttl_seconds: 9007199254740993"), "2^53"),
        (rule("max_credential_ttl_seconds: '0x10'"), "integer"),
        (rule("match: {tool_names: ['\U0003ffff']}"), "lowercase form"),
        (rule("sandbox: {allowed_writable_path_prefixes: ['a-b=c']}"), "equals sign"),
        (rule("sandbox: {allowed_writable_path_prefixes: ['.']}"), "empty after trimming"),
        (rule("freeze_window: {reason: ' '}"), "empty after trimming"),
        ("mcp_trust: {snapshot: s, min_score: .nan}", "not a number"),
        ("[" * 100, "levels"),
    ],
)
def test_forms_that_may_be_read_otherwise_are_not_read(text: str, reason: str) -> None:
    """The reading abstains and says why; it gives no digest and claims no rejection."""
    reading = read(text)
    assert reading.outcome == "abstained", reading
    assert reason in (reading.reason or "")
    assert reading.digest is None
    assert not reading.problems


@pytest.mark.parametrize("data", [b"\xff", b"\xff\xfea\x00", b"default_verdict: \xc3\x28\n"])
def test_bytes_that_are_not_utf8_are_not_read(data: bytes) -> None:
    """Gait replaces them; that is not imitated."""
    assert digest_policy(data).outcome == "abstained"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: [b\n", "policy.not_yaml", 2),
        ("a: b: c\n", "policy.not_yaml", 1),
        ("a: @b\n", "policy.not_yaml", 1),
        ("a: '\n", "policy.not_yaml", 2),
        ("rules: []\n---\nc: 1\nc: 2\n", "policy.duplicate_key", 4),
        ("rules: *gone\n", "policy.unknown_anchor", 1),
        (rule("max_credential_ttl_seconds: -1"), "policy.invalid_value", 4),
        (rule("sandbox: {max_timeout_seconds: -1}"), "policy.invalid_value", 4),
        (rule("endpoint: {egress_classes: [fs.read]}"), "policy.invalid_value", 4),
        (rule("endpoint: {enabled: true, action: allow}"), "policy.invalid_value", 4),
        (rule("freeze_window: {timezone: UTC, windows: [{start: a}]}"), "policy.missing_field", 4),
        ("scripts: {max_steps: -1}\n", "policy.invalid_value", 1),
        ("trust_sources: []\n", "policy.legacy_field", 1),
    ],
)
def test_problems_say_what_and_where(text: str, code: str, line: int) -> None:
    """A stable code and a line."""
    reading = read(text)
    assert reading.outcome == "rejected", reading
    assert [(problem.code, problem.line) for problem in reading.problems] == [(code, line)]


def test_all_problems_of_a_file_are_reported_in_order() -> None:
    """Not just the first, and not those that only follow from another."""
    reading = read("owner: x\nrules:\n  - 5\n  - {name: a, effect: permit}\nrules: []\n")
    assert [problem.code for problem in reading.problems] == [
        "policy.unknown_field",
        "policy.wrong_type",
        "policy.invalid_value",
        "policy.duplicate_key",
    ]
    assert reading.policy is None


def test_what_is_certainly_refused_is_refused_whatever_else_is_uncertain() -> None:
    """One certain problem decides."""
    assert read("nope: 1\nmcp_trust: {snapshot: s, min_score: .nan}\n").outcome == "rejected"


def test_texts_without_a_comment_between_blocks_are_read() -> None:
    """Plain block texts, folded quotes, aliases in brackets and comments with tabs."""
    text = (
        "# a\tcomment\nrules:\n  - name: >-\n      one\n      two\n    effect: allow # \t x\n"
        "    reason_codes: &codes [a, b]\n    violations: [ *codes ]\n"
    )
    assert read(text.replace("[ *codes ]", "*codes")).outcome == "accepted"
    assert read(text).outcome == "rejected"
    quoted = read('default_verdict: "block\t"\n')
    assert quoted.digest == read("default_verdict: block\n").digest


def test_positions_lead_to_members_of_the_file() -> None:
    """Every member has its place, list items too."""
    places = read("rules:\n  - name: a\n    effect: allow\n    match: {tool_names: [x]}\n").places
    assert (places["rules[0]"].line, places["rules[0]"].column) == (2, 5)
    assert (places["rules[0].effect"].line, places["rules[0].effect"].column) == (3, 5)
    assert places["rules[0].match.tool_names"].line == 4
    assert places["rules[0].effect"].text == "allow"


# -- limits --------------------------------------------------------------------------------------------------------


def test_large_files_are_not_read() -> None:
    """More than a mebibyte is nobody's policy."""
    assert digest_policy(b"#" + b" " * (MAX_BYTES - 1)).outcome == "accepted"
    assert digest_policy(b"#" + b" " * MAX_BYTES).outcome == "abstained"


def test_the_number_of_problems_is_bounded() -> None:
    """A file of nothing but mistakes gives a thousand of them, and messages stay short."""
    text = "".join(f"{'k' * 100}{number}: x\n" for number in range(2000))
    reading = read(text)
    assert len(reading.problems) == 1000
    assert all(len(problem.message) < 200 for problem in reading.problems)


def test_deep_nesting_is_not_read() -> None:
    """In brackets or by indentation."""
    assert read("a: " + "[" * 64 + "]" * 64).outcome == "abstained"
    assert read("".join(" " * depth + "a:\n" for depth in range(70))).outcome == "abstained"


def test_aliases_and_merges_cannot_make_a_file_large() -> None:
    """Values are counted each time they are used."""
    names = ", ".join(f"t{number}" for number in range(2000))
    start = f"rules:\n  - name: a\n    effect: allow\n    reason_codes: &l [{names}]\n    match: &m {{tool_names: *l }}\n"
    rules = "".join(f"  - {{name: r{number}, effect: allow, match: *m }}\n" for number in range(2000))
    assert "more than" in (read(start + rules).reason or "")
    members = "".join(f"  k{number}: x\n" for number in range(500))
    merges = "".join(f"b{number}:\n  <<: *m\n" for number in range(500))
    assert "merge" in (read(f"a: &m\n{members}{merges}").reason or "")


def test_rules_of_equal_rank_make_large_policies_order_dependent() -> None:
    """Beyond a dozen rules Gait's sort is not stable; identical rules do not matter."""
    many = [f"  - {{name: r{number}, effect: allow}}\n" for number in range(11)]
    twins = ["  - {name: twin, effect: allow}\n", "  - {name: twin, effect: block}\n"]
    reading = read("rules:\n" + "".join(many + twins))
    assert reading.outcome == "abstained"
    assert "order-dependent" in (reading.reason or "")
    assert reading.policy is not None
    assert read("rules:\n" + "".join(many + [twins[0]] * 2)).outcome == "accepted"
    assert read("rules:\n" + "".join(many[:10] + twins)).outcome == "accepted"


# -- properties ----------------------------------------------------------------------------------------------------

TEXTS = st.lists(st.sampled_from(["a", "B", "cart.read", " x ", "é", "1.0", "no"]), max_size=4)
MATCH = st.fixed_dictionaries(
    {},
    optional={
        "tool_names": TEXTS,
        "risk_classes": TEXTS,
        "identities": TEXTS,
        "require_delegation": st.booleans(),
        "max_delegation_depth": st.integers(0, 3),
        "tool_annotations": st.fixed_dictionaries({}, optional={"readOnlyHint": st.booleans()}),
    },
)
RULES = st.lists(
    st.fixed_dictionaries(
        {"effect": st.sampled_from(["allow", "Block", "require_approval"]), "priority": st.integers(-2, 2)},
        optional={
            "match": MATCH,
            "reason_codes": TEXTS,
            "min_approvals": st.integers(0, 3),
            "broker_reference": st.text("abc: #'\"{}[],&*!|>%@\\é", max_size=8),
            "rate_limit": st.fixed_dictionaries({"requests": st.integers(0, 9)}),
        },
    ),
    max_size=5,
).map(lambda rules: [{"name": f"r{number}", **item} for number, item in enumerate(rules)])
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "default_verdict": st.sampled_from(["allow", "block"]),
        "fail_closed": st.fixed_dictionaries({}, optional={"enabled": st.booleans(), "risk_classes": TEXTS}),
        "scripts": st.fixed_dictionaries({}, optional={"max_steps": st.integers(0, 5)}),
        "rules": RULES,
    },
)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same value with members, and the entries of lists, in another order."""
    if isinstance(value, dict):
        items = [(name, shuffled(member, order)) for name, member in value.items()]
        return dict(order.sample(items, len(items)))
    if isinstance(value, list):
        return order.sample([shuffled(item, order) for item in value], len(value))
    return value


def with_comments(text: str) -> str:
    """A comment above every line and an empty line below."""
    return "".join(f"# note\n{line}\n\n" for line in text.splitlines())


@settings(max_examples=80, deadline=None)
@given(policy=POLICIES, seed=st.integers(0, 1000))
def test_writing_a_policy_otherwise_does_not_change_its_digest(policy: dict[str, Any], seed: int) -> None:
    """JSON, block and quoted styles, comments, member order and list order."""
    expected = read(json.dumps(policy))
    assert expected.outcome == "accepted", expected
    order = random.Random(seed)  # noqa: S311
    other = shuffled(policy, order)
    assert read(json.dumps(other, indent=2, ensure_ascii=False)).digest == expected.digest
    for style in ("'", '"'):
        block = yaml.dump(other, default_style=style, allow_unicode=True, width=10_000, sort_keys=False)
        # PyYAML tags quoted numbers and booleans; the tags are not part of the question.
        plain = block.replace("!!int ", "").replace("!!bool ", "")
        if plain == block:
            assert read(with_comments(block)).digest == expected.digest


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200))
def test_bytes_have_one_of_three_outcomes(data: bytes) -> None:
    """No input makes the reader fail."""
    assert_sound(digest_policy(data))


@settings(max_examples=300, deadline=None)
@given(text=st.text("abrulesnmeffct:- \n[]{}&*!#'\"|>%?,.0123456789~<\\@\t\r", max_size=80))
def test_texts_near_yaml_have_one_of_three_outcomes(text: str) -> None:
    """Neither do texts made of YAML's own characters."""
    assert_sound(read(text))


@settings(max_examples=200, deadline=None)
@given(
    choice=st.integers(0, 10_000),
    cuts=st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(":-[]{}'\"# \n\t&*,0x")), max_size=3),
)
def test_damaged_policies_have_one_of_three_outcomes(
    accepted_policies: dict[str, bytes], choice: int, cuts: list[tuple[int, str]]
) -> None:
    """Real policies with a few characters replaced."""
    texts = list(accepted_policies.values())
    text = texts[choice % len(texts)].decode()
    for at, char in cuts:
        place = at % (len(text) + 1)
        text = text[:place] + char + text[place + 1 :]
    assert_sound(read(text))


def assert_sound(reading: PolicyReading) -> None:
    """The members that belong to an outcome, and no others."""
    assert (reading.outcome == "accepted") == (reading.digest is not None)
    assert (reading.outcome == "rejected") == bool(reading.problems)
    assert (reading.outcome == "abstained") == (reading.reason is not None)
