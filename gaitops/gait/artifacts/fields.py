# SPDX-License-Identifier: Apache-2.0
"""What Gait's decoder makes of an object: one declaration per format says which members it knows and how it writes them.

Three questions are answered from it: whether the members have the types that Gait reads (:func:`checked`), what Gait
writes when it encodes again what it decoded (:func:`project`: the form that most signatures cover, contract 0.3), and
which members that form lacks (:func:`extras`: nobody signed those, and nobody may use them).

::

    TOKEN = Spec(
        schema_id=Text(always=True),
        created_at=Time(),
        scope=Texts(always=True),
        max_ops=Integer(),
        signature=Obj(SIGNATURE),
    )
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.hygiene import fold
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.times import UNSET, is_time, written
from gaitops.gait.quoting import quote

Object = Mapping[str, object]
_MAX_EXTRAS: Final = 20


class _UNKNOWN:
    """Stands for the type of a member that Gait does not know; no value has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One member that Gait knows. ``null`` is read as absent (contract 0.4)."""

    always: bool = False
    """Written even when empty; else Gait leaves an empty value out."""

    @property
    def exact(self) -> type | None:
        """The type whose values all fit, where there is one."""
        return None

    def check(self, value: object, where: str) -> None:
        """Raise unless Gait decodes ``value``, which is not ``None``."""
        raise NotImplementedError

    def project(self, value: object) -> object:
        """``value`` as Gait writes it; ``None`` stands for absent."""
        return value

    def omits(self, projected: object) -> bool:
        """Whether Gait leaves the projected value out: Go's ``omitempty``."""
        return not self.always and not projected

    def extras(self, value: object, where: str) -> Iterator[str]:  # noqa: ARG002 - most members have no inside
        """Paths below ``value`` that Gait does not write again as they are."""
        return iter(())


def _mismatch(where: str, expected: str) -> RejectedError:
    return RejectedError("json.type", f"{where} is not {expected}")


@dataclass(frozen=True, slots=True)
class Text(Field):
    """A string; empty when absent."""

    @property
    def exact(self) -> type | None:
        """See :attr:`Field.exact`."""
        return str

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not str:
            raise _mismatch(where, "a text")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return value or ""


@dataclass(frozen=True, slots=True)
class Integer(Field):
    """A whole number of 64 bit, written without point or exponent; 0 when absent."""

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not int or not -(2**63) <= value < 2**63:
            raise _mismatch(where, "a whole number")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return value or 0


@dataclass(frozen=True, slots=True)
class Number(Field):
    """A double; 0 when absent."""

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if (type(value) is not float and type(value) is not int) or not math.isfinite(value):
            raise _mismatch(where, "a number")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return value or 0


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """True or false; false when absent."""

    @property
    def exact(self) -> type | None:
        """See :attr:`Field.exact`."""
        return bool

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not bool:
            raise _mismatch(where, "true or false")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return value or False


@dataclass(frozen=True, slots=True)
class OptionalFlag(Flag):
    """True, false, or absent: here false is written, and only absence is left out (a pointer in Gait)."""

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return value

    def omits(self, projected: object) -> bool:
        """See :meth:`Field.omits`."""
        return not self.always and projected is None


@dataclass(frozen=True, slots=True)
class Time(Field):
    """A time; written even when absent, in year 1 (contract 0.5)."""

    def omits(self, projected: object) -> bool:
        """See :meth:`Field.omits`."""
        return projected is None

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not str or not is_time(value):
            raise RejectedError("json.time", f"{where} is not a time as Gait reads it")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return UNSET if value is None else written(str(value))

    def extras(self, value: object, where: str) -> Iterator[str]:
        """See :meth:`Field.extras`."""
        if type(value) is str and written(value) != value:
            yield where


@dataclass(frozen=True, slots=True)
class OptionalTime(Time):
    """A time that is left out when absent (a pointer in Gait)."""

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return None if value is None else written(str(value))


@dataclass(frozen=True, slots=True)
class Texts(Field):
    """A list of strings; ``null`` stays ``null`` where it is always written."""

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not list:
            raise _mismatch(where, "a list")
        for item in value:
            if type(item) is not str and item is not None:
                raise _mismatch(f"an element of {where}", "a text")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return None if value is None else [item or "" for item in value]  # type: ignore[attr-defined]  # checked


@dataclass(frozen=True, slots=True)
class TextMap(Field):
    """An object whose values are strings."""

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not dict:
            raise _mismatch(where, "an object")
        for item in value.values():
            if type(item) is not str and item is not None:
                raise _mismatch(f"a member of {where}", "a text")

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        return None if value is None else {name: item or "" for name, item in value.items()}  # type: ignore[attr-defined]  # checked


@dataclass(frozen=True, slots=True)
class Free(Field):
    """An object of any content: arguments, results, details. Its members are nobody's extras."""

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not dict:
            raise _mismatch(where, "an object")


@dataclass(frozen=True, slots=True)
class Anything(Field):
    """Any JSON value."""

    def check(self, value: object, where: str) -> None:
        """Everything fits."""


