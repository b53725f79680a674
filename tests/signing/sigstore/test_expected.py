# SPDX-License-Identifier: Apache-2.0
"""Whom a certificate must name: one claim that differs, or is absent, and it is somebody else."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from gaitops.signing.sigstore.claims import Claims
from gaitops.signing.sigstore.expected import BuildSigner, Person, Workload, WorkloadName

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORKFLOW = "https://github.com/acme/publisher/.github/workflows/publish.yml"
REUSABLE = "https://github.com/acme/lib/.github/workflows/sign.yml"
EXPECTED = Workload(
    issuer="https://token.actions.githubusercontent.com",
    repository_id="1296269",
    owner_id="9919",
    names=(WorkloadName("https://github.com/acme/publisher", WORKFLOW),),
    refs=("refs/heads/main", "refs/tags/v1"),
    triggers=("push", "schedule"),
    runner_environments=("github-hosted",),
    build_config_digests=("c" * 40,),
)
CLAIMS = Claims(
    issuer="https://token.actions.githubusercontent.com",
    subject=f"{WORKFLOW}@refs/heads/main",
    build_signer_uri=f"{WORKFLOW}@refs/heads/main",
    build_signer_digest="c" * 40,
    runner_environment="github-hosted",
    source_repository_uri="https://github.com/acme/publisher",
    source_repository_digest="b" * 40,
    source_repository_ref="refs/heads/main",
    source_repository_id="1296269",
    source_repository_owner_uri="https://github.com/acme",
    source_repository_owner_id="9919",
    build_config_uri=f"{WORKFLOW}@refs/heads/main",
    build_config_digest="c" * 40,
    build_trigger="push",
)
REUSED = replace(
    CLAIMS,
    subject=f"{REUSABLE}@refs/tags/v3",
    build_signer_uri=f"{REUSABLE}@refs/tags/v3",
    build_signer_digest="d" * 40,
)
"""The same workflow calls a reusable one, and that signs."""
CALLER = replace(EXPECTED, signer=BuildSigner(REUSABLE, ("d" * 40, "e" * 40)))


def because(claims: Claims, expected: Workload = EXPECTED, at: datetime = AT) -> str:
    """Why the certificate is not the workload's."""
    message = expected.mismatch(claims, at)
    assert message is not None
    return message


def test_the_workload_itself_matches() -> None:
    """Every claim as the document has it."""
    assert EXPECTED.mismatch(CLAIMS, AT) is None
    assert CALLER.mismatch(REUSED, AT) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"issuer": "https://token.actions.githubusercontent.com.evil.example"},
            "issuer is 'https://token.actions.githubusercontent.com.evil.example', expected 'https://token.actions",
        ),
        ({"source_repository_id": "1296270"}, "repository id is '1296270', expected '1296269'"),
        ({"source_repository_owner_id": "9920"}, "owner id is '9920', expected '9919'"),
        (
            {"source_repository_uri": "https://github.com/acme/publisher2"},
            "in 'https://github.com/acme/publisher2'",
        ),
        (
            {"source_repository_uri": "https://github.com/Acme/publisher"},
            "in 'https://github.com/Acme/publisher'",
        ),
        ({"source_repository_ref": "refs/heads/dev"}, "source ref is 'refs/heads/dev'"),
        ({"source_repository_ref": "refs/pull/7/merge"}, "source ref is 'refs/pull/7/merge'"),
        (
            {"build_trigger": "pull_request_target"},
            "trigger is 'pull_request_target', expected 'push' or 'schedule'",
        ),
        (
            {"runner_environment": "self-hosted"},
            "runner environment is 'self-hosted', expected 'github-hosted'",
        ),
        ({"build_config_digest": "f" * 40}, f"workflow digest is '{'f' * 40}', expected '{'c' * 40}'"),
        ({"build_signer_digest": "f" * 40}, f"signing workflow's digest is '{'f' * 40}'"),
    ],
)
def test_any_claim_that_differs_is_named(changed: dict[str, str], message: str) -> None:
    """The message has what was found and what was expected."""
    assert message in because(replace(CLAIMS, **changed))


