# SPDX-License-Identifier: Apache-2.0
"""The drills by name: what each rehearses, what it proves, and whom it is about."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.documents.models.drill import DrillName, Finding
    from gaitops.drill.survey import Survey
    from gaitops.drill.twin import Twin


class Runbook(Protocol):
    """A module that holds one drill."""

    def findings(self, found: Survey, principal: str | None, /) -> tuple[Finding, ...]:
        """What the structure of the real fleet says."""

    def run(self, twin: Twin, principal: str | None, /) -> None:
        """Carry it out on the copy; ``StoppedError`` where it cannot go on."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill."""

    name: DrillName
    summary: str
    """What happens, in one line."""
    proves: str
    """What it shows of the fleet."""
    about_somebody: bool = False
    """Whether it is carried out for one principal."""

    @property
    def runbook(self) -> Runbook:
        """The module that carries it out, imported when first asked for."""
        return cast("Runbook", import_module(f"gaitops.drill.{self.name.replace('-', '_')}"))


DRILLS: Final = (
    Drill(
        "rotate-root",
        "every root person gets another key",
        "old keys stop counting, nothing old breaks, and how many root people may be lost",
    ),
    Drill(
        "rotate-publisher",
        "every key that signs releases is replaced",
        "old publishers are refused, consumers follow, and how many publishers may be lost",
    ),
    Drill(
        "compromised-approver",
        "an approver's key was misused since some commit",
        "what it helped to decide is listed as doubtful, and cleared",
        about_somebody=True,
    ),
    Drill(
        "lost-quorum",
        "root keys are lost, as many as the root bears, then one more",
        "too few cannot act, what both ways back cost, and who is indispensable for what",
    ),
    Drill(
        "expired-root",
        "nobody renewed the root in time",
        "verification stops, pins go on, a rotation mends it, and when the root expires",
    ),
    Drill(
        "left-company",
        "somebody leaves",
        "earlier decisions stay, later ones do not count, and what can no longer be decided",
        about_somebody=True,
    ),
)
"""In the order in which they are listed."""


def drill_of(name: str) -> Drill:
    """The drill of this name; ``KeyError`` when there is none."""
    return {item.name: item for item in DRILLS}[cast("DrillName", name)]


def subject(drill: Drill, found: Survey, given: str | None) -> str | None:
    """Whom a drill is about: who was named, or the first person by name for whom it can be carried out.

    Raises:
        InvalidInputError: ``drill.principal``: there is no such principal, or nobody who could be meant.
    """
    from gaitops.drill.probes import approvers, probe_for  # noqa: PLC0415 - the list of drills needs no engine

    if not drill.about_somebody:
        return None
    approving = drill.name == "compromised-approver"
    if given is None:
        able = approvers(found)
        everybody = able if approving else (*able, *(name for name in found.names() if found.is_human(name)))
        if not everybody:
            raise InvalidInputError.of(
                "drill.principal",
                "nobody in this fleet can approve a change with the help of others",
                remedy="Give roles to more people first, or name somebody with --principal.",
            )
        return everybody[0]
    if given not in found.names():
        raise InvalidInputError.of(
            "drill.principal",
            f"there is no principal {given!r} in verified state",
            remedy="`gaitops trust show` lists them.",
        )
    if approving and probe_for(found, given) is None:
        raise InvalidInputError.of(
            "drill.principal",
            f"{given} approves nothing that others could help to decide",
            remedy="Name an approver; `gaitops trust show` lists roles.",
        )
    return given
