# SPDX-License-Identifier: Apache-2.0
"""A SCIM directory is read in one piece or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gaitops.directory.answer import Answer
from gaitops.directory.http import MAX_ANSWER, Client
from gaitops.directory.scim import ATTEMPTS, PAGE, Scim
from gaitops.errors import GaitopsError, InternalError, InvalidInputError, UnsafeOperationError
from tests.scim_double import TOKEN, ScimDouble
from tests.scim_double import Answer as Sent


def read(
    double: ScimDouble, *, known: tuple[str, ...] = (), user_filter: str | None = None, token: str = TOKEN
) -> Answer:
    """Everything that the double says."""
    return Scim(Client(double.url, token), double.url).read(user_filter=user_filter, known=frozenset(known))


def members(answer: Answer) -> dict[str, frozenset[str]]:
    """Members by id of group."""
    return {group.id: group.members for group in answer.groups}


def test_users_and_groups_are_read_over_all_pages(scim: ScimDouble) -> None:
    """Every page is asked for from where the last one ended, however few resources the provider puts on one."""
    scim.page = 3
    names = [f"user{number}" for number in range(8)]
    for name in names:
        scim.add(name, groups=("staff",))
    answer = read(scim)
    assert sorted(answer.users) == sorted(f"id-{name}" for name in names)
    assert members(answer) == {"staff": frozenset(answer.users)}
    assert answer.users["id-user0"].emails == ("user0@example.com",)
    starts = [target.split("startIndex=")[1].split("&")[0] for target in scim.asked if "/Users?" in target]
    assert starts == ["1", "4", "7", "1", "4", "7"]
    assert all(f"count={PAGE}" in target for target in scim.asked)


def test_a_directory_is_not_read_without_end(scim: ScimDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """All answers together have a limit, as each has one."""
    monkeypatch.setattr("gaitops.directory.http.MAX_TOTAL", 1_500)
    scim.page = 1
    for number in range(8):
        scim.add(f"user{number}")
    with pytest.raises(UnsafeOperationError) as caught:
        read(scim)
    assert caught.value.code == "directory.too_large"
    assert len(scim.asked) < 8


def test_groups_inside_groups_count(scim: ScimDouble) -> None:
    """Members of nested groups are members, also in a circle."""
    scim.add("dana", groups=("inner",))
    scim.add("erin", groups=("outer",))
    scim.groups["outer"]["members"].append({"value": "inner", "type": "Group"})
    scim.groups["inner"]["members"].append({"value": "outer", "type": "Group"})
    everybody = frozenset({"id-dana", "id-erin"})
    assert members(read(scim)) == {"inner": everybody, "outer": everybody}


def test_a_filter_reads_a_part_and_leaves_the_rest_alone(scim: ScimDouble) -> None:
    """Who does not fit the filter is unseen, not gone; who is deleted is gone all the same."""
    scim.add("dana")
    scim.add("erin")
    answer = read(scim, known=("id-erin", "id-frank"), user_filter='userName eq "dana"')
    assert list(answer.users) == ["id-dana"]
    assert answer.unseen == {"id-erin"}
    assert answer.gone == {"id-frank"}
    assert not answer.complete


def test_whoever_is_gone_is_asked_for_by_id(scim: ScimDouble) -> None:
    """Only 404 for the person themselves says that they are gone."""
    scim.add("dana")
    answer = read(scim, known=("id-dana", "id-erin", "id-frank", "id/../grace"))
    assert answer.gone == {"id-erin", "id-frank", "id/../grace"}
    assert sorted(scim.asked[-3:]) == [
        f"/scim/v2/Users/{name}" for name in ("id%2F..%2Fgrace", "id-erin", "id-frank")
    ]


def test_a_deactivation_is_confirmed_by_its_version(scim: ScimDouble) -> None:
    """The resource is asked for with If-None-Match, and 304 is enough."""
    scim.add("dana")
    scim.add("erin", active=False)
    statuses: list[int] = []
    scim.fault = lambda sent: statuses.append(sent.status)
    answer = read(scim, known=("id-dana", "id-erin"))
    assert not answer.users["id-erin"].active
    assert statuses == [200, 200, 304]


def test_a_provider_may_leave_inactive_users_out_of_lists(scim: ScimDouble) -> None:
    """Then they are asked for, and are inactive; as members of groups they are nobody's problem."""
    scim.add("dana", groups=("staff",))
    scim.add("erin", groups=("staff",), active=False)

    def fault(sent: Sent) -> None:
        if sent.path.endswith("/Users"):
            sent.body["Resources"] = [item for item in sent.body["Resources"] if item["active"]]
            sent.body["totalResults"] = sent.body["itemsPerPage"] = len(sent.body["Resources"])

    scim.fault = fault
    answer = read(scim, known=("id-erin",))
    assert not answer.users["id-erin"].active
    assert answer.gone == frozenset()


