# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import VerificationError
from gaitops.git.commits import Commit, Ident, coauthors, parse_commit
from gaitops.git.repository import Repository
from tests.git.box import NOON, GitBox

OID = "ab" * 20
TREE = b"tree " + b"1" * 40 + b"\n"
PEOPLE = b"author A <a@x> 1700000000 +0000\ncommitter C <c@x> 1700000001 -0330\n"
SIGNATURE = b"gpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END SSH SIGNATURE-----\n"


def parse(headers: bytes, message: bytes = b"m\n") -> Commit:
    return parse_commit(OID, headers + b"\n" + message)


def test_plain_commit() -> None:
    """Every part of an ordinary commit is read."""
    parents = b"parent " + b"2" * 40 + b"\nparent " + b"3" * 40 + b"\n"
    commit = parse(TREE + parents + PEOPLE, "Grüße\n".encode())
    assert commit == Commit(
        id=OID,
        tree="1" * 40,
        parents=("2" * 40, "3" * 40),
        author=Ident("A", "a@x", 1_700_000_000),
        committer=Ident("C", "c@x", 1_700_000_001),
        message="Grüße\n",
        signature=None,
        problem=None,
    )


@pytest.mark.parametrize(
    "headers",
    {
        "no tree": PEOPLE,
        "short tree": b"tree 123\n" + PEOPLE,
        "upper-case tree": b"tree " + b"A" * 40 + b"\n" + PEOPLE,
        "short parent": TREE + b"parent 12\n" + PEOPLE,
        "parent with junk": TREE + b"parent " + b"2" * 40 + b" x\n" + PEOPLE,
        "sha256 tree": b"tree " + b"1" * 64 + b"\n" + PEOPLE,
        "nothing": b"",
    }.items(),
    ids=lambda case: case[0],
)
def test_unreadable_links_are_fatal(headers: tuple[str, bytes]) -> None:
    """A commit whose tree or parents cannot be read has no place in a history."""
    with pytest.raises(VerificationError) as caught:
        parse(headers[1])
    assert caught.value.code == "git.corrupt_object"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (b"1700000000 +0000", 1_700_000_000),
        (b"0 +0000", 0),
        (b"253402300799 +1400", 253_402_300_799),
        (b"253402300800 +0000", None),
        (b"1700000000junk +0000", None),
        (b"1700000000 +0000junk", None),
        (b"1700000000 +0000 ", None),
        (b"-1 +0000", None),
        (b"+1700000000 +0000", None),
        (b"01700000000 +0000", None),
        (b"1700000000", None),
        (b"1700000000 ", None),
        (b"1700000000 +00", None),
        (b"1700000000 +0060", None),
        (b"1700000000 UTC", None),
        (b" 1700000000 +0000", None),
        (b"1_700_000_000 +0000", None),
        ("\u0661\u0667 +0000".encode(), None),
        (b"1" * 400 + b" +0000", None),
        (b"", None),
    ],
)
def test_times_are_read_strictly(time: bytes, expected: int | None) -> None:
    """G11: only plain seconds with an offset are a time; anything else is no time, and not an error either."""
    commit = parse(TREE + b"author A <a@x> 1 +0000\ncommitter C <c@x> " + time + b"\n")
    assert commit.committer == Ident("C", "c@x", expected)
    assert commit.problem is None


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        (TREE + PEOPLE + SIGNATURE + SIGNATURE, "more than one gpgsig"),
        (TREE + PEOPLE + SIGNATURE + b"gpgsig-other x\n", "unknown signature header"),
        (TREE + PEOPLE + SIGNATURE + TREE, "more than one tree"),
        (TREE + PEOPLE + SIGNATURE + b"author B <b@x> 1 +0000\n", "more than one author"),
        (TREE + PEOPLE + SIGNATURE + b"encoding UTF-8\nencoding UTF-8\n", "more than one encoding"),
        (TREE + PEOPLE + SIGNATURE + b"encoding UTF-7\n", "encoding"),
        (TREE + PEOPLE + SIGNATURE + b"novalue\n", "header line"),
        (TREE + PEOPLE + SIGNATURE + b"x-note a\0b\n", "header line"),
        (TREE + PEOPLE + b" indented\n" + SIGNATURE, "header line"),
        (TREE + b"committer C <c@x> 1 +0000\nauthor A <a@x> 1 +0000\n" + SIGNATURE, "author and committer"),
        (TREE + b"author A a@x 1 +0000\ncommitter C <c@x> 1 +0000\n" + SIGNATURE, "author line"),
        (TREE + b"author A <a@x> 1 +0000\ncommitter C <c@x> <d@x> 1 +0000\n" + SIGNATURE, "committer line"),
        (TREE + b"author A <a@x> 1 +0000\ncommitter C\0 <c@x> 1 +0000\n" + SIGNATURE, "committer line"),
    ],
)
def test_odd_headers_are_a_problem_and_void_the_signature(headers: bytes, part: str) -> None:
    """G10: a commit that tools could read differently keeps its links but not its signature."""
    commit = parse(headers)
    assert commit.problem is not None
    assert part in commit.problem
    assert commit.signature is None
    assert commit.tree == "1" * 40


