# SPDX-License-Identifier: Apache-2.0
"""Who could still decide what: the quorum of every kind of decision, with and without somebody.

Nothing is signed here. What a decision needs is asked of the engine's own rules
(:func:`gaitops.change.requirements.requirement`), who could give it is read from roles, groups and identities of
verified state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gaitops.change.contributors import proposing_roles
from gaitops.change.operations import Operation
from gaitops.change.permissions import PERMISSIONS, SAFE
from gaitops.change.requirements import Requirement, requirement
from gaitops.documents.models.drill import Finding, Severity
from gaitops.drill.survey import Survey
from gaitops.fleet.credentials import FORGE
from gaitops.fleet.people import Directory
from gaitops.fleet.scopes import FLEET, contains, environment_scope, org_scope, project_scope

_FLEET_KINDS = (
    "organization.change",
    "producer.change",
    "freeze_window.change",
    "evidence.governance",
    "hold.place",
    "hold.release",
    "revocation.identity",
    "revocation.release",
    "repository.file.change",
)
_ORG_KINDS = ("org_principal.change", "org_role.change", "project.change")
_POLICY_KINDS = ("policy.create", "policy.publish", "policy.channel", "revocation.policy_version")
_PROJECT_KINDS = ("repository.change", "waiver.change", "gate.change")
_MOST_NAMED = 8
"""Names that one finding lists."""
MOST_LISTED = 20
"""Findings of one kind that a report lists; it is signed, and an envelope holds 64 KiB."""


@dataclass(frozen=True)
class Need:
    """One kind of decision at one scope: what it asks for and who could give it."""

    operation: Operation
    requirement: Requirement
    proposers: frozenset[str]
    approvers: frozenset[str]
    members: tuple[tuple[str, frozenset[str]], ...]
    """Approvers by group that must be among those who approve."""
    holders: frozenset[str]
    """Whoever has a role for approving it, whatever they sign with."""

    @property
    def title(self) -> str:
        """For people."""
        if self.requirement.root:
            return "what only the root may change (people, roles, rules, settings, CI)"
        details = sorted(self.operation.tiers | {f"{risk} risk" for risk in self.operation.risks})
        named = f"{self.operation.kind} in {self.operation.scope}"
        return f"{named} ({', '.join(details)})" if details else named

    def reachable(self, without: frozenset[str] = frozenset()) -> bool:
        """Whether somebody could propose it and enough others could approve it, if ``without`` were gone.

        Root keys count for proposing and approving alike (design 4, floors).
        """
        left = self.approvers - without
        if self.requirement.root:
            return len(left) >= self.requirement.quorum
        proposers = self.proposers - without
        outside = proposers - left
        if outside:
            return self._met(left)
        return any(self._met(left - {name}) for name in proposers)

    def missing(self, without: frozenset[str] = frozenset()) -> str:
        """What it needs and who is left, for people."""
        left = sorted(self.approvers - without)
        what = "root key" if self.requirement.root else "approval"
        needs = f"needs {self.requirement.quorum} {what}{'' if self.requirement.quorum == 1 else 's'}"
        if not self.requirement.root:
            needs += " besides its proposer"
        if self.requirement.groups:
            needs += f" with somebody of {', '.join(sorted(self.requirement.groups))}"
        rules = ", ".join(self.requirement.rules)
        could, proposers = _few(left), _few(sorted(self.proposers - without))
        return f"{self.title} {needs} ({rules}); could approve: {could}; could propose: {proposers}"

    def indispensable(self) -> tuple[str, ...]:
        """Everybody without whom it can no longer be decided; empty when it cannot be decided at all."""
        if self._is_ample() or not self.reachable():
            return ()
        everybody = self.approvers | self.proposers
        return tuple(sorted(name for name in everybody if not self.reachable(frozenset({name}))))

    def _is_ample(self) -> bool:
        """Whether it is plain that the loss of one person changes nothing; fleets have thousands of decisions."""
        groups = all(len(members) > 2 for _group, members in self.members)
        return groups and len(self.proposers) > 1 and len(self.approvers) > self.requirement.quorum + 1

    def _met(self, approvers: frozenset[str]) -> bool:
        groups = all(not approvers.isdisjoint(members) for _group, members in self.members)
        return groups and len(approvers) >= self.requirement.quorum


def needs(found: Survey) -> tuple[Need, ...]:
    """Every kind of decision at every scope where a fleet has something to decide; the root's first."""
    able = Able(found)
    made = [_need(found, operation, able) for operation in _operations(found)]
    return (_root_need(found), *(item for item in made if item is not None))


