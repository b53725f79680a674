# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin``: what a consumer repository commits, and its verification without a network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from gaitops.cli import options
from gaitops.cli.clock import now
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.pin_files import ci_options, write_beside, written_lines
from gaitops.cli.require import require as require_option
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.pin.require import Require
    from gaitops.pin.update import PinRequest, PinUpdate
    from gaitops.release.sources import Source
    from gaitops.scaffold.consumer import Forge

_F = TypeVar("_F", bound=Callable[..., Result])


def _source(*, required: bool) -> Callable[[_F], _F]:
    return click.option(
        "--from",
        "source",
        required=required,
        metavar="SOURCE",
        help="Where releases are: a folder, an http(s) URL, or git+URL#branch.",
    )


@command(
    example="gaitops pin init --from ../release --repository github.com/acme/pay --environment production"
)
@options.consumer_repo
@_source(required=True)
@click.option(
    "--repository", required=True, metavar="URL", help="URL or id of this repository, as the fleet lists it."
)
@click.option(
    "--environment", "environments", multiple=True, required=True, metavar="ENV", help="May be repeated."
)
@ci_options
@require_option
@options.trust_root
def init(
    *,
    repo: Path,
    source: str,
    repository: str,
    environments: Sequence[str],
    ci: Forge | None,
    ci_from: str | None,
    require: Require,
    trust_root: str,
) -> Result:
    """Create .gaitops/ with the policies that the newest release assigns to this repository.

    Commit the folder: from then on every byte of it can be verified offline with gaitops pin verify. With --ci, also
    writes the checks of that forge, a job that renews the pin, and .gait/ with Gait's settings.
    """
    from gaitops.pin.update import init_pin

    if (ci is None) != (ci_from is None):
        raise click.UsageError("--ci and --ci-from go together")
    requests = [_request(repository, environment) for environment in environments]
    files: Mapping[str, bytes] = {}
    if ci is not None and ci_from is not None:
        from gaitops import __version__
        from gaitops.scaffold.consumer import ConsumerParameters, render_consumer

        names = tuple(environments)
        parameters = ConsumerParameters(requests[0].repository, names, source, ci_from, __version__)
        files = render_consumer(parameters, ci)
    with _opened(source) as opened:
        update = init_pin(repo, opened, trust_root, requests, now(), require=require)
    return _updated(update, write_beside(repo, files))


@command(example="gaitops pin update --from https://releases.example.com/fleet")
@options.consumer_repo
@_source(required=True)
@click.option(
    "--repository", metavar="URL", help="With --environment: pin one more environment of this repository."
)
@click.option("--environment", "environments", multiple=True, metavar="ENV", help="May be repeated.")
@require_option
@options.trust_root
def update(
    *,
    repo: Path,
    source: str,
    repository: str | None,
    environments: Sequence[str],
    require: Require,
    trust_root: str,
) -> Result:
    """Renew .gaitops/ from the newest release. Refuses to go back, and expired or frozen mirrors."""
    from gaitops.pin.update import update_pin

    if bool(environments) != (repository is not None):
        raise click.UsageError("--repository and --environment go together")
    requests = [_request(repository or "", environment) for environment in environments]
    with _opened(source) as opened:
        return _updated(update_pin(repo, opened, trust_root, now(), requests, require=require))


@command(
    example="gaitops pin verify --trust-root sha256:5f0c…\ngaitops pin verify --base origin/main\n"
    "gaitops pin verify --require both"
)
@options.consumer_repo
@click.option(
    "--base", metavar="REV", help="Also refuse a lower release than the one pinned at this revision."
)
@click.option(
    "--repository",
    metavar="URL",
    help="URL or id of this repository: refuses a genuine pin that was copied from another one.",
)
@require_option
@options.trust_root
def verify(
    *, repo: Path, base: str | None, repository: str | None, require: Require, trust_root: str
) -> Result:
    """Verify every byte of .gaitops/ from the trust root: no network, no Gait, no clock."""
    from gaitops.documents.models.tenancy import repository_name
    from gaitops.pin.folder import read_folder
    from gaitops.pin.verify import verify_pin
    from gaitops.report.pins import pinned_json, pinned_summary

    verified = verify_pin(
        read_folder(repo),
        trust_root,
        base=_earlier(repo, base) if base is not None else None,
        repository=repository_name(repository) if repository is not None else None,
        require=require,
    )
    pin = verified.pin
    members = {
        "verified": True,
        "fleet": pin.fleet,
        "release": pin.release,
        "rootVersion": verified.root.version,
        "solo": verified.root.solo,
        "environments": pinned_json(pin),
        "withdrawn": list(verified.withdrawn),
        "require": verified.require.word,
        "signers": list(verified.signers),
    }
    lines = [f"pin verified: {pinned_summary(pin)}", *(f"  signed by {item}" for item in verified.signers)]
    return Result("pin-verify", members, "\n".join(lines))


