# SPDX-License-Identifier: Apache-2.0
"""The JSON Schemas of what commands print with ``--json``: ``schemas/output/*.schema.json``.

In a checkout they are read from there; the wheel carries the same files inside this package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SUFFIX = ".schema.json"
_CANDIDATES = (
    Path(__file__).resolve().parents[1] / "schemas" / "output",
    Path(__file__).resolve().parents[2] / "schemas" / "output",
)


def names() -> list[str]:
    """Names of all output schemas, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in _folder().glob(f"*{SUFFIX}"))


def text(name: str) -> bytes:
    """The schema file named ``name``, byte for byte; ``OSError`` when there is none."""
    return (_folder() / f"{name}{SUFFIX}").read_bytes()


def load(name: str) -> dict[str, Any]:
    """The schema named ``name`` as a JSON value."""
    schema: dict[str, Any] = json.loads(text(name))
    return schema


def _folder() -> Path:
    return next((folder for folder in _CANDIDATES if folder.is_dir()), _CANDIDATES[0])
