# SPDX-License-Identifier: Apache-2.0
"""``gaitops identity sync`` in real repositories, with a SCIM double on loopback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from gaitops.cli.clock import now, tell, telling
from gaitops.documents.times import format_timestamp
from gaitops.git.repository import Repository
from tests.cli.harness import Invoke, Run
from tests.oidc_provider import CLIENT, available, openid_provider
from tests.scim_double import GROUP, TOKEN, USER, ScimDouble, scim_double
from tests.simulator import World, document

ISSUER = "https://accounts.example.com"
MAPPING_PATH = "trust/directories/corp.yaml"


@pytest.fixture(scope="module")
def provider() -> Iterator[ScimDouble]:
    """A SCIM service provider on loopback."""
    with scim_double() as double:
        yield double


@pytest.fixture
def scim(provider: ScimDouble) -> ScimDouble:
    """The provider, with Dana and Erin in payments."""
    provider.users.clear()
    provider.groups.clear()
    provider.asked.clear()
    provider.add("dana", groups=("g-pay",))
    provider.add("erin", groups=("g-pay",))
    return provider


def mapping(double: ScimDouble | None, *, kind: str = "scim") -> str:
    """A mapping of the group g-pay, whose members are approvers of acme."""
    source = {"type": kind} if double is None else {"type": kind, "url": double.url}
    spec = {
        "source": source,
        "users": {"domains": ["example.com"], "issuer": ISSUER, "subject": "email"},
        "groups": [
            {"id": "g-pay", "group": "payments", "roles": [{"role": "approver", "scope": "org/acme"}]}
        ],
    }
    return document("DirectoryMapping", "corp", spec)


def approved(folder: Path, text: str) -> World:
    """A fleet with a mapping that its root people approved."""
    world = World(folder / "fleet")
    world.land({MAPPING_PATH: text}, by="alice", approvers=["alice", "bob"])
    return world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, provider: ScimDouble) -> World:
    """A fleet whose mapping names the provider; tests work on copies."""
    return approved(tmp_path_factory.mktemp("made"), mapping(provider))


class Site:
    """A fleet with an approved mapping, checked out in a working tree."""

    def __init__(self, gaitops: Invoke, folder: Path, made: World) -> None:
        self.gaitops = gaitops
        shutil.copytree(made.path, folder / "fleet")
        self.world = copy(made)
        self.world.path = folder / "fleet"
        self.world.repository = Repository.open(self.world.path)
        self.check_out()

    @property
    def path(self) -> Path:
        """The working tree."""
        return self.world.path

    def check_out(self) -> None:
        """Write the files of main."""
        snapshot = self.world.repository.snapshot(self.world.head())
        for path, entry in snapshot.walk(""):
            target = self.path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(snapshot.read(entry.oid))

    def files(self) -> dict[str, bytes]:
        """What lies in the working tree."""
        found = [item for item in self.path.rglob("*") if item.is_file() and ".git" not in item.parts]
        return {item.relative_to(self.path).as_posix(): item.read_bytes() for item in found}

    def sync(self, *options: str | Path, source: str = "scim", as_json: bool = True) -> Run:
        """One run."""
        words = ("identity", "sync", "--from", source, "--mapping", "corp", "--repo", self.path)
        trust = ("--trust-root", f"sha256:{self.world.trust_root}")
        with telling():
            tell(self.world.now)
            return self.gaitops(*words, *trust, *options, *(["--json"] if as_json else []))

    def land_working_tree(self, *, approvers: tuple[str, ...] = ("alice", "bob")) -> None:
        """Commit what differs from main, have it approved and merge it."""
        snapshot = self.world.repository.snapshot(self.world.head())
        before = {path: snapshot.read(entry.oid) for path, entry in snapshot.walk("")}
        after = self.files()
        changes: dict[str, bytes | str | None] = {path: None for path in before if path not in after}
        changes |= {path: data for path, data in after.items() if before.get(path) != data}
        self.world.land(changes, by="alice", approvers=approvers)
        self.check_out()


@pytest.fixture
def site(
    gaitops: Invoke, tmp_path: Path, made: World, scim: ScimDouble, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A fleet whose mapping names the double, and a token in the environment."""
    monkeypatch.setenv("SCIM_TOKEN", TOKEN)
    for part in ("NAME", "EMAIL"):
        monkeypatch.setenv(f"GIT_COMMITTER_{part}", "sync@example.com")
    return Site(gaitops, tmp_path, made)


