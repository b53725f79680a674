# SPDX-License-Identifier: Apache-2.0
"""Libraries that not everybody needs: what to install when one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final, Literal

from gaitops.errors import MissingDependencyError

Extra = Literal["evidence", "spark"]

_LIBRARIES: Final[dict[Extra, frozenset[str]]] = {
    "evidence": frozenset({"deltalake", "duckdb", "fsspec", "ibis", "pyarrow"}),
    "spark": frozenset({"deltalake", "fsspec", "ibis", "pandas", "py4j", "pyarrow", "pyspark"}),
}
_CODES: Final[dict[Extra, str]] = {"evidence": "dependency.evidence", "spark": "dependency.spark"}


def is_installed(extra: Extra) -> bool:
    """Whether every library of an extra can be imported; none is."""
    return all(find_spec(library) is not None for library in _LIBRARIES[extra])


@contextmanager
def needing(extra: Extra) -> Iterator[None]:
    """Import modules that need an extra; advice when a library of it, and none of ours, is missing.

    Raises:
        MissingDependencyError: ``dependency.evidence`` or ``dependency.spark``.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _LIBRARIES[extra]:
            raise
        raise MissingDependencyError.of(
            _CODES[extra],
            f"this needs {error.name}, which is not installed",
            remedy=f"pip install 'gaitops[{extra}]'",
        ) from error


def load(module: str, extra: Extra) -> ModuleType:
    """Import a module of ours that needs an extra.

    Raises:
        MissingDependencyError: as :func:`needing`.
    """
    with needing(extra):
        return import_module(module)
