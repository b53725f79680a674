# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust rotate``: prepare the next root version in the working tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.trust_keys import KeyArgument, name_and_key
from gaitops.errors import InvalidInputError, UnsafeOperationError

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from gaitops.cli.trust_roots import RootView


def _duration(text: str) -> timedelta:
    from gaitops.documents.times import parse_duration

    try:
        return parse_duration(text)
    except InvalidInputError as error:
        raise click.BadParameter(f"{text!r} is not a duration like 365d") from error


@command(
    example="gaitops trust rotate --add-person dave=dave.pem.pub --remove-person carol\n"
    "gaitops trust rotate --replace-person alice=alice-2.pem.pub\n"
    "gaitops trust rotate --publisher-workload publisher/github\n"
    "gaitops trust rotate --expires 365d"
)
@options.repo
@click.option(
    "--add-person",
    "added",
    type=name_and_key,
    multiple=True,
    metavar="NAME=FILE",
    help="A new root person with their public key; repeatable.",
)
@click.option(
    "--remove-person",
    "removed",
    multiple=True,
    metavar="NAME",
    help="A root person who leaves; repeatable.",
)
@click.option(
    "--replace-person",
    "replaced",
    type=name_and_key,
    multiple=True,
    metavar="NAME=FILE",
    help="Another public key for a root person; repeatable.",
)
@click.option(
    "--add-publisher",
    "added_publishers",
    type=name_and_key,
    multiple=True,
    metavar="NAME=FILE",
    help="A new publisher with their public key; repeatable.",
)
@click.option(
    "--remove-publisher",
    "removed_publishers",
    multiple=True,
    metavar="NAME",
    help="A publisher who leaves; repeatable.",
)
@click.option(
    "--publisher-workload",
    "workloads",
    multiple=True,
    metavar="PRINCIPAL/IDENTITY",
    help="A workload identity that may sign statements, with the Sigstore trusted root of the tree; those named "
    "replace all before; repeatable.",
)
@click.option(
    "--no-publisher-workloads", "keys_only", is_flag=True, help="No workload signs statements any more."
)
@click.option(
    "--threshold",
    type=click.IntRange(1),
    metavar="N",
    help="Root people who must sign from then on; as before by default.",
)
@click.option(
    "--publisher-threshold",
    type=click.IntRange(1),
    metavar="N",
    help="Publishers who must sign a release from then on.",
)
@click.option(
    "--expires",
    "lifetime",
    type=_duration,
    default="365d",
    show_default=True,
    metavar="DURATION",
    help="How long the new version is valid, from now.",
)
def rotate(
    *,
    repo: Path,
    added: Sequence[KeyArgument],
    removed: Sequence[str],
    replaced: Sequence[KeyArgument],
    added_publishers: Sequence[KeyArgument],
    removed_publishers: Sequence[str],
    workloads: Sequence[str],
    keys_only: bool,
    threshold: int | None,
    publisher_threshold: int | None,
    lifetime: timedelta,
) -> Result:
    """Prepare the next root version: other people, keys, publishers, workloads or thresholds, or a later expiry.

    Writes trust/root/N.root.json to the working tree, unsigned. A threshold of the people of the version before
    and a threshold of its own people must sign it with `gaitops trust sign`; no other approval is needed.
    """
    from gaitops.cli.clock import now
    from gaitops.cli.files import create_files
    from gaitops.cli.publisher_workloads import publishing_of as _publishing
    from gaitops.cli.trust_roots import RootView, root_files, signatures_json
    from gaitops.documents.layout import root_path
    from gaitops.release.ceremony import missing_root_signatures, next_root

    if workloads and keys_only:
        raise click.UsageError("--publisher-workload and --no-publisher-workloads exclude each other")
    files = root_files(repo)
    number, previous = len(files), files[-1]
    _require_complete(files)
    old = RootView.of_file(previous, number)
    old_people, old_publishers = _keys(previous, number)
    people = _changed("root person", old_people, added, removed, replaced)
    publishers = _changed("publisher", old_publishers, added_publishers, removed_publishers, ())
    # Several people need a threshold of two; whoever leaves solo mode need not know that.
    least = 2 if len(people) > 1 else 1
    data = next_root(
        previous,
        people=list(people.items()),
        threshold=_fitting("root people", people, threshold or max(old.threshold, least), "--threshold"),
        publishers=list(publishers.items()),
        publisher_threshold=_fitting(
            "publishers", publishers, publisher_threshold or old.publisher_threshold, "--publisher-threshold"
        ),
        publishing=_publishing(repo, workloads),
        ends_publishing=keys_only,
        expires=now() + lifetime,
    )
    path = root_path(number + 1)
    create_files(repo, {path: data})
    view, signatures = RootView.of_file(data, number + 1), missing_root_signatures(previous, data)
    changes = view.changes_since(old)
    members = {"path": path, "root": view.to_json(), "changes": list(changes), **signatures_json(signatures)}
    return Result("trust-rotate", members, _text(path, view, changes, _hints(replaced, removed, added)))


