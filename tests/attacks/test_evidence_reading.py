# SPDX-License-Identifier: Apache-2.0
"""Artifacts that want to be read in two ways, or to be believed without a signature (threats E1-E8)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaitops.gait.artifacts.limits import MIB
from tests.attacks.evidence_tools import NOW, Site, gaitops, guard_digest, key, signed, trace
from tests.gait.artifacts.hostile import HOSTILE
from tests.gait.artifacts.packs import changed
from tests.gait.artifacts.vectors import VECTORS, runpack

MOST_MEMORY = 256 * MIB
_CHILD = """
import sys
from gaitops.cli.main import run
code = run(sys.argv[1:])
sys.stderr.write(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""


def inspect(path: Path, *options: str | Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and file name → document, of one inspection with the keys of the fleet's producers."""
    run = gaitops("evidence", "inspect", "--json", *options, path)
    documents = [json.loads(line) for line in run.out.splitlines()]
    return run.code, {Path(document["file"]).name: document for document in documents}


def refused(data: bytes, code: str, folder: Path) -> None:
    """The file is rejected for this reason, with exit code 2, and says nothing."""
    (folder / "artifact").write_bytes(data)
    exit_code, documents = inspect(folder / "artifact")
    document = documents["artifact"]
    assert (exit_code, document["verdict"]) == (2, "rejected"), document
    assert code in {finding["code"] for finding in document["findings"]}, document


# -- E1: two readings of one text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("twin", "code"),
    [
        ("verdict", "json.duplicate_member"),
        ("verdic\\u0074", "json.duplicate_member"),
        ("VERDICT", "json.case_collision"),
        ("Verdict", "json.case_collision"),
    ],
)
def test_two_verdicts(twin: str, code: str, tmp_path: Path) -> None:
    """E1: a block that other readers take for an allow, because a member stands twice."""
    text = signed(trace(decision="block"), key("checkout-ci")).decode()
    refused(text.replace('"verdict"', f'"{twin}": "allow",\n "verdict"', 1).encode(), code, tmp_path)


def test_long_s(tmp_path: Path) -> None:
    """E1: ``ſ`` is an s to Gait's reader, so ``ſignature`` is a second signature."""
    text = signed(trace(), key("checkout-ci")).decode()
    refused(
        text.replace('"signature"', '"\u017fignature": {}, "signature"', 1).encode(),
        "json.case_collision",
        tmp_path,
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: b"\xef\xbb\xbf" + data, "json.byte_order_mark"),
        (lambda data: data + b'{"verdict": "allow"}', "json.trailing_text"),
        (lambda data: data.replace(b'"cart.read"', b'"cart\xff"'), "json.encoding"),
        (lambda data: data.replace(b'"cart.read"', b'"\\ud800"'), "json.lone_surrogate"),
        (lambda data: data.replace(b'"verdict"', b'"latency_ms": NaN, "verdict"'), "json.syntax"),
    ],
)
def test_text_that_readers_differ_about(change: Callable[[bytes], bytes], code: str, tmp_path: Path) -> None:
    """E1: marks, trailing text, broken letters and numbers that are none."""
    refused(change(signed(trace(), key("checkout-ci"))), code, tmp_path)


# -- E2: archives that list one thing and hold another -----------------------------------------------------------


