# SPDX-License-Identifier: Apache-2.0
"""Carrying out one drill: the fleet's structure is asked, the copy is worked on, the report is written down."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gaitops import __version__
from gaitops.demo.stage import scene
from gaitops.documents.models.drill import DrillReport
from gaitops.documents.times import format_timestamp
from gaitops.drill.catalogue import Drill
from gaitops.drill.structure import head_findings
from gaitops.drill.survey import Survey
from gaitops.drill.twin import StoppedError, Told, Twin


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is to be carried out."""

    drill: Drill
    principal: str | None
    start: datetime


def perform(rehearsal: Rehearsal, found: Survey, folder: Path, told: Told) -> DrillReport:
    """Carry out a drill in ``folder``, which exists and is empty, and stays to be looked at or removed.

    Raises:
        MissingDependencyError: ``git.not_installed``, ``dependency.ssh_keygen``.
        InternalError: ``drill.command_failed``; ``key.write``.
        KeyboardInterrupt: also when Ctrl-C reached a command of the drill.
    """
    runbook, principal = rehearsal.drill.runbook, rehearsal.principal
    findings = (*head_findings(found), *runbook.findings(found, principal))
    with scene(folder) as stage:
        twin = Twin(stage, folder, found, rehearsal.start, told)
        # The last proof says what stopped it, and counts as not proven.
        with suppress(StoppedError):
            runbook.run(twin, principal)
    return DrillReport(
        drill=rehearsal.drill.name,
        fleet=found.fleet,
        trust_root=found.trust_root,
        root_version=found.root.version,
        commit=found.commit,
        principal=principal,
        gaitops_version=__version__,
        started_at=format_timestamp(rehearsal.start),
        passed=all(step.proven for step in twin.steps)
        and all(item.severity != "failure" for item in findings),
        substitutions=tuple(twin.substitutions),
        findings=findings,
        steps=twin.steps,
    )
