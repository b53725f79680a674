# SPDX-License-Identifier: Apache-2.0
"""Signed traces and runpacks in any number, as Gait writes them: the shapes of the golden fleet, other content, own keys.

Every file is another decision or another run: ids, digests and signatures follow from its content. Deterministic.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gaitops.fleet.evidence import KnownRepository, ProducerKey, Registry
from gaitops.gait.artifacts.digests import digest, short_id
from gaitops.gait.gait_keys import GaitPublicKey
from gaitops.signing.canonical import canonical_json

FLEET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "gait" / "fleet"
START: Final = datetime(2026, 10, 5, tzinfo=UTC)
NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
KEYS: Final = 8
_BETWEEN: Final = timedelta(milliseconds=731)
_EXTENDED_TIME: Final = b"UT\x05\x00\x01\x00\xa6\xce\x12"
"""What Go's writer says of a file of 1980."""
_OWNER: Final = "larkspur/"


@dataclass(frozen=True)
class Key:
    """A producer's key."""

    private: Ed25519PrivateKey
    public: GaitPublicKey

    def signature(self, content: str) -> dict[str, str]:
        """The signature object over a hex digest."""
        sig = base64.b64encode(self.private.sign(bytes.fromhex(content))).decode()
        return {"alg": "ed25519", "key_id": self.public.key_id, "sig": sig, "signed_digest": content}


def signing_keys() -> list[Key]:
    """The keys of the benchmark's producers."""
    made = []
    for number in range(KEYS):
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"producer %d" % number).digest())
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        made.append(Key(private, GaitPublicKey(raw)))
    return made


def repositories() -> list[str]:
    """Names of the golden fleet's repositories."""
    return sorted(path.name for path in FLEET.iterdir() if (path / "traces.jsonl").exists())


def registry() -> Registry:
    """The fleet as ingestion knows it: every key signs for every repository."""
    names = [f"github.com/{_OWNER}{name}" for name in repositories()]
    producers = {
        key.public.key_id: ProducerKey(
            f"runner-{number}", key.public.key_id, key.public.raw, frozenset(names), frozenset(), None, None
        )
        for number, key in enumerate(signing_keys())
    }
    known = {
        name: KnownRepository(name, "larkspur", "agents", name.rpartition("/")[2], "agents") for name in names
    }
    return Registry(producers, known, {})


def traces(count: int) -> Iterator[tuple[str, bytes]]:
    """(repository, text) of distinct traces, in the order in which they were made."""
    signers, templates = signing_keys(), list(_trace_templates())
    for number in range(count):
        repository, template = templates[number % len(templates)]
        value = json.loads(json.dumps(template))
        value.pop("signature")
        _retold(value, number, _moment(number))
        value["signature"] = signers[number % KEYS].signature(digest(value))
        yield repository, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _retold(value: dict[str, Any], number: int, moment: datetime) -> None:
    """Another decision of the same shape: time, arguments and everything that follows from them."""
    old_trace, policy = value["trace_id"], value["policy_digest"]
    value["created_at"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    value["observed_at"] = f"{moment:%Y-%m-%dT%H:%M:%S.%f}{number % 89 + 10}{number % 9 + 1}Z"
    value["args_digest"], value["intent_digest"] = _hex("args", number), _hex("intent", number)
    value["trace_id"] = short_id(policy, value["intent_digest"], value["verdict"])
    value["event_id"] = short_id(value["trace_id"], value["observed_at"])
    value["correlation_id"] = _hex("correlation", number)[:24]
    relations = json.dumps(value["relationship"]).replace(old_trace, value["trace_id"])
    value["relationship"] = json.loads(relations)


def runpacks(count: int) -> Iterator[tuple[str, bytes]]:
    """(repository, archive) of distinct signed runpacks."""
    signers, templates = signing_keys(), list(_runpack_templates())
    for number in range(count):
        repository, members = templates[number % len(templates)]
        yield repository, _runpack(members, number, signers[number % KEYS])


def _runpack(members: Mapping[str, bytes], number: int, key: Key) -> bytes:
    manifest = json.loads(members["manifest.json"])
    old = manifest["run_id"]
    run = f"{old.rpartition('_')[0]}_{number:07}"
    moment = f"{_moment(number):%Y-%m-%dT%H:%M:%SZ}"
    files = {
        name: data.replace(old.encode(), run.encode()).replace(
            manifest["created_at"].encode(), moment.encode()
        )
        for name, data in members.items()
        if name != "manifest.json"
    }
    manifest["run_id"], manifest["created_at"] = run, moment
    for file in manifest["files"]:
        file["sha256"] = hashlib.sha256(files[file["path"]]).hexdigest()
    manifest.pop("signatures", None)
    manifest["manifest_digest"] = ""
    manifest["manifest_digest"] = digest(manifest)
    manifest["signatures"] = [key.signature(digest(manifest))]
    return _archive({**files, "manifest.json": canonical_json(manifest)})


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A zip archive as Go streams one: sorted, deflated, each member with a descriptor behind it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(_Stream(buffer), "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            entry.extra = _EXTENDED_TIME
            archive.writestr(entry, files[name])
    return buffer.getvalue()


class _Stream:
    """Cannot go back, so sizes have to stand behind the data."""

    def __init__(self, target: io.BytesIO) -> None:
        self.write, self.flush, self.close = target.write, target.flush, target.close


def _trace_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Well-formed traces of the golden fleet that name their repository, with every verdict and shape that it has."""
    for name in repositories():
        for line in (FLEET / name / "traces.jsonl").read_bytes().splitlines():
            text = orjson.loads(line)["text"]
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue
            signature = value.pop("signature", None)
            if signature is None or value.get("repo") != f"{_OWNER}{name}":
                continue
            if digest(value) == signature["signed_digest"]:
                yield name, {**value, "signature": signature}


def _runpack_templates() -> Iterator[tuple[str, dict[str, bytes]]]:
    for name in repositories():
        for path in sorted((FLEET / name / "runpacks").glob("*.zip")):
            try:
                with zipfile.ZipFile(path) as archive:
                    members = {item.filename: archive.read(item) for item in archive.infolist()}
            except (zipfile.BadZipFile, OSError):
                continue
            declared = json.loads(members["manifest.json"])["files"]
            # Some of the golden fleet's are damaged on purpose.
            if all(hashlib.sha256(members[file["path"]]).hexdigest() == file["sha256"] for file in declared):
                yield name, members


def _moment(number: int) -> datetime:
    return START + number * _BETWEEN


def _hex(what: str, number: int) -> str:
    return hashlib.sha256(f"{what} {number}".encode()).hexdigest()


def write_collected(folder: Path, trace_count: int, runpack_count: int) -> None:
    """``<folder>/larkspur/<repository>/{traces,runpacks}/…``, as a collector lays it out."""
    made = [("traces", "json", traces(trace_count)), ("runpacks", "zip", runpacks(runpack_count))]
    for kind, suffix, artifacts in made:
        for number, (repository, data) in enumerate(artifacts):
            target = folder / "larkspur" / repository / kind / f"{kind[:-1]}_{number:07}.{suffix}"
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True)
            target.write_bytes(data)
