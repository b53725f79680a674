# SPDX-License-Identifier: Apache-2.0
"""Which path of a fleet repository holds what (design 2), as data and as one function.

The path carries kind, scope and name, so that CODEOWNERS, tenancy and the engine agree. ``LAYOUT`` is the whole
table; documentation is generated from it. A path that no row explains is ``other``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gaitops.errors import Problem

MAX_PATH_LENGTH: Final = 512
"""Characters; enough for the longest path of the table with the longest names."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the layout: a path with placeholders in angle brackets, and what lies there."""

    pattern: str
    kind: str
    summary: str


LAYOUT: Final[tuple[Row, ...]] = (
    Row("fleet.yaml", "Fleet", "name, rules version, unprotected globs, skew, grace periods, caps"),
    Row("trust/root/<number>.root.json", "root_metadata", "TUF root metadata; add-only"),
    Row("trust/sigstore/trusted_root.json", "sigstore_root", "pinned Sigstore trust root"),
    Row("trust/principals/<name>.yaml", "Principal", "person or service of the fleet"),
    Row("trust/roles/<name>.yaml", "RoleBinding", "roles at any scope"),
    Row("trust/approvals/<name>.yaml", "ApprovalRule", "what operations need"),
    Row("trust/revocations/<name>.yaml", "Revocation", "what is taken back; add-only"),
    Row("trust/freeze-windows/<name>.yaml", "FreezeWindow", "when nothing may change"),
    Row("trust/directories/<name>.yaml", "DirectoryMapping", "what a directory is in the fleet"),
    Row("orgs/<org>/org.yaml", "Organization", "a tenant and its repository globs"),
    Row("orgs/<org>/principals/<name>.yaml", "Principal", "person or service of the org"),
    Row("orgs/<org>/roles/<name>.yaml", "RoleBinding", "roles at scopes inside the org"),
    Row("orgs/<org>/directories/<name>.yaml", "DirectoryMapping", "what a directory is in the org"),
    Row("orgs/<org>/policies/<name>/policy.yaml", "Policy", "owner, risk, sharing, channels"),
    Row("orgs/<org>/policies/<name>/versions/<version>/version.yaml", "PolicyVersion", "digests and parents"),
    Row(
        "orgs/<org>/policies/<name>/versions/<version>/<file>",
        "policy_file",
        "the policy and companion files",
    ),
    Row("orgs/<org>/projects/<project>/project.yaml", "Project", "a set of repositories"),
    Row("orgs/<org>/projects/<project>/repositories/<name>.yaml", "Repository", "URL and labels"),
    Row("orgs/<org>/projects/<project>/environments/<name>.yaml", "Environment", "tier, selector, policy"),
    Row("orgs/<org>/projects/<project>/rollouts/<name>.yaml", "Rollout", "a staged change and its status"),
    Row("orgs/<org>/projects/<project>/waivers/<name>.yaml", "Waiver", "a dated exception to a control"),
    Row("orgs/<org>/projects/<project>/gates/<name>.yaml", "DeploymentGate", "what a deployment needs"),
    Row("evidence/producers/<name>.yaml", "Producer", "a Gait signing key and where it may sign"),
    Row("evidence/stores/<name>.yaml", "EvidenceStore", "where artifacts are kept"),
    Row("evidence/retention/<name>.yaml", "RetentionClass", "how long artifacts are kept"),
    Row("evidence/holds/<name>.yaml", "LegalHold", "what must not be deleted"),
    Row(
        "evidence/analyses/<org>/<project>/<name>/<64 hex>.json",
        "analysis",
        "signed rollout analyses; add-only",
    ),
    Row("evidence/dispositions/<file>", "evidence_record", "signed records of deletions"),
    Row("evidence/checkpoints/<file>", "evidence_record", "Merkle roots over the evidence"),
    Row("approvals/<2 hex>/<62 hex>/<principal>.<12 hex>.json", "envelope", "signed approvals; add-only"),
    Row(".github/<file>", "ci_config", "GitHub configuration; can never be unprotected"),
    Row(".gitlab-ci.yml", "ci_config", "GitLab pipeline; can never be unprotected"),
    Row("CODEOWNERS", "ci_config", "in any folder; can never be unprotected"),
    Row(".gitattributes", "ci_config", "in any folder; can never be unprotected"),
)

_NAME = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_PRERELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_PLACEHOLDERS: Final[Mapping[str, str]] = {
    "org": rf"(?P<org>{_NAME})",
    "project": rf"(?P<project>{_NAME})",
    "name": rf"(?P<name>{_NAME})",
    "number": r"(?P<name>[1-9][0-9]{0,8})",
    "version": rf"(?P<version>(?=[^/]{{1,64}}/){_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRERELEASE}(?:\.{_PRERELEASE})*)?)",
    "file": r"(?P<file>.+)",
    "2 hex": r"[0-9a-f]{2}",
    "62 hex": r"[0-9a-f]{62}",
    # An org's principal org/name is written org.name here: names have no dots, so this is unambiguous.
    "principal": rf"(?P<name>{_NAME}(?:\.{_NAME})?)",
    "12 hex": r"[0-9a-f]{12}",
    "64 hex": r"[0-9a-f]{64}",
}
_CI_FILES: Final = frozenset({"CODEOWNERS", ".gitattributes"})
_DOCUMENT_ROOTS: Final = frozenset({"trust", "orgs", "evidence", "approvals"})
_FLEET_PARTITION: Final = "fleet"
_SAFE_PATH = re.compile(r"[ -\[\]-~]+\Z")
_UNPORTABLE: Final = frozenset(':*?"<>|')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z")


