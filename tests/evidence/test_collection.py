# SPDX-License-Identifier: Apache-2.0
"""Layouts read repository and environment out of paths, and say what they do not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaitops.errors import InvalidInputError
from gaitops.evidence.collection import Entry, LeftOut, Place, Sorter, compiled, entries
from gaitops.evidence.stores import open_files


@pytest.mark.parametrize(
    ("layout", "path", "repository", "environment"),
    [
        ("{owner}/{name}/{environment}/**", "acme/pay/prod/a/b.json", "github.com/acme/pay", "prod"),
        ("{host}/{owner}/{name}/**", "git.example/acme/pay/x", "git.example/acme/pay", None),
        ("gait/{repository}/{environment}/*.json", "gait/acme/pay/dev/t.json", "github.com/acme/pay", "dev"),
        ("gait/{repository}/**", "gait/git.example/acme/pay/t.json", "git.example/acme/pay", None),
        ("{environment}/**", "dev/x", None, "dev"),
        ("**/{name}/traces/*", "a/b/pay/traces/x", "github.com/pay", None),
    ],
)
def test_placeholders_take_their_parts(
    layout: str, path: str, repository: str | None, environment: str | None
) -> None:
    """Each part of a path ends where the fixed text around it says."""
    entry = Sorter(Place("s3://b", prefix="github.com", layout=layout)).entry(path, 1)
    assert entry is not None
    assert (entry.envelope.repository, entry.envelope.environment) == (repository, environment)
    assert entry.envelope.source == f"s3://b/{path}"


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        ("{owner}/{name}/*", "acme/pay/a/b"),
        ("{owner}/{name}/**", "acme/pay"),
        ("a.b/**", "axb/c"),
        ("*.json", "a/b.json"),
    ],
)
def test_what_a_layout_does_not_know_has_no_entry(layout: str, path: str) -> None:
    """One star stays inside a segment, dots are dots, and two stars need a file."""
    assert Sorter(Place("x", layout=layout)).entry(path, 1) is None


@pytest.mark.parametrize(
    "layout", ["", "/a", "{nothing}/*", "{name}/{name}", "a{name}/*", "{name}x/*", "a**/b", "{name", "}"]
)
def test_a_layout_that_cannot_be_meant_is_refused(layout: str) -> None:
    """Before anything is read."""
    with pytest.raises(InvalidInputError) as error:
        compiled(layout)
    assert error.value.code == "evidence.layout"


def test_fixed_answers_win_over_the_layout(tmp_path: Path) -> None:
    """Without a layout all files belong to what was named; with one, what was named still counts."""
    (tmp_path / "o" / "n").mkdir(parents=True)
    (tmp_path / "o" / "n" / "x").write_bytes(b"1")
    (tmp_path / "y").write_bytes(b"22")
    files = open_files(str(tmp_path))
    plain = [item for item in entries(files, Place(str(tmp_path), "r/r", "prod")) if isinstance(item, Entry)]
    assert [(item.path, item.size, item.envelope.repository) for item in plain] == [
        ("y", 2, "r/r"),
        ("o/n/x", 1, "r/r"),
    ]
    found = list(entries(files, Place(str(tmp_path), layout="{owner}/{name}/*", environment="dev")))
    assert found[0] == LeftOut("y")
    assert isinstance(found[1], Entry)
    assert (found[1].envelope.repository, found[1].envelope.environment) == ("o/n", "dev")
