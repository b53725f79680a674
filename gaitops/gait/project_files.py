# SPDX-License-Identifier: Apache-2.0
"""The files by which Gait is set up in a repository (contract 1.1, 6): which policy it takes, what it regresses.

``.gait/config.yaml`` holds project defaults, among them the policy of the gate. ``gait.yaml`` in spite of its name is
no policy: it lists regress fixtures, as JSON. What cannot be read with certainty is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from gaitops.gait.yaml_scalars import UncertainError
from gaitops.gait.yaml_tree import MapNode, ScalarNode, TreeReader

CONFIG_FILE: Final = ".gait/config.yaml"
"""Project defaults."""
POLICY_FILES: Final = (".gait.yaml", "gait.policy.yaml")
"""Policies that Gait's own commands find or that people name out of habit, at the top of a repository."""
REGRESS_FILE: Final = "gait.yaml"
"""Regress configuration; JSON."""
FIXTURES_FOLDER: Final = "fixtures"
FIXTURE_FILE: Final = "fixture.json"
REGRESS_SCHEMA: Final = "gait.regress.config"
MAX_BYTES: Final = 1_048_576


class UnreadableFileError(ValueError):
    """A file of Gait that cannot be read with certainty; the text says why."""


@dataclass(frozen=True, slots=True)
class ConfiguredPolicy:
    """The policy that project defaults name."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Fixture:
    """One regress fixture."""

    name: str
    runpack: str
    candidate: str
    """Candidate runpack; empty when the fixture is compared with itself and so always passes."""

    @property
    def vacuous(self) -> bool:
        """Whether the fixture can fail at all (contract 6)."""
        return self.candidate in {"", self.runpack}


def configured_policy(data: bytes) -> ConfiguredPolicy | None:
    """``gate.policy`` of ``.gait/config.yaml``; ``None`` when it is not set.

    Raises:
        UnreadableFileError: The file is no YAML, or Gait may read it otherwise.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(f"it has more than {MAX_BYTES} bytes")
    try:
        reader = TreeReader(data.decode())
        root = reader.read()
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnreadableFileError("it is not YAML") from error
    except UncertainError as error:
        raise UnreadableFileError(str(error)) from error
    if reader.problems:
        raise UnreadableFileError(reader.problems[0].message)
    gate = root.members.get("gate") if isinstance(root, MapNode) else None
    policy = gate[1].members.get("policy") if gate is not None and isinstance(gate[1], MapNode) else None
    if policy is None:
        return None
    node = policy[1]
    if not isinstance(node, ScalarNode):
        raise UnreadableFileError("gate.policy is not a text")
    path = node.text.strip()
    return ConfiguredPolicy(path, node.line) if path and node.value is not None else None


def listed_fixtures(config: object) -> tuple[str, ...] | None:
    """Names of the fixtures in the JSON value of ``gait.yaml``; ``None`` for a file that is something else.

    Raises:
        UnreadableFileError: A member is missing, of another type, or spelled in two ways.
    """
    if not isinstance(config, dict) or _member(config, "schema_id") != REGRESS_SCHEMA:
        return None
    fixtures = _member(config, "fixtures")
    if fixtures is None:
        return ()
    if not isinstance(fixtures, list):
        raise UnreadableFileError("fixtures is not a list")
    return tuple(_text(item, "name") for item in fixtures)


def fixture(name: str, value: object) -> Fixture:
    """The fixture in the JSON value of ``fixtures/<name>/fixture.json``.

    Raises:
        UnreadableFileError: As :func:`listed_fixtures`.
    """
    return Fixture(name, _text(value, "runpack"), _text(value, "candidate_runpack"))


def _text(value: object, name: str) -> str:
    if not isinstance(value, dict):
        raise UnreadableFileError("expected an object")
    found = _member(value, name)
    if found is not None and not isinstance(found, str):
        raise UnreadableFileError(f"{name} is not a text")
    return (found or "").strip()


def _member(value: Mapping[str, object], name: str) -> object:
    """A member by its name; Gait matches names in any case, so another spelling makes the file ambiguous (contract 0.4)."""
    spellings = [key for key in value if key.casefold() == name]
    if spellings not in ([], [name]):
        raise UnreadableFileError(f"the member {name} is spelled {' and '.join(sorted(spellings))}")
    return value.get(name)
