# SPDX-License-Identifier: Apache-2.0
"""Transparency log of signatures: what Rekor does, in both of its versions.

Sources: RFC 6962 (2.1) for the tree; C2SP signed-note and tlog-checkpoint for checkpoints; sigstore/rekor-tiles
(hashedrekord 0.0.2) and sigstore/rekor (dsse and hashedrekord 0.0.1) for entries.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .keys import LogKey, key_id, new_key, sign

Json = dict[str, object]


def b64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


class Tree:
    """A Merkle tree that grows (RFC 6962 2.1)."""

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]
        """Hashes of complete subtrees: level n holds those of 2^n leaves."""

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf; its position."""
        self._levels[0].append(hashlib.sha256(b"\0" + leaf).digest())
        for level, hashes in enumerate(self._levels):
            if len(hashes) % 2:
                break
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(_children(hashes[-2], hashes[-1]))
        return len(self) - 1

    def root(self) -> bytes:
        """MTH of all leaves."""
        return self._hash(0, len(self))

    def proof(self, position: int) -> list[bytes]:
        """Audit path of a leaf in the tree of all leaves (RFC 6962 2.1.1)."""
        return self._path(position, 0, len(self))

    def _path(self, position: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if position < middle:
            return [*self._path(position, start, middle), self._hash(middle, end)]
        return [*self._path(position, middle, end), self._hash(start, middle)]

    def _hash(self, start: int, end: int) -> bytes:
        size = end - start
        if size == 0:
            return hashlib.sha256().digest()
        if size & (size - 1) == 0 and start % size == 0:
            return self._levels[size.bit_length() - 1][start // size]
        middle = start + (1 << (size - 1).bit_length() - 1)
        return _children(self._hash(start, middle), self._hash(middle, end))


def _children(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass
class Log:
    """One log with a key and a name; several threads may add to it."""

    origin: str
    key: LogKey
    tree: Tree = field(default_factory=Tree)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def log_id(self) -> bytes:
        """Id of the log: of Ed25519 keys as C2SP signed-note derives it, of others as RFC 6962 does."""
        if isinstance(self.key, Ed25519PrivateKey):
            raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return hashlib.sha256(self.origin.encode() + b"\n\x01" + raw).digest()
        return key_id(self.key)

    def another_key(self) -> LogKey:
        """A key of the same kind."""
        return Ed25519PrivateKey.generate() if isinstance(self.key, Ed25519PrivateKey) else new_key()

    def checkpoint(self, key: LogKey | None = None, witnesses: int = 0) -> str:
        """The log's signed statement of size and root; signed with another key when one is given.

        Witnesses sign as well; nobody checks what, so here they sign nothing (C2SP tlog-cosignature).
        """
        text = f"{self.origin}\n{len(self.tree)}\n{b64(self.tree.root())}\n"
        signature = self.log_id[:4] + sign(key or self.key, text.encode())
        # Rekor v1 writes the number of its tree behind its name.
        name = self.origin.partition(" ")[0]
        lines = [
            f"— {name} {b64(signature)}",
            *(f"— witness.example/{n} {b64(bytes(76))}" for n in range(witnesses)),
        ]
        return "\n".join([text, *lines, ""])

    def add(
        self, body: bytes, kind: str, version: str, *, noted_with: LogKey | None = None, witnesses: int = 0
    ) -> Json:
        """Append an entry, and describe it as a bundle does (TransparencyLogEntry)."""
        with self.lock:
            index = self.tree.append(body)
            return {
                "logIndex": str(index),
                "logId": {"keyId": b64(self.log_id)},
                "kindVersion": {"kind": kind, "version": version},
                "inclusionProof": {
                    "logIndex": str(index),
                    "rootHash": b64(self.tree.root()),
                    "treeSize": str(len(self.tree)),
                    "hashes": [b64(item) for item in self.tree.proof(index)],
                    "checkpoint": {"envelope": self.checkpoint(noted_with, witnesses)},
                },
                "canonicalizedBody": b64(body),
            }

    def promised(self, entry: Json, at: datetime) -> Json:
        """The entry with the time of its integration, and the log's promise about it (Rekor v1)."""
        seconds = int(at.timestamp())
        promise = {
            "body": entry["canonicalizedBody"],
            "integratedTime": seconds,
            "logID": self.log_id.hex(),
            "logIndex": int(str(entry["logIndex"])),
        }
        return {
            **entry,
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(self.key, canonical(promise)))},
        }


def answer_v1(entry: Json) -> Json:
    """How Rekor v1's own interface spells an entry with a promise."""
    proof = cast("dict[str, object]", entry["inclusionProof"])
    promise = cast("dict[str, str]", entry["inclusionPromise"])
    checkpoint = cast("dict[str, str]", proof["checkpoint"])
    return {
        "body": entry["canonicalizedBody"],
        "integratedTime": int(str(entry["integratedTime"])),
        "logID": _hex(cast("dict[str, str]", entry["logId"])["keyId"]),
        "logIndex": int(str(entry["logIndex"])),
        "verification": {
            "inclusionProof": {
                "checkpoint": checkpoint["envelope"],
                "hashes": [_hex(item) for item in cast("list[str]", proof["hashes"])],
                "logIndex": int(str(proof["logIndex"])),
                "rootHash": _hex(str(proof["rootHash"])),
                "treeSize": int(str(proof["treeSize"])),
            },
            "signedEntryTimestamp": promise["signedEntryTimestamp"],
        },
    }


def _hex(encoded: str) -> str:
    return base64.b64decode(encoded).hex()


def pae(payload_type: str, payload: bytes) -> bytes:
    """What the signature of an envelope is over (DSSE, protocol.md)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def canonical(value: object) -> bytes:
    """RFC 8785, for the ASCII texts and small integers that entries hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def tiled(origin: str) -> Log:
    """A log as Rekor v2 keeps them: Ed25519."""
    return Log(origin, Ed25519PrivateKey.generate())


def classic(origin: str) -> Log:
    """A log as Rekor v1 keeps them: ECDSA."""
    return Log(origin, new_key())


def hashed_body(digest: bytes, signature: bytes, certificate: bytes) -> bytes:
    """Body of a hashedrekord 0.0.2: the digest that was signed, signature and certificate in DER."""
    return canonical(
        {
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {
                "hashedRekordV002": {
                    "data": {"algorithm": "SHA2_256", "digest": b64(digest)},
                    "signature": {
                        "content": b64(signature),
                        "verifier": {
                            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                            "x509Certificate": {"rawBytes": b64(certificate)},
                        },
                    },
                }
            },
        }
    )


def hashed_body_v1(digest: bytes, signature: bytes, certificate_pem: bytes) -> bytes:
    """Body of a hashedrekord 0.0.1."""
    return canonical(
        {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {"content": b64(signature), "publicKey": {"content": b64(certificate_pem)}},
            },
        }
    )


def dsse_body_v1(
    envelope: bytes, payload: bytes, signatures: Sequence[bytes], certificate_pem: bytes
) -> bytes:
    """Body of a dsse 0.0.1."""
    return canonical(
        {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(envelope).hexdigest()},
                "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
                "signatures": [
                    {"signature": b64(signature), "verifier": b64(certificate_pem)}
                    for signature in signatures
                ],
            },
        }
    )