@command(example="gaitops pin status --from https://releases.example.com/fleet")
@options.consumer_repo
@_source(required=False)
@require_option
@options.trust_root
def status(*, repo: Path, source: str | None, require: Require, trust_root: str) -> Result:
    """Show how old the pin is; with --from, whether the newest release would change it."""
    from gaitops.documents.times import format_timestamp
    from gaitops.pin.folder import read_folder
    from gaitops.pin.status import pin_status
    from gaitops.pin.update import newest_pin
    from gaitops.pin.verify import verify_pin
    from gaitops.report.pins import pinned_json, pinned_lines
    from gaitops.report.tables import fields

    verified = verify_pin(read_folder(repo), trust_root, require=require)
    renewed = None
    if source is not None:
        with _opened(source) as opened:
            renewed = newest_pin(opened, trust_root, verified.pin, now(), require=require)
    found = pin_status(verified, now(), renewed=renewed)
    members = {
        "state": found.state,
        "release": found.release,
        "newest": found.newest,
        "ageSeconds": int(found.age.total_seconds()),
        "rootVersion": found.root_version,
        "rootExpires": format_timestamp(found.root_expires),
        "rootExpired": found.root_expired,
        "withdrawn": list(found.withdrawn),
        "solo": found.solo,
        "environments": pinned_json(verified.pin),
    }
    newest_text = f", newest is {found.newest}" if found.newest is not None else ""
    rows = [
        (
            "release",
            f"{found.release} ({'not compared: no --from' if source is None else found.state}{newest_text})",
        ),
        ("age", f"{found.age.days} days"),
        (
            "root",
            f"version {found.root_version}, {'EXPIRED' if found.root_expired else 'expires'} {members['rootExpires']}",
        ),
        *((name, text) for name, text in pinned_lines(verified.pin)),
    ]
    if found.withdrawn:
        rows.append(("withdrawn", ", ".join(found.withdrawn)))
    return Result("pin-status", members, fields(rows))


def _request(repository: str, environment: str) -> PinRequest:
    from gaitops.documents.models.tenancy import repository_name
    from gaitops.pin.update import PinRequest

    return PinRequest(environment, repository_name(repository))


@contextmanager
def _opened(address: str) -> Iterator[Source]:
    from gaitops.pin.sources import open_source

    with tempfile.TemporaryDirectory() as scratch:
        yield open_source(address, Path(scratch), os.environ)


def _earlier(repo: Path, base: str) -> bytes:
    """``pin.yaml`` at an earlier revision of the consumer repository."""
    from gaitops.git.repository import Repository
    from gaitops.pin.layout import FOLDER, PIN_FILE

    repository = Repository.open(repo)
    path = f"{FOLDER}/{PIN_FILE}"
    entry = repository.snapshot(repository.resolve(base)).entry(path)
    if entry is None:
        raise InvalidInputError.of("pin.not_found", f"there is no pin at {base}", path=path)
    return repository.read(entry.oid)


def _updated(update: PinUpdate, files: Sequence[str] = ()) -> Result:
    from gaitops.report.pins import pinned_json, pinned_summary

    pin = update.after.pin
    members = {
        "fleet": pin.fleet,
        "release": pin.release,
        "previousRelease": update.before.release if update.before is not None else None,
        "changed": list(update.changed),
        "environments": pinned_json(pin),
        "files": list(files),
    }
    lines = [pinned_summary(pin), *(f"  {path}" for path in update.changed), *written_lines(files)]
    text = "\n".join(lines) if update.changed else f"already up to date: {pinned_summary(pin)}"
    return Result("pin", members, text)
