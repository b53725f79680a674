# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin gait-args``: how to run Gait with what is pinned."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command, prints_text
from gaitops.cli.output import Result, note
from gaitops.cli.require import require as require_option

if TYPE_CHECKING:
    from gaitops.pin.gait_args import GaitRun
    from gaitops.pin.require import Require


@command(
    "gait-args",
    example="gaitops pin gait-args --environment production\ngaitops pin gait-args --environment production --candidate --json",
)
@click.option("--environment", required=True, metavar="ENV", help="A pinned environment.")
@click.option("--candidate", is_flag=True, help="Only the candidate's run; nothing when there is none.")
@options.consumer_repo
@require_option
@options.trust_root
def gait_args(*, environment: str, candidate: bool, repo: Path, require: Require, trust_root: str) -> Result:
    """Print the arguments of gait gate eval for each run of an environment: one line each, the enforced run first.

    The pin is verified first, as by gaitops pin verify. Ask once when a job starts, not for each call. Paths are
    relative to the root of the repository; each call adds its own --intent FILE, and a candidate's --trace-out FILE.
    """
    from gaitops.pin.folder import read_folder
    from gaitops.pin.gait_args import gait_runs
    from gaitops.pin.verify import verify_pin

    verified = verify_pin(read_folder(repo), trust_root, require=require)
    runs = [run for run in gait_runs(verified, environment) if not candidate or run.which == "candidate"]
    if prints_text():
        for run in runs:
            for text in run.notes:
                note(f"note: {run.which}: {text}")
    mode = verified.pin.environments[environment].mode
    members = {"environment": environment, "mode": mode, "runs": [_json(run) for run in runs]}
    return Result("pin-gait-args", members, "\n".join(shlex.join(run.arguments) for run in runs))


def _json(run: GaitRun) -> dict[str, object]:
    return {
        "run": run.which,
        "policy": str(run.version),
        "gaitDigest": run.version.gait_digest,
        "arguments": list(run.arguments),
        "folder": run.folder,
        "notes": list(run.notes),
    }