def test_hidden_text_after_nul_is_a_problem() -> None:
    """A message that Git would show only in part is refused."""
    assert parse(TREE + PEOPLE + SIGNATURE, b"seen\0unseen\n").problem == "the message contains a NUL byte"


def test_missing_end_of_headers_is_a_problem() -> None:
    """Headers that run to the end of the object are refused."""
    assert parse_commit(OID, TREE + PEOPLE).problem == "no empty line ends the headers"


def test_payload_leaves_out_signature_headers_only() -> None:
    """The signed bytes are the commit without its signature headers, other headers and continuation lines kept."""
    mergetag = b"mergetag object 123\n type commit\n \n gpgsig not a header\n"
    other = b"gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n xyz\n"
    message = b"m\n\ngpgsig also not a header\n continued\n"
    commit = parse(TREE + PEOPLE + mergetag + SIGNATURE + other + b"change-id k\n", message)
    assert commit.signature is not None
    assert commit.signature.payload == TREE + PEOPLE + mergetag + b"change-id k\n\n" + message
    assert commit.signature.armored == b"-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n"


@pytest.mark.parametrize(
    ("armor", "kind"),
    [
        (b"-----BEGIN SSH SIGNATURE-----", "ssh"),
        (b"-----BEGIN PGP SIGNATURE-----", "openpgp"),
        (b"-----BEGIN SIGNED MESSAGE-----", "x509"),
        (b"junk", "unknown"),
        (b"", "unknown"),
    ],
)
def test_signature_kinds(armor: bytes, kind: str) -> None:
    """The armor tells the kind of a signature."""
    signature = parse(TREE + PEOPLE + b"gpgsig " + armor + b"\n x\n").signature
    assert signature is not None
    assert signature.kind == kind


def test_declared_encoding_is_used() -> None:
    """Names and messages in a supported encoding other than UTF-8 are read in it."""
    people = "author Jürgen <j@x> 1 +0000\ncommitter C <c@x> 1 +0000\n".encode("latin-1")
    commit = parse(TREE + people + b"encoding ISO-8859-1\n", "Grüße".encode("latin-1"))
    assert (commit.author.name, commit.message) == ("Jürgen", "Grüße")


def test_empty_name_is_allowed() -> None:
    """Git writes commits without a name; the email is still read."""
    assert parse(TREE + b"author  <a@x> 1 +0000\ncommitter <c@x> 1 +0000\n").author == Ident("", "a@x", 1)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("x\n\nCo-authored-by: B <b@x>\n", ("b@x",)),
        ("x\n\nco-AUTHORED-by:B <b@x>\nCo-authored-by: C <c@x>\nCo-authored-by: B <b@x>\n", ("b@x", "c@x")),
        ("Co-authored-by: B <b@x>\n\nmore text, not the last paragraph\n", ("b@x",)),
        ("x\r\n\r\nCo-authored-by: B <b@x>\r\n", ("b@x",)),
        ("x\n\nCo-authored-by: B\n <b@x>\n", ("b@x",)),
        ("x\n\n  Co-authored-by : B <b@x>\n", ("b@x",)),
        ("x\n\nCo-authored-by: b@x\n", ("b@x",)),
        ("x\n\nCo-authored-by: B <>\n", ()),
        ("the Co-authored-by: trailer in prose <b@x>\n", ()),
        ("", ()),
    ],
)
def test_coauthors(message: str, expected: tuple[str, ...]) -> None:
    """T6: co-authors are found in any case, anywhere at the start of a line, each once."""
    assert coauthors(message) == expected


