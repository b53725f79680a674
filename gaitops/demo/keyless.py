# SPDX-License-Identifier: Apache-2.0
"""The story told without key files: approvers sign in, and the operator is a pipeline.

A double of Sigstore on loopback stands in for the real one: throw-away keys, anybody gets in, nothing is protected. It
is the one that the tests use. Root people keep their keys: that is what a root of trust is made of.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

from gaitops.cli.clock import now
from gaitops.demo import fleet_of_forty as forty
from gaitops.demo.actions import Action, Command, Made, Step
from gaitops.demo.parts import CONFIG, SIGN_IN, TOKENS, branch, committed, merged, signed
from gaitops.errors import MissingDependencyError

_ISSUER: Final = "https://accounts.example.com"
_PIPELINE: Final = "rosa"
"""The service that signs as what it is: a workflow of a repository."""
_PEOPLE: Final = tuple(name for name in SIGN_IN if name != _PIPELINE)
_TRUSTED_ROOT: Final = Path("trust", "sigstore", "trusted_root.json")

_PACKAGE: Final = "gaitops.demo.sigstore_double"
_CANDIDATES: Final = (
    Path(__file__).resolve().parent / "sigstore_double",
    Path(__file__).resolve().parents[2] / "tests" / "sigstore_double",
)
"""In the wheel the double lies in this package; in a checkout it is that of the tests."""

_WORKLOAD: Final = """\
    - id: pipeline
      type: workload
      issuer: https://token.actions.githubusercontent.com
      repositoryId: "1296269"
      ownerId: "9919"
      names:
        - repository: https://github.com/acme/rollouts
          workflow: https://github.com/acme/rollouts/.github/workflows/operate.yml
      refs: [refs/heads/main]
      triggers: [push]
      runnerEnvironments: [github-hosted]
"""
"""The run that :meth:`Instance.sign_in` describes to the double, as the fleet expects it."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A double of Sigstore that listens."""

    _double: Any
    """A ``SigstoreDouble``; a checkout and a wheel have it under different names."""
    _identities: Any
    """The module that says who can sign in."""

    def write_config(self) -> None:
        """Write down where the services are."""
        Path(CONFIG).write_bytes(self._double.client_trust_config)

    def sign_in(self) -> None:
        """A token for each of the approvers, and one for the pipeline; the double asks for no password."""
        Path(TOKENS).mkdir(mode=0o700)
        signers = {name: self._identities.Someone(f"{name}@example.com", _ISSUER) for name in _PEOPLE}
        signers[_PIPELINE] = self._identities.GitHubRun(
            repository="acme/rollouts", workflow="operate", workflow_path=".github/workflows/operate.yml"
        )
        for name, signer in signers.items():
            Path(TOKENS, name).write_text(self._double.token(signer) + "\n", encoding="ascii")

    def pin(self) -> None:
        """Add the trusted root to the fleet repository."""
        _TRUSTED_ROOT.parent.mkdir(parents=True)
        _TRUSTED_ROOT.write_bytes(self._double.trusted_root_bytes)


@contextmanager
def instance() -> Iterator[Instance]:
    """A double that listens on a port of 127.0.0.1 until the block ends.

    Raises:
        MissingDependencyError: ``dependency.sigstore``.
    """
    if find_spec("sigstore") is None:
        raise MissingDependencyError.of(
            "dependency.sigstore",
            "telling the story without keys needs sigstore-python",
            remedy="pip install 'gaitops[sigstore]'",
        )
    _load()
    double = import_module(f"{_PACKAGE}.double")
    # Its services are threads of their own, in which no story is told: they see the machine's time, as sigstore-python.
    with double.SigstoreDouble(now) as listening:
        yield Instance(listening, import_module(f"{_PACKAGE}.identities"))


def _load() -> None:
    """Make the package importable under one name, wherever it lies."""
    if _PACKAGE in sys.modules:
        return
    folder = next((folder for folder in _CANDIDATES if folder.is_dir()), _CANDIDATES[0])
    spec = spec_from_file_location(_PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    module = sys.modules[_PACKAGE] = module_from_spec(spec)
    spec.loader.exec_module(module)


def without_keys(steps: tuple[Step, ...], sigstore: Instance) -> tuple[Step, ...]:
    """The same story, in which people sign in once the fleet has begun; steps that nobody signs stay as they are."""
    first, init, *others = steps
    return (first, init, _single_sign_on(sigstore), *map(_keyless, others))


def _keyless(step: Step) -> Step:
    return replace(step, actions=tuple(map(_alternative, step.actions)))


def _alternative(action: Action) -> Action:
    if isinstance(action, Command) and action.keyless is not None:
        return replace(action, line=action.keyless)
    if isinstance(action, Made) and action.make is forty.write_services:
        return Made(
            "write principals and roles of Rosa, who is now a pipeline, and Ana",
            partial(forty.write_services, _WORKLOAD),
        )
    return action


def _single_sign_on(sigstore: Instance) -> Step:
    return Step(
        "alice",
        "Key files shall go. Bob and Carol will approve with their single sign-on; the root people pin who vouches for it. "
        "Sigstore is a throw-away double on this machine: anybody gets in, and outside of this story it proves nothing.",
        (
            Command("cd .."),
            Made(f"start the double of Sigstore on 127.0.0.1: {CONFIG}", sigstore.write_config),
            Made(f"Bob, Carol and a pipeline sign in: {TOKENS}/", sigstore.sign_in),
            Command("cd fleet"),
            branch("single-sign-on"),
            Made(f"pin the trusted root of the instance: {_TRUSTED_ROOT.as_posix()}", sigstore.pin),
            *(Made(_identity(name), partial(_add_identity, name)) for name in _PEOPLE),
            Command("gaitops validate", shows=("valid",)),
            *committed("Sign in instead of keeping keys"),
            *signed("propose", "alice"),
            *committed("Propose"),
            *signed("approve", "bob", "carol", root=True),
            *committed("Approve"),
            *merged("single-sign-on"),
            Command("gaitops verify", shows=("verified", "NOT verified")),
        ),
    )


def _identity(name: str) -> str:
    return f"add an identity to trust/principals/{name}.yaml: {name}@example.com of {_ISSUER}"


def _add_identity(name: str) -> None:
    path = Path("trust", "principals", f"{name}.yaml")
    text = path.read_text(encoding="utf-8")
    new = f"  identities:\n    - id: sso\n      type: sigstore\n      issuer: {_ISSUER}\n      subject: {name}@example.com\n"
    path.write_text(text.replace("  identities:\n", new), encoding="utf-8", newline="\n")
