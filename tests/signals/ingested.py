# SPDX-License-Identifier: Apache-2.0
"""The fleet vectors as tables, by the real readers, the real attribution and the real rows; only the store is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from deltalake import write_deltalake

from gaitops.evidence.attribution import Attributor, Envelope
from gaitops.evidence.rows import Tables
from gaitops.evidence.signal_facts import CommittedPolicy, Fleet
from gaitops.fleet.evidence import FleetView, ProducerKey
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Keyring
from gaitops.gait.gait_keys import GaitPublicKey, read_public_key
from gaitops.gait.policy_digest import digest_policy
from tests.evidence.table_store import FolderTables
from tests.gait.runpack_files import FLEET, REPOSITORIES
from tests.posture import larkspur

KEYS = FLEET.parent / "keys"
COLLECTED = larkspur.WINDOW.until - timedelta(minutes=1)
REGISTERED = ("checkout-ci", "platform-runner")


def repository(name: str) -> str:
    """Id of a repository of the vectors."""
    return f"github.com/larkspur/{name}"


@cache
def keys() -> dict[str, GaitPublicKey]:
    """Producer keys that are registered."""
    return {name: read_public_key((KEYS / f"{name}_public.key").read_bytes()) for name in REGISTERED}


@cache
def view() -> FleetView:
    """The fleet at the end, with its producers, each registered for every repository."""
    everywhere = frozenset(map(repository, REPOSITORIES))
    producers = {
        key.key_id: ProducerKey(name, key.key_id, b"", everywhere, frozenset(), None, None)
        for name, key in keys().items()
    }
    found = larkspur.view()
    return replace(found, registry=replace(found.registry, producers=producers))


def deliveries(name: str) -> Iterator[tuple[str, bytes]]:
    """Traces, runpacks, audits and regress results of one repository, in the order of delivery."""
    folder = FLEET / name
    for line in (folder / "traces.jsonl").read_text(encoding="utf-8").splitlines():
        delivery = json.loads(line)
        yield f"{name}/traces/{delivery['file']}", delivery["text"].encode()
    for path in sorted((folder / "runpacks").iterdir()):
        yield f"{name}/runpacks/{path.name}", path.read_bytes()
    for path in sorted(folder.glob("regress/*/regress_result.json")):
        yield f"{name}/{path.relative_to(folder)}", path.read_bytes()
    for number, line in enumerate((folder / "approval_audits.jsonl").read_text("utf-8").splitlines()):
        yield f"{name}/approval_audits/{number}.json", json.loads(line)["text"].encode()


def write_fleet(folder: Path) -> FolderTables:
    """The tables of the whole fleet."""
    attributor, keyring, tables = Attributor(view().registry), Keyring(keys().values()), Tables()
    known: set[str] = set()
    position = 0
    positions: dict[str, int] = {}
    for name in REPOSITORIES:
        for source, data in deliveries(name):
            inspection = inspect(data, keyring)
            envelope = Envelope(source, repository(name))
            duplicate = inspection.sha256 in known
            known.add(inspection.sha256)
            if not duplicate:
                positions[inspection.sha256] = position
                position += 1
            inspection, attribution = attributor.attribute(inspection, envelope, COLLECTED)
            tables.add(
                inspection,
                attribution,
                batch="batch",
                collected_at=COLLECTED,
                source=source,
                duplicate=duplicate,
            )
    columns = tables.rows["artifacts"].columns
    columns["position"] = [
        None if again else positions[digest]
        for digest, again in zip(columns["artifact"], columns["duplicate"], strict=True)
    ]
    for name, own in tables.rows.items():
        write_deltalake(str(folder / name), own.arrow())
    return FolderTables(folder)


def fleet() -> Fleet:
    """What the fleet repository, and checkouts of the repositories, say."""
    committed: dict[str, CommittedPolicy] = {}
    for name in REPOSITORIES:
        data = (FLEET / name / ".gait.yaml").read_bytes()
        committed[repository(name)] = CommittedPolicy(f"{name}/.gait.yaml", digest_policy(data).digest)
    return Fleet(view(), larkspur.line(), committed)
