# SPDX-License-Identifier: Apache-2.0
"""Nothing hostile or unusable reaches a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gaitops.errors import InvalidInputError
from gaitops.scaffold.parameters import FleetParameters, FleetPerson

Make = Callable[..., FleetParameters]

HOSTILE_NAMES = [
    "",
    "Acme",
    "-acme",
    "acme-",
    "acme\n",
    "a" * 64,
    "../etc",
    "a/b",
    "a b",
    'a"b',
    "${{ secrets.X }}",
    "{{ fleet }}",
    "$(id)",
    "açme",
    "a\u202eb",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_name_is_refused_wherever_a_name_stands(
    name: str, make: Make, renamed: Callable[[str], object]
) -> None:
    """A text that is not a name is refused as fleet, organization, publisher and person."""
    for changes in ({"fleet": name}, {"orgs": (name,)}, {"publishers": (name,)}, {"people": renamed(name)}):
        with pytest.raises(InvalidInputError) as caught:
            make(**changes)
        assert caught.value.code == "init.name"


@pytest.mark.parametrize("email", ["", "dana", "a@b\nspec: x", 'a"@b.c', "a b@c.d", "<a@b.c>", "{{a}}@b.c"])
def test_hostile_email_is_refused(email: str, parameters: FleetParameters) -> None:
    """An address that would need escaping is refused."""
    person = replace(parameters.people[0], emails=(email,))
    with pytest.raises(InvalidInputError) as caught:
        replace(parameters, people=(person, *parameters.people[1:]))
    assert caught.value.code == "init.email"


def test_key_that_is_not_a_public_pem_is_refused_and_not_shown(parameters: FleetParameters) -> None:
    """A private key given by mistake, or text around a public one, is refused without being repeated."""
    private = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    for text in (private, parameters.people[0].public_key + "evil: true\n", "ssh-ed25519 AAAA dana"):
        person = FleetPerson("dana", text)
        with pytest.raises(InvalidInputError) as caught:
            replace(parameters, people=(person, *parameters.people[1:]))
        assert caught.value.code == "init.key"
        assert "c2VjcmV0" not in str(caught.value)


def test_key_that_is_pem_but_no_key_is_refused(parameters: FleetParameters) -> None:
    """PEM around arbitrary bytes is reported by the code of the key parser."""
    text = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    with pytest.raises(InvalidInputError) as caught:
        replace(parameters, people=(FleetPerson("dana", text), *parameters.people[1:]))
    assert caught.value.code.startswith("key.")


@pytest.mark.parametrize("threshold", [-1, 0, 1, 4])
def test_threshold_outside_the_people_is_refused(threshold: int, make: Make) -> None:
    """A root of several people needs a threshold of at least two and at most all of them."""
    with pytest.raises(InvalidInputError) as caught:
        make(threshold=threshold)
    assert caught.value.code == "init.threshold"


def test_one_person_needs_solo(make: Make, parameters: FleetParameters) -> None:
    """A single root person is refused unless the fleet is declared to be for trying out."""
    alone = {"people": parameters.people[:1], "threshold": 1}
    with pytest.raises(InvalidInputError):
        make(**alone)
    assert make(**alone, solo=True).solo


@pytest.mark.parametrize(
    "version", ["", "0.1.0+local", "1.0; rm -rf /", "1.0 --index-url x", "latest", "1.0\n"]
)
def test_version_that_is_not_installable_is_refused(version: str, make: Make) -> None:
    """Only public, exact versions reach the file that CI installs from."""
    with pytest.raises(InvalidInputError) as caught:
        make(version=version)
    assert caught.value.code == "init.version"


def test_every_problem_is_reported_at_once(make: Make) -> None:
    """Several faults come in one error, each with the field that caused it."""
    with pytest.raises(InvalidInputError) as caught:
        make(fleet="A", orgs=("x", "x"), publishers=(), threshold=9, trust_root="sha256:00", version="?")
    found = {(problem.code, problem.field) for problem in caught.value.problems}
    assert found == {
        ("init.name", "fleet"),
        ("init.duplicate", "orgs"),
        ("init.name", "publishers"),
        ("init.threshold", "threshold"),
        ("init.trust_root", "trust_root"),
        ("init.version", "version"),
    }
