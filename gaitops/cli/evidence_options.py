# SPDX-License-Identifier: Apache-2.0
"""Options that commands over evidence share: the store, the engine, the fleet, and which rows are meant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gaitops.cli import options
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.evidence.engines import Engine
    from gaitops.evidence.queries.selection import Selection
    from gaitops.evidence.stores import Store
    from gaitops.fleet.evidence import FleetView, Registry
    from gaitops.gait.gait_keys import GaitPublicKey

_Function = TypeVar("_Function", bound=Callable[..., Any])


def store(function: _Function) -> _Function:
    """``--store URL`` as ``store: str`` and ``--store-option KEY=VALUE`` as ``store_options: tuple[str, ...]``."""
    function = click.option(
        "--store-option",
        "store_options",
        multiple=True,
        metavar="KEY=VALUE",
        help="What the store's libraries need beyond the URL: files.KEY=VALUE or tables.KEY=VALUE; may be repeated.",
    )(function)
    return click.option(
        "--store",
        required=True,
        metavar="URL",
        help="The evidence store: a folder, or a URL that fsspec opens.",
    )(function)


def engine(function: _Function) -> _Function:
    """``--engine`` as ``engine: str`` and ``--engine-option KEY=VALUE`` as ``engine_options: dict[str, str]``."""
    function = click.option(
        "--engine-option",
        "engine_options",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_key_values,
        help="A setting of the engine itself, such as memory_limit=8GB; may be repeated.",
    )(function)
    return click.option(
        "--engine",
        default="duckdb",
        show_default=True,
        metavar="ENGINE",
        help="Where queries run: duckdb, or a Spark master such as local[*] or spark://host:7077.",
    )(function)


def _key_values(_ctx: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for value in values:
        name, equals, setting = value.partition("=")
        if not equals or not name:
            raise click.BadParameter("expected KEY=VALUE")
        settings[name] = setting
    return settings


def keys(function: _Function) -> _Function:
    """``--key FILE`` as ``key_files: tuple[Path, ...]``, for :func:`public_keys`."""
    return click.option(
        "--key",
        "key_files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Public key file of a producer, as `gait keys init` writes it; may be repeated.",
    )(function)


def public_keys(files: Sequence[Path]) -> tuple[GaitPublicKey, ...]:
    """The keys in these files.

    Raises:
        InvalidInputError: ``input.unreadable``, ``gait_key.*``.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.gait.gait_keys import read_public_key

    return tuple(read_public_key(read_bytes(file), str(file)) for file in files)


def fleet(*, required: bool) -> Callable[[_Function], _Function]:
    """``--fleet-repo``, ``--rev`` and ``--trust-root`` as ``fleet_repo``, ``rev`` and ``trust_root``.

    Where the fleet is not required, neither is a trust root; the functions below demand one when a fleet is used.
    """

    def decorate(function: _Function) -> _Function:
        function = click.option(
            "--trust-root",
            type=options.sha256_digest,
            envvar=options.TRUST_ROOT_VARIABLE,
            show_envvar=True,
            metavar="SHA256",
            help="SHA-256 of the first TUF root metadata, obtained out of band; or set in the user's configuration.",
        )(function)
        function = click.option(
            "--rev", default="main", show_default=True, metavar="REV", help="Revision of --fleet-repo."
        )(function)
        return click.option(
            "--fleet-repo",
            required=required,
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            metavar="DIR",
            help="The fleet repository; its verified state says what belongs to whom.",
        )(function)

    return decorate


def verified_registry(fleet_repo: Path | None, rev: str, trust_root: str | None) -> Registry | None:
    """Producers and places of a fleet's verified state; ``None`` when no fleet was named.

    Raises:
        GaitopsError: as :func:`opened_view`.
    """
    return None if fleet_repo is None else opened_view(fleet_repo, rev, trust_root, None)[0].registry


@contextmanager
def opened_engine(
    store_url: str, store_options: Sequence[str], engine_name: str, engine_options: Mapping[str, str]
) -> Iterator[tuple[Store, Engine]]:
    """The tables of a store in an engine.

    Raises:
        GaitopsError: ``store.*``, ``query.*``, ``dependency.*``.
    """
    from gaitops.evidence.engines import check_engine, open_engine
    from gaitops.evidence.extras import needing

    check_engine(engine_name)
    with needing("evidence"):
        from gaitops.evidence.stores import open_store
    opened = open_store(store_url, store_options)
    try:
        with open_engine(opened, engine_name, engine_options) as running:
            yield opened, running
    finally:
        opened.close()