class Spec:
    """The members of one object that Gait knows, by their exact names."""

    __slots__ = ("_exact", "fields", "names")

    def __init__(self, **fields: Field) -> None:
        self.fields: Final[dict[str, Field]] = {name.rstrip("_"): field for name, field in fields.items()}
        self.names: Final = frozenset(self.fields)
        self._exact: Final[dict[str, type | None]] = {
            name: field.exact for name, field in self.fields.items()
        }

    def check(self, value: object, where: str) -> None:
        """See :func:`checked`."""
        if type(value) is not dict:
            raise _mismatch(where or "the document", "an object")
        find = self._exact.get
        for name, item in value.items():
            expected = find(name, _UNKNOWN)
            # Most members are texts; answering here saves a call for each of them.
            if type(item) is expected:
                continue
            if expected is _UNKNOWN:
                if (folded := fold(name)) in self.fields:
                    message = f"the member {quote(name)} is read as {folded} by Gait"
                    raise RejectedError("json.case_collision", message, gait=False)
            elif item is not None:
                self.fields[name].check(item, f"{where}.{name}" if where else name)

    def project(self, value: Object) -> dict[str, object]:
        """See :func:`project`."""
        result = {}
        for name, field in self.fields.items():
            projected = field.project(value.get(name))
            if not field.omits(projected):
                result[name] = projected
        return result

    def extras(self, value: Object, where: str) -> Iterator[str]:
        """See :func:`extras`."""
        for name, item in value.items():
            path = f"{where}.{name}" if where else name
            field = self.fields.get(name)
            if field is None or field.omits(field.project(item)):
                yield path
            elif item is not None:
                yield from field.extras(item, path)
            elif field.project(None) is not None:
                # A list that is always written is null when it is empty; nothing else is.
                yield path


@dataclass(frozen=True, slots=True)
class Obj(Field):
    """An object of known members. Where it is always written, absence is an object with nothing set."""

    spec: Spec

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        self.spec.check(value, where)

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        if value is None and not self.always:
            return None
        return self.spec.project(value or {})  # type: ignore[arg-type]  # checked

    def omits(self, projected: object) -> bool:
        """See :meth:`Field.omits`."""
        # An empty object is a pointer that is set: what is always written inside appears (contract 2.3).
        return projected is None

    def extras(self, value: object, where: str) -> Iterator[str]:
        """See :meth:`Field.extras`."""
        return self.spec.extras(value, where)  # type: ignore[arg-type]  # checked


@dataclass(frozen=True, slots=True)
class Objs(Obj):
    """A list of objects of known members."""

    def check(self, value: object, where: str) -> None:
        """See :meth:`Field.check`."""
        if type(value) is not list:
            raise _mismatch(where, "a list")
        for item in value:
            if item is not None:
                self.spec.check(item, where)

    def project(self, value: object) -> object:
        """See :meth:`Field.project`."""
        if value is None:
            return None
        return [self.spec.project(item or {}) for item in value]  # type: ignore[attr-defined]  # checked

    def omits(self, projected: object) -> bool:
        """See :meth:`Field.omits`."""
        return not self.always and not projected

    def extras(self, value: object, where: str) -> Iterator[str]:
        """See :meth:`Field.extras`."""
        for index, item in enumerate(value):  # type: ignore[arg-type, var-annotated]  # checked
            yield from self.spec.extras(item or {}, f"{where}[{index}]")


def checked(spec: Spec, value: object, where: str = "") -> dict[str, object]:
    """``value``, if Gait decodes it by ``spec``.

    Raises:
        RejectedError: ``json.type``, ``json.time``, or ``json.case_collision`` for an unknown member that is a known one
            to a reader that ignores case.
    """
    spec.check(value, where)
    return value  # type: ignore[return-value]  # check() refuses everything else


def project(spec: Spec, value: Object) -> dict[str, object]:
    """What Gait writes after decoding ``value``, which must be :func:`checked` (contract 0.3, 0.5)."""
    return spec.project(value)


def extras(spec: Spec, value: Object) -> tuple[str, ...]:
    """Paths of members that Gait ignores or writes differently: unknown, empty though optional, times in another spelling.

    At most 20; for messages, not for decisions.
    """
    found = []
    for path in spec.extras(value, ""):
        found.append(path)
        if len(found) == _MAX_EXTRAS:
            break
    return tuple(found)


SIGNATURE: Final = Spec(
    alg=Text(always=True), key_id=Text(always=True), sig=Text(always=True), signed_digest=Text()
)
"""Contract 0.2."""

_REF: Final = Spec(kind=Text(always=True), id=Text(always=True))
RELATIONSHIP: Final = Spec(
    parent_ref=Obj(_REF),
    entity_refs=Objs(_REF),
    policy_ref=Obj(
        Spec(policy_id=Text(), policy_version=Text(), policy_digest=Text(), matched_rule_ids=Texts())
    ),
    agent_chain=Objs(Spec(identity=Text(always=True), role=Text(always=True))),
    edges=Objs(Spec(kind=Text(always=True), from_=Obj(_REF, always=True), to=Obj(_REF, always=True))),
    parent_record_id=Text(),
    related_record_ids=Texts(),
    related_entity_ids=Texts(),
    agent_lineage=Anything(),
)
"""The common envelope of relations (contract 2.1), which does not say what ``agent_lineage`` holds."""
