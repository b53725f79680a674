# SPDX-License-Identifier: Apache-2.0
"""What is rendered is complete, the same every time, and valid by gaitops' own rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.models.tenancy import Organization
from gaitops.documents.models.trust import ApprovalRule, Fleet, Principal, RoleBinding
from gaitops.documents.schema import schema
from gaitops.errors import InternalError
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.repositories import render_fleet, render_publisher
from gaitops.scaffold.templates import render_tree

Make = Callable[..., FleetParameters]


def _documents(files: Mapping[str, bytes]) -> dict[str, object]:
    return {path: load_document(data, path) for path, data in files.items() if path.endswith(".yaml")}


def test_fleet_repository_has_exactly_these_files(parameters: FleetParameters) -> None:
    """One file per person and organization, and nothing left over from the templates."""
    assert sorted(render_fleet(parameters)) == [
        ".gitattributes",
        ".github/actions/check/action.yml",
        ".github/actions/collect-approvals/action.yml",
        ".github/actions/lib/check.py",
        ".github/actions/lib/collect_approvals.py",
        ".github/actions/lib/forge.py",
        ".github/actions/lib/install.sh",
        ".github/actions/lib/program.py",
        ".github/actions/lib/verify.py",
        ".github/actions/lib/workflow.py",
        ".github/actions/verify/action.yml",
        ".github/gaitops-requirements.txt",
        ".github/pull_request_template.md",
        ".github/workflows/gaitops.yml",
        ".gitlab-ci.yml",
        "CODEOWNERS",
        "README.md",
        "fleet.yaml",
        "orgs/payments/org.yaml",
        "orgs/search/org.yaml",
        "trust/approvals/default.yaml",
        "trust/approvals/high-risk.yaml",
        "trust/approvals/production.yaml",
        "trust/principals/dana.yaml",
        "trust/principals/lee.yaml",
        "trust/principals/sam.yaml",
        "trust/roles/approvers.yaml",
        "trust/roles/platform-admins.yaml",
        "trust/roles/policy-authors.yaml",
    ]


def test_every_document_loads(parameters: FleetParameters) -> None:
    """The strict reader and the models accept each YAML document under its own path."""
    kinds = {type(document) for document in _documents(render_fleet(parameters)).values()}
    assert kinds == {Fleet, Principal, RoleBinding, ApprovalRule, Organization}


def test_every_root_person_holds_every_human_role_to_start_with(parameters: FleetParameters) -> None:
    """All three people may propose, approve and administer at fleet scope until roles are narrowed."""
    bindings = [
        item for item in _documents(render_fleet(parameters)).values() if isinstance(item, RoleBinding)
    ]
    assert {binding.spec.role for binding in bindings} == {"policy_author", "approver", "platform_admin"}
    for binding in bindings:
        assert binding.spec.scope == "fleet"
        assert binding.spec.members.principals == ("dana", "lee", "sam")


def test_production_and_high_risk_need_two_approvers(parameters: FleetParameters) -> None:
    """The written rules say what the built-in floor says, so that a reader sees it."""
    documents = _documents(render_fleet(parameters))
    quorums = {
        path: item.spec.require.quorum for path, item in documents.items() if isinstance(item, ApprovalRule)
    }
    assert quorums == {
        "trust/approvals/default.yaml": 1,
        "trust/approvals/high-risk.yaml": 2,
        "trust/approvals/production.yaml": 2,
    }


@pytest.mark.parametrize("name", ["no", "on", "null", "017", "1e3", "0x1f", "12", "true"])
def test_names_that_yaml_reads_differently_stay_names(
    name: str, make: Make, renamed: Callable[[str], object]
) -> None:
    """A name that looks like a number or a boolean is quoted wherever it stands."""
    documents = _documents(render_fleet(make(fleet=name, orgs=(name,), people=renamed(name))))
    fleet, org = documents["fleet.yaml"], documents[f"orgs/{name}/org.yaml"]
    assert isinstance(fleet, Fleet)
    assert isinstance(org, Organization)
    assert (fleet.metadata.name, org.metadata.name) == (name, name)


def test_principal_carries_key_and_addresses(parameters: FleetParameters) -> None:
    """The key of a person arrives byte for byte, and so do the addresses."""
    document = _documents(render_fleet(parameters))["trust/principals/dana.yaml"]
    assert isinstance(document, Principal)
    (identity,) = document.spec.identities
    assert identity.type == "key"
    assert identity.public_key == parameters.people[0].public_key
    assert document.spec.emails == parameters.people[0].emails


def test_public_key_without_final_newline_gives_the_same_bytes(parameters: FleetParameters) -> None:
    """Trailing white space of a key file does not change what is rendered."""
    dana = parameters.people[0]
    stripped = FleetPerson(dana.name, dana.public_key.rstrip("\n"), dana.emails)
    changed = replace(parameters, people=(stripped, *parameters.people[1:]))
    assert render_fleet(changed) == render_fleet(parameters)


def test_rendering_is_deterministic(parameters: FleetParameters) -> None:
    """The same parameters give the same bytes in the same order."""
    first, second = render_fleet(parameters), render_fleet(replace(parameters))
    assert list(first.items()) == list(second.items())
    assert list(render_publisher(parameters).items()) == list(render_publisher(parameters).items())


def test_no_placeholder_is_left(parameters: FleetParameters) -> None:
    """Only GitHub's own ``${{ }}`` remains in rendered files, and no ``__name__`` in a path."""
    for files in (render_fleet(parameters), render_publisher(parameters)):
        for path, data in files.items():
            assert not re.search(r"(?<!\$)\{\{", data.decode()), path
            assert "__" not in path


def test_rendered_text_is_plain(parameters: FleetParameters) -> None:
    """Files end in one newline and have neither tabs, carriage returns nor trailing blanks."""
    for files in (render_fleet(parameters), render_publisher(parameters)):
        for path, data in files.items():
            text = data.decode("ascii") if path.endswith((".yaml", ".yml")) else data.decode()
            assert text == text.rstrip("\n") + "\n", path
            assert not re.search(r"[\t\r]| $", text, re.MULTILINE), path


def test_placeholder_without_value_is_an_error() -> None:
    """A template that asks for something unknown fails instead of leaving a gap."""
    with pytest.raises(InternalError) as caught:
        render_tree("publisher-repo", {"fleet": "acme"}, {})
    assert caught.value.code == "scaffold.placeholder"


def test_readme_says_what_the_root_asks_for(make: Make, parameters: FleetParameters) -> None:
    """The page for users names the threshold, warns of solo, and says when production cannot be approved."""
    usual = render_fleet(parameters)["README.md"].decode()
    assert "needs 2 of these 3 root keys" in usual
    assert "trying out" not in usual
    solo = render_fleet(make(people=parameters.people[:1], threshold=1, solo=True))["README.md"].decode()
    assert "For trying out only" in solo
    assert "fewer than three people" in solo


def test_a_fleet_may_start_without_organizations(make: Make) -> None:
    """Organizations can come later, each as a change of its own."""
    assert not [path for path in render_fleet(make(orgs=())) if path.startswith("orgs/")]


def test_editor_comment_names_the_schema_of_the_kind(parameters: FleetParameters) -> None:
    """The first line of each document points editors at the published schema that describes it."""
    files = render_fleet(parameters)
    for path, document in _documents(files).items():
        first = files[path].decode().splitlines()[0]
        assert first == f"# yaml-language-server: $schema={schema(type(document).__name__)['$id']}"
