# SPDX-License-Identifier: Apache-2.0
"""Founding a fleet: its first tree by the ceremony of ``gaitops init``, and what does not fit into one tree after it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from gaitops.change.permissions import ADMIN, APPROVER, AUDITOR, AUTHOR
from gaitops.documents.layout import root_path
from gaitops.documents.writer import write_yaml
from gaitops.drill.batches import Plan, plan
from gaitops.drill.changes import Asked, Change, approve, begin, commit, gather, merge
from gaitops.drill.copied import new_document
from gaitops.drill.keyring import ThrowAway
from gaitops.drill.survey import CopiedFile
from gaitops.drill.twin import PERSON, Twin
from gaitops.git.writing import Person, commit_files, init_repository, record_checkout, update_branch
from gaitops.release.ceremony import new_root
from gaitops.signing.keys import parse_public_key

ROOT_LIFE: Final = timedelta(days=365)
"""Life of the copy's root metadata, as ``gaitops init`` gives it."""
_FOUNDERS: Final = ("drill-founder-1", "drill-founder-2", "drill-founder-3")
"""One proposes and two approve what does not fit into the first tree; then they are taken out again."""
_ROLES: Final = (AUTHOR, APPROVER, ADMIN, AUDITOR)


def found_fleet(twin: Twin, fleet: str, files: Mapping[str, CopiedFile]) -> str:
    """Found a fleet repository with the twin's root people and publishers; its trust root.

    Raises:
        StoppedError: this content cannot be founded anew.
        GaitopsError: root metadata cannot be made of these keys.
    """
    consumer = twin.found.consumer
    planned = plan(files, consumer[0] if consumer is not None else None)
    if not planned.batches:
        return _first_tree(twin, fleet, planned.first)
    founders = {name: twin.keys.new(name, "founder") for name in _FOUNDERS}
    for name, key in founders.items():
        twin.keys.give(name, key)
    theirs = _documents(founders)
    digest = _first_tree(twin, fleet, {**planned.first, **theirs})
    _bring_in(twin, planned)
    _dismiss(twin, theirs)
    twin.keys.forget(founders)
    twin.different(*planned.left_out)
    return digest


def _first_tree(twin: Twin, fleet: str, files: Mapping[str, CopiedFile]) -> str:
    """Root metadata, signatures of a threshold of the root people, the first tree in one commit, their approval of it."""
    twin.enter(fleet)
    root = twin.found.root
    _write(twin, files)
    people = [(name, parse_public_key(key.public)) for name, key in twin.keys.root.items()]
    publishers = [(name, parse_public_key(key.public)) for name, key in twin.keys.publishers.items()]
    unsigned = new_root(people, root.threshold, publishers, root.targets_threshold, twin.now + ROOT_LIFE)
    twin.write(root_path(1), unsigned)
    signing = sorted(twin.keys.root)[: root.threshold]
    for name in signing:
        twin.run(f"gaitops trust sign --key {twin.path(twin.keys.root[name])} --yes")
    signed = twin.read(root_path(1))
    _first_commit(twin, {**{path: file.data for path, file in files.items()}, root_path(1): signed})
    digest = hashlib.sha256(signed).hexdigest()
    twin.trust(digest)
    for name in signing:
        key = twin.path(twin.keys.root[name])
        twin.run(f"gaitops approve --base main --head main --as {name} --key {key} --yes")
    commit(twin, "Approve genesis", ("approvals",))
    return digest


def _first_commit(twin: Twin, files: Mapping[str, bytes]) -> None:
    repository = init_repository(twin.folder / twin.fleet)
    author = Person(PERSON, f"{PERSON}@example.com")
    when = int(twin.now.timestamp())
    first = commit_files(repository, None, files, message="Fleet", author=author, when=when)
    update_branch(repository, "main", first, None)
    record_checkout(repository, first)


def _bring_in(twin: Twin, planned: Plan) -> None:
    """The rest of the content, one batch after the other.

    Raises:
        StoppedError: a batch cannot be approved.
    """
    for number, batch in enumerate(planned.batches, 1):

        def make(batch: Mapping[str, CopiedFile] = batch) -> None:
            _write(twin, batch)

        _land(twin, f"bring-in-{number}", make, tuple(batch))


def _dismiss(twin: Twin, theirs: Mapping[str, CopiedFile]) -> None:
    """The founders leave nothing behind but history.

    Raises:
        StoppedError: it cannot be approved.
    """

    def remove() -> None:
        for path in theirs:
            twin.write(path, None)

    _land(twin, "dismiss-founders", remove, tuple(theirs))


def _land(twin: Twin, branch: str, make: Callable[[], None], paths: tuple[str, ...]) -> None:
    """Founders approve first, without asking: judging a large change takes as long as signing it."""
    begin(twin, Change(branch, _FOUNDERS[0], make, paths))
    for name in _FOUNDERS[1:]:
        approve(twin, name, twin.keys.by_owner[name][0])
    gather(twin, Asked(never=_FOUNDERS))
    merge(twin, branch)


def _write(twin: Twin, files: Mapping[str, CopiedFile]) -> None:
    for path, file in files.items():
        twin.write(path, file.data, executable=file.executable)


def _documents(founders: Mapping[str, ThrowAway]) -> dict[str, CopiedFile]:
    made: dict[str, Mapping[str, object]] = {}
    for name, key in founders.items():
        identity = {"id": "drill", "type": "key", "publicKey": key.public}
        made[f"trust/principals/{name}.yaml"] = new_document(
            "Principal", name, {"type": "human", "identities": [identity]}
        )
    for role in _ROLES:
        name = f"drill-founders-{role.replace('_', '-')}"
        spec = {"role": role, "scope": "fleet", "members": {"principals": list(founders)}}
        made[f"trust/roles/{name}.yaml"] = new_document("RoleBinding", name, spec)
    return {path: CopiedFile(write_yaml(value), executable=False) for path, value in made.items()}
