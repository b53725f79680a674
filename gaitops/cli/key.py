# SPDX-License-Identifier: Apache-2.0
"""``gaitops key``: create private key files, and describe keys by everything that is public about them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli.command import command
from gaitops.cli.output import Result

if TYPE_CHECKING:
    from gaitops.signing.keyfiles import Algorithm, KeyDescription


@command(example="gaitops key generate --out alice.pem --passphrase")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write the private key.",
)
@click.option(
    "--type",
    "algorithm",
    type=click.Choice(["ed25519", "ecdsa"]),
    default="ed25519",
    show_default=True,
    help="Ed25519, or ECDSA on P-256 for places that do not accept Ed25519.",
)
@click.option("--passphrase", "ask", is_flag=True, help="Ask for a passphrase and encrypt the private key.")
def generate(out: Path, algorithm: Algorithm, ask: bool) -> Result:
    """Create a private key in FILE and its public half in FILE.pub.

    The private key is PKCS#8 PEM, readable by its owner only; it is never printed, and an existing file is
    never overwritten. The public half is what a Principal document and TUF root metadata hold.
    """
    from gaitops.cli.asking import new_passphrase
    from gaitops.signing.keyfiles import describe, generate_private_key

    passphrase = new_passphrase() if ask else None
    description = describe(generate_private_key(out, passphrase, algorithm))
    return _result(description, {"private_key_file": str(out), "public_key_file": f"{out}.pub"})


@command(
    example="gaitops key show alice.pem.pub\n"
    "gaitops key show ssh:$HOME/.ssh/id_ed25519.pub\n"
    "gaitops key show awskms:alias/gaitops-publisher --out publisher.pub"
)
@click.argument("uri")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the public key to FILE as well, in the form that --public-key and --root-key take.",
)
def show(uri: str, out: Path | None) -> Result:
    """Show what is public about the key URI: type, fingerprint, assurance, and the public key itself.

    URI is a public key file (PEM or OpenSSH, named *.pub), a private key file, or a signer URI; a KMS or HSM
    is asked for the public half. The fingerprint is the SHA-256 of the key's SubjectPublicKeyInfo, the same
    however the key is written.
    """
    from gaitops.cli.files import create_files
    from gaitops.cli.signing import described

    description = described(uri)
    if out is None:
        return _result(description, {})
    create_files(out.parent, {out.name: description.public_key.encode()})
    return _result(description, {"public_key_file": str(out)})


def _result(description: KeyDescription, files: dict[str, object]) -> Result:
    from gaitops.report.tables import fields

    members = dataclasses.asdict(description)
    public_key = members.pop("public_key")
    rows = [(name.replace("_", " "), str(value)) for name, value in {**files, **members}.items()]
    text = f"{fields(rows)}\n\n{public_key}"
    return Result("key", {**files, **members, "public_key": public_key}, text)
