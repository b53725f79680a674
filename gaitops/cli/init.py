# SPDX-License-Identifier: Apache-2.0
"""``gaitops init``: a complete fleet repository whose first tree its root people have signed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.trust_keys import KeyArgument, key_argument
from gaitops.errors import InvalidInputError


def _email(text: str) -> tuple[str, str]:
    name, separator, address = text.partition("=")
    if not separator or not name or not address:
        raise click.BadParameter(f"{text!r} is not NAME=ADDRESS")
    return name, address


@command(
    example="gaitops init acme --fleet acme --root-key alice.pem --root-key bob.pem.pub --publisher-key ci.pub\n"
    "gaitops init trial --fleet trial --solo --root-key me.pem --publisher-key ci.pub"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--fleet", required=True, metavar="NAME", help="Name of the fleet.")
@click.option(
    "--org", "orgs", multiple=True, metavar="ORG", help="An organization to start with; repeatable."
)
@click.option(
    "--root-key",
    "root_keys",
    type=key_argument,
    multiple=True,
    metavar="[NAME=]FILE",
    help="A root person's key: a private key signs now, a public key's owner signs later; repeatable.",
)
@click.option(
    "--publisher-key",
    "publisher_keys",
    type=key_argument,
    multiple=True,
    metavar="[NAME=]FILE",
    help="Public key of somebody who signs releases, not a root key; repeatable.",
)
@click.option(
    "--threshold", type=click.IntRange(1), metavar="N", help="Root people who must sign; 2 by default."
)
@click.option(
    "--publisher-threshold",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Publishers who must sign a release.",
)
@click.option("--solo", is_flag=True, help="One root person alone, for trying out; every verdict says so.")
@click.option(
    "--email",
    "emails",
    type=_email,
    multiple=True,
    metavar="NAME=ADDRESS",
    help="An address under which a root person commits; repeatable.",
)
@click.option(
    "--publisher-repo",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Also write the publisher repository's files there; nothing is committed in it.",
)
def init(
    *,
    folder: Path,
    fleet: str,
    orgs: Sequence[str],
    root_keys: Sequence[KeyArgument],
    publisher_keys: Sequence[KeyArgument],
    threshold: int | None,
    publisher_threshold: int,
    solo: bool,
    emails: Sequence[tuple[str, str]],
    publisher_repo: Path | None,
) -> Result:
    """Create a fleet repository in DIR, which must be empty or not exist yet.

    Writes root metadata, people, roles, approval rules and CI; commits them to main; and, with enough private
    root keys at hand, signs them, which makes the commit the fleet's beginning. Prints the trust root: the one
    digest from which everything is verified.
    """
    from gaitops.cli.clock import now
    from gaitops.cli.files import create_files
    from gaitops.cli.init_build import build_repository, plan
    from gaitops.cli.init_report import report
    from gaitops.cli.new_folder import new_folder, require_vacant
    from gaitops.scaffold.repositories import render_publisher

    targets = [folder] if publisher_repo is None else [folder, publisher_repo]
    for target in targets:
        require_vacant(target)
    _require_apart(targets)
    made = plan(
        fleet=fleet,
        orgs=orgs,
        root_keys=root_keys,
        publisher_keys=publisher_keys,
        threshold=threshold,
        publisher_threshold=publisher_threshold,
        solo=solo,
        emails=emails,
        moment=now(),
    )
    publisher_files: list[str] = []
    with ExitStack() as stack:
        if publisher_repo is not None:
            beside = stack.enter_context(new_folder(publisher_repo))
            publisher_files = create_files(beside, render_publisher(made.parameters))
        built = build_repository(stack.enter_context(new_folder(folder)), made)
    return report(made, built, folder, publisher_repo, publisher_files)


def _require_apart(targets: Sequence[Path]) -> None:
    """A publisher repository inside the fleet repository would put a publishing key's CI beside it (threat R12)."""
    resolved = [target.resolve() for target in targets]
    for one in resolved:
        for other in resolved:
            if one is not other and one.is_relative_to(other):
                raise InvalidInputError.of(
                    "init.nested",
                    f"{one} lies in {other}",
                    remedy="Give the publisher repository a folder of its own, beside the fleet repository.",
                )
