# SPDX-License-Identifier: Apache-2.0
"""The source as syntax trees: what the tests of the documentation ask it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "gaitops"


@dataclass(frozen=True)
class Module:
    """One module of the package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Path relative to the repository, for messages."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """Top-level package below ``gaitops``; the module itself where it lies directly there."""
        return self.path.relative_to(SOURCE).parts[0].removesuffix(".py")

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the tree, in no useful order."""
        return ast.walk(self.tree)

    def imports(self) -> Iterator[tuple[str, int]]:
        """(full name of an imported module, line), wherever the import stands: also inside functions."""
        for node in self.nodes():
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}:{node.lineno} is a relative import"
                name = node.module or ""
                # "from gaitops.documents import strict_json" imports a module, not a name of the package.
                if (ROOT / name.replace(".", "/")).is_dir():
                    yield from ((f"{name}.{alias.name}", node.lineno) for alias in node.names)
                else:
                    yield name, node.lineno


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package; the files of the templates are data."""
    paths = (path for path in sorted(SOURCE.rglob("*.py")) if "templates" not in path.parts)
    texts = ((path, path.read_text(encoding="utf-8")) for path in paths)
    return tuple(Module(path, text, ast.parse(text)) for path, text in texts)
