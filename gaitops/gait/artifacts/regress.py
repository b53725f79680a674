# SPDX-License-Identifier: Apache-2.0
"""Regress results, and the output of the command that is often stored under the same name (Gait contract 6).

Both are unsigned. The result says of each grader which runpack it looked at. A fixture without a candidate is compared
with its own recording, which lies beside its description: that much can be told from the result alone.
:func:`with_fixtures` takes the descriptions themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from posixpath import dirname, join, normpath
from typing import Final

from gaitops.gait.artifacts.documents import HEAD, Format, expect_word
from gaitops.gait.artifacts.facts import GraderFacts, OtherFacts, RegressFacts
from gaitops.gait.artifacts.fields import Flag, Free, Integer, Objs, Spec, Text, Texts, checked, extras
from gaitops.gait.artifacts.hygiene import read_object
from gaitops.gait.artifacts.model import Buffer, Inspection
from gaitops.gait.artifacts.reading import Notes, Source, member, objects, text, texts
from gaitops.gait.artifacts.times import moment
from gaitops.gait.regress_drift import drift_class, is_vacuous

_STATUSES: Final = ("pass", "fail")
_CONFORMANCES: Final = ("", "none", "runtime_only", "semantic", "missing")
_RECORDING: Final = "runpack.zip"
"""Name that ``gait regress init`` gives to the recording of a fixture."""
_NAMES_A_CANDIDATE: Final = frozenset({"candidate_path_invalid", "candidate_runpack_invalid"})

_GRADER: Final = Spec(
    name=Text(always=True),
    status=Text(always=True),
    reason_codes=Texts(always=True),
    context_conformance=Text(),
    details=Free(),
)
REGRESS_RESULT: Final = Format(
    "regress_result",
    "gait.regress.result",
    Spec(
        **HEAD,
        fixture_set=Text(always=True),
        status=Text(always=True),
        graders=Objs(_GRADER, always=True),
    ),
)
REGRESS_OUTPUT: Final = Spec(
    ok=Flag(always=True),
    status=Text(),
    fixture_set=Text(),
    graders=Integer(),
    failed=Integer(),
    top_failure_reason=Text(),
    next_command=Text(),
    artifact_paths=Texts(),
    output=Text(),
    junit=Text(),
    error=Text(),
    error_code=Text(),
    error_category=Text(),
    retryable=Flag(),
    hint=Text(),
    correlation_id=Text(),
)
FIXTURE: Final = Spec(
    schema_id=Text(always=True),
    schema_version=Text(always=True),
    name=Text(always=True),
    run_id=Text(always=True),
    runpack=Text(always=True),
    candidate_runpack=Text(),
)
"""Of a fixture's description, what tells whether it has a candidate."""


def read(source: Source) -> Inspection:
    """Judge a regress result."""
    value, notes = REGRESS_RESULT.opened(source)
    graders = tuple(_grader(item) for item in objects(value, "graders"))
    status = text(value, "status")
    expect_word(notes, value, "status", _STATUSES)
    for item in objects(value, "graders"):
        expect_word(notes, item, "status", _STATUSES)
        expect_word(notes, item, "context_conformance", _CONFORMANCES)
    failing = sum(grader.status != "pass" for grader in graders)
    if (status == "pass") is not (failing == 0):
        notes.forged("regress.status_mismatch", f"the status is {status}, and {failing} graders failed")
    vacuous = is_vacuous(status, graders)
    if vacuous:
        notes.notes("regress.vacuous_pass", "passed, and no fixture was compared with a candidate")
    return notes.conclude(
        "regress_result",
        source,
        facts=RegressFacts(
            fixture_set=text(value, "fixture_set"),
            status=status,
            created_at=moment(value.get("created_at")),
            producer_version=text(value, "producer_version"),
            graders=graders,
            drift_class=drift_class(graders),
            vacuous=vacuous,
        ),
    )


def read_output(source: Source) -> Inspection:
    """Judge what the command printed: it has counts and no graders, so it is never taken for a result."""
    value = checked(REGRESS_OUTPUT, source.document)
    notes = Notes()
    notes.extras(extras(REGRESS_OUTPUT, value))
    notes.notes("regress.command_output", "what the command printed; the result itself is another file")
    ids = {"correlation_id": value.get("correlation_id")}
    return notes.conclude("regress_cli_output", source, ids=ids, facts=OtherFacts("", None, ""))


def with_fixtures(result: RegressFacts, fixtures: Mapping[str, Buffer]) -> RegressFacts:
    """The result with what the descriptions of its fixtures say about candidates.

    Args:
        result: facts of a result.
        fixtures: fixture name → bytes of its ``fixture.json``. Fixtures without one keep what the result shows.

    Raises:
        RejectedError: a description is not readable, or has other types than Gait reads.
    """
    named = {name: _has_candidate(data) for name, data in fixtures.items()}
    graders = tuple(
        replace(grader, candidate=named.get(grader.fixture, grader.candidate)) for grader in result.graders
    )
    return replace(result, graders=graders, vacuous=is_vacuous(result.status, graders))


def _grader(item: Mapping[str, object]) -> GraderFacts:
    name, details = text(item, "name"), member(item, "details")
    before, _, after = name.partition("/")
    fixture = text(details, "fixture") or before
    return GraderFacts(
        name=name,
        fixture=fixture,
        grader=after or name,
        status=text(item, "status"),
        reason_codes=texts(item, "reason_codes"),
        run_id=text(details, "run_id"),
        context_conformance=text(item, "context_conformance"),
        candidate=_compared(fixture, text(details, "candidate_runpack"), texts(item, "reason_codes")),
    )


def _compared(fixture: str, looked_at: str, reasons: tuple[str, ...]) -> bool | None:
    """Whether a grader had a candidate: it names another runpack than the recording, or fails over the candidate."""
    if not _NAMES_A_CANDIDATE.isdisjoint(reasons):
        return True
    if not looked_at:
        return None
    path = normpath(looked_at.replace("\\", "/"))
    own = join(dirname(path), _RECORDING)
    return path != own or dirname(path).rpartition("/")[2] != fixture


def _has_candidate(data: Buffer) -> bool:
    fixture = checked(FIXTURE, read_object(data))
    candidate, recording = text(fixture, "candidate_runpack"), text(fixture, "runpack")
    return bool(candidate.strip()) and normpath(candidate) != normpath(recording)