def need(found: Survey, kind: str, scope: str, risk: str | None = None) -> Need | None:
    """One decision by kind and scope; ``None`` where rules contradict each other."""
    return Able(found).need(kind, scope, risk)


def quorum_findings(found: Survey, without: str, *, severity: Severity) -> tuple[Finding, ...]:
    """What a fleet can no longer decide once somebody is gone, of this severity each; and what it cannot already."""
    gone, everything = frozenset({without}), needs(found)
    lost = [item for item in everything if item.reachable() and not item.reachable(gone)]
    texts = [f"without {without}: {item.missing(gone)}" for item in lost]
    return (*_listed(severity, "quorum-lost", texts), *_already(everything))


def reserve_findings(found: Survey) -> tuple[Finding, ...]:
    """Decisions that hang on one person, and those that nobody can make already."""
    by_person: dict[str, list[str]] = {}
    everything = needs(found)
    for item in everything:
        for name in item.indispensable():
            by_person.setdefault(name, []).append(item.title)
    texts = []
    for name, titles in sorted(by_person.items()):
        shown = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")
        texts.append(f"without {name}, nobody could decide {shown}")
    return (*_listed("warning", "quorum-reserve", texts), *_already(everything))


def root_findings(found: Survey, *, severity: Severity) -> tuple[Finding, ...]:
    """How many root people may be lost; ``severity`` of a root that bears no loss at all."""
    root = found.root
    spare = len(root.keys) - root.threshold
    names = ", ".join(sorted(item.principal for item in root.keys))
    said = f"{root.threshold} of {len(root.keys)} root people must sign ({names}): "
    if root.solo:
        text = f"{said}the loss of the only root key is the loss of the fleet"
        return (Finding(severity=severity, about="root-reserve", text=text),)
    if spare == 0:
        text = f"{said}the loss of any one root key is the loss of the root"
        return (Finding(severity=severity, about="root-reserve", text=text),)
    text = f"{said}{spare} may be lost before the root cannot be rotated any more"
    return (Finding(severity="note", about="root-reserve", text=text),)


def publisher_findings(found: Survey, *, severity: Severity) -> tuple[Finding, ...]:
    """How many publishers may be lost, and whether one stolen key could publish."""
    count, threshold = len(found.root.publishers), found.root.targets_threshold
    spare = count - threshold
    said = f"{threshold} of {count} publishers must sign a release: "
    left = (
        f"{spare} may be lost before no release can be published"
        if spare
        else ("the loss of any one publisher key stops releases until the root names another")
    )
    texts = [Finding(severity="note" if spare else severity, about="publishers-reserve", text=said + left)]
    if threshold == 1:
        stolen = f"{said}one stolen publisher key can sign a release that nobody authorized"
        texts.append(Finding(severity="warning", about="publishers-threshold", text=stolen))
    return tuple(texts)


def head_findings(found: Survey) -> tuple[Finding, ...]:
    """Whether the copy holds all that the head does."""
    if found.verified:
        return ()
    text = "the head holds content that is not verified; the copy holds verified state only (gaitops verify)"
    return (Finding(severity="warning", about="head-verified", text=text),)


def _already(everything: Iterable[Need]) -> tuple[Finding, ...]:
    """Decisions that nobody can make today, where somebody holds the roles for it."""
    stuck = [item for item in everything if item.holders and item.proposers and not item.reachable()]
    return _listed("warning", "quorum-unreachable", [f"today already: {item.missing()}" for item in stuck])


def _listed(severity: Severity, about: str, texts: Sequence[str]) -> tuple[Finding, ...]:
    shown = [Finding(severity=severity, about=about, text=text) for text in texts[:MOST_LISTED]]
    if len(texts) > MOST_LISTED:
        more = f"and {len(texts) - MOST_LISTED} more of this kind"
        shown.append(Finding(severity=severity, about=about, text=more))
    return tuple(shown)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (", ".join(names[:_MOST_NAMED]) or "nobody") + more


def _root_need(found: Survey) -> Need:
    operation = Operation("principal.change", FLEET, ())
    needed, _problems = requirement(operation, found.rules, found.root)
    people = frozenset(key.principal for key in found.root.keys)
    return Need(operation, needed, people, people, (), people)