def _archive(edit: Callable[[zipfile.ZipFile, dict[str, bytes]], None]) -> bytes:
    """A golden runpack with further entries."""
    golden = zipfile.ZipFile(io.BytesIO(runpack("signed-basic").data))
    members = {name: golden.read(name) for name in golden.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        edit(archive, members)
    return buffer.getvalue()


def _again(archive: zipfile.ZipFile, _members: dict[str, bytes]) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("run.json", b"{}")


def _link(archive: zipfile.ZipFile, _members: dict[str, bytes]) -> None:
    link = zipfile.ZipInfo("extra.json")
    link.external_attr = 0o120777 << 16
    archive.writestr(link, b"/etc/passwd")


def _named(name: str) -> Callable[[zipfile.ZipFile, dict[str, bytes]], None]:
    return lambda archive, _members: archive.writestr(name, b"{}")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (_again, "zip.duplicate_name"),
        (_named("RUN.json"), "zip.duplicate_name"),
        (_named("../../run.json"), "zip.unsafe_name"),
        (_named("/etc/cron.d/x"), "zip.unsafe_name"),
        (_named("a\\..\\b"), "zip.unsafe_name"),
        (_link, "zip.link"),
    ],
)
def test_archive_with_a_hostile_entry(
    edit: Callable[[zipfile.ZipFile, dict[str, bytes]], None], code: str, tmp_path: Path
) -> None:
    """E2: an entry twice, outside, or a link; nothing of the archive is used."""
    refused(_archive(edit), code, tmp_path)


def test_archive_inside_other_bytes(tmp_path: Path) -> None:
    """E2: an archive behind a script, and one with a second archive behind it."""
    data = runpack("signed-basic").data
    for hidden in (b"#!/bin/sh\n" + data, data + data):
        (tmp_path / "artifact").write_bytes(hidden)
        code, documents = inspect(tmp_path / "artifact")
        assert (code, documents["artifact"]["verdict"]) == (2, "rejected")


# -- E3: bombs and abysses ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="measures the peak memory of a child as Linux tells it")
def test_bombs_and_abysses(tmp_path: Path) -> None:
    """E3: 100,000 lists inside each other, 2 GiB declared, a thousandfold bomb: little memory, and the good one is judged."""
    names = (
        "nested_lists_in_a_trace",
        "declares_2_gib",
        "bomb_that_declares_little",
        "bomb_that_declares_400_mib",
    )
    for name in names:
        (tmp_path / name).write_bytes(HOSTILE[name][0]())
    (tmp_path / "zz_good").write_bytes(signed(trace(), key("checkout-ci")))
    command = [sys.executable, "-c", _CHILD, "evidence", "inspect", "--json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    found = {Path(document["file"]).name: document for document in map(json.loads, done.stdout.splitlines())}
    for name in names:
        assert found[name]["verdict"] == "rejected"
        assert HOSTILE[name][2] in {finding["code"] for finding in found[name]["findings"]}
    assert found["zz_good"]["verdict"] == "unverifiable"
    assert int(done.stderr.split()[1]) * 1024 < MOST_MEMORY


def test_bombs_are_ingested_as_what_they_are(site: Site) -> None:
    """E3: hostile files between good ones end no ingestion, and change no number but their own."""
    good = {f"acme/checkout/prod/{n}.json": signed(trace(n), key("checkout-ci")) for n in ("a", "z")}
    bad = {
        f"acme/checkout/prod/m_{n}": HOSTILE[n][0]() for n in ("declares_2_gib", "nested_lists", "traversal")
    }
    site.collect({**good, **bad})
    run = site.ingest()
    assert (run.code, run.json["new"], run.json["skipped"]["reasons"]) == (0, 4, {"unrecognised": 1})
    assert [row["verdict"] for row in site.rows("decisions")] == ["verified", "verified"]
    assert site.verify(*site.known).code == 0


# -- E4 to E7: signatures ----------------------------------------------------------------------------------------


def judged(site: Site, data: bytes) -> dict[str, Any]:
    """The row of one artifact, ingested from checkout's production."""
    site.collect({"acme/checkout/prod/artifact": data})
    assert site.ingest().code == 0
    (row,) = site.rows("artifacts")
    return row


def test_signed_again_by_a_stranger(site: Site) -> None:
    """E4: a block becomes an allow and is signed again, by a key that nobody registered."""
    row = judged(site, signed(trace(policy=guard_digest(), repo="acme/checkout"), key("stranger")))
    assert (row["verdict"], row["codes"]) == ("unverifiable", ["signature.unknown_key"])
    assert site.counted() == {}


def test_a_strangers_signature_under_a_registered_name(site: Site) -> None:
    """E4: the key id of a producer above the signature of somebody else."""
    row = judged(site, signed(trace(), key("stranger"), key_id=key("checkout-ci").public.key_id))
    assert (row["verdict"], row["codes"]) == ("failed", ["signature.invalid"])


def test_signature_stripped(site: Site) -> None:
    """E5: without its signature an artifact proves nothing, and production says that one is missing."""
    row = judged(site, json.dumps(trace(policy=guard_digest())).encode())
    assert row["verdict"] == "unsigned"
    numbers = site.numbers()
    assert (numbers["events.total"], numbers["evidence.unsigned_where_required"]) == (0, 1)


def test_content_edited_under_its_signature(site: Site) -> None:
    """E5: the signature stays and the verdict changes."""
    data = signed(trace(decision="block"), key("checkout-ci")).replace(b'"block"', b'"allow"')
    row = judged(site, data)
    assert (row["verdict"], "signature.digest_mismatch" in row["codes"]) == ("failed", True)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"verdict": "maybe"}, "trace.verdict"),
        ({"trace_id": "0" * 24}, "trace.trace_id_mismatch"),
        ({"event_id": "0" * 24}, "trace.event_id_mismatch"),
        ({"schema_id": "gait.gate.approval_token"}, "artifact.schema"),
    ],
)
def test_stolen_key_without_gait(members: dict[str, str], code: str, site: Site) -> None:
    """E6: a stolen producer key signs what Gait would never write."""
    row = judged(site, signed({**trace(), **members}, key("checkout-ci")))
    assert row["verdict"] == "rejected"
    assert code in row["codes"]
    assert site.rows("decisions") == []