TOKEN_OPTION = ("--token-env", "SCIM_TOKEN")


def principals(run: Run, member: str) -> list[str]:
    """Principals of one list of the result."""
    return [item["principal"] for item in run.json[member]]


def test_joining_and_leaving_from_directory_to_verified_state(site: Site, scim: ScimDouble) -> None:
    """People join by an approved change, verify; later one leaves, and can sign nothing from then on."""
    run = site.sync(*TOKEN_OPTION)
    assert (run.code, principals(run, "joins")) == (0, ["dana", "erin"])
    site.land_working_tree()
    verdict = site.world.verify()
    assert verdict.verified
    scim.remove("dana")
    run = site.sync(*TOKEN_OPTION)
    assert (run.code, principals(run, "leavers"), run.json["paths"]) == (
        0,
        ["dana"],
        ["trust/principals/dana.yaml"],
    )
    site.land_working_tree()
    assert site.world.verify().verified
    with site.world.history() as history:
        people = history.fold.people(("acme",))
        assert people.holders(frozenset({"approver"}), "org/acme") >= {"erin"}
        assert "approver" not in people.roles("dana", "org/acme")
        assert [item.valid_at(site.world.now) for item in people.identities_of("dana")] == [False]


def test_a_second_run_changes_nothing(site: Site) -> None:
    """In the working tree, before anything is committed."""
    assert site.sync(*TOKEN_OPTION).json["paths"] != []
    before = site.files()
    run = site.sync(*TOKEN_OPTION)
    assert (run.code, run.json["paths"], run.json["joins"]) == (0, [], [])
    assert site.files() == before
    assert "nothing changes" in site.sync(*TOKEN_OPTION, as_json=False).out


def test_a_dry_run_writes_nothing(site: Site) -> None:
    """It shows everything that would be written."""
    before = site.files()
    run = site.sync(*TOKEN_OPTION, "--dry-run")
    assert run.json["dryRun"]
    assert run.json["paths"] == [
        "trust/principals/dana.yaml",
        "trust/principals/erin.yaml",
        "trust/roles/payments-approver-org-acme.yaml",
    ]
    assert site.files() == before


def test_the_text_says_who_and_how(site: Site, scim: ScimDouble) -> None:
    """A table of everything that changes, and what comes next."""
    scim.add("heidi", groups=("g-pay",), emails=[])
    run = site.sync(*TOKEN_OPTION, as_json=False)
    assert run.code == 8
    assert "joins       dana      signs in as dana@example.com" in run.out
    assert "gives role  payments  approver at org/acme" in run.out
    assert "user 'id-heidi' has no email" in run.out
    assert "wrote trust/principals/dana.yaml" in run.out
    assert "Leavers stay valid until then." in run.out


def test_a_branch_gets_two_commits_leavers_first(site: Site, scim: ScimDouble) -> None:
    """The working tree and main stay as they are, and each commit can be approved alone."""
    site.sync(*TOKEN_OPTION)
    site.land_working_tree()
    scim.remove("dana")
    scim.add("frank", groups=("g-pay",))
    before, main = site.files(), site.world.head()
    run = site.sync(*TOKEN_OPTION, "--branch", "people")
    assert (run.code, run.json["branch"], len(run.json["commits"])) == (0, "people", 2)
    assert (site.files(), site.world.head()) == (before, main)
    first, second = run.json["commits"]
    assert site.world.head("people") == second
    repository = site.world.repository
    frank = "trust/principals/frank.yaml"
    assert repository.snapshot(first).entry(frank) is None
    assert repository.snapshot(second).entry(frank) is not None
    entry = repository.snapshot(first).entry("trust/principals/dana.yaml")
    assert entry is not None
    assert b"validUntil" in repository.snapshot(first).read(entry.oid)
    again = site.sync(*TOKEN_OPTION, "--branch", "people")
    assert (again.code, again.codes) == (8, ["git.branch_exists"])


