# SPDX-License-Identifier: Apache-2.0
"""``gaitops collect``: what strangers paste is judged before it is committed; what people signed is taken once."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.cli.armor import armored, blocks
from gaitops.errors import Problem
from tests.cli.harness import Invoke, Run
from tests.cli.test_approvals import PROJECT, TEXT, Desk

BEGIN, END = "-----BEGIN GAITOPS ENVELOPE-----", "-----END GAITOPS ENVELOPE-----"


class Thread(Desk):
    """A desk whose people answer in comments."""

    def printed(self, intent: str, who: str, *options: str) -> str:
        run = self.sign(intent, who, "--head", "topic", "--print", "--yes", *options)
        assert run.code == 0, run.err
        return run.out

    def collect(self, text: str, *options: str | Path) -> Run:
        trust = ("--trust-root", self.fleet.trust_root, "--json")
        return self.gaitops("collect", "--repo", self.repo, "--from", "-", *options, *trust, stdin=text)

    def outcomes(self, text: str, *options: str | Path) -> list[tuple[str, str]]:
        run = self.collect(text, "--head", "topic", *options)
        assert run.code == 0, run.out
        return [(item["outcome"], item.get("problem", {}).get("code", "")) for item in run.json["envelopes"]]


@pytest.fixture
def thread(gaitops: Invoke, tmp_path: Path) -> Thread:
    """A change that waits for a proposal and an approval, discussed in comments."""
    return Thread(gaitops, tmp_path)


def edited(text: str, change: dict[str, object]) -> str:
    """An armored envelope with other members."""
    (data,) = blocks(text)
    assert isinstance(data, bytes)
    return armored("x", json.dumps({**json.loads(data), **change}).encode())


def test_comments_authorize_a_change(thread: Thread) -> None:
    """A proposal and an approval from comments, as the forge lists them, are all that the change needs."""
    comments = [
        {"id": 1, "body": "Looks good to me! " + "@" * 5},
        {
            "id": 2,
            "body": "My proposal:\r\n```\r\n" + thread.printed("propose", "alice").replace("\n", "\r\n"),
        },
        {"id": 3, "body": None},
        {"id": 4, "body": "  " + thread.printed("approve", "bob").replace("\n", "\n  ")},
    ]
    run = thread.collect(json.dumps(comments), "--comments", "--head", "topic")
    assert (run.code, run.json["taken"], run.json["delivered"]) == (0, 2, "files")
    assert [item["source"] for item in run.json["envelopes"]] == ["comment 2, block 1", "comment 4, block 1"]
    thread.commit("collected")
    assert thread.check("--json").code == 0


def test_collecting_again_adds_nothing(thread: Thread) -> None:
    """What is committed, written already, or pasted twice is not added again."""
    text = thread.printed("propose", "alice")
    assert thread.outcomes(f"{text}\n{text}") == [("taken", ""), ("present", "")]
    assert thread.outcomes(text) == [("taken", "")]  # a file of the working tree is not committed yet
    thread.commit("collected")
    assert thread.outcomes(text) == [("present", "")]


def test_push_to_a_branch(thread: Thread) -> None:
    """With --push the envelopes become one commit on the branch, which holds nothing but files under approvals/."""
    text = thread.printed("propose", "alice") + "\n" + thread.printed("approve", "bob")
    run = thread.collect(text, "--branch", "topic", "--push")
    assert (run.code, run.json["delivered"], run.json["taken"]) == (0, "pushed", 2)
    thread.git("fetch", "-q", "origin")
    assert thread.git("rev-parse", "origin/topic") == run.json["commit"]
    names = thread.git("diff", "--name-only", "topic", "origin/topic").splitlines()
    assert len(names) == 2
    assert all(name.startswith("approvals/") for name in names)
    assert thread.git("log", "-1", "--format=%s", "origin/topic") == "collect envelopes of alice, bob"
    again = thread.collect(text, "--branch", "topic", "--push").json
    assert (again["taken"], again["delivered"], again["commit"]) == (0, "none", None)


def test_push_to_a_branch_of_its_own(thread: Thread) -> None:
    """For a change that lies in a fork, a branch of envelopes alone starts at the base, and later runs continue it."""
    head = thread.git("rev-parse", "topic")
    options = ("--head", head, "--branch", "gaitops/approvals-7", "--push")
    first = thread.collect(thread.printed("propose", "alice"), *options)
    assert first.json["delivered"] == "pushed"
    second = thread.collect(thread.printed("approve", "bob"), *options)
    assert second.json["taken"] == 1
    thread.git("fetch", "-q", "origin")
    names = thread.git("diff", "--name-only", "main", "origin/gaitops/approvals-7").splitlines()
    assert len(names) == 2
    assert all(name.startswith("approvals/") for name in names)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{BEGIN}\nAAAA\n", "armor.malformed"),
        (f"{BEGIN}\n{END}", "armor.malformed"),
        (f"{BEGIN}\n$(touch /tmp/x)\n{END}", "armor.malformed"),
        (f"{BEGIN}\nAAAB=\n{END}", "armor.malformed"),
        (f"{BEGIN}\n{'A' * 77}\n{END}", "armor.malformed"),
        (f"{BEGIN}\n" + "AAAA\n" * 1300 + END, "armor.malformed"),
        (armored("x", b"{}"), "envelope.malformed"),
        (armored("x", b"{" + b" " * 60000), "document.syntax"),
        (armored("x", b'{"payload":"e30=","payloadType":"x/y","signatures":[]}'), "signature.invalid"),
    ],
)
def test_what_is_no_envelope(thread: Thread, text: str, code: str) -> None:
    """Damaged blocks and foreign content are refused with a reason, and nothing is written."""
    assert thread.outcomes(text) == [("refused", code)]
    assert thread.git("status", "--porcelain") == ""


def test_text_around_blocks_is_ignored(thread: Thread) -> None:
    """Prose, quotes of a block and lone end markers are nothing at all."""
    quoted = "\n".join(f"> {line}" for line in thread.printed("propose", "alice").splitlines())
    assert thread.outcomes(f"hello\n{END}\n{quoted}\n::set-output name=x::y") == []


def test_a_block_inside_a_block(thread: Thread) -> None:
    """An unfinished block does not swallow the next one."""
    text = f"{BEGIN}\nAAAA\n" + thread.printed("propose", "alice")
    assert thread.outcomes(text) == [("refused", "armor.malformed"), ("taken", "")]


def test_stranger_and_forger(thread: Thread) -> None:
    """An envelope that names somebody but is not signed by a key of theirs is refused."""
    text = thread.printed("approve", "bob")
    other = thread.printed("approve", "carol")
    (data,) = blocks(other)
    assert isinstance(data, bytes)
    forged = edited(text, {"signatures": json.loads(data)["signatures"]})
    assert thread.outcomes(forged) == [("refused", "signature.invalid")]


def test_envelope_for_other_bytes(thread: Thread) -> None:
    """An approval of an earlier version of the change is refused."""
    text = thread.printed("approve", "bob")
    (thread.repo / PROJECT).write_text(TEXT.replace("payments", "more payments"))
    thread.commit("changed")
    assert thread.outcomes(text) == [("refused", "approval.coverage")]


def test_expired_envelope(thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has expired is refused when it is collected, with the engine's own reason."""
    from gaitops.cli import clock, opening

    text = thread.printed("approve", "bob", "--expires", "1h")
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(opening, "now", lambda: later)
    assert thread.outcomes(text) == [("refused", "approval.expired")]


