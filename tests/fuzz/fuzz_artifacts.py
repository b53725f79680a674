# SPDX-License-Identifier: Apache-2.0
"""Fuzzes the readers of artifacts with coverage as the guide: ``python -m tests.fuzz.fuzz_artifacts -max_total_time=60``.

Arguments are libFuzzer's; a folder among them is a corpus to keep, else the seeds live as long as the run. A finding is written
to ``crash-…`` and can be given as a file argument to repeat it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # has no types

with atheris.instrument_imports(include=["gaitops.gait"]):
    from importlib import import_module

    from gaitops.gait.artifacts.inspect import READERS, inspect
    from gaitops.gait.artifacts.model import PROVEN, Inspection, Keyring, Verdict

    for _target in READERS.values():
        import_module(_target.partition(":")[0])

from tests.gait.artifacts.hostile import assembled, deflated
from tests.gait.artifacts.samples import samples
from tests.gait.artifacts.vectors import archives, keyring, traces

_NO_KEYS = Keyring()
_DEFAULTS = ("-max_len=65536", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1")


class _BrokenError(AssertionError):
    """Something that must hold for any bytes does not hold."""


def one_input(data: bytes) -> None:
    """Judge ``data`` as it stands, and as members of archives whose checksums hold: mutation alone rarely gets so far."""
    _check(data)
    if data[:1] == b"{":
        for names in (("manifest.json", "run.json"), ("pack_manifest.json", "run_payload.json")):
            _check(_archive(dict.fromkeys(names, data)))


def _archive(members: dict[str, bytes]) -> bytes:
    import zlib

    return assembled(
        [(name, deflated(content), len(content), zlib.crc32(content)) for name, content in members.items()]
    )


def _check(data: bytes) -> None:
    """Inspecting never raises, is the same every time, and proves nothing without a key."""
    inspection = inspect(data, _NO_KEYS)
    if inspection != inspect(memoryview(data), _NO_KEYS):
        raise _BrokenError("two inspections of the same bytes differ")
    if inspection.verdict in PROVEN:
        raise _BrokenError("verified without a key")
    _check_one(inspection)
    if inspect(data, keyring()).verdict is Verdict.REJECTED and inspection.verdict is Verdict.VERIFIED:
        raise _BrokenError("a key makes an artifact worse than verified")


def _check_one(inspection: Inspection) -> None:
    if inspection.verdict is Verdict.REJECTED and inspection.facts is not None:
        raise _BrokenError("facts of a rejected artifact")
    if inspection.verdict in {Verdict.REJECTED, Verdict.FAILED} and not inspection.findings:
        raise _BrokenError("bad news without a reason")
    inspection.to_json("file")
    for member in inspection.members:
        _check_one(member)


def write_seeds(folder: Path) -> None:
    """The golden vectors and one sample of every format, as a corpus to start from."""
    seeds = [vector.data for vector in (*traces()[::5], *archives("runpacks.jsonl"))]
    seeds += [sample.data for sample in samples()]
    for number, seed in enumerate(seeds):
        if len(seed) <= 65_536:
            (folder / f"seed-{number:04}").write_bytes(seed)


def main() -> None:
    """Run libFuzzer with the given arguments. It ends its process, so one that needs seeds is run as a child."""
    given = sys.argv[1:]
    if any(not argument.startswith("-") for argument in given):
        names = {argument.partition("=")[0] for argument in given}
        defaults = [argument for argument in _DEFAULTS if argument.partition("=")[0] not in names]
        atheris.Setup([sys.argv[0], *defaults, *given], one_input)
        atheris.Fuzz()
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(Path(folder))
        sys.exit(subprocess.call([sys.executable, "-m", "tests.fuzz.fuzz_artifacts", *given, folder]))


if __name__ == "__main__":
    main()
