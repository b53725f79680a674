# SPDX-License-Identifier: Apache-2.0
"""The content of a twin: the real fleet's verified content, with throw-away keys in the place of everybody's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gaitops.documents.layout import classify
from gaitops.documents.load import load_document
from gaitops.documents.models.trust import ApprovalRule, Principal
from gaitops.documents.writer import values_of, write_yaml
from gaitops.drill.keyring import Keyring, Kind, ThrowAway
from gaitops.drill.survey import CopiedFile, Survey
from gaitops.fleet.people import identities_of

_COUNTS_AS = {"sigstore": "key", "forge": "key", "ssh-sk": "ssh", "key": "key", "ssh": "ssh"}
"""What a kind of identity becomes where nobody can press a token or sign in at a provider."""
_COMMITS_ONLY = frozenset({"openpgp"})
"""Types of identity that never approve, and so must not in the copy."""
_SSH_PREFIXES = ("ssh-", "sk-", "ecdsa-")
_HARDWARE = "sk-"


@dataclass(frozen=True)
class Copied:
    """Files of the twin's first tree, without its root, and what is different in them."""

    files: Mapping[str, CopiedFile]
    substitutions: tuple[str, ...]


def new_document(kind: str, name: str, spec: Mapping[str, object]) -> Mapping[str, object]:
    """A document of the fleet that only a copy has, as values."""
    return {"apiVersion": "gaitops.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def copied(found: Survey, keys: Keyring) -> Copied:
    """Make every key anew and rewrite the documents that name one.

    A key that stands in two places, as a root key in a principal's document, is one key in the twin as well.
    Identities that are revoked or out of date are left out: revocations are history, which a first tree has none of.

    Raises:
        GaitopsError: ``key.*``, when a key file cannot be written.
    """
    known: dict[str, ThrowAway] = {}
    for item in found.root.keys:
        known[item.fingerprint] = keys.root[item.principal] = keys.new(item.principal, "root")
    files, told = dict(found.files), _Told()
    for path, file in found.files.items():
        kind = classify(path).kind
        if kind == "Principal":
            rewritten = _principal(path, file.data, found, keys, known, told)
        elif kind == "ApprovalRule":
            rewritten = _rule(path, file.data, told)
        else:
            continue
        files[path] = CopiedFile(rewritten, file.executable)
    return Copied(files, tuple(told.sentences()))


def with_key(data: bytes, path: str, old: ThrowAway, new: ThrowAway) -> bytes:
    """A principal's document in which one key stands in the place of another."""
    values = values_of(load_document(data, path))
    for entry in values["spec"]["identities"]:
        if entry["publicKey"].strip() == old.public.strip():
            entry["publicKey"] = new.public
    return write_yaml(values)


def with_more(data: bytes, path: str, key: ThrowAway) -> bytes:
    """A principal's document that lists one more key."""
    values = values_of(load_document(data, path))
    taken = {entry["id"] for entry in values["spec"].get("identities", ())}
    label = next(name for number in range(1, 100) if (name := f"drill-{number}") not in taken)
    values["spec"].setdefault("identities", []).append({"id": label, "type": "key", "publicKey": key.public})
    return write_yaml(values)


class _Told:
    """What is different, counted."""

    def __init__(self) -> None:
        self.replaced: dict[str, int] = {}
        self.left_out: list[str] = []
        self.rules: list[str] = []

    def sentences(self) -> Iterator[str]:
        for kind, count in sorted(self.replaced.items()):
            became = "SSH keys in files" if kind == "ssh-sk" else "keys in files"
            yield f"identities of type {kind}: {count}, which are {became} in the copy"
        if self.left_out:
            names = ", ".join(self.left_out[:10]) + (" and more" if len(self.left_out) > 10 else "")
            yield f"identities that are revoked or out of date: {len(self.left_out)}, left out ({names})"
        if self.rules:
            yield f"approval rules that ask for a kind of identity accept keys in files in its place: {', '.join(self.rules)}"


def _principal(
    path: str, data: bytes, found: Survey, keys: Keyring, known: dict[str, ThrowAway], told: _Told
) -> bytes:
    document = load_document(data, path)
    if not isinstance(document, Principal):  # Cannot happen: the path decides the kind.
        return data
    location = classify(path)
    name = f"{location.org}/{location.name}" if location.org is not None else str(location.name)
    values = values_of(document)
    by_id = {identity.label: identity for identity in identities_of(name, document)}
    written = []
    for entry in values["spec"].get("identities", ()):
        identity = by_id[entry["id"]]
        if identity.fingerprint in found.revoked or not identity.valid_at(found.at):
            told.left_out.append(f"{name}/{identity.label}")
            continue
        _count(told, entry)
        key = known.get(identity.fingerprint) or keys.new(name, identity.label, _kind(entry))
        known[identity.fingerprint] = key
        if entry["type"] not in _COMMITS_ONLY:
            keys.give(name, key)
        validity = {member: entry[member] for member in ("validFrom", "validUntil") if member in entry}
        written.append({"id": entry["id"], "type": "key", "publicKey": key.public, **validity})
    values["spec"]["identities"] = written
    return write_yaml(values)


def _kind(entry: Mapping[str, Any]) -> Kind:
    return "ssh" if entry["type"] == "key" and str(entry["publicKey"]).startswith(_SSH_PREFIXES) else "pem"


def _count(told: _Told, entry: Mapping[str, Any]) -> None:
    kind = str(entry["type"])
    if kind == "key":
        if not str(entry["publicKey"]).startswith(_HARDWARE):
            return
        kind = "ssh-sk"
    told.replaced[kind] = told.replaced.get(kind, 0) + 1


def _rule(path: str, data: bytes, told: _Told) -> bytes:
    """Accept what throw-away keys can be, where a rule asks for a kind of identity."""
    document = load_document(data, path)
    if not isinstance(document, ApprovalRule):  # Cannot happen: the path decides the kind.
        return data
    asked = list(document.spec.require.assurance)
    became = list(dict.fromkeys(_COUNTS_AS[kind] for kind in asked))
    if asked == became:
        return data
    values = values_of(document)
    values["spec"]["require"]["assurance"] = became
    values["spec"]["require"].pop("forgeAttesters", None)
    told.rules.append(document.metadata.name)
    return write_yaml(values)
