# SPDX-License-Identifier: Apache-2.0
"""The example document of each kind, and a small fleet repository that they make together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.reader import read_yaml
from gaitops.errors import InvalidInputError, Problem

EXAMPLES = Path(__file__).parent / "examples"

PATHS = {
    "fleet": "fleet.yaml",
    "principal": "trust/principals/dana.yaml",
    "role-binding": "orgs/acme/roles/pay-approvers.yaml",
    "approval-rule": "trust/approvals/production.yaml",
    "revocation": "trust/revocations/2026-11-stolen-laptop.yaml",
    "freeze-window": "trust/freeze-windows/year-end.yaml",
    "directory-mapping": "trust/directories/corp.yaml",
    "organization": "orgs/acme/org.yaml",
    "policy": "orgs/acme/policies/payments-guard/policy.yaml",
    "policy-version": "orgs/acme/policies/payments-guard/versions/1.4.0/version.yaml",
    "project": "orgs/acme/projects/pay/project.yaml",
    "repository": "orgs/acme/projects/pay/repositories/checkout.yaml",
    "environment": "orgs/acme/projects/pay/environments/prod.yaml",
    "rollout": "orgs/acme/projects/pay/rollouts/payments-guard-2.yaml",
    "waiver": "orgs/acme/projects/pay/waivers/ledger-evidence.yaml",
    "deployment-gate": "orgs/acme/projects/pay/gates/production.yaml",
    "producer": "evidence/producers/checkout-ci.yaml",
    "evidence-store": "evidence/stores/main.yaml",
    "retention-class": "evidence/retention/traces.yaml",
    "legal-hold": "evidence/holds/refund-case.yaml",
}

Problems = Callable[..., tuple[Problem, ...]]


@pytest.fixture(scope="session")
def paths() -> dict[str, str]:
    """Path of each example in a fleet repository."""
    return PATHS


@pytest.fixture(scope="session")
def example() -> Callable[[str], bytes]:
    """Bytes of one example by its name."""
    return lambda name: (EXAMPLES / f"{name}.yaml").read_bytes()


@pytest.fixture(scope="session")
def reading() -> Problems:
    """Problems that the YAML reader finds in a text; empty when it reads it."""

    def problems(text: str | bytes) -> tuple[Problem, ...]:
        data = text.encode() if isinstance(text, str) else text
        try:
            read_yaml(data, "some.yaml")
        except InvalidInputError as error:
            return error.problems
        return ()

    return problems


@pytest.fixture(scope="session")
def loading() -> Problems:
    """Problems that loading a text at a path finds; empty when it loads."""

    def problems(text: str | bytes, path: str) -> tuple[Problem, ...]:
        data = text.encode() if isinstance(text, str) else text
        try:
            load_document(data, path)
        except InvalidInputError as error:
            return error.problems
        return ()

    return problems


@pytest.fixture
def fleet_files(example: Callable[[str], bytes]) -> dict[str, bytes]:
    """All examples at their paths, and what they refer to."""
    files = {path: example(name) for name, path in PATHS.items()}
    header = "apiVersion: gaitops.dev/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"
    person = header.format("Principal", "bob") + "  {type: human, groups: [payments]}\n"
    files["orgs/acme/principals/bob.yaml"] = person.encode()
    files["orgs/globex/org.yaml"] = (
        header.format("Organization", "globex") + "  {displayName: Globex}\n"
    ).encode()
    for name in ("wallet", "ledger"):
        text = header.format("Repository", name) + f"  {{url: git@github.com:acme/{name}.git}}\n"
        files[f"orgs/acme/projects/pay/repositories/{name}.yaml"] = (
            text.replace("{url: git@", '{url: "git@').replace(".git}", '.git"}').encode()
        )
    version = example("policy-version").decode()
    for number in ("2.0.0", "2.0.0-rc.1"):
        folder = f"orgs/acme/policies/payments-guard/versions/{number}/"
        files[folder + "version.yaml"] = version.replace("version: 1.4.0", f"version: {number}").encode()
        files[folder + "gait.policy.yaml"] = b"rules: []\n"
    files["README.md"] = "# Füge hinzu\n".encode()
    return files
