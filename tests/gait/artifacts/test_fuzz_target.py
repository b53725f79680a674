# SPDX-License-Identifier: Apache-2.0
"""The fuzz target runs: a few hundred inputs from its seeds, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.gait.artifacts.vectors import runpack, trace

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is only there on Linux")
def test_the_fuzz_target_runs(tmp_path: Path) -> None:
    """A few seeds of both forms break no rule that must hold for any bytes, and libFuzzer ends content."""
    for vector in (trace("no-attribution"), runpack("signed-one"), runpack("bomb-declared-small")):
        (tmp_path / vector.name).write_bytes(vector.data)
    command = [sys.executable, "-m", "tests.fuzz.fuzz_artifacts", "-runs=5", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "stat::number_of_executed_units" in done.stderr
