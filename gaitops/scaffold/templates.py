# SPDX-License-Identifier: Apache-2.0
"""Reading and filling the template trees in ``gaitops/templates/``.

A tree mirrors the repository that it makes. ``{{ name }}`` stands for a value; ``${{ … }}`` is GitHub's and left
alone. A file whose path holds ``__name__`` is written once per item of that name. There are no conditions and no
loops: what a template says can be read in the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Literal

from gaitops.errors import InternalError

TemplateName = Literal[
    "fleet-repo",
    "publisher-repo",
    "consumer-repo/common",
    "consumer-repo/github",
    "consumer-repo/gitlab",
]
Values = Mapping[str, str]

_PLACEHOLDER: Final = re.compile(r"(?<!\$)\{\{(.*?)\}\}")
_REPEATED: Final = re.compile(r"__([a-z]+)__")


def render_tree(
    template: TemplateName, values: Values, items: Mapping[str, Sequence[Values]]
) -> Mapping[str, bytes]:
    """All files of a template by path, sorted by path bytes.

    Args:
        template: the tree below ``gaitops/templates/``.
        values: what placeholders stand for in every file.
        items: for each name in a path (``principal`` for ``__principal__.yaml``), one mapping per file to write;
            it joins ``values`` and holds the name itself, which becomes part of the path.

    Raises:
        InternalError: ``scaffold.placeholder`` when a template asks for a value that is not given.
    """
    rendered: dict[str, bytes] = {}
    for path, text in _sources(template):
        repeated = _REPEATED.search(path)
        if repeated is None:
            rendered[path] = _fill(text, values, path).encode()
            continue
        name = repeated[1]
        for item in items[name]:
            rendered[path.replace(repeated[0], item[name])] = _fill(text, {**values, **item}, path).encode()
    return {path: rendered[path] for path in sorted(rendered, key=str.encode)}


def _fill(text: str, values: Values, path: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in values:
            raise InternalError.of("scaffold.placeholder", f"nothing to put in place of {name!r}", path=path)
        return values[name]

    return _PLACEHOLDER.sub(value, text)


def _sources(template: TemplateName) -> Iterator[tuple[str, str]]:
    yield from _below(files("gaitops").joinpath("templates", template), "")


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_text(encoding="utf-8")