class Able:
    """Who holds roles at a scope and can sign; roles are asked for again and again."""

    def __init__(self, found: Survey) -> None:
        self._found = found
        self._known: dict[tuple[str, frozenset[str], bool, frozenset[str] | None], frozenset[str]] = {}
        self._kinds_of: dict[tuple[int, str], frozenset[str]] = {}
        self._groups = {name: _by_group(directory) for name, directory in found.people.items()}

    def holders(self, scope: str, roles: frozenset[str]) -> frozenset[str]:
        """As :meth:`gaitops.fleet.people.Directory.holders`, by grants instead of by people."""
        directory, names = self._found.directory(scope), set[str]()
        groups = self._groups[self._found.partition(scope)]
        for grant in directory.grants:
            if grant.role in roles and contains(grant.scope, scope):
                names |= grant.principals & directory.people.keys()
                names.update(name for group in grant.groups for name in groups.get(group, ()))
        return frozenset(names)

    def approvers(self, scope: str, roles: frozenset[str], needed: Requirement) -> frozenset[str]:
        """Those of :meth:`holders` whose approval would be accepted, by the kind of their identities."""
        return self._with(scope, roles, needed)

    def proposers(self, scope: str, roles: frozenset[str]) -> frozenset[str]:
        """Those of :meth:`holders` who can sign a proposal or a commit."""
        return self._with(scope, roles, None)

    def _with(self, scope: str, roles: frozenset[str], needed: Requirement | None) -> frozenset[str]:
        key = (scope, roles, needed is not None, needed.assurance if needed is not None else None)
        if key not in self._known:
            names = self.holders(scope, roles)
            accepts = needed.accepts if needed is not None else _signs_itself
            self._known[key] = frozenset(
                name for name in names if any(accepts(kind) for kind in self._kinds(scope, name))
            )
        return self._known[key]

    def _kinds(self, scope: str, name: str) -> frozenset[str]:
        """Kinds of the identities with which somebody can sign now."""
        directory = self._found.directory(scope)
        key = (id(directory), name)
        if key not in self._kinds_of:
            usable = self._found.usable(directory, name)
            self._kinds_of[key] = frozenset(item.assurance for item in usable)
        return self._kinds_of[key]

    def need(self, kind: str, scope: str, risk: str | None = None) -> Need | None:
        """One decision by kind and scope; ``None`` where rules contradict each other."""
        risks = frozenset({risk} if risk is not None else ())
        return _need(self._found, Operation(kind, scope, (), risks=risks, safe=kind in SAFE), self)


def _signs_itself(kind: str) -> bool:
    """Whether an identity signs: a forge account's reviews are the word of somebody else."""
    return kind != FORGE


def _by_group(directory: Directory) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, person in directory.people.items():
        for group in person.groups:
            found.setdefault(group, set()).add(name)
    return found


def _need(found: Survey, operation: Operation, able: Able) -> Need | None:
    needed, problems = requirement(operation, found.rules, found.root)
    if problems:  # `gaitops check` tells whoever proposes such a change that the rules contradict each other.
        return None
    permission, scope = PERMISSIONS[operation.kind], operation.scope
    approvers = able.approvers(scope, permission.approvers, needed)
    directory = found.directory(scope)
    members = tuple((group, _of_group(directory, approvers, group)) for group in sorted(needed.groups))
    return Need(
        operation,
        needed,
        able.proposers(scope, proposing_roles(operation)),
        approvers,
        members,
        able.holders(scope, permission.approvers),
    )


def _operations(found: Survey) -> Iterator[Operation]:
    for kind in _FLEET_KINDS:
        yield Operation(kind, FLEET, (), safe=kind in SAFE)
    for org in found.orgs:
        for kind in _ORG_KINDS:
            yield Operation(kind, org_scope(org), ())
        for risk in sorted(found.risks[org]):
            for kind in _POLICY_KINDS:
                yield Operation(kind, org_scope(org), (), risks=frozenset({risk}))
    for org, project in found.projects:
        for kind in _PROJECT_KINDS:
            yield Operation(kind, project_scope(org, project), ())
    for place in found.places:
        scope, tiers = environment_scope(place.org, place.project, place.environment), frozenset({place.tier})
        yield Operation("environment.change", scope, (), tiers=tiers)
        risks = frozenset({place.risk} if place.risk is not None else ())
        yield Operation(
            "assignment.change", scope, (), tiers=tiers, risks=risks, modes=frozenset({"enforce"})
        )


def _of_group(directory: Directory, names: frozenset[str], group: str) -> frozenset[str]:
    return frozenset(name for name in names if group in directory.people[name].groups)