def test_runpack_swapped_in_a_signed_pack(tmp_path: Path) -> None:
    """E7: the recorded run inside a signed pack is another one than its payload describes."""
    other = (VECTORS / "runpacks").glob("*.zip")
    wrong = next(path.read_bytes() for path in sorted(other))
    name = next(path.stem for path in sorted((VECTORS / "packs").glob("run*.zip")))

    def swap(files: dict[str, bytes]) -> None:
        (inner,) = (name for name in files if name.endswith(".zip"))
        files[inner] = wrong

    (tmp_path / "honest").write_bytes(changed(name))
    (tmp_path / "swapped").write_bytes(changed(name, swap))
    public = VECTORS / "keys" / "checkout-ci_public.key"
    code, documents = inspect(tmp_path, "--key", public)
    assert documents["honest"]["verdict"] == "verified"
    assert (code, documents["swapped"]["verdict"]) == (2, "failed"), documents["swapped"]


# -- E8: what lies beside an artifact ----------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["../../secret.zip", "/etc/passwd", "..", "link.zip", "a\\..\\secret.zip"])
def test_a_chain_that_names_files_elsewhere(named: str, site: Site) -> None:
    """E8: a session chain can make nobody read files outside the folder that it was collected in."""
    secret = site.folder / "secret.zip"
    secret.write_bytes(runpack("signed-basic").data)
    chain = {
        "schema_id": "gait.runpack.session_chain",
        "schema_version": "1.0.0",
        "created_at": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "producer_version": "1.0.0",
        "session_id": "s",
        "run_id": "r",
        "checkpoints": [
            {
                "checkpoint_index": 1,
                "runpack_path": named,
                "manifest_digest": "0" * 64,
                "sequence_start": 1,
                "sequence_end": 1,
            }
        ],
    }
    site.collect({"acme/checkout/prod/chain.json": json.dumps(chain).encode()})
    (site.inbox / "acme/checkout/prod/link.zip").symlink_to(secret)
    run = site.ingest()
    assert run.code == 0
    (row,) = site.rows("artifacts")
    assert row["kind"] == "session_chain"
    assert row["verdict"] in {"failed", "rejected", "unverifiable", "unsigned"}
    assert "link.zip" in run.json["skipped"]["files"][0]["source"]
