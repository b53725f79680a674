# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence inspect``: any files in, one verdict each out, and the batch always goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gaitops.cli import output_schemas
from gaitops.gait.artifacts import limits
from tests.cli.harness import Invoke, Run
from tests.gait.artifacts.vectors import VECTORS, trace, traces

KEYS = (
    "--key",
    VECTORS / "keys" / "checkout-ci_public.key",
    "--key",
    VECTORS / "keys" / "platform-runner_public.key",
)
GOOD = VECTORS / "runpacks" / "signed-basic.zip"


def documents(run: Run) -> list[dict[str, Any]]:
    """The lines on standard output, each valid against the schema."""
    validator = jsonschema.Draft202012Validator(output_schemas.load("evidence-inspect"))
    found = [json.loads(line) for line in run.out.splitlines()]
    for document in found:
        validator.validate(document)
    return found


def test_one_line_per_file_with_everything_that_is_known(gaitops: Invoke, tmp_path: Path) -> None:
    """Each line has file, kind, verdict, findings, digest, ids and digests to join on."""
    file = tmp_path / "looks-like-nothing"
    file.write_bytes(trace("extra-nested-relationship").data)
    run = gaitops("evidence", "inspect", "--json", *KEYS, file, GOOD)
    first, second = documents(run)
    assert (first["file"], first["kind"], first["verdict"]) == (
        str(file),
        "trace",
        "verified_with_unsigned_extras",
    )
    assert [finding["code"] for finding in first["findings"]] == ["artifact.unsigned_extras"]
    assert first["ids"]["event_id"] == "7e20b68c1b7601ab4edfe599"
    assert first["digests"]["policy_digest"].startswith("6e772d10ae40")
    assert (second["kind"], second["verdict"], second["findings"]) == ("runpack", "verified", [])
    assert run.code == 0


def test_a_folder_is_inspected_to_its_leaves_in_order(gaitops: Invoke, tmp_path: Path) -> None:
    """Files come sorted; what is plainly no artifact is listed, and does not make the run fail."""
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "trace.json").write_bytes(trace("no-attribution").data)
    (tmp_path / "a.md").write_text("# Notes\n", encoding="utf-8")
    run = gaitops("evidence", "inspect", "--json", *KEYS, tmp_path)
    assert [(line["kind"], line["verdict"]) for line in documents(run)] == [
        ("unknown", "rejected"),
        ("trace", "verified"),
    ]
    assert run.code == 0


def test_a_named_file_that_is_no_artifact_is_bad_news(gaitops: Invoke, tmp_path: Path) -> None:
    """Whoever names a file means an artifact."""
    file = tmp_path / "a.md"
    file.write_text("# Notes\n", encoding="utf-8")
    assert gaitops("evidence", "inspect", "--json", file).code == 2


def test_a_failed_artifact_ends_with_2_and_the_rest_goes_on(gaitops: Invoke, tmp_path: Path) -> None:
    """A missing file, a bad artifact and a good one: three lines, and the verdict decides the exit code."""
    bad = VECTORS / "runpacks" / "flip-run.zip"
    run = gaitops("evidence", "inspect", "--json", *KEYS, tmp_path / "absent", bad, GOOD)
    lines = documents(run)
    assert lines[0]["error_code"] == "input.unreadable"
    assert [line["verdict"] for line in lines[1:]] == ["failed", "verified"]
    assert run.code == 2


def test_an_unreadable_path_alone_ends_with_6(gaitops: Invoke, tmp_path: Path) -> None:
    """Nothing was seen that is bad, but not everything was seen."""
    run = gaitops("evidence", "inspect", "--json", *KEYS, tmp_path / "absent", GOOD)
    assert [line.get("verdict") for line in documents(run)] == [None, "verified"]
    assert run.code == 6


def test_a_key_file_that_is_none_is_refused(gaitops: Invoke, tmp_path: Path) -> None:
    """A wrong key file is an error of its own, not a verdict on every artifact."""
    file = tmp_path / "key"
    file.write_text("no key\n", encoding="utf-8")
    run = gaitops("evidence", "inspect", "--json", "--key", file, GOOD)
    assert (run.code, run.json["error_code"]) == (6, "gait_key.malformed")


def test_links_inside_folders_are_not_followed(gaitops: Invoke, tmp_path: Path) -> None:
    """A link out of an evidence folder leads nowhere, and is told."""
    outside = tmp_path / "outside.json"
    outside.write_bytes(trace("no-attribution").data)
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "link.json").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    run = gaitops("evidence", "inspect", "--json", folder)
    assert {line["error"] for line in documents(run)} == {"a link, which is not followed"}
    assert run.code == 6


def test_a_pipe_is_not_read(gaitops: Invoke, tmp_path: Path) -> None:
    """A named pipe would wait forever; only regular files are artifacts."""
    os.mkfifo(tmp_path / "pipe")
    for argument in (tmp_path, tmp_path / "pipe"):
        run = gaitops("evidence", "inspect", "--json", argument)
        assert [line["error"] for line in documents(run)] == ["not a regular file"]
        assert run.code == 6


def test_a_file_larger_than_any_artifact_is_hashed_and_rejected(
    gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size alone never fills the memory: the file is hashed in pieces, and its digest and size are told."""
    monkeypatch.setattr(limits, "MAX_ARTIFACT_BYTES", 1000)
    monkeypatch.setattr("gaitops.gait.artifacts.inspect.MAX_ARTIFACT_BYTES", 1000)
    run = gaitops("evidence", "inspect", "--json", GOOD)
    (line,) = documents(run)
    assert [finding["code"] for finding in line["findings"]] == ["artifact.too_large"]
    assert (line["kind"], line["size"]) == ("runpack", GOOD.stat().st_size)
    assert (
        line["sha256"] == next(item for item in _runpack_lines() if item["name"] == "signed-basic")["sha256"]
    )


def _runpack_lines() -> list[dict[str, Any]]:
    text = (VECTORS / "runpacks.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_text_for_people(gaitops: Invoke, tmp_path: Path) -> None:
    """A table of what needs attention first, counts by kind and verdict, and what to do about each verdict."""
    for number, vector in enumerate(traces()[:60]):
        (tmp_path / f"{number:03}.json").write_bytes(vector.data)
    (tmp_path / "bad.zip").write_bytes((VECTORS / "runpacks" / "flip-run.zip").read_bytes())
    run = gaitops("evidence", "inspect", *KEYS, tmp_path)
    assert run.code == 2
    lines = run.out.splitlines()
    assert lines[0].split() == ["file", "kind", "verdict", "reason"]
    assert "bad.zip" in lines[1]
    assert "runpack.file_digest" in lines[1]
    assert "… and 11 more files; --json lists all" in run.out
    assert "failed: do not use it" in run.out
    assert max(map(len, lines)) <= 100
