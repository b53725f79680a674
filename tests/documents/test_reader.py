# SPDX-License-Identifier: Apache-2.0
"""The strict YAML reader: one test per thing that it refuses, and that it reads what all others read."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gaitops.documents import strict_json
from gaitops.documents.reader import read_yaml
from gaitops.documents.writer import write_yaml
from gaitops.errors import InvalidInputError, Problem

Reading = Callable[[str | bytes], tuple[Problem, ...]]

AMBIGUOUS = """
no No NO n N on On ON yes YES y Y off OFF True TRUE False FALSE
~ null Null NULL nil = 017 00 0123 -017 0o17 0O17 0x1F 0xff 0b101 +1 +1.5 1_000 1,000 1_000.5
1e3 1E3 1.5e3 1.5e+3 -1e-3 .5 -.5 +.5 1. . .inf -.inf .Inf +.INF .nan .NaN NaN nan inf Infinity
12:30 1:30:00 190:20:30.15 2026-01-01 2026-1-1 2026-01-01T00:00:00Z -0 -0.0 1.5f :symbol
""".split()  # noqa: SIM905 - a table of words is clearest as words


class TestDuplicateKeys:
    def test_d1_duplicate_key_is_refused(self, reading: Reading) -> None:
        """The second of two equal keys is named with its place."""
        (problem,) = reading("mode: enforce\nother: 1\nmode: observe\n")
        assert (problem.code, problem.line, problem.column, problem.field) == (
            "document.duplicate_key",
            3,
            1,
            "mode",
        )

    def test_duplicates_are_found_in_nested_and_flow_mappings(self, reading: Reading) -> None:
        """However deep, and however written: quotes do not make another key."""
        problems = reading('a:\n  - {x: 1, "x": 2}\n  - z: 1\n    z: 2\n')
        assert [(p.code, p.field) for p in problems] == [
            ("document.duplicate_key", "a[0].x"),
            ("document.duplicate_key", "a[1].z"),
        ]


class TestForbiddenSyntax:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: &x b\n", "anchors"),
            ("a: &x [b]\n", "anchors"),
            ("&x a: b\n", "anchors"),
            ("a: !!str b\n", "tags"),
            ("a: ! b\n", "tags"),
            ("a: !custom {b: c}\n", "tags"),
            ("<<: {a: b}\n", "merge keys"),
            ('"<<": {a: b}\n', "merge keys"),
            ("a: b\n---\nc: d\n", "one document"),
            ("%YAML 1.2\n---\na: b\n", "directives"),
            ("%TAG ! tag:x,2000:\n---\na: b\n", "directives"),
            ("a:\tb\n", "tabs"),
            ("a: b # c\td\n", "tabs"),
        ],
    )
    def test_d2_is_refused(self, reading: Reading, text: str, message: str) -> None:
        """Anchors, tags, merge keys, several documents, directives and tabs."""
        problems = reading(text)
        assert problems
        assert {p.code for p in problems} == {"document.forbidden_syntax"}
        assert message in problems[0].message
        assert problems[0].line is not None

    def test_aliases_are_refused_and_not_expanded(self, reading: Reading) -> None:
        """Billion laughs costs what its own bytes cost."""
        lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
        problems = reading("\n".join(lines))
        assert {p.code for p in problems} == {"document.forbidden_syntax"}
        assert any("aliases" in p.message for p in problems)

    @pytest.mark.parametrize("opener", ["[", "{a: ", "- ", '{"a": [', "? "])
    def test_d2_deep_nesting_is_refused_cheaply(self, reading: Reading, opener: str) -> None:
        """A hundred thousand levels end at the sixty-fifth, without recursion."""
        problems = reading(opener * 100_000)
        assert "document.too_large" in {p.code for p in problems}

    def test_depth_64_is_read_and_65_is_not(self, reading: Reading) -> None:
        """The limit counts containers, the outermost as one."""
        assert reading("[" * 64 + "]" * 64) == ()
        assert [p.code for p in reading("[" * 65 + "]" * 65)] == ["document.too_large"]

    def test_d2_more_than_a_mebibyte_is_refused_unread(self, reading: Reading) -> None:
        """Size is judged before content."""
        assert [p.code for p in reading(b"\xff" * (1024 * 1024 + 1))] == ["document.too_large"]
        assert reading("a: " + "b" * (1024 * 1024 - 3)) == ()

    @pytest.mark.parametrize(
        "text", ["{a: b", "a: 'b", "a: b: c", "@a", "a: |x\n", "- a\nb: c", "]", "a: {b}}"]
    )
    def test_broken_yaml_is_a_problem_with_a_place(self, reading: Reading, text: str) -> None:
        """What is not YAML at all says where it stopped being so."""
        problems = reading(text)
        assert {p.code for p in problems} <= {"document.syntax", "document.ambiguous_scalar"}
        assert problems[-1].line is not None

    @pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
    def test_an_empty_file_is_refused(self, reading: Reading, text: str) -> None:
        """Nothing is not a document."""
        assert [p.code for p in reading(text)] == ["document.type"]


class TestScalars:
    @pytest.mark.parametrize("word", AMBIGUOUS)
    def test_d3_ambiguous_plain_scalar_is_refused(self, reading: Reading, word: str) -> None:
        """As a value, as a list item and as a key."""
        for text in (f"a: {word}\n", f"- {word}\n", f"{word}: a\n"):
            assert [p.code for p in reading(text)] == ["document.ambiguous_scalar"], text

    @pytest.mark.parametrize("word", AMBIGUOUS)
    def test_quoted_it_is_text(self, word: str) -> None:
        """Quotes settle it."""
        assert read_yaml(f"a: '{word}'\n".encode(), "p").value == {"a": word}

    @pytest.mark.parametrize("text", ["a:\n", "a: \nb: c\n", "- \n", "{a: , b: c}"])
    def test_an_absent_value_is_refused(self, reading: Reading, text: str) -> None:
        """Null has too many spellings to have one."""
        assert [p.code for p in reading(text)] == ["document.ambiguous_scalar"]

    @pytest.mark.parametrize(
        ("word", "value"),
        [
            ("true", True),
            ("false", False),
            ("0", 0),
            ("-7", -7),
            ("9007199254740992", 2**53),
            ("0.5", 0.5),
            ("-12.25", -12.25),
            ("1.2.3", "1.2.3"),
            ("1.0.0-rc.1", "1.0.0-rc.1"),
            ("5m", "5m"),
            ("72h", "72h"),
            ("7d", "7d"),
            ("none", "none"),
            ("nothing", "nothing"),
            ("github.com/acme/*", "github.com/acme/*"),
            ("https://a.example/b?c=d", "https://a.example/b?c=d"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("e3", "e3"),
            ("2026-11-stolen", "2026-11-stolen"),
        ],
    )
    def test_unambiguous_scalars_are_typed(self, word: str, value: object) -> None:
        """The same value and type as PyYAML gives."""
        found = read_yaml(f"a: {word}\n".encode(), "p").value
        assert found == {"a": value}
        assert type(found["a"]) is type(value)
        assert yaml.safe_load(f"a: {word}\n") == {"a": value}

    @pytest.mark.parametrize(
        "word", ["9007199254740993", "-9007199254740993", "1" * 6000, "0.1234567890123456789"]
    )
    def test_numbers_that_a_double_cannot_hold_are_refused(self, reading: Reading, word: str) -> None:
        """Beyond 2^53, or more digits than survive."""
        assert [p.code for p in reading(f"a: {word}\n")] == ["document.type"]

    @pytest.mark.parametrize("key", ["1", "true", "1.5", "[a]", "{a: b}"])
    def test_keys_are_text(self, reading: Reading, key: str) -> None:
        """No parser agrees with another about other keys."""
        assert [p.code for p in reading(f"? {key}\n: b\n")] == ["document.type"]

    def test_a_colon_in_flow_context_must_be_quoted(self, reading: Reading) -> None:
        """YAML 1.1 and 1.2 split [a:b] differently."""
        assert [(p.code, p.field) for p in reading("a: [b:c]\n")] == [("document.ambiguous_scalar", "a[0]")]
        assert reading('a: ["b:c"]\n') == ()


class TestEncoding:
    @pytest.mark.parametrize(
        "data",
        [
            b"\xef\xbb\xbfa: b\n",
            b"a: \x00b\n",
            b"a: \xff\n",
            b"a: \xed\xa0\x80\n",
            b"\xff\xfea\x00:\x00 \x00b\x00",
            b"a: b\rc: d\n",
            b"a: \x1b[2J\n",
            *(
                f"a: x{c}y\n".encode()
                for c in "\u0085\u2028\u2029\u200b\u200d\u202e\u2066\u2069\u061c\ufeff\u00ad\U000e0041"
            ),
        ],
    )
    def test_d5_is_refused(self, reading: Reading, data: bytes) -> None:
        """Marks, controls, invisible and reordering characters, foreign encodings."""
        assert {p.code for p in reading(data)} == {"document.encoding"}

    @pytest.mark.parametrize("escape", [r"\u202e", r"\0", r"\N", r"\L", r"\_\u200b", r"\e", r"\uFEFF"])
    def test_escapes_do_not_smuggle_them_in(self, reading: Reading, escape: str) -> None:
        """A decoded value obeys the same rule as the bytes."""
        assert [p.code for p in reading(f'a: "{escape}"\n')] == ["document.encoding"]

    def test_the_place_is_counted_in_characters(self, reading: Reading) -> None:
        """Line and column are those that an editor shows."""
        (problem,) = reading("ä: b\nöö: x\u200by\n")
        assert (problem.line, problem.column) == (2, 6)
        (problem,) = reading("ä: b\n".encode() + b"\xc3\xb6: \xff\n")
        assert (problem.line, problem.column) == (2, 4)

    def test_windows_line_ends_change_nothing(self) -> None:
        """CRLF is read as LF, in block scalars too."""
        text = "a: |\n  b\n  c\nd: [e]\n"
        assert (
            read_yaml(text.replace("\n", "\r\n").encode(), "p").value == read_yaml(text.encode(), "p").value
        )


class TestReports:
    def test_all_problems_of_a_file_are_reported(self, reading: Reading) -> None:
        """Not only the first."""
        problems = reading("a: no\nb: &x 1\nc: 017\nc: *x\n")
        assert [(p.code, p.line, p.field) for p in problems] == [
            ("document.ambiguous_scalar", 1, "a"),
            ("document.forbidden_syntax", 2, "b"),
            ("document.ambiguous_scalar", 3, "c"),
            ("document.duplicate_key", 4, "c"),
            ("document.forbidden_syntax", 4, "c"),
        ]

    def test_the_number_of_problems_is_bounded(self, reading: Reading) -> None:
        """A file of a hundred thousand mistakes is not a report of as many."""
        assert len(reading("- no\n" * 100_000)) == 100
        assert len(reading("- a\tb\n" * 100_000)) == 100
        assert len(reading("\u200b" * 100_000)) == 100

    def test_positions(self) -> None:
        """Of a member the place of its key, of an item its own; odd keys in quotes."""
        parsed = read_yaml(b"a:\n  - x: 1\n  - [w]\nlabels: {b.c: d}\n", "p")
        places = {field: (p.line, p.column) for field, p in parsed.positions.items()}
        assert places == {
            "": (1, 1),
            "a": (1, 1),
            "a[0]": (2, 5),
            "a[0].x": (2, 5),
            "a[1]": (3, 5),
            "a[1][0]": (3, 6),
            "labels": (4, 1),
            'labels["b.c"]': (4, 10),
        }


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co"]), max_size=20)
plain_values = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.integers(-(10**6), 10**6).map(lambda n: n / 64 or 0.0).filter(lambda x: len(repr(x)) < 15)
    | words
    | st.text(string.ascii_letters + string.digits + " .:-_#'\"\\\n&*!|>%@`,[]{}?~=<", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def acceptable(value: Any) -> bool:
    """Values that stay what they are in documents: no invisible characters, no merge keys."""
    text = json.dumps(value, ensure_ascii=False)
    return (
        '"<<":' not in text
        and not any(c in text for c in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufffd")
        and (
            not any(
                "\u180b" <= c <= "\u180f" or "\ufe00" <= c <= "\ufe0f" or "\U000e0000" <= c <= "\U000e0fff"
                for c in text
            )
        )
    )


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@example(b"a: !<\n")
@example(b"- ? -\n")
@example(b"\xef\xbb\xbf")
def test_arbitrary_bytes_never_crash_the_reader(data: bytes) -> None:
    """Whatever the bytes, a value or an InvalidInputError."""
    for read in (read_yaml, strict_json.loads):
        try:
            read(data, "p")
        except InvalidInputError as error:
            assert error.problems  # noqa: PT017 - the point is which error, if any


@given(
    st.lists(
        st.sampled_from([*"abc019:-?[]{},&*!|>'\"%#\n ~<=.@`", "  ", "\n- ", ": ", "---\n", "no", "!!str "]),
        max_size=40,
    )
)
def test_what_we_read_pyyaml_reads_alike(tokens: list[str]) -> None:
    """Never another value than a parser of other make, for text made of YAML's own marks; it may refuse more."""
    data = "".join(tokens).encode()
    try:
        value = read_yaml(data, "p").value
        theirs = yaml.safe_load(data)
    except (InvalidInputError, yaml.YAMLError):
        return
    assert repr(theirs) == repr(value)


@given(plain_values.filter(acceptable))
def test_generated_values_read_alike_as_yaml_and_as_json(value: Any) -> None:
    """What we write is read back equal by us, by PyYAML, and from JSON by the JSON reader."""
    document = {"value": value}
    data = write_yaml(document)
    assert repr(read_yaml(data, "p").value) == repr(document)
    assert repr(yaml.safe_load(data)) == repr(document)
    assert repr(strict_json.loads(json.dumps(document).encode(), "p")) == repr(document)


@given(plain_values.filter(acceptable))
def test_json_without_escapes_is_yaml(value: Any) -> None:
    """JSON is read as YAML to the same value, so a tool may write either."""
    text = json.dumps({"value": value}, ensure_ascii=False)
    assert repr(read_yaml(text.encode(), "p").value) == repr({"value": value})
