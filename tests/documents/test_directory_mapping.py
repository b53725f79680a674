# SPDX-License-Identifier: Apache-2.0
"""What a directory mapping may say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.validate import validate_snapshot
from gaitops.errors import InvalidInputError
from tests.directory.fleets import MAPPING, MemoryFleet
from tests.simulator import document

PATH = "trust/directories/corp.yaml"
OIDC = {"type": "oidc", "url": "https://accounts.example.com"}


def loaded(change: Callable[[dict[str, Any]], None]) -> None:
    """Load the usual mapping after a change."""
    spec = copy.deepcopy(MAPPING)
    change(spec)
    load_document(document("DirectoryMapping", "corp", spec).encode(), PATH)


def of_oidc(spec: dict[str, Any]) -> None:
    """Make it one of an OpenID provider."""
    spec["source"] = dict(OIDC)
    spec["users"].update(name="email")


def _with(member: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec[member].update(values)


def _oidc_with(member: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        of_oidc(spec)
        if member == "groups":
            spec["groups"].append({**values, "group": "x"})
        else:
            spec[member].update(values)

    return change


WRONG: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("plain http", _with("source", url="http://directory.example.com/scim")),
    ("http to a look-alike of loopback", _with("source", url="http://127.0.0.1.example.com/")),
    ("credentials", _with("source", url="https://user:secret@directory.example.com/")),
    ("query", _with("source", url="https://directory.example.com/?x=1")),
    ("no url", lambda spec: spec["source"].pop("url")),
    ("a file with a url", _with("source", type="file")),
    ("userinfo of scim", _with("source", userinfoUrl="https://directory.example.com/me")),
    ("a name that people choose", _with("users", name="displayName")),
    ("a look-alike domain", _with("users", domains=["ex\u0430mple.com"])),
    ("a domain twice", _with("users", domains=["example.com", "example.com"])),
    ("a user named twice", _with("users", named=[{"id": "1", "name": "a"}, {"id": "1", "name": "b"}])),
    ("two users with one name", _with("users", named=[{"id": "1", "name": "a"}, {"id": "2", "name": "a"}])),
    ("a group without a key", lambda spec: spec["groups"].append({"group": "x"})),
    ("a group with two keys", lambda spec: spec["groups"].append({"id": "1", "displayName": "1", "group": "x"})),
    ("one id for two groups", lambda spec: spec["groups"].append({"id": "g-pay", "group": "x"})),
    ("one group filled twice", lambda spec: spec["groups"].append({"id": "g-x", "group": "payments"})),
    ("an unknown role", lambda spec: spec["groups"][0]["roles"][0].update(role="root")),
    ("a role twice", lambda spec: spec["groups"][0]["roles"].append(spec["groups"][0]["roles"][0])),
    ("oidc with a chosen name", _oidc_with("users", name="userName")),
    ("oidc with a chosen subject", _oidc_with("users", subject="userName")),
    ("oidc with a group by name", _oidc_with("groups", displayName="x")),
]  # fmt: skip


@pytest.mark.parametrize("change", [item[1] for item in WRONG], ids=[item[0] for item in WRONG])
def test_a_mapping_that_leaves_doubt_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    """Where a token goes, who somebody is and what a group gives have one reading."""
    with pytest.raises(InvalidInputError):
        loaded(change)


@pytest.mark.parametrize(
    "change",
    [
        of_oidc,
        _with("source", url="http://127.0.0.1:8080/scim/v2"),
        _with("source", url="http://[::1]/"),
        lambda spec: spec.update(source={"type": "file"}),
    ],
)
def test_a_plain_mapping_is_accepted(change: Callable[[dict[str, Any]], None]) -> None:
    """The baseline of what is refused."""
    loaded(change)


def test_names_of_a_mapping_must_exist() -> None:
    """A scope without its org, and a link to a mapping that nobody wrote, are reported by validation."""
    fleet = MemoryFleet()
    fleet.edit(PATH, lambda spec: spec["groups"][0]["roles"][0].update(scope="org/nowhere"))
    link = {"mapping": "other", "id": "1"}
    fleet.edit("trust/principals/alice.yaml", lambda spec: spec.update(directory=link))
    problems = validate_snapshot(fleet.setting.state.snapshot)
    found = {(item.path, item.field) for item in problems if item.code == "reference.unknown"}
    assert (PATH, "spec.groups[0].roles[0].scope") in found
    assert ("trust/principals/alice.yaml", "spec.directory.mapping") in found