def _compile(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"<([^>]+)>", pattern)
    return re.compile(
        "".join(_PLACEHOLDERS[part] if index % 2 else re.escape(part) for index, part in enumerate(parts))
    )


def _section(pattern: str) -> str:
    """The fixed folders that a path must have to match: what the rows are grouped by for quick lookup."""
    segments = pattern.split("/")
    if segments[0] == "orgs" and len(segments) > 2:
        return f"orgs/{segments[2]}"
    return "/".join(segments[:2]) if segments[0] in ("trust", "evidence") else segments[0]


@lru_cache(maxsize=256)
def _rows(section: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The rows that can explain a path of this section; compiled when first asked for, to start quickly."""
    return tuple((_compile(row.pattern), row.kind) for row in LAYOUT if _section(row.pattern) == section)


@dataclass(frozen=True, slots=True)
class Location:
    """What a path says about the file that lies there."""

    path: str
    kind: str
    """Document kind, or ``policy_file``, ``root_metadata``, ``sigstore_root``, ``envelope``, ``analysis``, ``evidence_record``,
    ``ci_config`` or ``other``."""
    org: str | None = None
    project: str | None = None
    name: str | None = None
    """Name of the object. Of a version or one of its files the policy; of an org or project that itself; of
    an envelope the principal; of root metadata the number; ``None`` for the fleet and for what has no name."""
    version: str | None = None
    file: str | None = None
    """Path below the version folder, of a policy file."""
    partition: str = "fleet"
    """``fleet``, or the org below whose folder the path lies."""
    scope: str = "fleet"
    """Narrowest scope that contains what the path says; ``fleet`` for ``other`` and ``ci_config`` everywhere."""

    @property
    def principal_ref(self) -> str | None:
        """``name`` or ``org/name`` of a Principal document."""
        if self.kind != "Principal" or self.name is None:
            return None
        return self.name if self.org is None else f"{self.org}/{self.name}"


@lru_cache(maxsize=65_536)
def classify(path: str) -> Location:
    """What the layout says about ``path``. Total: an unexplained path is of kind ``other``."""
    partition = _partition(path)
    if path.rpartition("/")[2] in _CI_FILES:
        return Location(path, "ci_config", partition=partition)
    for pattern, kind in _rows(_section(path)):
        match = pattern.fullmatch(path)
        if match is not None:
            return _located(path, kind, partition, match.groupdict())
    return Location(path, "other", partition=partition)


def _located(path: str, kind: str, partition: str, fields: Mapping[str, str]) -> Location:
    org, project, name = fields.get("org"), fields.get("project"), fields.get("name")
    if kind in ("Organization", "Project"):
        name = project or org
    if kind == "envelope" and name is not None:
        name = name.replace(".", "/")
    return Location(
        path,
        kind,
        org=org,
        project=project,
        name=name,
        version=fields.get("version"),
        file=fields.get("file") if kind == "policy_file" else None,
        partition=partition,
        scope=_scope(kind, org, project, name),
    )


def _scope(kind: str, org: str | None, project: str | None, name: str | None) -> str:
    if org is None:
        return "fleet"
    if project is None:
        return f"org/{org}"
    suffix = f"/environment/{name}" if kind == "Environment" else ""
    return f"org/{org}/project/{project}{suffix}"


def _partition(path: str) -> str:
    """Everything below ``orgs/<o>/`` belongs to org ``<o>``, documents or not, so that one org never holds up another."""
    segments = path.split("/", 2)
    if len(segments) == 3 and segments[0] == "orgs" and is_org_name(segments[1]):
        return segments[1]
    return _FLEET_PARTITION


def is_org_name(name: str) -> bool:
    """Whether a folder ``orgs/<name>`` is an organization's; ``fleet`` is taken, as the name of what no org owns."""
    return name != _FLEET_PARTITION and re.fullmatch(_NAME, name) is not None


def path_problem(path: str) -> Problem | None:
    """Why ``path`` must not exist in a fleet repository, or ``None``.

    ``git.unsafe_path``: what another platform or tool would read as another path (threat G7). ``document.misplaced``:
    a YAML file where documents lie that no row explains, so that a mistyped name is never silently without effect.
    """
    fault = next(_unsafe(path), None)
    if fault is not None:
        return Problem("git.unsafe_path", f"path {fault}", path=path, remedy="rename the file")
    if path.startswith(f"orgs/{_FLEET_PARTITION}/"):
        return Problem(
            "document.misplaced",
            "no organization can be called fleet, which is the name of what belongs to no organization",
            path=path,
            remedy="give the organization another name",
        )
    root = path.partition("/")[0]
    if root in _DOCUMENT_ROOTS and path.endswith((".yaml", ".yml")) and classify(path).kind == "other":
        return Problem(
            "document.misplaced",
            "no document belongs at this path; names are lowercase letters, digits and inner hyphens, suffix .yaml",
            path=path,
            remedy="move it to a path of the layout, or keep other files outside trust/, orgs/, evidence/ and approvals/",
        )
    return None


def _unsafe(path: str) -> Iterator[str]:
    """Rules for one path on its own; collisions need its neighbours, see :func:`collisions`."""
    if not _SAFE_PATH.match(path):
        yield "has characters other than printable ASCII, or a backslash"
    if len(path) > MAX_PATH_LENGTH:
        yield f"is longer than {MAX_PATH_LENGTH} characters"
    for segment in path.split("/"):
        if segment in ("", ".", ".."):
            yield "has an empty segment, '.' or '..'"
        if segment.lower() in (".git", "git~1"):
            yield "has a segment that Git keeps for itself"
        if segment != segment.strip(" ").rstrip(".") or not _UNPORTABLE.isdisjoint(segment):
            yield "has a segment that cannot be checked out on every platform"
        if _RESERVED.match(segment):
            yield f"has the segment {segment!r}, a device name on Windows"


def collisions(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of paths that a case-insensitive file system takes for one; folders count as well as files."""
    spelled: dict[str, str] = {}
    reported: set[tuple[str, str]] = set()
    for path in paths:
        end = len(path)
        while end > 0:
            prefix = path[:end]
            other = spelled.setdefault(prefix.lower(), prefix)
            if other != prefix and (other, prefix) not in reported:
                reported.add((other, prefix))
                yield other, prefix
            end = path.rfind("/", 0, end)


def principal_path(ref: str) -> str:
    """Path of the Principal document of ``name`` or ``org/name``."""
    org, slash, name = ref.rpartition("/")
    return f"orgs/{org}/principals/{name}.yaml" if slash else f"trust/principals/{name}.yaml"


def directory_path(org: str | None, name: str) -> str:
    """Path of a DirectoryMapping document: of an org, or of the fleet."""
    return f"trust/directories/{name}.yaml" if org is None else f"orgs/{org}/directories/{name}.yaml"


def role_binding_path(org: str | None, name: str) -> str:
    """Path of a RoleBinding document: of an org, or of the fleet."""
    return f"trust/roles/{name}.yaml" if org is None else f"orgs/{org}/roles/{name}.yaml"


def organization_path(org: str) -> str:
    """Path of an Organization document."""
    return f"orgs/{org}/org.yaml"


def policy_path(org: str, policy: str) -> str:
    """Path of a Policy document."""
    return f"orgs/{org}/policies/{policy}/policy.yaml"


def version_folder(org: str, policy: str, version: str) -> str:
    """Folder of a policy version, without a trailing slash."""
    return f"orgs/{org}/policies/{policy}/versions/{version}"


def version_path(org: str, policy: str, version: str) -> str:
    """Path of a PolicyVersion document."""
    return version_folder(org, policy, version) + "/version.yaml"


def project_path(org: str, project: str) -> str:
    """Path of a Project document."""
    return f"orgs/{org}/projects/{project}/project.yaml"


def repository_path(org: str, project: str, name: str) -> str:
    """Path of a Repository document."""
    return f"orgs/{org}/projects/{project}/repositories/{name}.yaml"


def environment_path(org: str, project: str, environment: str) -> str:
    """Path of an Environment document."""
    return f"orgs/{org}/projects/{project}/environments/{environment}.yaml"


def waiver_path(org: str, project: str, waiver: str) -> str:
    """Path of a Waiver document."""
    return f"orgs/{org}/projects/{project}/waivers/{waiver}.yaml"


def rollout_path(org: str, project: str, rollout_id: str) -> str:
    """Path of a Rollout document."""
    return f"orgs/{org}/projects/{project}/rollouts/{rollout_id}.yaml"


def analysis_path(org: str, project: str, rollout_id: str, payload_sha256: str) -> str:
    """Path of a signed analysis of a rollout."""
    return f"evidence/analyses/{org}/{project}/{rollout_id}/{payload_sha256}.json"


def root_path(number: int) -> str:
    """Path of one version of the TUF root metadata."""
    return f"trust/root/{number}.root.json"


def envelope_path(deltas_digest: str, principal: str, payload_sha256: str) -> str:
    """Path of an approval envelope.

    Args:
        deltas_digest: 64 hex digits, digest of the envelope's own deltas (design 6).
        principal: ``name`` or ``org/name``.
        payload_sha256: 64 hex digits of which the first 12 stand in the file name.
    """
    folder = f"approvals/{deltas_digest[:2]}/{deltas_digest[2:]}"
    return f"{folder}/{principal.replace('/', '.')}.{payload_sha256[:12]}.json"
