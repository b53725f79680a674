# SPDX-License-Identifier: Apache-2.0
"""What a new fleet is made from. A value that exists has been checked, so rendering cannot be led astray.

Every text that reaches a template comes from here and has an alphabet that needs no escaping in YAML,
Markdown or shell. Whether keys and thresholds make a sound trust root is judged where root metadata is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gaitops.documents.models.base import NAME_PATTERN, SHA256_PATTERN
from gaitops.errors import InvalidInputError, Problem
from gaitops.signing.keys import parse_public_key

FLEET: Final = "fleet"
"""Name of the partition outside all organizations, so no organization can have it."""

_NAME: Final = re.compile(NAME_PATTERN)
_DIGEST: Final = re.compile(SHA256_PATTERN)
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,128}")
_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/=]{1,76}\n)+-----END PUBLIC KEY-----\n")
PUBLIC_VERSION: Final = re.compile(
    r"[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\.dev[0-9]+)?"
)
"""Public versions of PEP 440 in normal form; a local version cannot be installed from an index."""


@dataclass(frozen=True, slots=True)
class FleetPerson:
    """One person with a root key, who starts with every human role at fleet scope."""

    name: str
    public_key: str
    """SPKI PEM: TUF root metadata uses only key types that every TUF client can read (design 4)."""
    emails: tuple[str, ...] = ()
    """Addresses under which the person commits; they bar the person from approving those commits."""


@dataclass(frozen=True, slots=True)
class FleetParameters:
    """A new fleet.

    Raises:
        InvalidInputError: with every problem at once: ``init.name``, ``init.duplicate``, ``init.email``,
            ``init.key`` (or a ``key.*`` code), ``init.threshold``, ``init.trust_root``, ``init.version``.
    """

    fleet: str
    people: tuple[FleetPerson, ...]
    threshold: int
    """How many root keys must sign what only the root may change."""
    publishers: tuple[str, ...]
    """Names of those who sign releases; root metadata holds their keys."""
    trust_root: str
    """SHA-256 of ``trust/root/1.root.json`` in bare hex; printed for comparison only."""
    version: str
    """Version of gaitops that CI installs."""
    orgs: tuple[str, ...] = ()
    solo: bool = False
    """One person holds all root authority; for trying out only (design 4)."""

    def __post_init__(self) -> None:
        problems = [*_naming_problems(self), *_person_problems(self.people), *_number_problems(self)]
        if problems:
            raise InvalidInputError(problems)


def _naming_problems(parameters: FleetParameters) -> Iterable[Problem]:
    lists = {
        "fleet": (parameters.fleet,),
        "orgs": parameters.orgs,
        "people": tuple(person.name for person in parameters.people),
        "publishers": parameters.publishers,
    }
    for field, names in lists.items():
        for name in names:
            if not _NAME.fullmatch(name):
                expected = "1 to 63 lowercase letters, digits and inner hyphens"
                yield Problem("init.name", f"{name!r} is not a name: expected {expected}", field=field)
        if field == "orgs" and FLEET in names:
            yield Problem(
                "init.name", f"{FLEET!r} is the name of what belongs to no organization", field=field
            )
        if len(set(names)) != len(names):
            yield Problem("init.duplicate", f"a name stands twice among {', '.join(names)}", field=field)


def _person_problems(people: Iterable[FleetPerson]) -> Iterable[Problem]:
    for person in people:
        for email in person.emails:
            if not _EMAIL.fullmatch(email):
                yield Problem("init.email", f"{email!r} is not an e-mail address", field="people")
        if not _PEM.fullmatch(_with_newline(person.public_key)):
            # The text is not shown: it may be a private key given by mistake.
            message = f"the key of {person.name!r} is not a public key in PEM (-----BEGIN PUBLIC KEY-----)"
            yield Problem("init.key", message, field="people", remedy="gaitops key show FILE prints it")
            continue
        try:
            parse_public_key(person.public_key)
        except InvalidInputError as error:
            yield from error.problems


def _number_problems(parameters: FleetParameters) -> Iterable[Problem]:
    people, least = len(parameters.people), 1 if parameters.solo else 2
    if not least <= parameters.threshold <= people:
        yield Problem(
            "init.threshold",
            f"threshold {parameters.threshold} of {people} root people: expected {least} to the number of people",
            field="threshold",
            remedy="name at least two people with a threshold of two, or use --solo to try gaitops out",
        )
    if not parameters.publishers:
        yield Problem("init.name", "a fleet needs at least one publisher", field="publishers")
    if not _DIGEST.fullmatch(parameters.trust_root):
        yield Problem("init.trust_root", "expected 64 lowercase hex digits", field="trust_root")
    if not PUBLIC_VERSION.fullmatch(parameters.version):
        message = f"{parameters.version!r} is not a version that pip can install from an index"
        yield Problem("init.version", message, field="version")


def _with_newline(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
