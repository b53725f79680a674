# SPDX-License-Identifier: Apache-2.0
"""Documents of a synthetic fleet, as people write them: block YAML, a few lines each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gaitops.documents.load import load_document
from gaitops.documents.models.policy import PolicyVersion
from gaitops.fleet.graph import version_digest
from gaitops.gait.policy_digest import SCHEME, digest_policy

Parent = tuple[str, str]
"""(version, version digest)."""

TIERS: Mapping[str, str] = {"development": "development", "staging": "staging", "production": "production"}
"""Environments of every project, with their tiers."""


def policy_folder(org: str, policy: str) -> str:
    """Where a policy lies."""
    return f"orgs/{org}/policies/{policy}"


def project_folder(org: str, project: str) -> str:
    """Where a project lies."""
    return f"orgs/{org}/projects/{project}"


def policy(org: str, name: str, stable: str, *, risk: str = "high") -> bytes:
    """``policy.yaml`` with the channel ``stable``."""
    return f"""\
apiVersion: gaitops.dev/v1
kind: Policy
metadata:
  name: {name}
  org: {org}
spec:
  owner: alice
  summary: What agents of {org} may do with tools
  risk: {risk}
  channels:
    stable: "{stable}"
""".encode()


def policy_version(
    org: str, name: str, version: str, number: int, parent: Parent | None
) -> tuple[dict[str, bytes], Parent]:
    """Files of a policy version by path, and what the next one names as its parent."""
    folder = f"{policy_folder(org, name)}/versions/{version}"
    text = _gait_policy(number)
    reading = digest_policy(text)
    assert reading.digest is not None, reading.problems
    parents = "[]" if parent is None else f'\n    - version: "{parent[0]}"\n      digest: "{parent[1]}"'
    descriptor = f"""\
apiVersion: gaitops.dev/v1
kind: PolicyVersion
metadata:
  name: {name}
  org: {org}
  version: "{version}"
spec:
  files:
    - path: gait.policy.yaml
      sha256: "{hashlib.sha256(text).hexdigest()}"
  gait:
    digest: "{reading.digest}"
    scheme: {SCHEME}
  parents: {parents}
""".encode()
    path = f"{folder}/version.yaml"
    loaded = load_document(descriptor, path)
    assert isinstance(loaded, PolicyVersion)
    return {path: descriptor, f"{folder}/gait.policy.yaml": text}, (version, version_digest(loaded))


def _gait_policy(number: int) -> bytes:
    """A guard of three rules; ``number`` makes the bytes and Gait's digest differ."""
    return f"""\
default_verdict: block
rules:
  - name: reads
    priority: 10
    effect: allow
    match:
      tool_names: [fs.read, fs.list, db.query.v{number}]
  - name: payments
    priority: 20
    effect: require_approval
    min_approvals: 2
    match:
      tool_names: [payments.create, payments.refund]
  - name: deletes
    priority: 30
    effect: block
    reason_codes: [destructive_operation]
    match:
      tool_names: [fs.delete, db.drop]
""".encode()


def project(org: str, name: str) -> bytes:
    """``project.yaml``."""
    return f"""\
apiVersion: gaitops.dev/v1
kind: Project
metadata:
  name: {name}
  org: {org}
spec:
  summary: Services of {name}
  owners: [alice]
""".encode()


def repository(org: str, project_name: str, name: str, *, wave: int) -> bytes:
    """A repository with two labels."""
    return f"""\
apiVersion: gaitops.dev/v1
kind: Repository
metadata:
  name: {name}
  org: {org}
  project: {project_name}
spec:
  url: https://github.com/{org}/{name}
  labels:
    wave: wave-{wave}
    language: python
""".encode()


def environment(org: str, project_name: str, name: str, policy_name: str, *, version: str | None) -> bytes:
    """An environment of all repositories; follows the channel ``stable`` without a version."""
    reference = f'version: "{version}"' if version is not None else "channel: stable"
    return f"""\
apiVersion: gaitops.dev/v1
kind: Environment
metadata:
  name: {name}
  org: {org}
  project: {project_name}
spec:
  tier: {TIERS[name]}
  selector:
    all: true
  policy:
    name: {policy_name}
    {reference}
""".encode()
