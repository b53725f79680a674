# SPDX-License-Identifier: Apache-2.0
"""The descriptor of a policy version that is about to be added: digests and parents computed (design 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from gaitops.documents.models.base import API_VERSION
from gaitops.documents.models.policy import GAIT_SCHEME, POLICY_FILE
from gaitops.errors import InvalidInputError
from gaitops.fleet.graph import PolicyGraph, latest
from gaitops.fleet.semver import precedence
from gaitops.gait.policy_digest import digest_policy


def new_descriptor(
    graph: PolicyGraph,
    names: tuple[str, str, str],
    contents: Mapping[str, bytes],
    *,
    parents: Sequence[str] = (),
    summary: str | None = None,
) -> dict[str, object]:
    """The members of ``version.yaml`` for a version that joins ``graph``.

    Args:
        graph: The versions that the policy has.
        names: Org, policy and version number.
        contents: Every file of the folder by name; ``gait.policy.yaml`` among them.
        parents: Versions that the new one was made from; by default the highest one below it.
        summary: What changed.

    Raises:
        InvalidInputError: why Gait refuses the policy; ``policy.not_computed`` when its digest is not certain;
            ``policy.unknown_version`` for a parent that does not exist; ``document.value`` for the number.
    """
    org, policy, version = names
    files = [
        {"path": name, "sha256": hashlib.sha256(contents[name]).hexdigest()} for name in sorted(contents)
    ]
    spec: dict[str, object] = {
        "files": files,
        "gait": {"digest": _gait_digest(contents[POLICY_FILE]), "scheme": GAIT_SCHEME},
        "parents": [
            {"version": number, "digest": graph.digests[number]}
            for number in _parents(graph, version, parents)
        ],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "PolicyVersion",
        "metadata": {"name": policy, "org": org, "version": version},
        "spec": spec | ({"summary": summary} if summary else {}),
    }


def _gait_digest(policy: bytes) -> str:
    reading = digest_policy(policy)
    if reading.outcome == "rejected":
        raise InvalidInputError(reading.problems)
    if reading.digest is None:
        message = f"Gait's digest cannot be computed with certainty: {reading.reason}"
        raise InvalidInputError.of("policy.not_computed", message)
    return reading.digest


def _parents(graph: PolicyGraph, version: str, named: Sequence[str]) -> Sequence[str]:
    for number in named:
        if number not in graph.versions:
            known = ", ".join(graph.order) or "none"
            message = f"there is no version {number} to be the parent; existing: {known}"
            raise InvalidInputError.of("policy.unknown_version", message)
    if named:
        return named
    try:
        own = precedence(version)
    except ValueError as error:
        raise InvalidInputError.of("document.value", str(error), field="metadata.version") from error
    default = latest(number for number in graph.versions if precedence(number) < own)
    return [default] if default is not None else []
