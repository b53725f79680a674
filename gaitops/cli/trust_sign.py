# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust sign``: one root person's signature on root metadata in the working tree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError, UnsafeOperationError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from gaitops.cli.trust_roots import RootView
    from gaitops.release.ceremony import RootSignatures


def _known_trust_root(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """The trust root if the user has one; there is none to have before the first root is complete."""
    from gaitops.cli.user import configured_trust_root

    if value is not None or ctx.resilient_parsing:
        return value
    configured = configured_trust_root()
    return None if configured is None else options.sha256_digest(configured)


@command(example="gaitops trust sign --key alice.pem\ngaitops trust sign --version 1 --key bob.pem --yes")
@options.repo
@options.key
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The public key that must be behind the URI; a KMS or HSM that holds another signs nothing.",
)
@click.option(
    "--version",
    "number",
    type=click.IntRange(1),
    metavar="N",
    help="Root version to sign; the newest by default.",
)
@click.option(
    "--trust-root",
    type=options.sha256_digest,
    envvar=options.TRUST_ROOT_VARIABLE,
    show_envvar=True,
    callback=_known_trust_root,
    metavar="SHA256",
    help="If known, the versions before the signed one are verified from it first.",
)
@options.yes
def sign(
    *, repo: Path, key: str, public_key: Path | None, number: int | None, trust_root: str | None, yes: bool
) -> Result:
    """Add your signature to root metadata in the working tree; nothing is committed.

    Shows what the root says and what differs from the version before, and asks before it signs. Says who must
    still sign, and once nobody must, what comes next.
    """
    from gaitops.cli.asking import confirm
    from gaitops.cli.output import note
    from gaitops.cli.signing import signer_for
    from gaitops.cli.trust_roots import RootView, replace_file, root_files
    from gaitops.documents.layout import root_path
    from gaitops.release.ceremony import missing_root_signatures, sign_root

    files = root_files(repo)
    version = number or len(files)
    if version > len(files):
        raise InvalidInputError.of(
            "trust.no_root", f"there is no root version {version}", path=root_path(version)
        )
    data, previous = files[version - 1], files[version - 2] if version > 1 else None
    _check_chain(files[: version - 1], trust_root)
    view = RootView.of_file(data, version)
    if missing_root_signatures(previous, data).complete:
        _require_uncommitted(repo, version, data)
    signer = signer_for(key, public_key)
    older = None if previous is None else RootView.of_file(previous, version - 1)
    name = _name_of(signer, [view] if older is None else [view, older])
    note(_shown(view, older))
    confirm(f"Sign root version {version} as {name}?", yes=yes)
    signed = data if _signed_by(signer, data, version) else sign_root(data, signer)
    changed = []
    if signed != data:
        changed = [root_path(version), *_follow(repo, version, data, signed)]
        replace_file(repo / root_path(version), signed)
    after = missing_root_signatures(previous, signed)
    return _result(name, version, signed, after, changed)


def _result(
    name: str, version: int, data: bytes, signatures: RootSignatures, changed: Sequence[str]
) -> Result:
    from gaitops.cli.trust_roots import signatures_json, signatures_text
    from gaitops.documents.layout import root_path

    digest = hashlib.sha256(data).hexdigest() if version == 1 and signatures.complete else None
    members = {
        "path": root_path(version),
        "version": version,
        "principal": name,
        "changed": list(changed),
        "trustRoot": digest,
        **signatures_json(signatures),
    }
    done = (
        f"signed root version {version} as {name}"
        if changed
        else f"{name} has signed this before; nothing changed"
    )
    text = f"{done}\n{signatures_text(signatures)}\n\n{_next(version, signatures, digest)}"
    return Result("trust-sign", members, text)


