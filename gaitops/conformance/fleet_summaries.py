# SPDX-License-Identifier: Apache-2.0
"""Summaries that repositories submitted, in place of a clone: verified one by one, and never better than they are.

A summary counts for what the fleet requires *now*: see :func:`gaitops.conformance.vsa.verify_summary`. Controls that
it does not have, because an older gaitops made it or somebody asked for fewer, lack data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from securesystemslib.signer import Key

from gaitops.conformance.fleet import Place, PlaceReport
from gaitops.conformance.fleet_survey import Requirements, requirement
from gaitops.conformance.model import ControlResult, Outcome, RepositoryResult
from gaitops.conformance.vsa import OURS, Expected, verify_summary
from gaitops.errors import GaitopsError, Problem, VerificationError
from gaitops.pin.require import Require
from gaitops.signing.dsse import parse_envelope
from gaitops.signing.statement import parse_statement


def read_summaries(
    files: Iterable[tuple[str, bytes]],
    keys: Collection[Key],
    places: Mapping[tuple[str, str], Place],
    requirements: Requirements,
    controls: Collection[str],
    trust_root: str,
    at: datetime,
    require: Require = Require.KEY,
) -> tuple[dict[Place, PlaceReport], tuple[Problem, ...]]:
    """Reports made of submitted summaries, the newest for each place, and why the others do not count.

    Args:
        files: Name and bytes of each envelope.
        keys: Keys of the verifiers that the caller trusts.
        places: By (repository, environment), those that a summary may speak for.
        requirements: Who says what is required.
        controls: Ids of the controls that are judged.
        trust_root: SHA-256 of root version 1.
        at: Time of judgement.
        require: Signatures that each verifier must have asked the pin for, at least.
    """
    found: dict[Place, PlaceReport] = {}
    rejected: list[Problem] = []
    for name, data in files:
        try:
            place = places.get(_claimed(data, name))
            if place is None:
                continue
            required = requirement(requirements, place)
            expected = Expected(
                trust_root, place.repository, place.environment, at, required, require=require
            )
            result = _with_controls(verify_summary(data, keys, expected, name).result, controls)
        except GaitopsError as error:
            rejected.extend(replace(problem, path=name) for problem in error.problems)
            continue
        known = found.get(place)
        if known is None or known.result is None or known.result.at < result.at:
            found[place] = PlaceReport(place, "summary", result)
    return found, tuple(rejected)


def _claimed(data: bytes, name: str) -> tuple[str, str]:
    """Which repository and environment an envelope says it is about; nothing is believed yet."""
    statement = parse_statement(parse_envelope(data, name).payload, name)
    ours = statement.predicate.get(OURS)
    if isinstance(ours, dict):
        repository, environment = ours.get("repository"), ours.get("environment")
        if isinstance(repository, str) and isinstance(environment, str):
            return repository, environment
    raise VerificationError.of("statement.invalid", "not a verification summary with a result of gaitops")


def _with_controls(result: RepositoryResult, controls: Collection[str]) -> RepositoryResult:
    """The result for exactly these controls."""
    by_id = {item.control: item for item in result.controls}
    return replace(result, controls=tuple(by_id.get(name) or _absent(name) for name in controls))


def _absent(control: str) -> ControlResult:
    return ControlResult(
        control,
        Outcome.INSUFFICIENT_DATA,
        "the submitted summary does not have this control",
        "make a new summary: gaitops conformance --vsa",
    )
