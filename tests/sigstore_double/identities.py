# SPDX-License-Identifier: Apache-2.0
"""Who signs in: people, and runs of pipelines, as the tokens of their OpenID provider describe them.

Members carry the names of the tokens' claims. Sources: GitHub, "OpenID Connect reference"; GitLab, "OpenID Connect
(OIDC) authentication using ID tokens"; sigstore/fulcio, docs/oid-info.md, for what becomes of them in a certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
ACCOUNTS = "https://accounts.example.com"

Claims = Mapping[str, object]
"""Claims of a token."""


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with an e-mail address."""

    email: str
    issuer: str = ACCOUNTS
    via: str | None = None
    """Provider that the token comes from, when it only passes on what :attr:`issuer` says."""

    @property
    def claims(self) -> Claims:
        """Claims of the token, without times and audience."""
        claims: dict[str, object] = {
            "iss": self.via or self.issuer,
            "sub": f"user-{self.email.partition('@')[0]}",
            "email": self.email,
            "email_verified": True,
        }
        if self.via is not None:
            claims["federated_claims"] = {"connector_id": self.issuer, "user_id": self.email}
        return claims


@dataclass(frozen=True, slots=True)
class GitHubRun:
    """A run of a workflow in GitHub Actions."""

    repository: str = "acme/publisher"
    repository_id: str = "1296269"
    repository_owner_id: str = "9919"
    ref: str = "refs/heads/main"
    sha: str = "a" * 40
    event_name: str = "push"
    workflow: str = "publish"
    workflow_path: str = ".github/workflows/publish.yml"
    job_workflow_ref: str | None = None
    """``owner/repository/path@ref`` of a reusable workflow that is called; by default the workflow itself."""
    job_workflow_sha: str | None = None
    runner_environment: str = "github-hosted"
    repository_visibility: str = "private"
    run_id: str = "7001"
    run_attempt: str = "1"
    issuer: str = GITHUB

    @property
    def claims(self) -> Claims:
        """Claims of the token, without times and audience."""
        own = {
            name: value
            for name, value in asdict(self).items()
            if name not in {"workflow_path", "issuer", "job_workflow_ref", "job_workflow_sha"}
        }
        workflow_ref = f"{self.repository}/{self.workflow_path}@{self.ref}"
        return {
            **own,
            "iss": self.issuer,
            "sub": f"repo:{self.repository}:ref:{self.ref}",
            "repository_owner": self.repository.partition("/")[0],
            "workflow_ref": workflow_ref,
            "workflow_sha": self.sha,
            "job_workflow_ref": self.job_workflow_ref or workflow_ref,
            "job_workflow_sha": self.job_workflow_sha or self.sha,
        }


@dataclass(frozen=True, slots=True)
class GitLabJob:
    """A job of a pipeline in GitLab CI."""

    project_path: str = "acme/publisher"
    project_id: str = "20"
    namespace_id: str = "9"
    ref: str = "main"
    ref_type: str = "branch"
    sha: str = "b" * 40
    pipeline_source: str = "push"
    ci_config_ref_uri: str | None = None
    """``host/project//file@ref`` of the pipeline; by default the project's ``.gitlab-ci.yml``."""
    ci_config_sha: str | None = None
    runner_environment: str = "gitlab-hosted"
    project_visibility: str = "private"
    job_id: str = "8001"
    issuer: str = GITLAB

    @property
    def full_ref(self) -> str:
        """The ref as Git spells it."""
        return f"refs/{'tags' if self.ref_type == 'tag' else 'heads'}/{self.ref}"

    @property
    def claims(self) -> Claims:
        """Claims of the token, without times and audience."""
        host = self.issuer.removeprefix("https://")
        own = {name: value for name, value in asdict(self).items() if name != "issuer"}
        return {
            **own,
            "iss": self.issuer,
            "sub": f"project_path:{self.project_path}:ref_type:{self.ref_type}:ref:{self.ref}",
            "namespace_path": self.project_path.rpartition("/")[0],
            "ci_config_ref_uri": self.ci_config_ref_uri
            or f"{host}/{self.project_path}//.gitlab-ci.yml@{self.full_ref}",
            "ci_config_sha": self.ci_config_sha or self.sha,
        }


Signer = Someone | GitHubRun | GitLabJob
"""Anybody who can have a certificate."""
