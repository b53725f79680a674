# SPDX-License-Identifier: Apache-2.0
"""Loading documents: every kind, every way in which one can be wrong, with its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from gaitops.documents.kinds import KINDS
from gaitops.documents.load import load_document
from gaitops.documents.models.tenancy import Environment, repository_id
from gaitops.documents.models.trust import Principal
from gaitops.documents.reader import read_yaml
from gaitops.documents.schema import schema_name
from gaitops.documents.writer import write_yaml
from gaitops.errors import InvalidInputError, Problem

Loading = Callable[[str | bytes, str], tuple[Problem, ...]]
Example = Callable[[str], bytes]

NAMES = sorted(schema_name(kind).removesuffix(".schema.json") for kind in KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_round_trips(name: str, example: Example, paths: dict[str, str]) -> None:
    """Reading, writing from the model and reading again gives the same document, and the same value."""
    document = load_document(example(name), paths[name])
    assert schema_name(document.kind).startswith(name)
    value = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert value == read_yaml(example(name), "p").value
    assert load_document(write_yaml(value), paths[name]) == document


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_frozen(name: str, example: Example, paths: dict[str, str]) -> None:
    """Nobody changes what has been checked."""
    document = load_document(example(name), paths[name])
    with pytest.raises(ValidationError):
        setattr(document, "kind", "Other")  # noqa: B010 - an assignment would not pass the type checker


def test_every_kind_has_an_example(paths: dict[str, str]) -> None:
    """Documentation and these tests cover all of them."""
    assert sorted(paths) == NAMES


def edited(data: bytes, old: str, new: str) -> str:
    """An example with one place changed."""
    text = data.decode()
    assert old in text
    return text.replace(old, new, 1)


# name of the example, what to replace, by what; expected code, field and line
WRONG = [
    ("fleet", "rules: 1", "rules: one", "document.type", "spec.rules", 6),
    ("fleet", "rules: 1", 'rules: "1"', "document.type", "spec.rules", 6),
    ("fleet", "rules: 1", "rules: 1.0", "document.type", "spec.rules", 6),
    ("fleet", "rules: 1", "rules: true", "document.type", "spec.rules", 6),
    ("fleet", "  rules: 1\n", "", "document.missing_field", "spec.rules", 5),
    ("fleet", "skew: 5m", "skew: 25h", "document.value", "spec", 5),
    ("fleet", "skew: 5m", "skew: 5s", "document.value", "spec.skew", 8),
    ("fleet", "snapshotExpiry: 30d", "snapshotExpiry: 6d", "document.value", "spec.release", 12),
    ("fleet", "docs/**]", "docs/**, a//b]", "document.value", "spec.unprotected[2]", 7),
    ("fleet", "docs/**]", "docs/**, 7]", "document.type", "spec.unprotected[2]", 7),
    ("fleet", "pinGrace: 7d", "pin_grace: 7d", "document.unknown_field", "spec.pin_grace", 10),
    ("fleet", "maxPercentPerStep: 50", "maxPercentPerStep: 101", "document.value", "spec.caps.maxPercentPerStep", 18),
    ("principal", "type: human", "type: person", "document.value", "spec.type", 6),
    ("principal", "id: offline", "id: laptop", "document.value", "spec", 5),
    ("principal", "payments]", "security]", "document.value", "spec", 5),
    ("principal", "2028-01-01T00", "2026-01-01T00", "document.value", "spec.identities[0]", 11),
    ("principal", "2028-01-01T00", "2028-01-32T00", "document.value", "spec.identities[0].validUntil", 15),
    ("principal", "type: sigstore", "type: passkey", "document.value", "spec.identities[2].type", 23),
    ("principal", "issuer: https:", "issuer: http:", "document.value", "spec.identities[2].issuer", 24),
    ("principal", "      type: sigstore\n", "", "document.missing_field", "spec.identities[2].type", 22),
    ("principal", "BEGIN PUBLIC", "BEGIN PRIVATE", "document.value", "spec.identities[1].publicKey", 18),
    ("principal", "publicKey: ssh-ed25519", "publicKey: ssh-dss", "document.value", "spec.identities[0].publicKey", 13),
    ("principal", "dana@acme.example]", "dana]", "document.value", "spec.emails[0]", 9),
    ("role-binding", "role: approver", "role: admin", "document.value", "spec.role", 7),
    ("role-binding", "acme/bob", "globex/bob", "document.value", "spec", 6),
    ("role-binding", "scope: org/acme/project/pay", "scope: org/globex", "document.path_mismatch", "spec.scope", 8),
    ("role-binding", "scope: org/acme/project/pay", "scope: acme", "document.value", "spec.scope", 8),
    ("approval-rule", "quorum: 2", "quorum: 0", "document.value", "spec.require.quorum", 13),
    ("approval-rule", '[assignment.change, "policy.*"]', "[]", "document.value", "spec.match.operations", 7),
    ("approval-rule", "ssh-sk", "gpg", "document.value", "spec.require.assurance[0]", 16),
    ("revocation", "revokes: identity", "revokes: release", "document.value", "spec", 5),
    ("revocation", "cause: compromised", "cause: retired", "document.value", "spec", 5),
    ("revocation", "a3c1f5b2", "A3C1F5B2", "document.value", "spec.identity.fingerprint", 10),
    ("freeze-window", "2027-01-07", "2026-12-07", "document.value", "spec.windows[0]", 8),
    ("freeze-window", "Europe/Berlin", "Berlin time", "document.value", "spec.timezone", 6),
    ("organization", "github.com/acme/*", '"*/acme/*"', "document.value", "spec.repositories[0]", 7),
    ("organization", "github.com/acme/*", "GitHub.com/acme/*", "document.value", "spec.repositories[0]", 7),
    ("organization", "waiverMaxDays: 30", "waiverMaxDays: 91", "document.value", "spec.waiverMaxDays", 10),
    ("policy", "stable: 1.4.0", "stable: 1.4", "document.type", "spec.channels.stable", 14),
    ("policy", "stable: 1.4.0", "stable: v1.4.0", "document.value", "spec.channels.stable", 14),
    ("policy", "stable: 1.4.0", "Stable: 1.4.0", "document.value", "spec.channels.Stable", 14),
    ("policy", "archived: false", 'archived: "false"', "document.type", "spec.archived", 16),
    ("policy-version", "path: mcp/trust.json", "path: a.json", "document.value", "spec", 7),
    ("policy-version", "path: gait.policy.yaml", "path: gait.yaml", "document.value", "spec", 7),
    ("policy-version", "mcp/trust.json", "version.yaml", "document.value", "spec.files[1].path", 11),
    ("policy-version", "mcp/trust.json", "../trust.json", "document.value", "spec.files[1].path", 11),
    ("policy-version", "policy/1.0.0", "policy/2.0.0", "document.value", "spec.gait.scheme", 15),
    ("policy-version", "version: 1.4.0", "version: 1.4.1", "document.path_mismatch", "metadata.version", 6),
    ("project", "name: pay", "name: payments", "document.path_mismatch", "metadata.name", 4),
    ("project", "org: acme", "org: globex", "document.path_mismatch", "metadata.org", 5),
    ("repository", "https://github.com/acme/checkout", "https://u:p@github.com/a/b", "document.value", "spec.url", 8),
    ("environment", "version: 1.4.0", "version: 1.4.0\n    channel: stable", "document.value", "spec.policy", 12),
    ("environment", "    version: 1.4.0\n", "", "document.value", "spec.policy", 12),
    ("environment", "matchLabels:\n      exposure: public", "names: []", "document.value", "spec.selector", 9),
    ("environment", "matchLabels:", "all: true\n    matchLabels:", "document.value", "spec.selector", 9),
    ("environment", "matchLabels:\n      exposure: public", "all: false", "document.value", "spec.selector.all", 10),
    ("rollout", "to: 2.0.0", "to: 1.4.0", "document.value", "spec", 7),
    ("rollout", "percent: 25", "percent: 25\n      count: 3", "document.value", "spec.steps[1]", 22),
    ("rollout", "gates: [calm]", "gates: [quiet]", "document.value", "spec", 7),
    ("rollout", "hold: [ledger]", "hold: [checkout]", "document.value", "spec", 7),
    ("rollout", "maximum: 0.02", "minimum: 0.2\n          maximum: 0.02", "document.value", "spec.gates[0].metrics[0]", 42),
    ("rollout", "minimumSamples: 200", "minimumSamples: 0", "document.value", "spec.gates[0].minimumSamples", 38),
    ("rollout", "after: 14d", "threshold: {metric: block_rate, maximum: 1}", "document.value", "spec.rollbackTriggers[2]", 57),
    ("rollout", "phase: running", "phase: pending", "document.value", "status", 60),
    ("rollout", "step: try\n  started", "step: trial\n  started", "document.value", None, 1),
    ("waiver", "2026-11-30", "2027-02-28", "document.value", "spec", 7),
    ("waiver", "2026-11-30", "2026-10-30", "document.value", "spec", 7),
    ("waiver", "expiresAt:", "expires_at:", "document.unknown_field", "spec.expires_at", 13),
    ("waiver", "project/pay/env", "project/other/env", "document.path_mismatch", "spec.scope", 10),
    ("deployment-gate", "minimumPassRate: 1", "minimumPassRate: 1.5", "document.value", "spec.require.regression.minimumPassRate", 18),
    ("deployment-gate", "minimumPassRate: 1", 'minimumPassRate: "1"', "document.type", "spec.require.regression.minimumPassRate", 18),
    ("producer", 'keyId: "6', 'keyId: "7', "document.value", "spec", 5),
    ("evidence-store", "s3://acme", "s3://key:secret@acme", "document.value", "spec.url", 6),
    ("retention-class", "deleteAfter: 730d", "deleteAfter: 30d", "document.value", "spec", 5),
    ("legal-hold", "2026-04-01", "2026-02-01", "document.value", "spec", 5),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong[0]}-{wrong[2][:30]!r}")
def test_wrong_documents_say_what_and_where(
    wrong: tuple[str, str, str, str, str | None, int],
    example: Example,
    paths: dict[str, str],
    loading: Loading,
) -> None:
    """Code, field and line of each mistake; never an exception of another kind."""
    name, old, new, *expected = wrong
    problems = loading(edited(example(name), old, new), paths[name])
    assert tuple(expected) in [(problem.code, problem.field, problem.line) for problem in problems], problems
    assert all(problem.path == paths[name] for problem in problems)


class TestHeaders:
    @pytest.mark.parametrize(
        ("text", "path", "code", "field"),
        [
            ("kind: Policy\napiVersion: gaitops.dev/v1\n", "fleet.yaml", "document.kind", "kind"),
            ("kind: Fleet\napiVersion: gaitops.dev/v2\n", "fleet.yaml", "document.kind", "apiVersion"),
            ("kind: 7\n", "fleet.yaml", "document.kind", "kind"),
            ("[a]\n", "fleet.yaml", "document.type", None),
            ("text\n", "fleet.yaml", "document.type", None),
            ("a: b\n", "README.md", "document.misplaced", None),
            ("a: b\n", "trust/principals/Dana.yaml", "document.misplaced", None),
        ],
    )
    def test_what_is_no_such_document(
        self, text: str, path: str, code: str, field: str | None, loading: Loading
    ) -> None:
        """One problem, about the document as a whole."""
        assert [(p.code, p.field) for p in loading(text, path)] == [(code, field)]

    def test_missing_fields_are_all_named(self, loading: Loading) -> None:
        """Nothing at all is four missing fields."""
        found = loading("{}\n", "fleet.yaml")
        assert [(p.code, p.field) for p in found] == [
            ("document.missing_field", field) for field in ("apiVersion", "kind", "metadata", "spec")
        ]

    def test_an_org_in_a_fleet_document_is_a_mismatch(self, example: Example, loading: Loading) -> None:
        """D9: the path carries no org, so the document must not either."""
        text = edited(example("principal"), "name: dana", "name: dana\n  org: acme")
        (problem,) = loading(text, "trust/principals/dana.yaml")
        assert (problem.code, problem.field, problem.line) == ("document.path_mismatch", "metadata.org", 5)
        assert loading(text, "orgs/acme/principals/dana.yaml") == ()


def test_all_problems_of_a_file_at_once_in_the_order_of_the_file(example: Example, loading: Loading) -> None:
    """Errors of the model and of the path together."""
    text = edited(example("waiver"), "name: ledger-evidence", "name: other")
    text = text.replace("expiresAt", "expires_at").replace("owner: acme/bob", "owner: Bob")
    found = [
        (p.code, p.field, p.line)
        for p in loading(text, "orgs/acme/projects/pay/waivers/ledger-evidence.yaml")
    ]
    assert found == [
        ("document.path_mismatch", "metadata.name", 4),
        ("document.missing_field", "spec.expiresAt", 7),
        ("document.value", "spec.owner", 8),
        ("document.unknown_field", "spec.expires_at", 13),
    ]


def test_d4_unknown_fields_get_a_suggestion(example: Example, loading: Loading) -> None:
    """A misspelt name is told from an invented one."""
    text = edited(example("waiver"), "expiresAt:", "expires_at:")
    unknown = [p for p in loading(text, "orgs/acme/projects/pay/waivers/ledger-evidence.yaml") if p.remedy]
    assert [(p.code, p.remedy) for p in unknown] == [("document.unknown_field", "did you mean 'expiresAt'?")]


def test_the_number_of_problems_is_bounded(example: Example, loading: Loading) -> None:
    """A list of thousands of wrong names is not a report of as many."""
    text = edited(example("fleet"), "docs/**]", "docs/**" + ", a//b" * 5000 + "]")
    assert len(loading(text, "fleet.yaml")) == 100


def test_a_private_key_is_never_repeated(loading: Loading, example: Example) -> None:
    """Whoever pastes one by mistake does not find it in a CI log as well."""
    text = edited(example("principal"), "BEGIN PUBLIC", "BEGIN PRIVATE").replace("END PUBLIC", "END PRIVATE")
    assert all("MCowBQ" not in str(problem) for problem in loading(text, "trust/principals/dana.yaml"))


def test_identities_are_told_apart(example: Example) -> None:
    """Keys and OIDC identities are two models."""
    document = load_document(example("principal"), "trust/principals/dana.yaml")
    assert isinstance(document, Principal)
    assert [identity.type for identity in document.spec.identities] == ["key", "key", "sigstore"]


def test_selectors(example: Example) -> None:
    """Labels and names must both hold."""
    document = load_document(example("environment"), "orgs/acme/projects/pay/environments/prod.yaml")
    assert isinstance(document, Environment)
    selector = document.spec.selector
    assert selector.matches("any", {"exposure": "public", "x": "y"})
    assert not selector.matches("any", {"exposure": "internal"})
    both = type(selector).model_validate({"matchLabels": {"a": "b"}, "names": ["x"]})
    assert both.matches("x", {"a": "b"})
    assert not both.matches("y", {"a": "b"})
    assert not both.matches("x", {})
    assert type(selector).model_validate({"all": True}).matches("any", {})


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/pay",
        "https://github.com/acme/pay.git",
        "https://github.com/acme/pay/",
        "https://GitHub.com/acme/pay.git",
        "https://github.com:443/acme/pay",
        "ssh://git@github.com/acme/pay.git",
        "git@github.com:acme/pay.git",
    ],
)
def test_one_repository_has_one_id(url: str) -> None:
    """However it is written."""
    assert repository_id(url) == "github.com/acme/pay"


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/acme/pay", "file:///acme/pay", "https://github.com", "https://github.com/", "github.com/acme/pay",
        "https://token@github.com/acme/pay", "https://a:b@github.com/acme/pay", "https://github.com/acme/pay?x=y",
        "https://github.com/acme/pay#x", "https://github.com/acme/../pay", "https://github.com//pay", "ssh://root@host/a/b",
        "https://[::1/acme", "git@github.com:/acme/pay", "https://github.com/acme/pa y", "https://github.com/acme/-x", "",
        "https://github.com:x/acme/pay", "git@github.com:acme/pay:x", "https://github.com/acme/pay\n",
    ],
)  # fmt: skip
def test_other_urls_name_no_repository(url: str) -> None:
    """Credentials, other schemes, odd paths."""
    with pytest.raises(InvalidInputError) as caught:
        repository_id(url)
    assert caught.value.code == "repository.url"