COMPARED = {
    "issuer",
    "build_signer_uri",
    "build_signer_digest",
    "runner_environment",
    "source_repository_uri",
    "source_repository_ref",
    "source_repository_id",
    "source_repository_owner_id",
    "build_config_uri",
    "build_config_digest",
    "build_trigger",
}


@pytest.mark.parametrize("name", sorted(COMPARED - {"issuer"}))
@pytest.mark.parametrize(
    ("expected", "claims"), [(EXPECTED, CLAIMS), (CALLER, REUSED)], ids=["own", "reusable"]
)
def test_a_claim_that_is_absent_never_matches(name: str, expected: Workload, claims: Claims) -> None:
    """An older certificate, or another issuer's, does not pass because it says less."""
    assert because(replace(claims, **{name: None}), expected)  # type: ignore[arg-type]  # all of them may be absent


def test_every_claim_is_compared_or_known_not_to_be() -> None:
    """A claim that is added one day does not go unnoticed."""
    others = {field.name for field in fields(Claims)} - COMPARED
    assert others == {
        "subject",  # says again who signed
        "source_repository_digest",  # the commit of the run: another one each time
        "source_repository_owner_uri",  # part of the repository's URI
        "run_invocation_uri",  # another one each time
        "source_repository_visibility",  # may change without anybody else getting in
    }


@pytest.mark.parametrize(
    "uri",
    [
        WORKFLOW,
        f"{WORKFLOW}@",
        f"{WORKFLOW}@refs/heads/dev",
        f"{WORKFLOW}@refs/heads/main@refs/heads/dev",
        f"{WORKFLOW}@refs/heads/dev@refs/heads/main",
        f"{WORKFLOW}@refs/heads/main ",
        "https://github.com/acme/publisher/.github/workflows/Publish.yml@refs/heads/main",
        "https://github.com/acme/publisher/.github/workflows/publish.yml.yml@refs/heads/main",
        "https://github.com/acme/publisher/.github/workflows/../workflows/publish.yml@refs/heads/main",
    ],
)
def test_workflow_and_ref_are_compared_as_one_string(uri: str) -> None:
    """There is no reading of an @ in a name, because nothing is taken apart."""
    assert "the certificate's workflow is" in because(
        replace(CLAIMS, build_config_uri=uri, build_signer_uri=uri)
    )


def test_a_caller_is_not_its_callee() -> None:
    """A workload without a signer signs itself: calling a reusable workflow makes that the signer."""
    assert f"signing workflow is '{REUSABLE}@refs/tags/v3'" in because(REUSED)


def test_a_callee_needs_its_caller() -> None:
    """The reusable workflow signs for everybody who calls it; another repository's call is not this workload."""
    foreign = replace(
        REUSED,
        source_repository_uri="https://github.com/mallory/x",
        source_repository_id="5",
        build_config_uri="https://github.com/mallory/x/.github/workflows/a.yml@refs/heads/main",
    )
    assert "repository id is '5'" in because(foreign, CALLER)


def test_a_workload_with_a_signer_does_not_sign_itself() -> None:
    """Dropping the call of the reusable workflow drops what it guarantees."""
    assert f"expected '{REUSABLE}' at any ref" in because(CLAIMS, CALLER)


@pytest.mark.parametrize(
    "uri", [REUSABLE, f"{REUSABLE}x@refs/tags/v3", f"https://evil.example/{REUSABLE}@refs/tags/v3"]
)
def test_the_signer_is_the_whole_name(uri: str) -> None:
    """A reusable workflow whose name only begins or ends alike is another one."""
    assert "signing workflow is" in because(replace(REUSED, build_signer_uri=uri), CALLER)


def test_the_signer_is_pinned_to_commits() -> None:
    """A moved tag of the reusable workflow brings other code, and another digest."""
    assert CALLER.mismatch(replace(REUSED, build_signer_digest="e" * 40), AT) is None
    assert "signing workflow's digest" in because(replace(REUSED, build_signer_digest="f" * 40), CALLER)