def _body(change: Callable[[dict[str, Any]], None], path: str = "/Users") -> Callable[[Sent], None]:
    def fault(sent: Sent) -> None:
        if sent.path.endswith(path) and sent.status == 200:
            change(sent.body)

    return fault


FAULTS: list[tuple[str, Callable[[Sent], None], str]] = [
    ("count too high", _body(lambda body: body.update(totalResults=9)), "directory.partial"),
    ("count too low", _body(lambda body: body.update(totalResults=1)), "directory.partial"),
    ("nobody", _body(lambda body: body.update(totalResults=0, itemsPerPage=0, Resources=[])), "directory.partial"),
    ("resources missing", _body(lambda body: body.pop("Resources")), "directory.partial"),
    ("items per page", _body(lambda body: body.update(itemsPerPage=1)), "directory.partial"),
    ("another page", _body(lambda body: body.update(startIndex=7)), "directory.partial"),
    ("no total", _body(lambda body: body.pop("totalResults")), "directory.malformed"),
    ("total as text", _body(lambda body: body.update(totalResults="2")), "directory.malformed"),
    ("no schema", _body(lambda body: body.update(schemas=[])), "directory.malformed"),
    ("endless", _body(lambda body: body.update(totalResults=10**9)), "directory.too_large"),
    ("user without id", _body(lambda body: body["Resources"][0].pop("id")), "directory.malformed"),
    ("active as text", _body(lambda body: body["Resources"][0].update(active="false")), "directory.malformed"),
    ("attribute twice", _body(lambda body: body["Resources"][0].update(ACTIVE=True)), "directory.malformed"),
    ("members as text", _body(lambda body: body["Resources"][0].update(members="x"), "/Groups"), "directory.malformed"),
    ("member twice", _body(lambda body: body["Resources"][0]["members"].extend(body["Resources"][0]["members"]), "/Groups"), "directory.malformed"),
    ("same user twice", _body(lambda body: body["Resources"].__setitem__(1, body["Resources"][0])), "directory.changing"),
    ("cut off", lambda sent: setattr(sent, "raw", b'{"schemas": ['), "directory.malformed"),
    ("key twice", lambda sent: setattr(sent, "raw", b'{"totalResults": 2, "totalResults": 0}'), "directory.malformed"),
    ("too large", lambda sent: setattr(sent, "raw", b" " * (MAX_ANSWER + 1)), "directory.too_large"),
    ("compressed", lambda sent: sent.headers.update({"Content-Encoding": "gzip"}), "directory.malformed"),
    ("server error", lambda sent: setattr(sent, "status", 500), "directory.unavailable"),
    ("too many requests", lambda sent: setattr(sent, "status", 429), "directory.unavailable"),
    ("bad request", lambda sent: setattr(sent, "status", 400), "directory.malformed"),
    ("not found", lambda sent: setattr(sent, "status", 404), "directory.malformed"),
    ("forbidden", lambda sent: setattr(sent, "status", 403), "directory.token"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "code"), [item[1:] for item in FAULTS], ids=[item[0] for item in FAULTS])
