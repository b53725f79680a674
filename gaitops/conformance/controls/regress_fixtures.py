# SPDX-License-Identifier: Apache-2.0
"""``regress.fixtures``."""

from __future__ import annotations

from gaitops.conformance.control import Control, failed, passed
from gaitops.conformance.files import find_file
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment
from gaitops.content import TREE_MODE
from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError
from gaitops.gait.project_files import (
    FIXTURE_FILE,
    FIXTURES_FOLDER,
    REGRESS_FILE,
    UnreadableFileError,
    fixture,
    listed_fixtures,
)


def _evaluate(subject: Subject, _required: Required | None, _context: Context) -> Assessment:
    config = find_file(subject.snapshot, REGRESS_FILE)
    if config is None:
        return failed(f"there is no {REGRESS_FILE}")
    path = REGRESS_FILE
    try:
        names = listed_fixtures(strict_json.loads(config.data, path))
        if not names:
            return failed(f"{REGRESS_FILE} lists no regress fixture", path=path)
        vacuous = []
        for name in names:
            path = f"{FIXTURES_FOLDER}/{name}/{FIXTURE_FILE}"
            found = find_file(subject.snapshot, path)
            if found is None:
                return failed(f"fixture {name} is listed, and its file is missing", path=path)
            if fixture(name, strict_json.loads(found.data, path)).vacuous:
                vacuous.append(name)
    except InvalidInputError as error:
        return failed(f"{path} cannot be read: {error.problems[0].message}", path=path)
    except UnreadableFileError as error:
        return failed(f"{path} cannot be read: {error}", path=path)
    if vacuous:
        listed = ", ".join(vacuous)
        return failed(
            f"without a candidate, these fixtures pass whatever happens: {listed}", path=REGRESS_FILE
        )
    unlisted = _unlisted(subject, names)
    more = f"; not listed, and so not run: {', '.join(unlisted)}" if unlisted else ""
    return passed(f"{len(names)} fixtures, each with a candidate{more}")


def _unlisted(subject: Subject, names: tuple[str, ...]) -> list[str]:
    children = subject.snapshot.children(FIXTURES_FOLDER)
    folders = (
        name for name, entry in sorted(children.items()) if entry.mode == TREE_MODE and name not in names
    )
    return [
        name for name in folders if FIXTURE_FILE in subject.snapshot.children(f"{FIXTURES_FOLDER}/{name}")
    ]


CONTROL = Control(
    id="regress.fixtures",
    title="Regress fixtures exist and compare something",
    why="Gait's regress tests show that agents still behave under a new policy. A fixture without a candidate runpack "
    "is compared with itself and passes whatever happens.",
    measured="`gait.yaml` lists at least one fixture, `fixtures/<name>/fixture.json` is there for each, and each names "
    "a `candidate_runpack` other than its own `runpack`. Files that cannot be read with certainty fail.",
    remedy="record a fixture: gait regress init; then set candidate_runpack in its fixture.json to what a test run makes",
    evaluate=_evaluate,
)