def test_a_renamed_repository_keeps_its_history() -> None:
    """Both names count, each in its time."""
    moved = "https://github.com/acme/releases/.github/workflows/publish.yml"
    day = timedelta(days=1)
    expected = replace(
        EXPECTED,
        names=(
            WorkloadName("https://github.com/acme/publisher", WORKFLOW, valid_until=AT),
            WorkloadName("https://github.com/acme/releases", moved, valid_from=AT),
        ),
    )
    renamed = replace(
        CLAIMS,
        source_repository_uri="https://github.com/acme/releases",
        build_config_uri=f"{moved}@refs/heads/main",
        build_signer_uri=f"{moved}@refs/heads/main",
    )
    assert expected.mismatch(CLAIMS, AT - day) is None
    assert expected.mismatch(renamed, AT) is None
    assert f"expected at 2026-03-01T12:00:00Z '{moved}'" in because(CLAIMS, expected, AT)
    assert f"expected at 2026-02-28T12:00:00Z '{WORKFLOW}'" in because(renamed, expected, AT - day)
    mixed = replace(renamed, source_repository_uri="https://github.com/acme/publisher")
    assert "the certificate's workflow is" in because(mixed, expected, AT)


def test_a_successor_under_the_old_name_has_other_ids() -> None:
    """Whoever recreates a deleted organization or repository gets its names, and not its ids."""
    successor = replace(CLAIMS, source_repository_id="77", source_repository_owner_id="78")
    assert "repository id is '77'" in because(successor)
    assert "owner id is '78'" in because(replace(CLAIMS, source_repository_owner_id="78"))


def test_before_its_first_name_it_is_nothing() -> None:
    """A workload without a name at the time of signing did not sign."""
    expected = replace(EXPECTED, names=(replace(EXPECTED.names[0], valid_from=AT),))
    assert (
        because(CLAIMS, expected, AT - timedelta(seconds=1))
        == "the workload had no name at 2026-03-01T11:59:59Z"
    )


def test_digests_of_the_workflow_are_optional() -> None:
    """Without digests the workflow may change: whoever may write to the branch decides."""
    expected = replace(EXPECTED, build_config_digests=())
    assert (
        expected.mismatch(replace(CLAIMS, build_config_digest="1" * 40, build_signer_digest="1" * 40), AT)
        is None
    )


def test_people_are_no_pipelines() -> None:
    """A certificate of one kind never counts for an identity of the other."""
    person = Person("https://accounts.example.com", "dana@acme.example")
    assert person.mismatch(Claims(person.issuer, person.subject), AT) is None
    assert person.mismatch(CLAIMS, AT) == "the certificate was issued to a pipeline, not to a person"
    assert (
        because(Claims(EXPECTED.issuer, f"{WORKFLOW}@refs/heads/main"))
        == "the certificate was not issued to a pipeline"
    )


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        ("https://accounts.example.com.evil.example", "dana@acme.example"),
        ("https://accounts.example.com/", "dana@acme.example"),
        ("http://accounts.example.com", "dana@acme.example"),
        ("https://аccounts.example.com", "dana@acme.example"),
        ("https://accounts.example.com", "Dana@acme.example"),
        ("https://accounts.example.com", "dаna@acme.example"),
        ("https://accounts.example.com", "dana@acme.example "),
        ("https://accounts.example.com", "dana@acme.example.evil.example"),
    ],
)
def test_look_alikes_are_somebody_else(issuer: str, subject: str) -> None:
    """Issuers and subjects are compared whole, byte for byte, Unicode twins included."""
    assert Person("https://accounts.example.com", "dana@acme.example").mismatch(Claims(issuer, subject), AT)


def test_fingerprints_tell_identities_apart() -> None:
    """What makes an identity changes its fingerprint; names, refs and digests that may change do not."""
    renamed = replace(
        EXPECTED, names=(*EXPECTED.names, WorkloadName("https://x.example/y", "https://x.example/y/z"))
    )
    assert (
        EXPECTED.fingerprint == renamed.fingerprint == replace(EXPECTED, refs=("refs/heads/x",)).fingerprint
    )
    others = [
        replace(EXPECTED, issuer="https://gitlab.com"),
        replace(EXPECTED, repository_id="2"),
        replace(EXPECTED, owner_id="2"),
        CALLER,
    ]
    assert len({EXPECTED.fingerprint, *(other.fingerprint for other in others)}) == 5