@given(st.binary(max_size=300))
def test_no_bytes_escape_the_error_model(data: bytes) -> None:
    """Whatever follows a readable beginning is either a commit or a problem, never an exception of another kind."""
    assert parse_commit(OID, TREE + b"author" + data).tree == "1" * 40
    assert parse_commit(OID, TREE + PEOPLE + data).tree == "1" * 40


@given(st.binary(max_size=200))
def test_signed_payload_has_all_but_the_signature(message: bytes) -> None:
    """Payload and message cover every byte of the commit outside the signature header."""
    commit = parse(TREE + PEOPLE + SIGNATURE, message)
    if b"\0" in message:
        assert commit.signature is None
    else:
        assert commit.signature is not None
        assert commit.signature.payload == TREE + PEOPLE + b"\n" + message


@pytest.fixture
def ssh_key(box: GitBox) -> Path:
    """A new SSH key with which the repository signs its commits."""
    key = box.root / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", str(key)], check=True)
    box("config", "gpg.format", "ssh")
    box("config", "user.signingKey", str(key))
    return key


def verify(box: GitBox, key: Path, commit: Commit) -> int:
    assert commit.signature is not None
    allowed = box.root / "allowed"
    allowed.write_text("ada@example.com " + key.with_suffix(".pub").read_text())
    signature = box.root / "signature"
    signature.write_bytes(commit.signature.armored)
    command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "ada@example.com", "-n", "git"]
    done = subprocess.run(
        [*command, "-s", str(signature)], input=commit.signature.payload, capture_output=True, check=False
    )
    return done.returncode


@pytest.mark.parametrize(
    "message", ["one line", "subject\n\nbody\n gpgsig indented\n\nCo-authored-by: B <b@x>"]
)
def test_payload_is_what_git_signed(box: GitBox, ssh_key: Path, message: str) -> None:
    """ssh-keygen accepts payload and signature of a commit that git itself signed, and no changed payload."""
    box.commit({"a": "1"}, "first")
    signed = Repository.open(box.path).commit(box.commit({"a": "2"}, message, "-S"))
    assert signed.problem is None
    assert signed.signature is not None
    assert signed.signature.kind == "ssh"
    assert signed.committer == Ident("Ada", "ada@example.com", NOON)
    assert verify(box, ssh_key, signed) == 0


def test_payload_of_a_merge_of_a_signed_tag(box: GitBox, ssh_key: Path) -> None:
    """A merge that embeds a signed tag as mergetag still yields the bytes that git signed."""
    box.commit({"a": "1"}, "base")
    box("checkout", "-q", "-b", "side")
    box.commit({"b": "1"}, "side")
    box("tag", "-s", "-m", "signed tag", "v1")
    box("checkout", "-q", "main")
    box.commit({"a": "2"}, "main")
    box("merge", "-q", "-S", "--no-ff", "-m", "merge", "v1")
    head = box("rev-parse", "HEAD")
    assert b"\nmergetag " in box.raw("cat-file", "commit", head)
    assert verify(box, ssh_key, Repository.open(box.path).commit(head)) == 0


def test_signature_over_other_bytes_does_not_verify(box: GitBox, ssh_key: Path) -> None:
    """G10: a signature moved to another commit is extracted, and does not fit its payload."""
    oid = box.commit({"a": "1"}, "honest", "-S")
    forged = box.store("commit", box.raw("cat-file", "commit", oid).replace(b"honest", b"forged"))
    assert verify(box, ssh_key, Repository.open(box.path).commit(forged)) != 0
