# SPDX-License-Identifier: Apache-2.0
"""Reading a SCIM 2.0 service provider (RFC 7644): all pages, or nothing.

Nobody counts as gone because a list lacks them: each is asked for by id, and only 404 or ``active: false`` is an
answer. What changes while it is read is read again, a few times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from gaitops.directory.answer import MAX_USERS, Answer, User, malformed, partial, users_by_id
from gaitops.directory.http import Client, Reply
from gaitops.directory.scim_resources import Resource, attributes, read_group, read_user, resolve
from gaitops.errors import InternalError, UnsafeOperationError

_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ACCEPT: Final = "application/scim+json, application/json"
PAGE = 100
"""Resources asked for at once; a provider may give fewer (RFC 7644 3.4.2.4)."""
MAX_PAGES = 2_000
MAX_STRANGERS = 1_000
"""Members of groups who are not among the users, and are asked for one by one."""
ATTEMPTS = 3
"""How often a directory that keeps changing is read."""

_Item = TypeVar("_Item")


class _ChangedError(Exception):
    """What was read does not belong together."""


@dataclass(frozen=True, slots=True)
class _Page:
    total: int
    resources: tuple[object, ...]


class Scim:
    """One service provider.

    Args:
        client: for its host.
        base: URL above ``/Users``.
    """

    def __init__(self, client: Client, base: str) -> None:
        self._client = client
        self._base = base.rstrip("/")

    def read(self, *, user_filter: str | None, known: frozenset[str]) -> Answer:
        """Users, groups and what became of ``known``.

        Args:
            user_filter: SCIM filter (RFC 7644 3.4.2.2) of the users to read; all without one.
            known: ids of users whom the fleet has, each of whom gets an answer.

        Raises:
            UnsafeOperationError: ``directory.partial``, ``directory.too_large``, and what :meth:`Client.get` raises.
            InternalError: ``directory.changing``: no state could be read in one piece.
            InvalidInputError: ``directory.malformed``.
        """
        for _ in range(ATTEMPTS):
            try:
                return self._read(user_filter, known)
            except _ChangedError:
                continue
        raise InternalError.of(
            "directory.changing",
            f"{self._base} changed every time while it was read",
            remedy="try again when nobody changes it, or when its lists agree with each other",
        )

    def _read(self, user_filter: str | None, known: frozenset[str]) -> Answer:
        resources = self._list("Users", read_user, user_filter)
        ids = [item.user.id for item in resources]
        if len(set(ids)) != len(ids):
            raise _ChangedError  # Somebody moved to another page, and somebody else may stand on none.
        users = users_by_id((item.user for item in resources), f"{self._base}/Users")
        raw = self._list("Groups", read_group, None)
        if len({item.id for item in raw}) != len(raw):
            raise _ChangedError
        versions = {item.user.id: item.version for item in resources}
        groups, strangers = resolve(raw, users, f"{self._base}/Groups")
        # A member whom the list lacks is asked for as well; within a filter that is how it should be.
        asked = known if user_filter is not None else known | strangers
        if len(asked) - len(known) > MAX_STRANGERS:
            raise partial(f"groups have {len(strangers)} members whom the list of users lacks", self._base)
        gone, unseen = self._ask(asked, users, versions, filtered=user_filter is not None)
        return Answer("scim", users, tuple(groups), gone & known, unseen, complete=user_filter is None)

    def _ask(
        self,
        known: frozenset[str],
        users: dict[str, User],
        versions: Mapping[str, str | None],
        *,
        filtered: bool,
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Ask for everybody who seems to have left; those who are gone, and those who only are not listed."""
        gone: set[str] = set()
        unseen: set[str] = set()
        for identifier in sorted(known):
            listed = users.get(identifier)
            if listed is not None and listed.active:
                continue
            found = self._user(identifier, versions.get(identifier))
            if found is None:
                gone.add(identifier)
                users.pop(identifier, None)
            elif found is not _SAME and listed is None and found.user.active:
                if not filtered:
                    raise partial(
                        f"the list of users lacks {identifier!r}, who exists and is active",
                        f"{self._base}/Users",
                    )
                unseen.add(identifier)
            elif found is not _SAME:
                if listed is not None and found.user.active:
                    raise _ChangedError
                users[identifier] = found.user
        return frozenset(gone), frozenset(unseen)

    def _user(self, identifier: str, version: str | None) -> Resource | None:
        url = f"{self._base}/Users/{quote(identifier, safe='')}"
        headers = {"If-None-Match": version} if version is not None else {}
        reply = self._client.get(url, accept=_ACCEPT, headers=headers)
        if reply.status == 404:
            return None
        if reply.status == 304:
            if version is None:
                raise malformed("status 304 for a request without condition", url)
            return _SAME
        found = read_user(reply.body, url)
        if found.user.id != identifier:
            raise malformed(f"asked for {identifier!r}, answered with {found.user.id!r}", url)
        return found

    def _list(self, kind: str, read: Callable[[object, str], _Item], user_filter: str | None) -> list[_Item]:
        where = f"{self._base}/{kind}"
        found: list[_Item] = []
        tags: dict[str, str | None] = {}
        total: int | None = None
        while total is None or len(found) < total:
            query = {"startIndex": str(len(found) + 1), "count": str(PAGE)}
            if user_filter is not None:
                query["filter"] = user_filter
            url = f"{where}?{urlencode(query, quote_via=quote)}"
            reply = self._client.get(url, accept=_ACCEPT)
            page = _page(reply, where, len(found) + 1)
            if total is not None and page.total != total:
                raise _ChangedError
            total = page.total
            tags[url] = reply.etag
            if total > MAX_USERS or len(tags) > MAX_PAGES:
                raise UnsafeOperationError.of(
                    "directory.too_large",
                    f"{where} has {total} resources on too many pages; at most {MAX_USERS} on {MAX_PAGES} are read",
                    remedy="use --filter",
                )
            found.extend(read(item, where) for item in page.resources)
            if len(found) < total and not page.resources:
                raise partial(f"{len(found)} resources were given, {total} were promised", where)
        if len(found) != total:
            raise partial(f"{len(found)} resources were given, {total} were promised", where)
        if len(tags) > 1:
            self._revalidate(tags)
        return found

    def _revalidate(self, tags: Mapping[str, str | None]) -> None:
        """Ask for each page again, where it has an entity tag: none may have changed since it was read."""
        for url, tag in tags.items():
            if (
                tag is not None
                and self._client.get(url, accept=_ACCEPT, headers={"If-None-Match": tag}).status != 304
            ):
                raise _ChangedError


_SAME: Final = Resource(User(""), None)
"""Stands for a resource that is still as it was listed (304)."""


def _page(reply: Reply, where: str, start: int) -> _Page:
    """A ListResponse (RFC 7644 3.4.2), in which every count is right.

    Raises:
        InvalidInputError: ``directory.malformed``.
        UnsafeOperationError: ``directory.partial``: a count is wrong, or the page is another one.
    """
    if reply.status != 200:
        raise malformed(f"status {reply.status} for a list", where)
    found = attributes(reply.body, _LIST, where)
    total, resources = found.get("totalresults"), found.get("resources", [])
    if not isinstance(total, int) or isinstance(total, bool) or total < 0 or not isinstance(resources, list):
        raise malformed("a list without totalResults or Resources", where)
    promised = {"startindex": start, "itemsperpage": len(resources)}
    for name, expected in promised.items():
        value = found.get(name, expected)
        # An empty page may say that it starts anywhere.
        if value != expected and resources:
            raise partial(f"{name} is {value!r}, expected {expected}", where)
    if len(resources) > PAGE:
        raise malformed(f"{len(resources)} resources on a page of {PAGE}", where)
    return _Page(total, tuple(resources))
