# SPDX-License-Identifier: Apache-2.0
"""Commit objects, read strictly from their raw bytes.

Git and libgit2 are lenient here in ways that matter to a verdict: both take ``1700000000junk`` for a time, both
accept a second ``gpgsig`` header, libgit2 answers questions about parents from graft files. A commit whose parents
or tree cannot be read breaks the history and is fatal; everything else that is odd is kept in
:attr:`Commit.problem` (or as a time of ``None``), because a later commit can repair it (design 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from gaitops.errors import VerificationError

SignatureKind = Literal["ssh", "openpgp", "x509", "unknown"]

LATEST_TIME: Final = 253_402_300_799
"""9999-12-31T23:59:59Z in Unix seconds: the last time that every tool can write down."""

_LINKS: Final = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)")
_PEOPLE: Final = re.compile(rb"author ([^\n]*)\ncommitter ([^\n]*)(?:\n|\Z)")
_EXTRA_HEADER: Final = re.compile(rb"([!-~]+) ([^\0\n]*(?:\n [^\0\n]*)*)(?:\n|\Z)")
_IDENT: Final = re.compile(
    rb"(?:([^<>\n\0]*) )?<([^<>\n\0]*)>(?: (0|[1-9][0-9]{0,11}) [+-][0-9]{2}[0-5][0-9])?([^<>\n\0]*)"
)
_COAUTHOR: Final = re.compile(
    r"^[ \t]*co-authored-by[ \t]*:(.*(?:\n[ \t]+.*)*)", re.IGNORECASE | re.MULTILINE
)
_EMAIL: Final = re.compile(r"<([^<>]*)>|([^\s<>]+@[^\s<>]+)")
_LEADING: Final = frozenset({b"tree", b"parent", b"author", b"committer"})
_AT_MOST_ONCE: Final = frozenset({b"encoding", b"gpgsig", b"gpgsig-sha256"})
_NEWLINE: Final = 0x0A
_ENCODINGS: Final = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "latin1", "latin-1", "windows-1252"}
)
_ARMOR: Final[tuple[tuple[bytes, SignatureKind], ...]] = (
    (b"-----BEGIN SSH SIGNATURE-----", "ssh"),
    (b"-----BEGIN PGP SIGNATURE-----", "openpgp"),
    (b"-----BEGIN PGP MESSAGE-----", "openpgp"),
    (b"-----BEGIN SIGNED MESSAGE-----", "x509"),
)


class Links(NamedTuple):
    """What a commit points to."""

    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ident:
    """An author or committer line. Bytes that are not text in the commit's encoding become U+FFFD."""

    name: str
    email: str
    time: int | None
    """Unix seconds; ``None`` when the line states no strictly readable time between 1970 and 9999."""


@dataclass(frozen=True, slots=True)
class CommitSignature:
    """A signature as found in a commit; not checked here."""

    payload: bytes
    """The bytes that were signed: the raw commit without its signature headers, as Git computes them."""
    armored: bytes
    """The signature with its armor, one trailing newline."""
    kind: SignatureKind


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit object."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Ident
    committer: Ident
    message: str
    signature: CommitSignature | None
    problem: str | None
    """Why the commit cannot be relied on, in a sentence; the signature is then ``None``."""


class _Headers(NamedTuple):
    """What stands between the committer line and the message."""

    signature: CommitSignature | None
    encoding: str
    message: bytes
    problem: str | None


def parse_links(oid: str, raw: bytes) -> Links:
    """Tree and parents of a raw commit, the part that history is made of.

    Raises:
        VerificationError: ``git.corrupt_object`` when they are not where Git writes them.
    """
    return _links(oid, raw)[0]


def parse_commit(oid: str, raw: bytes) -> Commit:
    """Read a raw commit object; raises VerificationError as :func:`parse_links`."""
    links, position = _links(oid, raw)
    people = _PEOPLE.match(raw, position)
    if people is None:
        nobody = Ident("", "", None)
        misplaced = "the author and committer lines are not where they belong"
        return Commit(oid, *links, nobody, nobody, "", None, misplaced)
    headers = _extra_headers(raw, people.end())
    author, author_ok = _ident(people[1], headers.encoding)
    committer, committer_ok = _ident(people[2], headers.encoding)
    problem = headers.problem
    if problem is None and not (author_ok and committer_ok):
        problem = f"the {'committer' if author_ok else 'author'} line is malformed"
    message = headers.message.decode(headers.encoding, "replace")
    signature = headers.signature if problem is None else None
    return Commit(oid, *links, author, committer, message, signature, problem)