def test_only_what_verifies_is_kept(thread: Thread) -> None:
    """Signatures and members that somebody added to a genuine envelope do not get into the repository."""
    text = thread.printed("approve", "bob")
    (genuine,) = blocks(text)
    assert isinstance(genuine, bytes)
    members = json.loads(genuine)
    junk = [{"keyid": "ab" * 32, "sig": base64.b64encode(b"junk" * 900).decode()}]
    run = thread.collect(
        edited(text, {"signatures": junk + members["signatures"], "note": "junk"}), "--head", "topic"
    )
    (item,) = run.json["envelopes"]
    assert (thread.repo / item["path"]).read_bytes() == genuine


def test_a_withdrawal_travels_too(thread: Thread) -> None:
    """An approver may take back an approval by a comment."""
    thread.sign("propose", "alice", "--head", "topic", "--yes")
    thread.sign("approve", "bob", "--head", "topic", "--yes")
    thread.commit("signed")
    text = thread.printed("withdraw", "bob")
    assert thread.outcomes(text) == [("taken", "")]
    thread.commit("withdrawn")
    assert "approval.withdrawn" in thread.check("--json").codes


def test_too_many(thread: Thread) -> None:
    """A text with more blocks than anybody needs is refused as a whole."""
    run = thread.collect(f"{BEGIN}\nAAAA\n{END}\n" * 257, "--head", "topic")
    assert (run.code, run.json["error_code"]) == (6, "collect.too_many")


@pytest.mark.parametrize("text", ["{}", "[1]", "[", '[{"body": "a", "body": "b"}]'])
def test_comments_that_are_none(thread: Thread, text: str) -> None:
    """Only a list of objects, strictly read, is a list of comments."""
    run = thread.collect(text, "--comments", "--head", "topic")
    assert run.code == 6


def test_push_needs_a_branch(thread: Thread) -> None:
    """--push alone does not say where to."""
    assert thread.collect("", "--push").json["error_code"] == "cli.usage"


def test_blocks_are_what_armored_wrote() -> None:
    """Reading gives back what was written, whatever its length."""
    for size in (1, 56, 57, 58, 1000, 48 * 1024):
        assert list(blocks(armored("approvals/x", b"x" * size))) == [b"x" * size]


def test_reason_is_told_with_a_remedy() -> None:
    """A damaged block says what to paste."""
    (problem,) = blocks(BEGIN)
    assert isinstance(problem, Problem)
    assert "approve --print" in (problem.remedy or "")
