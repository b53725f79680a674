# SPDX-License-Identifier: Apache-2.0
"""The two repositories of a new fleet: where people decide, and where what they decided is signed.

They are separate so that nobody who can push to the first reaches a publishing key of the second (design 8, threat R12).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from gaitops.scaffold.actions import fleet_actions
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.templates import render_tree

_KEY_INDENT: Final = " " * 8

_SOLO: Final = """\
> **For trying out only.** This fleet was made with `--solo`: one person holds all root authority, and every verdict
> says so. That person can add people alone, but still cannot approve their own changes.
"""
_SHARED: Final = """\
Adding or removing people, roles, approval rules or CI configuration needs {threshold} of these {people} root keys.
"""
_TOO_FEW: Final = """\

Production and high-risk changes need two approvers besides the author. With fewer than three people nobody can
approve them: add a person first.
"""


def render_fleet(parameters: FleetParameters) -> Mapping[str, bytes]:
    """Every file of a new fleet repository except ``trust/root/`` and ``approvals/``, by path."""
    people, orgs = parameters.people, parameters.orgs
    values = {
        "fleet": parameters.fleet,
        "version": parameters.version,
        "trust_root": parameters.trust_root,
        "principals": _quoted(person.name for person in people),
        "people": ", ".join(f"`{person.name}`" for person in people),
        "someone": people[0].name,
        "publishers": ", ".join(f"`{name}`" for name in parameters.publishers),
        "org": orgs[0] if orgs else "ORG",
        "org_owners": "\n".join(f"# /orgs/{org}/ @your-org/{org}" for org in orgs or ("ORG",)),
        "authority": _authority(parameters),
    }
    items: dict[str, list[Mapping[str, str]]] = {
        "principal": [_person_values(person) for person in people],
        "org": [{"org": org} for org in orgs],
    }
    files = {**render_tree("fleet-repo", values, items), **fleet_actions()}
    return {path: files[path] for path in sorted(files, key=str.encode)}


def render_publisher(parameters: FleetParameters) -> Mapping[str, bytes]:
    """Every file of the publisher repository that belongs to the fleet, by path."""
    values = {"fleet": parameters.fleet, "version": parameters.version}
    return render_tree("publisher-repo", values, {})


def _person_values(person: FleetPerson) -> Mapping[str, str]:
    key = "\n".join(_KEY_INDENT + line for line in person.public_key.splitlines())
    return {"principal": person.name, "emails": _quoted(person.emails), "public_key": key}


def _quoted(texts: Iterable[str]) -> str:
    """A YAML flow list of double-quoted strings: unlike a plain ``no`` or ``1e3`` they are texts to every parser."""
    return json.dumps(list(texts))


def _authority(parameters: FleetParameters) -> str:
    people = len(parameters.people)
    shared = _SOLO if parameters.solo else _SHARED.format(threshold=parameters.threshold, people=people)
    return (shared + (_TOO_FEW if people < 3 else "")).rstrip("\n")