def test_leavers_can_go_alone(site: Site, scim: ScimDouble) -> None:
    """Joins and moves wait; the end of validity has the time that was given."""
    site.sync(*TOKEN_OPTION)
    site.land_working_tree()
    scim.remove("dana")
    scim.add("frank", groups=("g-pay",))
    moment = format_timestamp(site.world.now)
    run = site.sync(*TOKEN_OPTION, "--leavers-only", "--left-at", moment)
    assert (run.json["paths"], run.json["joins"]) == (["trust/principals/dana.yaml"], [])
    assert f'validUntil: "{moment}"' in (site.path / "trust/principals/dana.yaml").read_text(encoding="utf-8")


def test_comments_of_people_stay(site: Site, scim: ScimDouble) -> None:
    """A document that changes keeps every line that does not."""
    site.sync(*TOKEN_OPTION)
    path = site.path / "trust/principals/dana.yaml"
    path.write_text("# ask #payments\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    site.land_working_tree()
    before = path.read_text(encoding="utf-8").splitlines()
    scim.groups["g-pay"]["members"].pop(0)
    site.sync(*TOKEN_OPTION)
    after = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in after if line not in before] == ["  groups: []"]


def test_the_mapping_must_be_approved(site: Site) -> None:
    """One that only lies in the working tree could send the token anywhere."""
    text = (site.path / MAPPING_PATH).read_text(encoding="utf-8").replace('"corp"', '"other"')
    (site.path / "trust/directories/other.yaml").write_text(text, encoding="utf-8")
    run = site.sync(*TOKEN_OPTION, "--mapping", "other")
    assert (run.code, run.codes) == (6, ["directory.mapping"])


def test_an_edited_mapping_in_the_working_tree_counts_for_nothing(site: Site, scim: ScimDouble) -> None:
    """The approved address is asked, not the one that somebody wrote over it."""
    path = site.path / MAPPING_PATH
    path.write_text(
        path.read_text(encoding="utf-8").replace(scim.url, "http://127.0.0.1:1"), encoding="utf-8"
    )
    assert site.sync(*TOKEN_OPTION).code == 0
    assert scim.asked


def test_a_mapping_is_for_one_source(site: Site, tmp_path: Path) -> None:
    """Another source is a usage error and reads nothing."""
    export = tmp_path / "export.json"
    export.write_text("{}", encoding="utf-8")
    run = site.sync("--file", export, source="file")
    assert (run.code, run.codes) == (6, ["directory.mapping"])


def test_a_token_file_is_private(site: Site, tmp_path: Path) -> None:
    """One that others can read is refused; the token is in no output."""
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n", encoding="utf-8")
    path.chmod(0o644)
    run = site.sync("--token-file", path)
    assert (run.code, run.codes) == (8, ["directory.token_file"])
    path.chmod(0o600)
    run = site.sync("--token-file", path)
    assert run.code == 0
    assert TOKEN not in run.out + run.err


