# SPDX-License-Identifier: Apache-2.0
"""``gaitops attest``: answers of GitHub and GitLab become envelopes that check counts, and nothing else does."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.change.attestation import read_attestation
from gaitops.documents.times import format_timestamp
from gaitops.git.writing import init_repository
from tests.attacks.forge_tools import ACCOUNTS, BOT, forge_fleet
from tests.attacks.story import hire, project, rule
from tests.cli.harness import Invoke, Run
from tests.forge_answers import github_answer, github_review, gitlab_answer, gitlab_approval
from tests.simulator import START, World, document

DAVE, ERIN = (int(ACCOUNTS[name]) for name in ("dave", "erin"))


class Desk:
    """A fleet in which Dave and Erin review at a forge, a branch that waits for one of them, and the service's key."""

    def __init__(self, gaitops: Invoke, folder: Path, clock: dict[str, datetime]) -> None:
        self.gaitops, self.folder, self.clock = gaitops, folder, clock
        self.world = World(folder / "fleet")
        self.answer = folder / "answer.json"
        self.ready = False

    def prepare(self, **options: Any) -> None:
        """People, service, rule and a proposed change."""
        forge_fleet(self.world, **options)
        self.world.commit(project(), by="alice", branch="topic")
        self.checkout()

    def checkout(self) -> None:
        """Make the working tree that of the branch."""
        self.git("checkout", "-q", "-f", "topic")

    def git(self, *arguments: str) -> str:
        """Git in the repository."""
        identity = ("-c", "user.name=bot", "-c", "user.email=bot@example.com")
        done = subprocess.run(
            ["git", "-C", str(self.world.path), *identity, *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    @property
    def head(self) -> str:
        """Newest commit of the branch."""
        return self.world.head("topic")

    def at(self, seconds: int = 30) -> str:
        """A moment ago, as a forge writes it."""
        return format_timestamp(self.world.now - timedelta(seconds=seconds))

    def review(self, identifier: int, account: int, **options: Any) -> dict[str, Any]:
        """A review of the head, a moment ago."""
        return github_review(
            identifier, account, options.pop("commit", self.head), at=options.pop("at", self.at()), **options
        )

    def key(self, name: str = BOT) -> Path:
        """A private key file."""
        path = self.folder / f"{name}.pem"
        path.write_bytes(self.world.actor(name).private_pem)
        path.chmod(0o600)
        return path

    def attest(
        self,
        answer: object,
        *options: str | Path,
        provider: str = "github",
        service: str = BOT,
        key: str | None = None,
        stdin: str | None = None,
        yes: bool = True,
        head: tuple[str, ...] = ("--head", "topic"),
    ) -> Run:
        """Run the command on an answer."""
        self.clock["now"] = self.world.now
        self.answer.write_text(json.dumps(answer))
        source = self.answer if stdin is None else "-"
        signing: list[str | Path] = ["--as", service, "--key", self.key(key or service)]
        signing += ["--yes"] if yes else []
        return self.gaitops(
            "attest", "--review", source, "--provider", provider, *head, *self._fleet(), *signing, *options, stdin=stdin
        )  # fmt: skip

    def _fleet(self) -> tuple[str | Path, ...]:
        return ("--repo", self.world.path, "--trust-root", self.world.trust_root)

    def check(self) -> Run:
        """``gaitops check`` of the branch."""
        self.clock["now"] = self.world.now
        return self.gaitops("check", "--base", "main", "--head", "topic", *self._fleet(), "--json")

    def commit(self) -> None:
        """Commit the working tree to the branch."""
        self.git("add", "-A")
        self.git("commit", "-q", "--no-gpg-sign", "-m", "envelopes")


@pytest.fixture
def desk(gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose command line believes the story's time."""
    clock: dict[str, datetime] = {"now": START}
    for module in ("delivery", "opening", "clock"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: clock["now"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Desk(gaitops, tmp_path, clock)


def reasons(run: Run) -> dict[str, str]:
    """Who was left out, and why."""
    return {item["login"]: item["reason"] for item in run.json["leftOut"]}


def test_a_github_review_becomes_an_approval(desk: Desk) -> None:
    """The envelope lies under the reviewer's name, is signed by the service, and check counts it."""
    desk.prepare()
    assert desk.check().code == 4
    run = desk.attest(github_answer(desk.head, [desk.review(80, DAVE)]), "--json")
    assert run.code == 0, run.err
    (attested,) = run.json["attested"]
    assert (attested["principal"], attested["partition"], run.json["delivered"]) == ("dave", "acme", "files")
    path: str = attested["envelope"]
    assert path.rpartition("/")[2].startswith("dave.")
    said = read_attestation((desk.world.path / path).read_bytes(), path)
    assert said.forge is not None
    assert (said.principal, said.signed_by, said.forge.review) == ("dave", BOT, "80")
    assert (said.forge.commit, said.reason) == (desk.head, "review 80 of github.com/larkspur/fleet#12")
    desk.commit()
    assert desk.check().code == 0


def test_a_gitlab_approval_becomes_an_approval(desk: Desk) -> None:
    """For GitLab the account must be one at that GitLab, and the approval newer than the head."""
    desk.prepare()
    identity = {
        "id": "gitlab",
        "type": "forge",
        "provider": "gitlab",
        "host": "git.example.com",
        "accountId": "42",
        "login": "dave",
    }
    body = document("Principal", "dave", {"type": "human", "identities": [identity]})
    desk.world.land({"trust/principals/dave.yaml": body}, by="alice", approvers=["alice", "bob"])
    answer = gitlab_answer(
        desk.head,
        [gitlab_approval(42, desk.at()), gitlab_approval(43, desk.at(90))],
        pushed=desk.at(60),
        host="git.example.com",
    )
    wrong_host = desk.attest(answer, "--json", provider="gitlab")
    assert (wrong_host.code, wrong_host.codes) == (6, ["attest.answer"])
    run = desk.attest(answer, "--host", "git.example.com", "--json", provider="gitlab")
    assert run.code == 0, run.out
    assert [item["principal"] for item in run.json["attested"]] == ["dave"]
    assert reasons(run) == {"u43": "approved before the newest commit was pushed"}


def test_who_is_left_out_and_why(desk: Desk) -> None:
    """Everybody whose review cannot count is named with the reason; the others are attested."""
    desk.prepare()
    old = desk.world.head("main")
    run = desk.attest(
        github_answer(
            desk.head,
            [
                desk.review(80, DAVE),
                desk.review(81, ERIN, commit=old),
                desk.review(82, 7, state="CHANGES_REQUESTED"),
                desk.review(83, 8, kind="Bot"),
                desk.review(84, 9),
                desk.review(85, 10, commit="f" * 40),
            ],
        ),
        "--json",
    )
    assert [item["principal"] for item in run.json["attested"]] == ["dave"]
    assert reasons(run) == {
        f"u{ERIN}": f"reviewed commit {old[:12]}, and the branch has changed since",
        "u7": "the newest review is changes requested",
        "u8": "the account is not a person's",
        "u9": "account 9 is no identity of anybody",
        "u10": "reviewed commit ffffffffffff, which is not in this repository",
    }


def test_a_contributor_is_left_out(desk: Desk) -> None:
    """Who took part in the change is told so before anything is signed."""
    desk.prepare()
    dave = desk.world.actor("dave")
    body = json.loads(desk.world.read("trust/principals/dave.yaml"))
    body["spec"]["emails"] = [dave.email]
    desk.world.land({"trust/principals/dave.yaml": json.dumps(body)}, by="alice", approvers=["alice", "bob"])
    desk.world.commit({**project(summary="more")}, by="dave", branch="topic", signed=False)
    run = desk.attest(github_answer(desk.head, [desk.review(80, DAVE)]), "--json")
    assert (run.code, run.json["attested"], run.json["delivered"]) == (0, [], "none")
    assert reasons(run) == {f"u{DAVE}": "dave contributed to the change"}


def test_envelopes_that_came_since_do_not_move_a_review(desk: Desk) -> None:
    """A branch that only gained envelopes after the review is still what was reviewed; running again adds nothing."""
    desk.prepare(quorum=2)
    reviewed = desk.head
    desk.attest(github_answer(reviewed, [desk.review(80, DAVE)]))
    desk.commit()
    both = [desk.review(80, DAVE, commit=reviewed, at=desk.at(90)), desk.review(81, ERIN, commit=reviewed)]
    stale = desk.attest(github_answer(reviewed, both), "--json")
    assert (stale.code, stale.codes) == (6, ["attest.head"])
    run = desk.attest(github_answer(desk.head, both), "--json")
    assert [item["principal"] for item in run.json["attested"]] == ["dave", "erin"]
    desk.commit()
    assert desk.check().code == 0
    again = desk.attest(github_answer(desk.head, both), "--json")
    assert (again.code, again.json["attested"], again.json["delivered"]) == (0, [], "none")
    assert reasons(again)[f"u{ERIN}"] == "review 81 is attested already"


def test_a_used_review_is_not_attested_again(desk: Desk) -> None:
    """A review that carried a decision is told to be used before anything is signed."""
    desk.prepare()
    reviewed = desk.head
    used = desk.review(80, DAVE)
    desk.attest(github_answer(reviewed, [used]))
    desk.commit()
    desk.world.merge("topic")
    desk.git("checkout", "-q", "-f", "-B", "topic", "main")
    desk.world.commit(project(summary="next"), by="alice", branch="topic")
    run = desk.attest(github_answer(desk.head, [{**used, "commit_id": desk.head}]), "--json")
    assert reasons(run) == {f"u{DAVE}": "review 80 already carried a decision"}


@pytest.mark.parametrize("approve", ["review", "signature"])
def test_off_unless_a_rule_says_so(desk: Desk, approve: str) -> None:
    """Without a rule that counts it nothing is signed, and a signature does what it always does."""
    desk.prepare(operations=["repository.*"])
    if approve == "signature":
        desk.world.sign("topic", "bob")
        assert desk.check().code == 0
        return
    run = desk.attest(github_answer(desk.head, [desk.review(80, DAVE)]), "--json")
    assert (run.code, run.codes) == (6, ["attest.no_rule"])
    assert desk.git("status", "--porcelain") == ""


def test_who_may_attest(desk: Desk) -> None:
    """A person, a service that no rule names, and a key of somebody else attest nothing."""
    desk.prepare()
    desk.world.land(rule("more", ["repository.*"], quorum=1), by="alice", approvers=["alice", "bob"])
    answer = github_answer(desk.head, [desk.review(80, DAVE)])
    assert desk.attest(answer, "--json", service="bob").codes == ["attest.service"]
    assert desk.attest(answer, "--json", service="nobody", key="bob").codes == ["attest.service"]
    assert desk.attest(answer, "--json", key="bob").codes == ["key.not_principals"]
    assert desk.git("status", "--porcelain") == ""


def test_what_it_is_worth_is_said_before_anything_is_signed(desk: Desk) -> None:
    """The confirmation shows operations, reviews and the weaker guarantee; without a yes nothing is written."""
    desk.prepare()
    answer = github_answer(desk.head, [desk.review(80, DAVE)])
    run = desk.attest(answer, "--json", yes=False)
    assert (run.code, run.codes) == (6, ["cli.confirmation"])
    for expected in ("project.change", "weaker than a signature", "review", f"u{DAVE}", "dave"):
        assert expected in run.err
    assert desk.git("status", "--porcelain") == ""


def test_printed_envelopes_can_be_collected(desk: Desk) -> None:
    """What --print writes from standard input, collect takes out of a comment."""
    desk.prepare()
    answer = json.dumps(github_answer(desk.head, [desk.review(80, DAVE)]))
    run = desk.attest({}, "--print", stdin=answer)
    assert (run.code, desk.git("status", "--porcelain")) == (0, "")
    comment = desk.folder / "comment.txt"
    comment.write_text(f"Thanks!\n\n{run.out}\n")
    repo = ("--repo", desk.world.path, "--trust-root", desk.world.trust_root)
    taken = desk.gaitops("collect", "--base", "main", "--head", "topic", "--from", comment, *repo, "--json")
    assert (taken.code, taken.json["taken"]) == (0, 1), taken.out
    desk.commit()
    assert desk.check().code == 0


def test_pushed_envelopes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --branch and --push the envelope is committed to the branch of the remote."""
    desk.prepare()
    remote = desk.folder / "remote.git"
    init_repository(remote, bare=True)
    desk.git("remote", "add", "origin", str(remote))
    desk.git("push", "-q", "origin", "main", "topic")
    for part, value in (("NAME", "bot"), ("EMAIL", "bot@example.com")):
        monkeypatch.setenv(f"GIT_COMMITTER_{part}", value)
    answer = github_answer(desk.head, [desk.review(80, DAVE)])
    run = desk.attest(answer, "--push", "--json", head=("--branch", "topic"))
    assert (run.code, run.json["delivered"]) == (0, "pushed"), run.out
    desk.git("fetch", "-q", "origin", "topic")
    assert run.json["commit"] == desk.git("rev-parse", "FETCH_HEAD")
    assert desk.git("log", "-1", "--format=%s", "FETCH_HEAD") == f"attest by {BOT}"


def test_options_that_exclude_each_other(desk: Desk) -> None:
    """--push needs --branch and excludes --print; a key or a sign-in is needed, not both."""
    desk.prepare()
    answer = github_answer(desk.head, [])
    for options in (("--push",), ("--push", "--print"), ("--sigstore",)):
        assert desk.attest(answer, *options, "--json").code == 6


def test_a_person_of_an_organization(desk: Desk) -> None:
    """An organization's own reviewer counts inside it, by the same service."""
    world = desk.world
    hire(world, "frank")
    world.land(
        {
            "orgs/acme/principals/gina.yaml": document(
                "Principal",
                "gina",
                {
                    "type": "human",
                    "identities": [
                        {
                            "id": "github",
                            "type": "forge",
                            "provider": "github",
                            "host": "github.com",
                            "accountId": "77",
                            "login": "gina",
                        }
                    ],
                },
                org="acme",
            ),
            "orgs/acme/roles/admins.yaml": document(
                "RoleBinding",
                "admins",
                {"role": "platform_admin", "scope": "org/acme", "members": {"principals": ["acme/gina"]}},
                org="acme",
            ),
        },
        by="alice",
        approvers=["bob", "carol"],
    )
    desk.prepare()
    run = desk.attest(github_answer(desk.head, [desk.review(80, 77)]), "--json")
    assert [item["principal"] for item in run.json["attested"]] == ["acme/gina"], run.out
    desk.commit()
    assert desk.check().code == 0
