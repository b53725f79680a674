# SPDX-License-Identifier: Apache-2.0
"""Keeps securesystemslib from loading the client library of every cloud that happens to be installed.

``securesystemslib.signer`` tries to import them all, whatever is signed and even when nothing is; with all of
them that takes longer than everything else in ``gaitops check``. gaitops signs with modules of its own there
(:mod:`gaitops.signing.services`), each of which imports its library when it is used. So the library is told, while
it is loaded and only then, that they are not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_LIBRARY = "securesystemslib.signer"
_CLIENTS = ("azure.core", "boto3", "google.cloud", "hvac", "pkcs11")
"""What it imports first of each."""


class _Loader:
    """Does what the real loader does, with the clients hidden meanwhile."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # ``None`` is how the import system spells a module that must not be found (docs.python.org, sys.modules).
        hidden: dict[str, Any] = {name: None for name in _CLIENTS if name not in sys.modules}
        sys.modules.update(hidden)
        try:
            self._real.exec_module(module)
        finally:
            for name in hidden:
                del sys.modules[name]


class _Finder:
    """Finds one module, and only for the first time."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _LIBRARY:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # the protocol, not the base class
        return spec


def hide_clients() -> None:
    """From now on loading securesystemslib loads no client library; later imports of them work as ever."""
    if _LIBRARY not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