def test_a_token_must_be_there(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty variable and an empty file are no token."""
    monkeypatch.setenv("SCIM_TOKEN", "")
    assert site.sync(*TOKEN_OPTION).codes == ["directory.token"]
    path = tmp_path / "token"
    path.touch(0o600)
    assert site.sync("--token-file", path).codes == ["directory.token"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--token-env", "A", "--filter", "x", "--file", "pyproject.toml"),
        ("--token-env", "A", "--client-id", "x"),
        ("--token-env", "A", "--token-file", "pyproject.toml"),
    ],
)
def test_options_belong_to_their_source(site: Site, options: tuple[str, ...]) -> None:
    """What a source does not know is a usage error, not ignored."""
    run = site.sync(*options)
    assert (run.code, run.codes) == (6, ["cli.usage"])


@pytest.mark.parametrize("options", [("--nonce", "x"), ("--client-id", "x"), ("--filter", "x")])
def test_options_of_oidc_belong_together(site: Site, options: tuple[str, ...]) -> None:
    """An ID token needs its client, a nonce needs an ID token."""
    run = site.sync("--token-env", "A", *options, source="oidc")
    assert (run.code, run.codes) == (6, ["cli.usage"])


def test_files_in_the_way_are_not_overwritten(site: Site, tmp_path: Path) -> None:
    """A symbolic link where a document is to be written leads nowhere."""
    target = tmp_path / "elsewhere.yaml"
    (site.path / "trust/principals/dana.yaml").symlink_to(target)
    run = site.sync(*TOKEN_OPTION)
    assert (run.code, run.codes) == (8, ["input.modified"])
    assert not target.exists()


def test_a_bare_repository_needs_a_branch(site: Site) -> None:
    """There is no working tree to write to."""
    (site.path / ".git").rename(site.path.parent / "bare.git")
    words = (
        "identity",
        "sync",
        "--from",
        "scim",
        "--mapping",
        "corp",
        "--repo",
        site.path.parent / "bare.git",
    )
    run = site.gaitops(*words, *TOKEN_OPTION, "--trust-root", f"sha256:{site.world.trust_root}", "--json")
    assert (run.code, run.codes) == (6, ["approval.no_worktree"])


def _export(double: ScimDouble) -> dict[str, Any]:
    users = [{"schemas": [USER], "id": key, **value} for key, value in double.users.items()]
    groups = [{"schemas": [GROUP], "id": key, **value} for key, value in double.groups.items()]
    return {"users": users, "groups": groups, "totalUsers": len(users), "totalGroups": len(groups)}


def test_an_export_does_the_same(gaitops: Invoke, tmp_path: Path, scim: ScimDouble) -> None:
    """From JSON and from CSV come the same people, who leave by not being there."""
    site = Site(gaitops, tmp_path, approved(tmp_path / "made", mapping(None, kind="file")))
    export = tmp_path / "export.json"
    export.write_text(json.dumps(_export(scim)), encoding="utf-8")
    run = site.sync("--file", export, source="file")
    assert (run.code, principals(run, "joins")) == (0, ["dana", "erin"])
    rows = [
        "id,userName,externalId,displayName,email,active,group",
        "id-erin,erin,,Erin,erin@example.com,true,g-pay",
    ]
    table = tmp_path / "export.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    refused = site.sync("--file", table, source="file")
    assert (refused.code, refused.codes) == (8, ["directory.partial"])
    run = site.sync("--file", table, "--expect-users", "1", source="file")
    assert (run.code, principals(run, "leavers"), principals(run, "moves")) == (0, ["dana"], [])


def test_somebody_who_signs_in_joins_by_themselves(gaitops: Invoke, tmp_path: Path) -> None:
    """A real provider, a real sign-in: one person joins, and nobody whom it does not describe is touched."""
    if not available():
        pytest.skip("needs Node.js and `npm ci --prefix tools`")
    claims = {"email": "dana@example.com", "email_verified": True, "name": "Dana", "groups": ["g-pay"]}
    with openid_provider({"248289": claims}) as provider:
        users = {"name": "email", "domains": ["example.com"], "issuer": ISSUER, "subject": "email"}
        spec = {
            "source": {"type": "oidc", "url": provider.issuer},
            "users": users,
            "groups": [{"id": "g-pay", "group": "payments"}, {"id": "g-sec", "group": "security"}],
        }
        site = Site(
            gaitops, tmp_path, approved(tmp_path / "made", document("DirectoryMapping", "corp", spec))
        )
        tokens = provider.sign_in("248289")
        options: list[str | Path] = ["--client-id", CLIENT, "--nonce", tokens.nonce]
        for name, text in (("--token-file", tokens.access_token), ("--id-token-file", tokens.id_token)):
            file = tmp_path / name.strip("-")
            file.touch(0o600)
            file.write_text(text, encoding="utf-8")
            options += [name, file]
        site.world.now = now()
        run = site.sync(*options, source="oidc")
        assert (run.code, principals(run, "joins"), run.json["refused"]) == (0, ["dana"], [])
        again = site.sync(*options, source="oidc")
        assert (again.code, again.json["paths"]) == (0, [])
        assert tokens.access_token not in run.out + run.err
