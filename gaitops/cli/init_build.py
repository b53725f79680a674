# SPDX-License-Identifier: Apache-2.0
"""What ``gaitops init`` makes: root metadata signed as far as keys are at hand, and two commits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops import __version__
from gaitops.cli.files import create_files
from gaitops.cli.sealing import KeySealer, sealed
from gaitops.cli.trust_keys import KeyArgument, NamedKey, public_key, signing_key
from gaitops.documents.layout import root_path
from gaitops.errors import InvalidInputError, MissingDependencyError, Problem
from gaitops.git.remote import GitProgram
from gaitops.git.repository import Repository
from gaitops.git.writing import Person, commit_files, init_repository, record_checkout, update_branch
from gaitops.history.session import open_history
from gaitops.history.signable import of_genesis
from gaitops.release.ceremony import RootSignatures, missing_root_signatures, new_root, sign_root
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.repositories import render_fleet
from gaitops.signing.keys import public_text

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT_LIFE = timedelta(days=365)
GENESIS_LIFETIME = timedelta(days=7)
"""As long as the built-in rule lets an approval count."""
BRANCH = "main"
NOBODY = Person("gaitops init", "gaitops@localhost.invalid")
"""Author of the first commits when Git does not know the user. It carries no authority: envelopes do."""
_GENERATE = "`gaitops key generate --out alice.pem`"
_UNKNOWN_DIGEST = "0" * 64


@dataclass(frozen=True)
class Plan:
    """Everything that is settled before the first file is written."""

    parameters: FleetParameters
    root: bytes
    signatures: RootSignatures
    people: tuple[NamedKey, ...]
    publisher_threshold: int
    moment: datetime

    @property
    def digest(self) -> str:
        """SHA-256 of the root metadata; the trust root only once its signatures are complete."""
        return self.parameters.trust_root

    @property
    def complete(self) -> bool:
        """Whether enough root people have signed."""
        return self.signatures.complete


@dataclass(frozen=True)
class Built:
    """What was written."""

    files: tuple[str, ...]
    commits: tuple[str, ...]
    """Oldest first."""
    author: Person


def plan(
    *,
    fleet: str,
    orgs: Sequence[str],
    root_keys: Sequence[KeyArgument],
    publisher_keys: Sequence[KeyArgument],
    threshold: int | None,
    publisher_threshold: int,
    solo: bool,
    emails: Sequence[tuple[str, str]],
    moment: datetime,
) -> Plan:
    """Read the keys, check everything, and sign root metadata 1 with every private root key.

    Raises:
        InvalidInputError: ``init.*``, ``key.*`` or ``trust.root_invalid``.
    """
    _require_people(len(root_keys), solo)
    _require_publishers(len(publisher_keys))
    people = tuple(signing_key(argument) for argument in root_keys)
    publishers = tuple(public_key(argument) for argument in publisher_keys)
    parameters = FleetParameters(
        fleet=fleet,
        people=_with_emails(people, emails),
        threshold=threshold if threshold is not None else 1 if solo else 2,
        publishers=tuple(item.name for item in publishers),
        trust_root=_UNKNOWN_DIGEST,
        version=__version__,
        orgs=tuple(orgs),
        solo=solo,
    )
    _require_separate(people, publishers)
    root = new_root(
        [(item.name, item.key) for item in people],
        parameters.threshold,
        [(item.name, item.key) for item in publishers],
        publisher_threshold,
        moment + ROOT_LIFE,
    )
    for person in people:
        if person.signer is not None:
            root = sign_root(root, person.signer)
    parameters = replace(parameters, trust_root=hashlib.sha256(root).hexdigest())
    return Plan(parameters, root, missing_root_signatures(None, root), people, publisher_threshold, moment)


def build_repository(folder: Path, made: Plan) -> Built:
    """Write the repository into ``folder``, which exists and is empty, and check it out.

    With complete root signatures a second commit carries the approvals of genesis. Without, the first commit is
    a draft: genesis will be the commit that completes the root.
    """
    files = {**render_fleet(made.parameters), root_path(1): made.root}
    repository = init_repository(folder, BRANCH)
    author = _author(folder)
    message = f"Fleet {made.parameters.fleet}" + ("" if made.complete else " (root not completely signed)")
    first = _commit(repository, None, files, message, author, made.moment)
    commits = [first]
    if made.complete:
        envelopes = _approvals(repository, first, made)
        commits.append(_commit(repository, first, envelopes, "Approve genesis", author, made.moment))
        files.update(envelopes)
    written = create_files(folder, files)
    record_checkout(repository, commits[-1])
    return Built(tuple(written), tuple(commits), author)


def _commit(
    repository: Repository,
    base: str | None,
    files: Mapping[str, bytes],
    message: str,
    author: Person,
    moment: datetime,
) -> str:
    when = int(moment.timestamp())
    commit = commit_files(repository, base, files, message=message, author=author, when=when)
    update_branch(repository, BRANCH, commit, base)
    return commit


def _approvals(repository: Repository, commit: str, made: Plan) -> dict[str, bytes]:
    """Every root person whose private key is at hand vouches for the first tree."""
    files: dict[str, bytes] = {}
    with open_history(repository, commit, made.digest, at=made.moment) as history:
        signables = of_genesis(history)
        for person in made.people:
            if person.signer is not None:
                signed = sealed(
                    history,
                    signables,
                    KeySealer(person.signer),
                    "approve",
                    person.name,
                    GENESIS_LIFETIME,
                    "genesis",
                )
                files.update(signed)
    return files


def _author(folder: Path) -> Person:
    try:
        return GitProgram(folder, os.environ).user_identity()
    except MissingDependencyError:
        return NOBODY
    except InvalidInputError as error:
        if error.code != "git.identity":
            raise
        return NOBODY


def _with_emails(people: Iterable[NamedKey], emails: Sequence[tuple[str, str]]) -> tuple[FleetPerson, ...]:
    addresses: dict[str, list[str]] = {}
    for name, address in emails:
        addresses.setdefault(name, []).append(address)
    found = tuple(
        FleetPerson(item.name, public_text(item.key), tuple(addresses.pop(item.name, ()))) for item in people
    )
    if addresses:
        raise InvalidInputError(
            Problem("init.email", f"no root person is called {name!r}", field="email") for name in addresses
        )
    return found


def _require_people(count: int, solo: bool) -> None:
    if count == 0:
        raise InvalidInputError.of(
            "init.no_root_key",
            "a fleet begins with the keys of its root people, and none was given",
            remedy=f"Make one with {_GENERATE} and pass --root-key alice.pem; for others, their public keys.",
        )
    if solo and count > 1:
        raise InvalidInputError.of(
            "init.solo",
            f"--solo means one root person, and {count} root keys were given",
            remedy="Leave out --solo: several people share the root.",
        )
    if count == 1 and not solo:
        raise InvalidInputError.of(
            "init.too_few_people",
            "one root person alone could change everything; at least 2 are needed",
            remedy="Pass the --root-key of a second person (a public key is enough), or --solo to try gaitops out.",
        )


def _require_publishers(count: int) -> None:
    if count == 0:
        raise InvalidInputError.of(
            "init.no_publisher",
            "a fleet needs a publisher: the key that signs releases, and no root key, "
            "because it lives where CI can use it",
            remedy="Make one with `gaitops key generate --out publisher.pem` and pass "
            "--publisher-key publisher.pem.pub.",
        )


def _require_separate(people: Iterable[NamedKey], publishers: Iterable[NamedKey]) -> None:
    owners = {item.key.keyid: item.name for item in people}
    for publisher in publishers:
        if publisher.key.keyid in owners:
            raise InvalidInputError.of(
                "init.publisher_is_root",
                f"publisher {publisher.name} has the root key of {owners[publisher.key.keyid]}; "
                "whoever gets hold of a publishing key must not reach the root",
                remedy="Make a key of its own with `gaitops key generate --out publisher.pem`.",
            )
