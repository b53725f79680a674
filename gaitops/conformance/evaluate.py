# SPDX-License-Identifier: Apache-2.0
"""The judgement of one repository in one environment: every control, then the waivers.

Pure: the same content, requirement and context give the same result on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from gaitops.conformance.control import Control
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import ControlResult, InputDigest, Outcome, RepositoryResult, Requirement
from gaitops.conformance.registry import CONTROLS
from gaitops.conformance.waivers import apply_waivers
from gaitops.pin.layout import FOLDER, PIN_FILE, RELEASE_FILE, assignments_file

_MENDABLE = frozenset({Outcome.FAIL, Outcome.WARN, Outcome.INSUFFICIENT_DATA})


def evaluate(
    subject: Subject, required: Required | None, context: Context, controls: Sequence[Control] = CONTROLS
) -> RepositoryResult:
    """Judge ``subject``.

    Args:
        subject: The repository and its environment.
        required: What is required of it; ``None`` when nothing that verifies says so.
        context: Trust root, time and evidence.
        controls: What to check; all by default.
    """
    plain = [_judged(control, subject, required, context) for control in controls]
    waivers = () if required is None else required.waivers
    results, notices = apply_waivers(plain, waivers, context.at)
    return RepositoryResult(
        repository=subject.repository,
        environment=subject.environment,
        commit=subject.commit,
        trust_root=context.trust_root,
        at=context.at,
        requirement=None if required is None else _requirement(required),
        controls=results,
        notices=notices,
        waivers=tuple(dict.fromkeys(item.waiver for item in results if item.waiver is not None)),
        inputs=tuple(_inputs(subject, required, context)),
        require=context.require.word,
    )


def _judged(control: Control, subject: Subject, required: Required | None, context: Context) -> ControlResult:
    found = control.evaluate(subject, required, context)
    remedy = (found.remedy or control.remedy) if found.outcome in _MENDABLE else None
    return ControlResult(control.id, found.outcome, found.reason, remedy, found.path, found.line)


def _requirement(required: Required) -> Requirement:
    return Requirement(
        source=required.source,
        fleet=required.fleet,
        release=required.release,
        commit=required.commit,
        root_version=required.root_version,
        mode=required.mode,
        enforced=None if required.enforced is None else required.enforced.ref,
        candidate=None if required.candidate is None else required.candidate.ref,
    )


def _inputs(subject: Subject, required: Required | None, context: Context) -> Iterator[InputDigest]:
    files = subject.reading.files
    for name in (PIN_FILE, RELEASE_FILE, assignments_file(subject.environment)):
        if name in files:
            yield InputDigest(f"{FOLDER}/{name}", hashlib.sha256(files[name]).hexdigest())
    if required is not None and required.source_sha256 is not None:
        yield InputDigest(f"release:{required.fleet}/{required.release}", required.source_sha256)
    if context.evidence_sha256 is not None:
        yield InputDigest("evidence-summary", context.evidence_sha256)
