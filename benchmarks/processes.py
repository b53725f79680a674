# SPDX-License-Identifier: Apache-2.0
"""Child processes as a user starts them: compiled modules, no bytecode switch, own state directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

GAITOPS = Path(sys.executable).with_name("gaitops")
"""The console script beside this interpreter."""


def environment(state: Path | None = None) -> dict[str, str]:
    """This environment, but modules may be compiled and gaitops keeps its checkpoints in ``state``."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "GAITOPS_TRUST_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept if state is None else {**kept, "XDG_STATE_HOME": str(state)}


def seconds_of(
    command: Sequence[str | Path],
    *,
    state: Path | None = None,
    expect: int = 0,
    stdin: str = "",
    must_print: str = "",
) -> float:
    """Wall-clock time of a whole process, which must end with the exit code ``expect``."""
    start = time.perf_counter()
    done = subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(state),
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode != expect or must_print not in done.stdout + done.stderr:
        raise RuntimeError(
            f"{command} ended with {done.returncode}, not {expect}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return seconds


def measured(what: str, repository: str, *options: str | Path) -> dict[str, float]:
    """One measurement of :mod:`benchmarks.measure` in its own process."""
    command = [sys.executable, "-m", "benchmarks.measure", what, repository, *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{what} of {repository} failed:\n{done.stderr[-3000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result