def opened_view(
    fleet_repo: Path, rev: str, trust_root: str | None, at: datetime | None
) -> tuple[FleetView, str]:
    """What the verified state of a fleet says about places, policies and keys, and its trust root.

    Raises:
        GaitopsError: ``trust.root_missing``, or whatever keeps the history from being verified.
    """
    from gaitops.cli.opening import opened
    from gaitops.fleet.evidence import fleet_view

    root = trust_root or options.trust_root_from_configuration()
    with opened(fleet_repo, rev, root, at=at) as history:
        return fleet_view(history.state()), root


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which rows were asked for on the command line, before a fleet says what a policy version is."""

    values: Mapping[str, tuple[str, ...]]
    policy_versions: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    proven: bool

    def to_json(self) -> dict[str, object]:
        """The conditions that were given, by the names of their options."""
        given: dict[str, object] = {name: list(values) for name, values in self.values.items() if values}
        if self.policy_versions:
            given["policy_version"] = list(self.policy_versions)
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None:
                given[name] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.proven:
            given["proven"] = True
        return given

    def selection(self, fleet_repo: Path | None, rev: str, trust_root: str | None) -> Selection:
        """The rows that are meant; a policy version is what verified state says.

        Raises:
            InvalidInputError: ``query.policy_version``.
        """
        from gaitops.evidence.queries.selection import Selection

        digests: tuple[str, ...] = ()
        if self.policy_versions:
            if fleet_repo is None:
                raise click.UsageError(
                    "--policy-version needs --fleet-repo, which knows the digests of versions"
                )
            view, _root = opened_view(fleet_repo, rev, trust_root, None)
            digests = tuple(_digest_of(view, version) for version in self.policy_versions)
        return Selection(
            **self.values, policy_digest=digests, since=self.since, until=self.until, proven=self.proven
        )


def _digest_of(view: FleetView, version: str) -> str:
    for digest, known in view.versions.items():
        if version in {str(item) for item in known}:
            return digest
    raise InvalidInputError.of(
        "query.policy_version",
        f"verified state has no policy version {version}",
        remedy="Name it ORG/POLICY@VERSION; gaitops policy graph lists them.",
    )


_CONDITIONS: Final = (
    ("run_id", "--run-id", "ID", "Gait's id of a run"),
    (
        "digest",
        "--digest",
        "SHA256",
        "any digest: of the artifact, key, policy, intent, arguments, result, manifest",
    ),
    ("family", "--family", "FAMILY", "an incident family, like fam_5fbb0b6f1bd4"),
    ("org", "--org", "ORG", "an organization"),
    ("project", "--project", "PROJECT", "a project"),
    ("repository", "--repository", "URL", "a repository, by URL or id"),
    ("environment", "--environment", "ENV", "an environment"),
    ("team", "--team", "TEAM", "a team"),
    ("verdict", "--verdict", "VERDICT", "a verdict: verified, unsigned, unverifiable, failed, rejected, …"),
    ("kind", "--kind", "KIND", "a kind of artifact, like trace or runpack"),
    ("decision", "--decision", "DECISION", "what the gate decided: allow, block, dry_run, require_approval"),
    ("tool", "--tool", "TOOL", "a tool"),
    ("finding", "--finding", "CODE", "the code of a finding"),
)


def conditions(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which rows are meant, as ``conditions: Conditions``."""

    @functools.wraps(function)
    def collected(**arguments: Any) -> Any:
        values = {name: tuple(arguments.pop(name)) for name, *_rest in _CONDITIONS}
        values["repository"] = tuple(_repository(text) for text in values["repository"])
        values["digest"] = tuple(text.removeprefix("sha256:").lower() for text in values["digest"])
        found = Conditions(
            values,
            tuple(arguments.pop("policy_version")),
            arguments.pop("since"),
            arguments.pop("until"),
            arguments.pop("proven"),
        )
        return function(conditions=found, **arguments)

    decorators = [
        *(
            click.option(flag, name, multiple=True, metavar=metavar, help=f"Only {text}; may be repeated.")
            for name, flag, metavar, text in _CONDITIONS
        ),
        click.option(
            "--policy-version",
            multiple=True,
            metavar="ORG/POLICY@V",
            help="Only what this policy version decided; needs --fleet-repo. May be repeated.",
        ),
        click.option("--since", type=options.timestamp, metavar="TIME", help="Only from this time on."),
        click.option("--until", type=options.timestamp, metavar="TIME", help="Only before this time."),
        click.option(
            "--proven",
            is_flag=True,
            help="Only what a registered key signed, each emission and delivery once.",
        ),
    ]
    decorated: Callable[..., Any] = collected
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return decorated


def _repository(text: str) -> str:
    from gaitops.documents.models.tenancy import repository_name

    return repository_name(text)
