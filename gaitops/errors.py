# SPDX-License-Identifier: Apache-2.0
"""The one small hierarchy of errors, by whose fault it is and what a caller can do.

::

    GaitopsError                      carries problems; has an exit code (design 13)
    ├── InvalidInputError        6    a document, an argument or a file is not usable
    ├── VerificationError        2    something that had to hold does not hold
    ├── PolicyBlockedError       3    a policy of the fleet says no
    ├── ApprovalRequiredError    4    approvals are missing; nothing is wrong otherwise
    ├── MissingDependencyError   7    a program or an optional package is not installed
    ├── GateFailedError          5    a rollout gate or a regression says no
    ├── UnsafeOperationError     8    refused although possible; a flag or another way exists
    └── InternalError            1    a defect of gaitops or of the machine (disk full, ...)

A :class:`Problem` is a value. Decisions and validations collect problems first and raise, if at all,
afterwards, so that a person sees everything at once. Codes are stable and documented in ``docs/errors.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable code, a fact for people, where it is, and what to do about it."""

    code: str
    """Stable dotted identifier, for example ``approval.quorum``."""
    message: str
    """The fact, with what was expected and what was found. Never contains a secret."""
    path: str | None = None
    """File, relative to the repository that is judged."""
    line: int | None = None
    """1-based line in ``path``."""
    column: int | None = None
    """1-based column in ``path``."""
    field: str | None = None
    """Dotted path of the field inside the document, for example ``spec.identities[0].id``."""
    remedy: str | None = None
    """What a person can do next."""

    def location(self) -> str:
        """``path:line:column`` as far as it is known; empty when nothing is."""
        parts = [str(part) for part in (self.path, self.line, self.column) if part is not None]
        return ":".join(parts)

    def to_json(self) -> dict[str, object]:
        """The members that are set, under the names used by every ``--json`` output."""
        members = ("code", "message", "path", "line", "column", "field", "remedy")
        return {name: getattr(self, name) for name in members if getattr(self, name) is not None}

    def __str__(self) -> str:
        where = self.location()
        field = f" ({self.field})" if self.field else ""
        return f"{where + ': ' if where else ''}{self.message}{field} [{self.code}]"


class GaitopsError(Exception):
    """Base of all errors that gaitops raises on purpose."""

    exit_code: ClassVar[int] = 1
    category: ClassVar[str] = "internal_failure"
    retryable: ClassVar[bool] = False

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        if not self.problems:
            raise ValueError("an error needs at least one problem")
        super().__init__("; ".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Problem, ...]]]:
        """Errors travel between processes with their problems, not as their text."""
        return type(self), (self.problems,)

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> Self:
        """The common case: an error with exactly one problem."""
        return cls([Problem(code, message, path=path, line=line, field=field, remedy=remedy)])

    @property
    def code(self) -> str:
        """Code of the first problem, which is the one that stopped the work."""
        return self.problems[0].code


class InvalidInputError(GaitopsError):
    """A document, an argument or a file cannot be used as it is."""

    exit_code = 6
    category = "invalid_input"


class VerificationError(GaitopsError):
    """Something that had to hold does not hold."""

    exit_code = 2
    category = "verification_failed"


class PolicyBlockedError(GaitopsError):
    """A policy of the fleet forbids what was asked."""

    exit_code = 3
    category = "policy_blocked"


class ApprovalRequiredError(GaitopsError):
    """Nothing is wrong, but approvals are missing."""

    exit_code = 4
    category = "approval_required"


class GateFailedError(GaitopsError):
    """A gate of a rollout, or a regression, says no."""

    exit_code = 5
    category = "gate_failed"


class MissingDependencyError(GaitopsError):
    """A program or an optional package is not installed."""

    exit_code = 7
    category = "missing_dependency"


class UnsafeOperationError(GaitopsError):
    """Possible, but refused, because it would lose or expose something."""

    exit_code = 8
    category = "unsafe_operation"


class InternalError(GaitopsError):
    """A defect of gaitops or of the machine."""

    retryable = True
