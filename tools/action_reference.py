# SPDX-License-Identifier: Apache-2.0
"""Writes ``github-actions/README.md`` from the ``action.yml`` files: ``python tools/action_reference.py [--write]``.

Without ``--write`` it only says whether the page is up to date. Exit codes: 0 up to date or written, 1 out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ACTIONS: Final = Path(__file__).resolve().parents[1] / "github-actions"
PAGE: Final = ACTIONS / "README.md"
_HEAD: Final = """\
# GitHub actions

Composite actions that install one version of gaitops and run it. The [guide](../docs/ci-github.md) shows whole workflows and
says who may change which verdict; this page lists inputs and outputs. It is generated from the `action.yml` files by
`python tools/action_reference.py --write`.

| action | what it does |
|---|---|
"""
_COMMON: Final = """
All of them:

- need Python 3.11 or newer as `python3`, Git and Bash, which GitHub's own Ubuntu runners have;
- install what exactly one of the inputs `version`, `install` and `requirements` says, into a virtual environment in
  `RUNNER_TEMP`, without building anything that was downloaded; a second action in the same job uses the first one's;
- take strangers' text through environment variables and files only, and print it where the runner obeys no command;
- end with gaitops' exit code where they fail, and write a job summary and annotations.

Refer to one by a full commit id of this repository, `gaitops/gaitops/github-actions/check@<commit>`, or copy the folder (with
`lib/`) to `.github/actions/` and refer to `./.github/actions/check`. `gaitops init` does the latter for a fleet repository.
"""


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--write" in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.name} is out of date: python tools/action_reference.py --write", file=sys.stderr)
    return 1


def page() -> str:
    """The page as it should be."""
    actions = {
        file.parent.name: yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(ACTIONS.glob("*/action.yml"))
    }
    index = "".join(f"| [{name}](#{name}) | {item['description']} |\n" for name, item in actions.items())
    return _HEAD + index + _COMMON + "".join(_section(name, item) for name, item in actions.items())


def _section(name: str, action: Mapping[str, Any]) -> str:
    inputs = "\n".join(_inputs(action["inputs"]))
    outputs = "\n".join(f"| `{key}` | {item['description']} |" for key, item in action["outputs"].items())
    return (
        f"\n## {name}\n\n{action['description']}.\n\n"
        f"| input | default | meaning |\n|---|---|---|\n{inputs}\n\n"
        f"| output | meaning |\n|---|---|\n{outputs}\n"
    )


def _inputs(inputs: Mapping[str, Any]) -> Iterator[str]:
    for name, item in inputs.items():
        default = str(item.get("default", "")).replace("|", "\\|")
        shown = f"`{default}`" if default else "required" if item.get("required") else "–"
        yield f"| `{name}` | {shown} | {item['description']} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
