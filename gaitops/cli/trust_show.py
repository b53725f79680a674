# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust show``: who is trusted with what, in verified state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result

if TYPE_CHECKING:
    from gaitops.cli.trust_roots import RootView
    from gaitops.documents.models.trust import Revocation, RevocationSpec
    from gaitops.fleet.people import Directory, Grant, Identity
    from gaitops.history.session import History

_RENEW = timedelta(days=30)
"""A root that expires within this time is marked: rotating needs several people, and time to reach them."""


@dataclass(frozen=True)
class _Trusted:
    """One principal, ready to print."""

    name: str
    kind: str
    groups: tuple[str, ...]
    roles: tuple[tuple[str, str], ...]
    """(role, scope), sorted."""
    identities: tuple[tuple[Identity, str | None], ...]
    """Each with the cause of its revocation."""


@command(example="gaitops trust show --trust-root sha256:5f0c…\ngaitops trust show --rev main --json")
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Branch, tag or full commit id."
)
@options.trust_root
@options.at
def show(*, repo: Path, rev: str, trust_root: str, at: datetime | None) -> Result:
    """Show the root of trust, publishers, principals with roles and identities, and revocations.

    Everything comes from verified state: what the revision holds beyond it, because nobody authorized it, is
    left out and mentioned.
    """
    from gaitops.cli.opening import opened
    from gaitops.cli.trust_roots import RootView
    from gaitops.documents.models.trust import Revocation

    with opened(repo, rev, trust_root, at=at) as history:
        state, root = history.state(), history.standing.root
        view = RootView.of_trusted(root)
        people = _principals(history)
        revocations = list(state.documents("trust/revocations", Revocation))
        verified = history.verdict().verified
        members = {
            "head": history.standing.head,
            "verified": verified,
            "trustRoot": root.trust_root,
            "solo": root.solo,
            "root": view.to_json(),
            "principals": [_principal_json(item) for item in people],
            "revocations": [
                {"id": name, **document.spec.model_dump(mode="json", by_alias=True, exclude_none=True)}
                for name, document in revocations
            ],
        }
        notes = _notes(view, solo=root.solo, verified=verified, at=history.at)
        text = _text(view, root.trust_root, people, revocations, notes)
    return Result("trust-show", members, text)


def _principals(history: History) -> list[_Trusted]:
    """Everybody in the fleet and its organizations; the fleet's people first."""
    from gaitops.change.context import revocation_of

    orgs = history.state().orgs()
    directories: list[Directory] = [history.fold.people(()), *(history.fold.people((org,)) for org in orgs)]
    grants = tuple(dict.fromkeys(grant for directory in directories for grant in directory.grants))
    found: dict[str, _Trusted] = {}
    for directory in directories:
        for name, person in directory.people.items():
            if name in found:
                continue
            identities = []
            for identity in directory.identities_of(name):
                revoked = revocation_of(identity, history.fold.facts)
                identities.append((identity, revoked.cause if revoked is not None else None))
            roles = tuple(
                sorted({(item.role, item.scope) for item in grants if _holds(item, name, person.groups)})
            )
            groups = tuple(sorted(person.groups))
            found[name] = _Trusted(name, person.kind, groups, roles, tuple(identities))
    return sorted(found.values(), key=lambda item: ("/" in item.name, item.name))


def _holds(grant: Grant, name: str, groups: frozenset[str]) -> bool:
    return name in grant.principals or not grant.groups.isdisjoint(groups)


def _principal_json(item: _Trusted) -> dict[str, object]:
    from gaitops.fleet.credentials import described

    return {
        "name": item.name,
        "type": item.kind,
        "groups": list(item.groups),
        "roles": [{"role": role, "scope": scope} for role, scope in item.roles],
        "identities": [
            {
                "id": identity.label,
                "fingerprint": identity.fingerprint,
                "assurance": identity.assurance,
                "credential": described(identity.credential),
                "validFrom": _timestamp(identity.valid_from),
                "validUntil": _timestamp(identity.valid_until),
                "root": identity.is_root,
                "revoked": cause,
            }
            for identity, cause in item.identities
        ],
    }


def _text(
    view: RootView,
    trust_root: str,
    people: Sequence[_Trusted],
    revocations: Sequence[tuple[str, Revocation]],
    notes: Sequence[str],
) -> str:
    from gaitops.report.tables import fields, table

    parts = [fields([("trust root", f"sha256:{trust_root}")]) + "\n" + view.text(), *notes]
    rows = [[item.name, item.kind, _roles(item), _identities(item)] for item in people]
    parts.append(table(["principal", "type", "roles", "identities"], rows))
    taken = [[name, spec.cause, _subject(spec)] for name, document in revocations for spec in [document.spec]]
    parts.append(table(["revocation", "cause", "subject"], taken) if taken else "no revocations")
    return "\n\n".join(parts)


def _notes(view: RootView, *, solo: bool, verified: bool, at: datetime) -> list[str]:
    from gaitops.report.text import Style, styled

    found = []
    if solo:
        found.append("solo root: one person controls this fleet; for trying out only")
    if view.expires <= at:
        found.append("the root has expired; nothing verifies until `gaitops trust rotate`")
    elif view.expires - at <= _RENEW:
        found.append(
            f"the root expires in {(view.expires - at).days} days; renew it with `gaitops trust rotate`"
        )
    if not verified:
        found.append(
            "the revision holds more than what is shown, not authorized by anybody; see `gaitops verify`"
        )
    return [styled(item, Style.YELLOW) for item in found]


def _roles(item: _Trusted) -> str:
    scopes: dict[str, list[str]] = {}
    for role, scope in item.roles:
        scopes.setdefault(scope, []).append(role)
    return "; ".join(f"{', '.join(roles)} at {scope}" for scope, roles in scopes.items()) or "none"


def _identities(item: _Trusted) -> str:
    shown = []
    for identity, cause in item.identities:
        state = f" ({cause})" if cause is not None else ""
        shown.append(f"{identity.label} {identity.assurance} {identity.fingerprint[:12]}{state}")
    return ", ".join(shown) or "none"


def _timestamp(at: datetime | None) -> str | None:
    from gaitops.documents.times import format_timestamp

    return format_timestamp(at) if at is not None else None


def _subject(spec: RevocationSpec) -> str:
    if spec.identity is not None:
        since = f" since {spec.since[:12]}" if spec.since is not None else ""
        return f"identity {spec.identity.fingerprint[:12]} of {spec.identity.principal}{since}"
    if spec.policy_version is not None:
        named = spec.policy_version
        return f"policy {named.org}/{named.policy}@{named.version}"
    return f"release {spec.release.number}" if spec.release is not None else ""
