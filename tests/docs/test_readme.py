# SPDX-License-Identifier: Apache-2.0
"""The tutorial of the README is true: its commands are carried out literally, its output blocks are what is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from gaitops.cli.exit_codes import MEANINGS
from gaitops.cli.lazy import Noun
from gaitops.cli.table import COMMANDS
from tests.docs.source_tree import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
GAP = "…"
"""In an output block: anything, any number of lines when alone on one."""


def _section(heading: str) -> str:
    """What stands below a heading of the second level."""
    return TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", _section("Tutorial"), re.DOTALL | re.MULTILINE)


def _expected(block: str) -> re.Pattern[str]:
    """A pattern for output that contains ``block``."""
    lines = [
        r"(?:.*\n)*?" if line == GAP else re.escape(line).replace(re.escape(GAP), ".*") + r"\n"
        for line in block.splitlines()
    ]
    return re.compile("".join(lines))


def test_the_tutorial_can_be_followed_literally(tmp_path: Path) -> None:
    """Every ``sh`` block runs in bash, one after the other, and prints what the ``text`` blocks say, in their order."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ["bash", "-e", "-u", "-o", "pipefail", "-c", "".join(_blocks("sh"))],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    position = 0
    for block in _blocks("text"):
        match = _expected(block).search(done.stdout, position)
        assert match, f"not printed, or not in this order:\n{block}\nthe whole output:\n{done.stdout}"
        position = match.end()


def test_two_commands_set_everything_up() -> None:
    """A fresh machine needs two commands, and both are targets of the Makefile."""
    (block,) = re.findall(r"^```console\n(.*?)^```", _section("Set up"), re.DOTALL | re.MULTILINE)
    assert block.splitlines() == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE) for line in block.splitlines())


def test_the_table_of_commands_is_complete() -> None:
    """Each command and each verb stands in the table."""
    rows = [
        re.findall(r"`(.+?)`", line.split("|")[1])
        for line in _section("Commands").splitlines()
        if line.startswith("| `")
    ]
    shown = {" ".join(row).removeprefix("gaitops ") for row in rows}
    for name, row in COMMANDS.items():
        if isinstance(row, Noun):
            assert f"{name} {' '.join(row.commands)}" in shown
        else:
            assert any(name in words.split() for words in shown)


def test_the_table_of_exit_codes_is_complete() -> None:
    """Every exit code that is not a shell's own stands in the table."""
    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", _section("Commands"), re.MULTILINE)}
    assert shown == {code for code in MEANINGS if code < 128}


def test_one_sentence_per_line() -> None:
    """Differences of prose stay readable: a line of running text ends where its sentence ends."""
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in prose.splitlines() if line and not line.startswith(("#", "|", "-"))]
    assert [line for line in lines if re.search(r"[.?!)] [A-Z]", line)] == []
