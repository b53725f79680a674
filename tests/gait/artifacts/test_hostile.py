# SPDX-License-Identifier: Apache-2.0
"""Hostile artifacts: a clear verdict, bounded memory, and the rest of the batch goes on (threats T21, T22)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.limits import MIB
from gaitops.gait.artifacts.model import Verdict
from tests.gait.artifacts.hostile import HOSTILE
from tests.gait.artifacts.vectors import archives, keyring, runpack, trace

MOST_MEMORY = 256 * MIB
_CHILD = """
import sys
from gaitops.cli.main import run
code = run(sys.argv[1:])
sys.stderr.write(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""
"""Runs the command line and tells its peak memory in KiB; a parent would be told its own, from before the exec."""
NOT_REJECTED = {"a_runpack_of_many_intents": "unsigned", "intents_of_the_largest_lines": "failed"}
"""What is merely large, or merely wrong."""


@pytest.mark.skipif(sys.platform != "linux", reason="measures the peak memory of a child as Linux tells it")
def test_every_hostile_artifact_gets_its_verdict_in_bounded_memory(tmp_path: Path) -> None:
    """One process inspects bombs, abysses and lies next to a good trace, and never holds 256 MiB."""
    for name, (make, _, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(make())
    (tmp_path / "zz_good_trace").write_bytes(trace("no-attribution").data)
    command = [sys.executable, "-c", _CHILD, "evidence", "inspect", "--json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    found = {Path(document["file"]).name: document for document in documents}
    for name, (_, kind, code) in HOSTILE.items():
        codes = [finding["code"] for finding in found[name]["findings"]]
        assert found[name]["kind"] == kind, (name, codes)
        assert (code in codes) if code else not codes, (name, codes)
        assert found[name]["verdict"] == NOT_REJECTED.get(name, "rejected")
    assert found["zz_good_trace"]["verdict"] == "unverifiable"
    assert int(done.stderr.split()[1]) * 1024 < MOST_MEMORY


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 21, 22, 23, 100, 1000])
def test_any_beginning_and_any_end_of_an_artifact_is_judged(size: int) -> None:
    """Cutting an artifact anywhere never ends the inspection, and never gives something that is verified."""
    for data in (runpack("signed-basic").data, trace("no-attribution").data.strip()):
        for piece in (data[:size], data[-size:] if size else b"", data[:-size] if size else b""):
            assert inspect(piece, keyring()).verdict is Verdict.REJECTED


def test_every_single_byte_of_a_runpack_counts() -> None:
    """No byte of a signed runpack can change without notice, save those of the archive's own dates and versions."""
    data = runpack("signed-one").data
    before = inspect(data, keyring())
    for position in range(0, len(data), 3):
        changed = bytearray(data)
        changed[position] ^= 0x01
        after = inspect(bytes(changed), keyring())
        if after.verdict is Verdict.VERIFIED:
            assert after.facts == before.facts


def test_a_memoryview_is_as_good_as_bytes() -> None:
    """Callers may map a file instead of reading it."""
    for vector in archives("runpacks.jsonl")[:40]:
        assert inspect(memoryview(vector.data), keyring()) == inspect(vector.data, keyring())