def _next(version: int, signatures: RootSignatures, digest: str | None) -> str:
    from gaitops.documents.layout import root_path

    path = root_path(version)
    if not signatures.complete:
        return f"Commit {path} to pass it on; the others sign it with `gaitops trust sign --key KEY`."
    if digest is None:
        return f"Complete. Commit {path} to the protected branch; it needs no other approval."
    threshold = signatures.roles[0].threshold
    return "\n".join(
        [
            f"Complete. The trust root is sha256:{digest}",
            "",
            "Commit it; that commit on main is the fleet's beginning. No signature may be added afterwards.",
            f"Then {threshold} of the root people approve it, and commit what is written to approvals/:",
            f"  gaitops approve --base main --head main --as NAME --key KEY --trust-root sha256:{digest}",
        ]
    )


def _shown(view: RootView, previous: RootView | None) -> str:
    from gaitops.cli.trust_roots import changes_text

    if previous is None:
        return (
            f"{view.text()}\n\nThis is the first version: compare every name and key with what you were told."
        )
    changes = changes_text(view.changes_since(previous))
    return f"{view.text()}\n\nchanges since version {previous.version}:\n{changes}"


def _check_chain(before: Sequence[bytes], trust_root: str | None) -> None:
    """Verify the versions before the one that is signed, or say that nobody did.

    Raises:
        VerificationError: ``trust.root_mismatch``, ``trust.root_rotation`` or ``trust.root_invalid``.
    """
    from gaitops.cli.output import note
    from gaitops.fleet.root import root_chain

    if before and trust_root is None:
        note(
            "note: without --trust-root the versions before this one are not verified; check every key yourself\n"
        )
    elif before and trust_root is not None:
        root_chain(before, trust_root)


def _name_of(signer: Signer, views: Sequence[RootView]) -> str:
    """Whose root key the signer's is.

    Raises:
        InvalidInputError: ``key.not_principals``.
    """
    from gaitops.signing.keys import fingerprint

    own = fingerprint(signer.public_key)
    for view in views:
        for name, value in view.people.items():
            if value == own:
                return name
    people = sorted({name for view in views for name in view.people})
    raise InvalidInputError.of(
        "key.not_principals",
        f"this is no root key of {', '.join(people)} (its fingerprint is {own})",
        remedy="Use your root key; `gaitops key show` prints fingerprints.",
    )


def _signed_by(signer: Signer, data: bytes, version: int) -> bool:
    """Whether this very key's signature is there and holds; another one would only change the digest."""
    from gaitops.documents.layout import root_path
    from gaitops.fleet.root import read_root, signature_holds
    from gaitops.signing.keys import load

    metadata = read_root(data, "trust.root_invalid", root_path(version))
    signature = metadata.signatures.get(load(signer.public_key).keyid)
    return signature is not None and signature_holds(
        signer.public_key, signature.signature, metadata.signed_bytes
    )


def _require_uncommitted(repo: Path, version: int, data: bytes) -> None:
    """A complete root that is committed is final: one more signature would give it another digest.

    Raises:
        UnsafeOperationError: ``trust.root_final``.
    """
    from gaitops.documents.layout import root_path
    from gaitops.git.repository import Repository

    repository = Repository.open(repo)
    entry = repository.snapshot(repository.resolve("HEAD")).entry(root_path(version))
    if entry is not None and repository.read(entry.oid) == data:
        raise UnsafeOperationError.of(
            "trust.root_final",
            f"root version {version} is complete and committed; another signature would change its digest",
            path=root_path(version),
            remedy="Nothing is left to sign. Change people or keys with `gaitops trust rotate`.",
        )


def _follow(repo: Path, version: int, before: bytes, after: bytes) -> list[str]:
    """README.md of a new fleet names the trust root for comparison; it changes with every signature until genesis."""
    from gaitops.cli.trust_roots import replace_file

    readme = repo / "README.md"
    if version != 1 or readme.is_symlink() or not readme.is_file():
        return []
    old, new = (hashlib.sha256(data).hexdigest().encode() for data in (before, after))
    content = readme.read_bytes()
    if b"sha256:" + old not in content:
        return []
    replace_file(readme, content.replace(b"sha256:" + old, b"sha256:" + new))
    return ["README.md"]
