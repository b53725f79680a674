# SPDX-License-Identifier: Apache-2.0
"""What becomes of a token in a certificate: its subject, and Fulcio's extensions.

Source: sigstore/fulcio, docs/oid-info.md. Which provider a token is of, its claims tell: GitHub's has a
``job_workflow_ref``, GitLab's a ``ci_config_ref_uri``, a person's an ``email``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .identities import Claims


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate says of its owner."""

    subject: str
    is_email: bool
    extensions: Mapping[int, str]
    """By the last arc of 1.3.6.1.4.1.57264.1."""


def names_of(claims: Claims) -> Names:
    """Subject and extensions for a token.

    Raises:
        KeyError: A claim is missing that every token of that provider has.
    """
    if "job_workflow_ref" in claims:
        return _github(claims)
    if "ci_config_ref_uri" in claims:
        return _gitlab(claims)
    issuer = str(claims["iss"])
    federated = claims.get("federated_claims")
    if isinstance(federated, dict) and "connector_id" in federated:
        issuer = str(federated["connector_id"])
    return Names(str(claims["email"]), is_email=True, extensions={1: issuer, 8: issuer})


def _github(claims: Claims) -> Names:
    def of(name: str) -> str:
        return str(claims[name])

    signer = f"https://github.com/{of('job_workflow_ref')}"
    repository = f"https://github.com/{of('repository')}"
    return Names(
        signer,
        is_email=False,
        extensions={
            1: of("iss"),
            2: of("event_name"),
            3: of("sha"),
            4: of("workflow"),
            5: of("repository"),
            6: of("ref"),
            8: of("iss"),
            9: signer,
            10: of("job_workflow_sha"),
            11: of("runner_environment"),
            12: repository,
            13: of("sha"),
            14: of("ref"),
            15: of("repository_id"),
            16: f"https://github.com/{of('repository_owner')}",
            17: of("repository_owner_id"),
            18: f"https://github.com/{of('workflow_ref')}",
            19: of("workflow_sha"),
            20: of("event_name"),
            21: f"{repository}/actions/runs/{of('run_id')}/attempts/{of('run_attempt')}",
            22: of("repository_visibility"),
        },
    )


def _gitlab(claims: Claims) -> Names:
    def of(name: str) -> str:
        return str(claims[name])

    pipeline = f"https://{of('ci_config_ref_uri')}"
    project = f"{of('iss')}/{of('project_path')}"
    ref = f"refs/{'tags' if of('ref_type') == 'tag' else 'heads'}/{of('ref')}"
    return Names(
        pipeline,
        is_email=False,
        extensions={
            1: of("iss"),
            8: of("iss"),
            9: pipeline,
            10: of("ci_config_sha"),
            11: of("runner_environment"),
            12: project,
            13: of("sha"),
            14: ref,
            15: of("project_id"),
            16: f"{of('iss')}/{of('namespace_path')}",
            17: of("namespace_id"),
            18: pipeline,
            19: of("ci_config_sha"),
            20: of("pipeline_source"),
            21: f"{project}/-/jobs/{of('job_id')}",
            22: of("project_visibility"),
        },
    )
