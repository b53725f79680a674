# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy digest``: exactly the digest that Gait prints, or a reason why there is none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click

from gaitops.cli.command import command
from gaitops.cli.exit_codes import INVALID_INPUT, SUCCESS
from gaitops.cli.output import Result

Row = dict[str, str | bool | None]


@command(
    example="gaitops policy digest .gait.yaml\ngaitops policy digest --format jsonl policies/*.yaml",
    formats=("text", "json", "jsonl"),
)
@click.argument("file", nargs=-1, required=True, type=click.Path(path_type=Path))
def digest(*, file: tuple[Path, ...]) -> Result:
    """Print the digest that Gait computes for each policy FILE.

    A file that Gait rejects has no digest, and neither has one that gaitops cannot read with full certainty
    ("not computed"); the exit code is then 6. Nothing is ever guessed.
    """
    rows = [_row(path) for path in file]
    return Result(
        "policy-digest",
        {"files": rows},
        "\n".join(
            f"{row['gait_policy_digest'] or 'error: ' + str(row['error'])}  {row['file']}" for row in rows
        ),
        {"jsonl": lambda: "\n".join(json.dumps(row) for row in rows)},
        exit_code=SUCCESS if all(row["ok"] for row in rows) else INVALID_INPUT,
    )


def _row(path: Path) -> Row:
    from gaitops.cli.files import read_bytes
    from gaitops.errors import InvalidInputError
    from gaitops.gait.policy_digest import digest_policy

    try:
        data = read_bytes(path)
    except InvalidInputError as error:
        return _answer(path, None, None, error.problems[0].message)
    reading = digest_policy(data)
    sha256 = hashlib.sha256(data).hexdigest()
    if reading.outcome == "rejected":
        return _answer(path, None, sha256, "; ".join(str(problem) for problem in reading.problems))
    if reading.digest is None:
        return _answer(path, None, sha256, f"not computed: {reading.reason}")
    return _answer(path, reading.digest, sha256, None)


def _answer(path: Path, digest_: str | None, sha256: str | None, error: str | None) -> Row:
    return {
        "file": str(path),
        "ok": digest_ is not None,
        "gait_policy_digest": digest_,
        "sha256": sha256,
        "error": error,
    }
