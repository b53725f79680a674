# SPDX-License-Identifier: Apache-2.0
"""What a consumer repository commits beside its pin: how Gait finds the policy, and the checks of either forge.

Every text that reaches a template has an alphabet that needs no escaping in YAML, Markdown or shell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gaitops.documents.models.base import NAME_PATTERN
from gaitops.errors import InvalidInputError, Problem
from gaitops.scaffold.parameters import PUBLIC_VERSION
from gaitops.scaffold.templates import TemplateName, render_tree

Forge = Literal["github", "gitlab"]

_TREES: Final[Mapping[Forge, TemplateName]] = {
    "github": "consumer-repo/github",
    "gitlab": "consumer-repo/gitlab",
}
_NAME: Final = re.compile(NAME_PATTERN)
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_SOURCE: Final = re.compile(
    r"(?P<path>[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+)@(?P<commit>[0-9a-f]{40})"
)
_RELEASE: Final = re.compile(
    r"https?://[A-Za-z0-9][A-Za-z0-9.:/_~%-]*|git\+https://[A-Za-z0-9][A-Za-z0-9.:/_~%-]*#[A-Za-z0-9][A-Za-z0-9._/-]*"
)


@dataclass(frozen=True, slots=True)
class ConsumerParameters:
    """A consumer repository.

    Raises:
        InvalidInputError: with every problem at once: ``init.name``, ``init.duplicate``, ``init.repository``,
            ``init.release_address``, ``init.ci_source``, ``init.version``.
    """

    repository: str
    """Id in the fleet: ``github.com/acme/pay``."""
    environments: tuple[str, ...]
    """Those that are pinned; Gait uses the policy of the first unless told otherwise."""
    release: str
    """Where CI reads releases: an ``http(s)`` address or ``git+https://…#branch``."""
    source: str
    """What brings the checks: ``OWNER/REPOSITORY@COMMIT`` of the actions, or the components' project at a commit."""
    version: str
    """Version of gaitops that CI installs."""

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise InvalidInputError(problems)


def render_consumer(parameters: ConsumerParameters, forge: Forge) -> Mapping[str, bytes]:
    """Every file to be committed beside ``.gaitops/``, by path."""
    match = _SOURCE.fullmatch(parameters.source)
    path, commit = match.groups() if match else ("", "")  # always matches: parameters were checked
    values = {
        "repository": parameters.repository,
        "environment": parameters.environments[0],
        "environments": json.dumps(list(parameters.environments)),
        "release": parameters.release,
        "source": path,
        "commit": commit,
        "version": parameters.version,
    }
    files = {**render_tree("consumer-repo/common", values, {}), **render_tree(_TREES[forge], values, {})}
    return {path: files[path] for path in sorted(files, key=str.encode)}


def _problems(parameters: ConsumerParameters) -> Iterable[Problem]:
    for name in parameters.environments:
        if not _NAME.fullmatch(name):
            expected = "1 to 63 lowercase letters, digits and inner hyphens"
            yield Problem("init.name", f"{name!r} is not a name: expected {expected}", field="environments")
    if len(set(parameters.environments)) != len(parameters.environments):
        yield Problem("init.duplicate", "an environment stands twice", field="environments")
    if not parameters.environments:
        yield Problem("init.name", "at least one environment is needed", field="environments")
    if not _REPOSITORY.fullmatch(parameters.repository):
        message = f"{parameters.repository!r} is not the id of a repository, like github.com/acme/pay"
        yield Problem("init.repository", message, field="repository")
    if not _RELEASE.fullmatch(parameters.release):
        yield Problem(
            "init.release_address",
            f"CI cannot read releases from {parameters.release!r}",
            field="release",
            remedy="give --from an http(s) address or git+https://host/path#branch, which CI can reach",
        )
    if not _SOURCE.fullmatch(parameters.source):
        yield Problem(
            "init.ci_source",
            f"{parameters.source!r} does not say which repository brings the checks, at which commit",
            field="source",
            remedy="give --ci-from PATH@COMMIT, with the full id of a commit of 40 hex digits",
        )
    if not PUBLIC_VERSION.fullmatch(parameters.version):
        message = f"{parameters.version!r} is not a version that pip can install from an index"
        yield Problem("init.version", message, field="version")
