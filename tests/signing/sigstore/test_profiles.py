# SPDX-License-Identifier: Apache-2.0
"""The documented profiles of CI providers: the documents load, and match what such a pipeline's certificate says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.models.identities import WorkloadIdentity
from gaitops.documents.models.trust import Principal
from gaitops.fleet.credentials import workload_of
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore.expected import BuildSigner, Workload
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_bundle
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.fixtures import sigstore_double
from tests.sigstore_double.identities import GitHubRun, GitLabJob

__all__ = ["sigstore_double"]

DOCS = Path(__file__).parents[3] / "docs" / "identity"
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
REUSABLE = "acme/ci/.github/workflows/sign.yml"


def documented(page: str) -> Workload:
    """The workload of the principal on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    block = next(
        block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "kind: Principal" in block
    )
    document = load_document(block.encode(), "trust/principals/publisher-bot.yaml")
    assert isinstance(document, Principal)
    (identity,) = document.spec.identities
    assert isinstance(identity, WorkloadIdentity)
    return workload_of(identity)


def run(double: SigstoreDouble, signer: GitHubRun | GitLabJob) -> VerifiedBundle:
    """What a pipeline's signature proves."""
    root = double.trusted_root_bytes
    data = double.sign_dsse(b"{}", signer, at=AT)
    return verify_bundle(read_envelope(data), TrustedRootFile(root, hashlib.sha256(root).hexdigest()))


@pytest.mark.parametrize(
    ("page", "signer"), [("github-actions.md", GitHubRun()), ("gitlab-ci.md", GitLabJob())]
)
def test_the_documented_workload_is_the_pipeline(
    sigstore_double: SigstoreDouble, page: str, signer: GitHubRun | GitLabJob
) -> None:
    """The page's own example matches a run with the page's own names and ids."""
    assert run(sigstore_double, signer).mismatch(documented(page)) is None


@pytest.mark.parametrize(
    "signer",
    [
        GitHubRun(runner_environment="self-hosted"),
        GitHubRun(event_name="pull_request_target"),
        GitHubRun(event_name="workflow_dispatch"),
        GitHubRun(ref="refs/heads/dev"),
        GitHubRun(ref="refs/pull/7/merge", event_name="pull_request"),
        GitHubRun(repository="acme/fork"),
        GitHubRun(repository_id="2"),
        GitHubRun(repository_owner_id="2"),
        GitHubRun(workflow_path=".github/workflows/other.yml"),
        GitHubRun(job_workflow_ref=f"{REUSABLE}@refs/tags/v1", job_workflow_sha="c" * 40),
        GitHubRun(issuer="https://token.actions.githubusercontent.com.evil.example"),
    ],
    ids=str,
)
def test_another_run_on_github_is_not_it(sigstore_double: SigstoreDouble, signer: GitHubRun) -> None:
    """Where it ran, why, on which ref, under which ids, and who signed: each of them decides."""
    assert run(sigstore_double, signer).mismatch(documented("github-actions.md")) is not None


@pytest.mark.parametrize(
    "signer",
    [
        GitLabJob(runner_environment="self-hosted"),
        GitLabJob(pipeline_source="merge_request_event"),
        GitLabJob(ref="dev"),
        GitLabJob(ref="main", ref_type="tag"),
        GitLabJob(project_path="acme/fork"),
        GitLabJob(project_id="2"),
        GitLabJob(namespace_id="2"),
        GitLabJob(ci_config_ref_uri="gitlab.com/evil/ci//.gitlab-ci.yml@refs/heads/main"),
        GitLabJob(issuer="https://gitlab.com.evil.example"),
    ],
    ids=str,
)
def test_another_job_on_gitlab_is_not_it(sigstore_double: SigstoreDouble, signer: GitLabJob) -> None:
    """The same on GitLab, a pipeline file that lies elsewhere included."""
    assert run(sigstore_double, signer).mismatch(documented("gitlab-ci.md")) is not None


def test_a_reusable_workflow_is_named_with_its_commits(sigstore_double: SigstoreDouble) -> None:
    """The caller's run counts when the called workflow is the one that is pinned."""
    signer = BuildSigner(f"https://github.com/{REUSABLE}", ("c" * 40,))
    expected = replace(documented("github-actions.md"), signer=signer)
    called = GitHubRun(job_workflow_ref=f"{REUSABLE}@refs/tags/v1", job_workflow_sha="c" * 40)
    assert run(sigstore_double, called).mismatch(expected) is None
    assert run(sigstore_double, replace(called, job_workflow_sha="d" * 40)).mismatch(expected) is not None
    assert run(sigstore_double, GitHubRun()).mismatch(expected) is not None
