# SPDX-License-Identifier: Apache-2.0
"""Members that Gait's strict decoders refuse (contract 0.4): packs and what is in them, authorization bundles, and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gaitops.gait.artifacts.fields import Obj, Object, Objs, Spec
from gaitops.gait.quoting import quote

_SHOWN: Final = 5


def unknown_members(spec: Spec, value: Object, where: str = "") -> Iterator[str]:
    """Paths of members that ``spec`` does not know, at any depth that it declares; ``value`` must be checked."""
    for name, item in value.items():
        field = spec.fields.get(name)
        if field is None:
            yield f"{where}.{name}" if where else name
        elif isinstance(item, dict):
            if isinstance(field, Obj):
                yield from unknown_members(field.spec, item, f"{where}.{name}" if where else name)
        elif isinstance(item, list) and isinstance(field, Objs):
            path = f"{where}.{name}" if where else name
            for index, element in enumerate(item):
                yield from unknown_members(field.spec, element or {}, f"{path}[{index}]")


def shown(paths: Iterable[str]) -> str:
    """The first few of ``paths`` in one line, for messages; empty when there are none."""
    names = sorted(set(paths))
    return ", ".join(quote(name) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