def _text(path: str, view: RootView, changes: Sequence[str], hints: Sequence[str]) -> str:
    from gaitops.cli.trust_roots import changes_text

    steps = (
        f"{view.threshold} of its own root people, and the threshold of version {view.version - 1}, must sign:\n"
        "  gaitops trust sign --key KEY\n"
        f"Then commit {path} to the protected branch; it needs no other approval."
    )
    written = f"wrote {path}, which nobody has signed yet\n{changes_text(changes)}"
    return "\n\n".join([written, view.text(), steps, *hints])


def _keys(data: bytes, number: int) -> tuple[dict[str, Key], dict[str, Key]]:
    """Keys of the root people and of the publishers, by name."""
    from gaitops.documents.layout import root_path
    from gaitops.fleet.root import read_root, root_people
    from gaitops.release.ceremony import PUBLISHER_FIELD

    metadata = read_root(data, "trust.root_invalid", root_path(number))
    holders, _solo = root_people(metadata, "trust.root_invalid", root_path(number))
    targets = [metadata.signed.keys[keyid] for keyid in metadata.signed.roles["targets"].keyids]
    publishers = {str(key.unrecognized_fields.get(PUBLISHER_FIELD) or key.keyid): key for key in targets}
    return {item.principal: item.key for item in holders}, publishers


def _fitting(what: str, names: Mapping[str, Key], threshold: int, option: str) -> int:
    if threshold > len(names):
        raise InvalidInputError.of(
            "trust.rotation",
            f"{threshold} {what} would have to sign, and only {len(names)} would be left",
            remedy=f"Add another one, or lower it with {option}.",
        )
    return threshold


def _hints(
    replaced: Sequence[KeyArgument], removed: Sequence[str], added: Sequence[KeyArgument]
) -> list[str]:
    """What root metadata does not do by itself: principals list keys and hold roles on their own."""
    found = []
    old = [item.name for item in replaced] + list(removed)
    if old:
        found.append(
            f"The old keys of {', '.join(old)} stay valid for approvals as long as trust/principals/ lists them: "
            "remove them there,\nand revoke them with `gaitops trust revoke` once the new root is in force."
        )
    if added:
        names = ", ".join(item.name for item in added)
        found.append(
            f"Root keys carry no role: add trust/principals/ and trust/roles/ documents for {names}."
        )
    return found


def _require_complete(files: Sequence[bytes]) -> None:
    """The next version builds on a finished one.

    Raises:
        UnsafeOperationError: ``trust.rotation_pending``.
    """
    from gaitops.documents.layout import root_path
    from gaitops.release.ceremony import missing_root_signatures

    previous = files[-2] if len(files) > 1 else None
    if not missing_root_signatures(previous, files[-1]).complete:
        raise UnsafeOperationError.of(
            "trust.rotation_pending",
            f"root version {len(files)} is not completely signed",
            path=root_path(len(files)),
            remedy="Have it signed with `gaitops trust sign`, or delete the file to start again.",
        )


def _changed(
    what: str,
    before: Mapping[str, Key],
    added: Sequence[KeyArgument],
    removed: Sequence[str],
    replaced: Sequence[KeyArgument],
) -> dict[str, Key]:
    """Keys by name after the changes, each of which must be about another name.

    Raises:
        InvalidInputError: ``trust.rotation`` or ``key.*``.
    """
    from gaitops.cli.trust_keys import public_key
    from gaitops.documents.models.base import NAME_PATTERN

    names = [item.name for item in (*added, *replaced)] + list(removed)
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError.of("trust.rotation", f"{what} {name!r} is changed twice")
    for name in (*removed, *(item.name for item in replaced)):
        if name not in before:
            known = ", ".join(sorted(before))
            raise InvalidInputError.of("trust.rotation", f"there is no {what} {name!r}, only {known}")
    for item in added:
        if re.fullmatch(NAME_PATTERN, item.name) is None:
            raise InvalidInputError.of(
                "trust.rotation",
                f"{item.name!r} is not a name: use lowercase letters, digits and inner hyphens",
            )
        if item.name in before:
            raise InvalidInputError.of("trust.rotation", f"there is a {what} {item.name!r} already")
    after = {name: key for name, key in before.items() if name not in removed}
    return after | {item.name: public_key(item).key for item in (*added, *replaced)}