def test_a_wrong_answer_is_refused(scim: ScimDouble, fault: Callable[[Sent], None], code: str) -> None:
    """No answer that is not whole and consistent is an answer."""
    scim.add("dana", groups=("staff",))
    scim.add("erin")
    scim.fault = fault
    with pytest.raises(GaitopsError) as caught:
        read(scim, known=("id-frank",))
    assert caught.value.code == code
    assert TOKEN not in str(caught.value)


def test_a_page_that_stops_early_is_refused(scim: ScimDouble) -> None:
    """An empty page before the promised end makes nobody gone."""
    scim.page = 2
    for number in range(5):
        scim.add(f"user{number}")

    def fault(sent: Sent) -> None:
        if sent.path.endswith("/Users") and sent.body["startIndex"] > 1:
            sent.body.update(Resources=[], itemsPerPage=0)

    scim.fault = fault
    with pytest.raises(UnsafeOperationError) as caught:
        read(scim)
    assert caught.value.code == "directory.partial"


def test_a_list_that_lacks_somebody_is_refused(scim: ScimDouble) -> None:
    """Counts that agree are not believed when the missing person is there when asked for."""
    scim.add("dana")
    scim.add("erin")
    scim.fault = _body(
        lambda body: body.update(Resources=body["Resources"][:1], totalResults=1, itemsPerPage=1)
    )
    with pytest.raises(UnsafeOperationError, match="lacks 'id-erin'") as caught:
        read(scim, known=("id-erin",))
    assert caught.value.code == "directory.partial"


def test_a_member_whom_the_list_lacks_makes_it_partial(scim: ScimDouble) -> None:
    """Nobody of the fleet need be concerned: the list is not the directory's."""
    scim.add("dana")
    scim.add("erin", groups=("staff",))
    scim.fault = _body(
        lambda body: body.update(Resources=body["Resources"][:1], totalResults=1, itemsPerPage=1)
    )
    with pytest.raises(UnsafeOperationError) as caught:
        read(scim)
    assert caught.value.code == "directory.partial"


def test_a_directory_that_changes_meanwhile_is_read_again(scim: ScimDouble) -> None:
    """A deletion between two pages shifts everybody, so reading starts over, and ends with what is true then."""
    scim.page = 2
    for number in range(5):
        scim.add(f"user{number}")

    def meanwhile(target: str) -> None:
        if "startIndex=3" in target and "id-user0" in scim.users:
            scim.remove("user0")

    scim.before = meanwhile
    answer = read(scim, known=("id-user0",))
    assert sorted(answer.users) == [f"id-user{number}" for number in range(1, 5)]
    assert answer.gone == {"id-user0"}


def test_a_page_that_changed_since_it_was_read_is_noticed_by_its_tag(scim: ScimDouble) -> None:
    """Counts agree, but the first page is another one than before."""
    scim.page = 2
    for number in range(4):
        scim.add(f"user{number}")

    def meanwhile(target: str) -> None:
        if "startIndex=3" in target and scim.users["id-user0"]["active"]:
            scim.users["id-user0"]["active"] = False

    scim.before = meanwhile
    assert not read(scim).users["id-user0"].active


def test_a_directory_that_never_rests_is_given_up(scim: ScimDouble) -> None:
    """A few attempts, then an error that is worth a retry."""
    scim.page = 2
    for number in range(4):
        scim.add(f"user{number}")
    rounds: list[str] = []

    def meanwhile(target: str) -> None:
        if "Users?startIndex=3" in target:
            rounds.append(target)
            scim.users["id-user0"]["displayName"] = f"name {len(rounds)}"

    scim.before = meanwhile
    with pytest.raises(InternalError) as caught:
        read(scim)
    assert caught.value.code == "directory.changing"
    assert len(rounds) == ATTEMPTS


