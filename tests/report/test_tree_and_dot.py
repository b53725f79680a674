# SPDX-License-Identifier: Apache-2.0
"""Descent is drawn narrow and at any depth; DOT and Markdown cannot be broken out of."""

from __future__ import annotations

from gaitops.report import markdown
from gaitops.report.dot import Node, digraph
from gaitops.report.tree import Branch, descent


def test_descent() -> None:
    """Side branches are indented with their own descendants; the last branch continues the column."""
    tree = Branch("1", [Branch("1a", [Branch("1b")]), Branch("2", [Branch("2a"), Branch("3")])])
    assert descent(tree).splitlines() == ["1", "├─ 1a", "│  1b", "2", "├─ 2a", "3"]


def test_descent_of_ten_thousand() -> None:
    """A history longer than the recursion limit is drawn, in one column."""
    branch = Branch("x")
    for _ in range(10_000):
        branch = Branch("x", [branch])
    assert descent(branch) == "\n".join(["x"] * 10_001)


def test_dot_quotes_names() -> None:
    """A quote or backslash in a name stays inside its string."""
    text = digraph('g"', [Node('a"]; evil [', ["l1", "l\\2"], {"style": "dashed"})], [('a"]; evil [', "b")])
    assert text.splitlines() == [
        'digraph "g\\"" {',
        "  rankdir=LR;",
        "  node [shape=box, fontname=monospace];",
        '  "a\\"]; evil [" [label="l1\\nl\\\\2", style="dashed"];',
        '  "a\\"]; evil [" -> "b";',
        "}",
    ]


def test_markdown_is_inert() -> None:
    """Names with Markdown, HTML or mentions in them appear as themselves."""
    assert (
        markdown.escape("[x](http://e) <b> @team #7 a|b # c")
        == "\\[x\\](http://e) &lt;b&gt; @&#8203;team #&#8203;7 a\\|b # c"
    )
    assert markdown.code("a`b``c") == "```a`b``c```"
    assert markdown.code("`a") == "`` `a ``"
    assert markdown.code("a|b") == "`a\\|b`"
    assert markdown.block("x\n```\ny") == "````\nx\n```\ny\n````"
    assert markdown.table(["a"], [["1"]]) == "| a |\n| --- |\n| 1 |"
    assert markdown.table(["a"], []) == ""
