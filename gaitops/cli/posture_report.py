# SPDX-License-Identifier: Apache-2.0
"""``gaitops posture report``: posture and signals as one web page that needs no server and no network."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gaitops.cli.command import command
from gaitops.cli.output import Result, progress
from gaitops.cli.posture_sources import Request, opened_posture, request_options

if TYPE_CHECKING:
    from gaitops.evidence.posture_listing import ListedArtifact
    from gaitops.evidence.posture_proof import Proofs
    from gaitops.posture.report import PostureReport
    from gaitops.report.site.document import Commands
    from gaitops.report.site.numbers import Evidence
    from gaitops.report.site.proofs import ArtifactRef

PAGE: Final = "index.html"
_MOST_LISTED: Final = 25
_LISTED_IN_ALL: Final = 4_000
"""Repositories times artifacts listed per number, unless the user says otherwise."""


@command(
    "report",
    example="gaitops posture report --store evidence --fleet-repo ../fleet --out report\n"
    "gaitops posture report --store s3://acme/gait --fleet-repo ../fleet --out report --json",
)
@request_options
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=f"Folder for {PAGE}; made if it is not there. A page of an earlier run is replaced.",
)
@click.option(
    "--artifacts",
    type=click.IntRange(1, 1000),
    metavar="N",
    show_default="25, fewer beyond 160 repositories",
    help="How many artifacts the page lists behind each number; it names the command that lists all.",
)
@click.option(
    "--checkouts",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Checkouts of the repositories, for signals about the policy files in them.",
)
@click.option(
    "--release", metavar="SOURCE", help="Where releases are, for proposed commands that renew pins."
)
def report(
    *, out: Path, artifacts: int | None, checkouts: Path | None, release: str | None, **arguments: Any
) -> Result:
    """Write the posture and the signals of a fleet as a web page.

    The page is one file. It asks for nothing from any network, and opens from a disk as well as from a web server.
    Every number in it leads to the artifacts behind it.
    """
    from gaitops.report.site.document import posture_page

    request = Request.taken(arguments)
    signals = _signals(request, checkouts, release)
    with opened_posture(request) as (posture, proofs):
        mine = _inside(signals, posture)
        with progress("finding artifacts") as advance:
            limit = artifacts or _limit(len(posture.repositories))
            page = posture_page(posture.to_json(), mine, _evidence(proofs, limit), _commands(request))
            advance(1)
    path = _written(out, page)
    return Result("posture-report", _document(out, page, posture, mine), f"wrote {path}")


def _limit(repositories: int) -> int:
    return max(3, min(_MOST_LISTED, _LISTED_IN_ALL // max(1, repositories)))


def _signals(request: Request, checkouts: Path | None, release: str | None) -> Any:
    from gaitops.cli import signals_sources
    from gaitops.cli.posture_sources import WINDOW

    until = request.until or request.at
    since = request.since or (None if until is None else until - WINDOW)
    wanted = signals_sources.Request(
        request.store,
        request.store_options,
        request.engine,
        request.engine_options,
        request.fleet_repo,
        request.rev,
        request.trust_root,
        request.at,
        since,
        request.until,
        checkouts,
        release,
    )
    with signals_sources.opened_queue(wanted) as opened:
        return opened.queue


def _inside(queue: Any, posture: PostureReport) -> Mapping[str, Any]:
    """The signals of the repositories that the posture is about; all of them when it is about all."""
    if not posture.basis.scope:
        document: Mapping[str, Any] = queue.to_json()
        return document
    names = {item.repository.id for item in posture.repositories}
    chosen: Mapping[str, Any] = queue.only(
        [signal for signal in queue.signals if names & set(signal.repositories)]
    ).to_json()
    return chosen


def _evidence(proofs: Proofs, limit: int) -> Evidence:
    from gaitops.evidence.posture_listing import Listing
    from gaitops.report.site.numbers import Evidence
    from gaitops.report.site.proofs import Proof

    listing = Listing(proofs, limit)

    def proof(selector: str) -> Proof | None:
        found = listing.find(selector)
        return None if found is None else Proof(found.total, tuple(map(_ref, found.listed)))

    def known(digests: Iterable[str]) -> dict[str, ArtifactRef]:
        return {digest: _ref(item) for digest, item in listing.artifacts(digests).items()}

    return Evidence(proof, known)


def _ref(item: ListedArtifact) -> ArtifactRef:
    from gaitops.report.site.proofs import ArtifactRef

    return ArtifactRef(item.artifact, item.kind, item.verdict, item.made_at, item.source)


def _commands(request: Request) -> Commands:
    """Commands that run where this one ran, and see what it saw."""
    from gaitops.documents.times import format_timestamp
    from gaitops.report.site.document import Commands

    store = ["--store", request.store]
    where = [*store, "--fleet-repo", str(request.fleet_repo)]
    times = [
        part
        for flag, moment in (("--at", request.at), ("--since", request.since), ("--until", request.until))
        if moment is not None
        for part in (flag, format_timestamp(moment))
    ]
    narrowed = [part for name, value in request.scope.items() for part in (f"--{name}", value)]
    return Commands(
        store=" " + shlex.join(store),
        proof=shlex.join(["gaitops", "posture", "show", *where, *times, *narrowed]),
        signal=shlex.join(["gaitops", "signals", "show", *where, *times]),
    )


def _written(folder: Path, page: bytes) -> Path:
    """Put the page in place whole: a reader sees the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / PAGE, folder / f".{PAGE}.{secrets.token_hex(8)}"
    try:
        draft.write_bytes(page)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            draft.unlink()
        raise
    return path


def _document(out: Path, page: bytes, posture: PostureReport, signals: Mapping[str, Any]) -> dict[str, Any]:
    import hashlib

    return {
        "folder": str(out),
        "files": [{"file": PAGE, "bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}],
        "repositories": len(posture.repositories),
        "signals": signals["after"]["total"],
    }