def test_a_redirect_is_not_followed(scim: ScimDouble) -> None:
    """The token never reaches where a redirect points."""
    scim.add("dana")

    def fault(sent: Sent) -> None:
        sent.status = 302
        sent.headers["Location"] = scim.url.replace("127.0.0.1", "localhost") + "/elsewhere"

    scim.fault = fault
    with pytest.raises(UnsafeOperationError) as caught:
        read(scim)
    assert caught.value.code == "directory.redirect"
    assert len(scim.asked) == 1


def test_another_host_never_gets_the_token(scim: ScimDouble) -> None:
    """A client is for one scheme, host and port."""
    client = Client(scim.url, TOKEN)
    for url in (
        scim.url.replace("127.0.0.1", "localhost"),
        "http://127.0.0.1:1/scim/v2",
        "https://127.0.0.1/",
    ):
        with pytest.raises(UnsafeOperationError) as caught:
            client.get(url, accept="application/json")
        assert caught.value.code == "directory.redirect"
    assert scim.asked == []


@pytest.mark.parametrize(
    "url", ["http://directory.example.com", "http://127.0.0.1.example.com", "http://[::2]"]
)
def test_plain_http_is_for_loopback(url: str) -> None:
    """Nothing is sent where others could read it."""
    with pytest.raises(UnsafeOperationError) as caught:
        Client(url, TOKEN)
    assert caught.value.code == "directory.insecure"


@pytest.mark.parametrize(
    "url", ["ftp://directory.example.com", "https://user:pw@example.com", "https://", "https://x:y/"]
)
def test_an_address_is_an_address(url: str) -> None:
    """Neither another scheme nor credentials in it."""
    with pytest.raises(InvalidInputError) as caught:
        Client(url, TOKEN)
    assert caught.value.code == "directory.malformed"


def test_a_token_cannot_smuggle_a_header(scim: ScimDouble) -> None:
    """Line ends in a token are refused, and the token is not shown."""
    with pytest.raises(InvalidInputError) as caught:
        Client(scim.url, "secret\r\nX-Evil: 1")
    assert caught.value.code == "directory.token"
    assert "secret" not in str(caught.value)


def test_the_wrong_token_is_refused(scim: ScimDouble) -> None:
    """401 says so; the message does not hold the token."""
    with pytest.raises(InvalidInputError) as caught:
        read(scim, token="wrong-token")
    assert caught.value.code == "directory.token"
    assert "wrong-token" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    """Nothing listens on port 1."""
    with pytest.raises(InternalError) as caught:
        Scim(Client("http://127.0.0.1:1", TOKEN), "http://127.0.0.1:1").read(
            user_filter=None, known=frozenset()
        )
    assert caught.value.code == "directory.unavailable"


ODD_USERS: list[dict[str, Any]] = [
    {"userName": "da\u200bna"},
    {"displayName": "Da\u202ena"},
    {"displayName": 7},
    {"emails": [{"value": "dana@ex\u0430mple.com"}]},
    {"emails": [{"value": "no address"}]},
    {"emails": [{"value": "a@example.com", "primary": True}, {"value": "b@example.com", "primary": True}]},
    {"emails": "dana@example.com"},
    {"userName": "x" * 300},
]


@pytest.mark.parametrize("odd", ODD_USERS, ids=[str(index) for index in range(len(ODD_USERS))])
def test_an_odd_user_is_a_flaw_and_not_the_end(scim: ScimDouble, odd: dict[str, Any]) -> None:
    """Nobody stays valid because somebody else chose a strange name: id and active still count."""
    scim.add("dana", active=False)
    scim.users["id-dana"].update(odd)
    scim.add("erin")
    answer = read(scim, known=("id-dana",))
    assert answer.users["id-dana"].flaw is not None
    assert not answer.users["id-dana"].active
    assert answer.users["id-erin"].flaw is None
