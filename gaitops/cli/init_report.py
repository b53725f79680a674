# SPDX-License-Identifier: Apache-2.0
"""What ``gaitops init`` says: what there is now, the trust root if it is final, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from gaitops.cli.init_build import NOBODY, Built, Plan
from gaitops.cli.output import Result
from gaitops.report.tables import fields
from gaitops.report.text import Style, styled


def report(
    made: Plan, built: Built, folder: Path, publisher_repo: Path | None, publisher_files: Sequence[str]
) -> Result:
    """The result of ``gaitops init``."""
    own = made.signatures.roles[0]
    document = {
        "fleet": made.parameters.fleet,
        "folder": str(folder),
        "trustRoot": made.digest if made.complete else None,
        "solo": made.parameters.solo,
        "root": {
            "threshold": own.threshold,
            "signed": list(own.signed),
            "open": list(own.open),
            "missing": own.missing,
        },
        "publishers": list(made.parameters.publishers),
        "files": list(built.files),
        "commits": list(built.commits),
        "publisherRepository": None if publisher_repo is None else str(publisher_repo),
        "publisherFiles": list(publisher_files),
    }
    return Result("init", document, "\n\n".join(_paragraphs(made, built, folder, publisher_repo)))


def _paragraphs(made: Plan, built: Built, folder: Path, publisher_repo: Path | None) -> list[str]:
    parameters, own = made.parameters, made.signatures.roles[0]
    people = ", ".join(person.name for person in parameters.people)
    rows = [
        ("fleet", f"{parameters.fleet}, {len(built.files)} files in {folder}"),
        ("root people", f"{people}; {own.threshold} must sign what only the root may change"),
        ("publishers", f"{', '.join(parameters.publishers)}; {made.publisher_threshold} must sign a release"),
    ]
    if made.complete:
        rows.append(("trust root", f"sha256:{made.digest}"))
    found = [fields(rows)]
    if parameters.solo:
        warning = "solo root: one person controls this fleet; for trying out only"
        found.append(styled(warning, Style.YELLOW))
    if built.author == NOBODY:
        found.append(
            f"Git does not know your name, so the commits are by {NOBODY.name!r}. "
            "That weakens nothing: what counts are the signatures in approvals/."
        )
    place = shlex.quote(str(folder))
    found.append(_complete(made, place) if made.complete else _incomplete(made, place))
    if publisher_repo is not None:
        where = shlex.quote(str(publisher_repo))
        found.append(
            f"The publisher repository's files are in {where}; read its README.md, then commit it there."
        )
    return found


def _complete(made: Plan, place: str) -> str:
    return "\n".join(
        [
            "Tell the trust root to everybody who verifies or consumes the fleet, on a way that does not lead",
            "through the repository: whoever can change the repository could change it there. Then:",
            "",
            f"  export GAITOPS_TRUST_ROOT=sha256:{made.digest}",
            f"  gaitops verify --repo {place}",
        ]
    )


def _incomplete(made: Plan, place: str) -> str:
    own = made.signatures.roles[0]
    signed = f"signed by {', '.join(own.signed)}" if own.signed else "not signed by anybody"
    waiting = ", ".join(own.open)
    return "\n".join(
        [
            f"There is no trust root yet: root metadata is {signed}, and {own.missing} of {waiting} must still sign.",
            "The commit on main is a draft to be passed on. Next:",
            "",
            f"  1. {waiting}:",
            f"     gaitops trust sign --repo {place} --key KEY",
            f"     git -C {place} commit -am 'Sign root metadata'",
            f"  2. once complete, {own.threshold} of the root people, with the trust root that `trust sign` printed:",
            f"     gaitops approve --repo {place} --base main --head main --as NAME --key KEY --trust-root sha256:…",
            f"     git -C {place} add approvals && git -C {place} commit -m 'Approve genesis'",
            f"  3. gaitops verify --repo {place} --trust-root sha256:…",
        ]
    )