def coauthors(message: str) -> tuple[str, ...]:
    """Emails of all ``Co-authored-by`` lines, as written, in order, each once.

    Lines count anywhere in the message, not only in its last paragraph: to name one person too many bars an approver,
    to miss one lets an author approve (threat T6).
    """
    lines = message.replace("\r\n", "\n").replace("\r", "\n")
    emails: dict[str, None] = {}
    for line in _COAUTHOR.finditer(lines):
        for bracketed, bare in _EMAIL.findall(line[1]):
            if email := (bracketed or bare).strip():
                emails[email] = None
    return tuple(emails)


def _links(oid: str, raw: bytes) -> tuple[Links, int]:
    match = _LINKS.match(raw)
    if match is None or raw.startswith(b"parent ", match.end()):
        raise VerificationError.of("git.corrupt_object", f"commit {oid} has no readable tree and parents")
    tree, parents = match[1].decode(), match[2].decode()
    # Each parent line is "parent ", 40 digits and a newline: 48 bytes.
    return Links(tree, tuple(parents[at + 7 : at + 47] for at in range(0, len(parents), 48))), match.end()


def _ident(line: bytes, encoding: str) -> tuple[Ident, bool]:
    """An author or committer line, and whether name and email could be read."""
    match = _IDENT.fullmatch(line)
    if match is None:
        return Ident("", "", None), False
    name, email, seconds, rest = match.groups()
    time = int(seconds) if seconds and not rest else None
    if time is not None and time > LATEST_TIME:
        time = None
    return Ident((name or b"").decode(encoding, "replace"), email.decode(encoding, "replace"), time), True


def _extra_headers(raw: bytes, start: int) -> _Headers:
    """Read the optional headers from ``start`` on, and split off message and signature."""
    headers: list[re.Match[bytes]] = []
    position = start
    while position < len(raw) and raw[position] != _NEWLINE:
        header = _EXTRA_HEADER.match(raw, position)
        if header is None:
            return _Headers(None, "utf-8", b"", "a header line is malformed")
        headers.append(header)
        position = header.end()
    values = {header[1]: header[2] for header in headers}
    encoding = values.get(b"encoding", b"utf-8").decode("ascii", "replace").lower()
    problem = _header_problem([header[1] for header in headers], raw, position)
    if encoding not in _ENCODINGS:
        problem, encoding = problem or "the message is in an encoding that is not supported", "utf-8"
    signature = None
    if b"gpgsig" in values and problem is None:
        armored = values[b"gpgsig"].replace(b"\n ", b"\n") + b"\n"
        signed = [header[0] for header in headers if not header[1].startswith(b"gpgsig")]
        signature = CommitSignature(
            b"".join([raw[:start], *signed, raw[position:]]), armored, _signature_kind(armored)
        )
    return _Headers(signature, encoding, raw[position + 1 :], problem)


def _header_problem(keys: list[bytes], raw: bytes, end: int) -> str | None:
    """What is wrong with optional headers of these ``keys``, which end at position ``end`` of the commit."""
    for key in keys:
        if key in _LEADING or (key in _AT_MOST_ONCE and keys.count(key) > 1):
            return f"there is more than one {key.decode()} header"
        if key.startswith(b"gpgsig") and key not in _AT_MOST_ONCE:
            # Git leaves every header of this prefix out of what it verifies, so anything could hide there.
            return f"unknown signature header {key.decode()}"
    if end >= len(raw):
        return "no empty line ends the headers"
    if b"\0" in raw[end:]:
        # Git shows a message only up to the first NUL; what follows would be signed but never seen.
        return "the message contains a NUL byte"
    return None


def _signature_kind(armored: bytes) -> SignatureKind:
    return next((kind for begin, kind in _ARMOR if armored.startswith(begin)), "unknown")
