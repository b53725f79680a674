# SPDX-License-Identifier: Apache-2.0
"""Who names the repository of an artifact, and what contradicts it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gaitops.evidence.attribution import Attribution, Attributor, Envelope, RepositoryNames, plain_name
from gaitops.fleet.evidence import KnownRepository, ProducerKey, Registry
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Keyring, Verdict
from tests.evidence.collected import NOW, VECTORS, keys, texts

CART, DOCS = "github.com/larkspur/cart-api", "github.com/larkspur/docs"


def registry(**more: Any) -> Registry:
    """A registry of two repositories in which checkout-ci signs for the first."""
    known = {
        name: KnownRepository(name, "shop", "checkout", name.rpartition("/")[2], "carts")
        for name in (CART, DOCS)
    }
    settings = {
        "repositories": frozenset({CART}), "environments": frozenset(), "valid_from": None, "valid_until": None, **more,
    }  # fmt: skip
    producers = {key.key_id: ProducerKey("ci", key.key_id, key.raw, **settings) for key in keys()}
    return Registry(producers, known, {})


def attributed(
    text: str, envelope: Envelope, found: Registry | None = None, *, known: bool = True
) -> Attribution:
    """The attribution of one trace."""
    inspection = inspect(text.encode(), Keyring(keys() if known else ()))
    assert inspection.verdict == (Verdict.VERIFIED if known else Verdict.UNVERIFIABLE)
    return Attributor(found or registry()).attribute(inspection, envelope, NOW)[1]


@pytest.fixture(scope="module")
def trace() -> str:
    """A verified trace of larkspur/cart-api in dev."""
    return texts("cart-api")[0]


@pytest.mark.parametrize(
    "text",
    ["acme/Docs", "https://github.com/acme/docs.git", "git@github.com:acme/docs.git", "ssh://git@github.com/acme/docs/", " github.com/acme/docs "],
)  # fmt: skip
def test_all_spellings_are_one_repository(text: str) -> None:
    """Free text is matched with what is registered."""
    known = KnownRepository("github.com/acme/docs", "acme", "web", "docs", "web")
    assert RepositoryNames(Registry({}, {known.id: known}, {})).known(text) == known.id


def test_an_ambiguous_or_unknown_name_is_nobody() -> None:
    """Two hosts with the same owner and name are not guessed between; without a registry the text itself counts."""
    both = {
        name: KnownRepository(name, "a", "b", "c", "t")
        for name in ("github.com/acme/docs", "git.example/acme/docs")
    }
    names = RepositoryNames(Registry({}, both, {}))
    assert names.known("acme/docs") is None
    assert names.known("git.example/acme/docs") == "git.example/acme/docs"
    assert names.known("docs") is None
    assert names.known("") is None
    assert names.collected("other/thing") == "other/thing"
    assert RepositoryNames(Registry({}, {}, {})).known("ACME/docs.git") == "acme/docs"
    assert plain_name("localhost:8080/a/b") == "localhost:8080/a/b"


def test_a_signed_field_counts_where_nothing_contradicts(trace: str) -> None:
    """The trace names its repository; org, project and team are the fleet's."""
    found = attributed(trace, Envelope("x"))
    assert (found.source, found.repository, found.environment) == ("signed_field", CART, "dev")
    assert (found.org, found.project, found.team, found.producer) == ("shop", "checkout", "carts", "ci")
    assert found.claimed_repository == "larkspur/cart-api"
    assert found.key_repositories == (CART,)
    assert found.findings == ()


def test_a_key_speaks_for_its_own_repositories_wherever_it_is_delivered(trace: str) -> None:
    """A trace that another repository delivers stays with its own, and the contradiction is a finding."""
    found = attributed(trace, Envelope("x", "larkspur/docs", "prod"))
    assert (found.source, found.repository, found.environment) == ("signed_field", CART, "dev")
    assert [finding.code for finding in found.findings] == [
        "attribution.repository_conflict",
        "attribution.environment_conflict",
        "producer.wrong_repository",
    ]
    assert (found.claimed_environment, found.envelope_environment) == ("dev", "prod")


def test_between_two_repositories_of_a_key_the_collector_decides(trace: str) -> None:
    """A signed field that the place of collection contradicts is a finding, and the place counts."""
    found = attributed(trace, Envelope("x", "larkspur/docs"), registry(repositories=frozenset({CART, DOCS})))
    assert (found.source, found.repository) == ("upload_envelope", DOCS)
    assert [finding.code for finding in found.findings] == ["attribution.repository_conflict"]


def test_what_an_unknown_key_signed_names_nothing(trace: str) -> None:
    """The claim is kept as a claim; the place of collection counts, or else nobody."""
    found = attributed(
        trace, Envelope("x", "larkspur/docs"), Registry({}, registry().repositories, {}), known=False
    )
    assert (found.source, found.repository, found.producer) == ("upload_envelope", DOCS, None)
    assert found.claimed_repository == "larkspur/cart-api"
    assert found.findings == ()
    assert attributed(trace, Envelope("x"), known=False).source == "unknown"


def test_keys_count_in_their_places_and_times_only(trace: str) -> None:
    """Wrong environment and expired key are findings of their own."""
    found = attributed(
        trace,
        Envelope("x"),
        registry(environments=frozenset({"prod"}), valid_until=datetime(2026, 1, 1, tzinfo=UTC)),
    )
    assert [finding.code for finding in found.findings] == ["producer.wrong_environment", "producer.expired"]


def test_a_key_of_one_repository_names_it() -> None:
    """A runpack carries no repository: its key does, and its only environment too."""
    lines = [
        json.loads(line) for line in (VECTORS / "runpacks.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    data = next((VECTORS / line["file"]).read_bytes() for line in lines if line["expect"] == "verified")
    inspection = inspect(data, Keyring(keys()))
    found = Attributor(registry(environments=frozenset({"prod"}))).attribute(inspection, Envelope("x"))[1]
    assert (found.source, found.repository, found.environment) == ("key_binding", CART, "prod")
