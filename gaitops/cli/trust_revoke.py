# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust revoke``: a revocation document in the working tree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.fleet.state import FleetState

_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_POLICY = re.compile(r"([^/@]+)/([^/@]+)@([^/@]+)")
_MAX_NAME = 63


@command(
    example="gaitops trust revoke --principal dana --identity laptop --cause retired --reason sold\n"
    "gaitops trust revoke --principal dana --identity old --cause compromised --since COMMIT --reason x\n"
    "gaitops trust revoke --policy acme/payments-guard@1.0.0 --cause error --reason CHG-77\n"
    "gaitops trust revoke --release 12 --cause superseded --reason 'use 13'"
)
@options.repo
@click.option("--principal", metavar="NAME", help="Whose identity is revoked: NAME or ORG/NAME.")
@click.option("--fingerprint", metavar="SHA256", help="The identity by its fingerprint.")
@click.option("--identity", metavar="ID", help="The identity by its id in the principal's document.")
@click.option("--policy", metavar="ORG/POLICY@VERSION", help="A policy version to withdraw.")
@click.option(
    "--release", type=click.IntRange(1), metavar="N", help="A release that nobody may use any more."
)
@click.option(
    "--cause",
    required=True,
    type=click.Choice(["compromised", "retired", "superseded", "error"]),
    help="Why. What a retired identity signed before stays valid; a compromised one may be backdated.",
)
@click.option(
    "--since",
    metavar="REV",
    help="First commit at which a compromised identity is no longer believed; from now on by default.",
)
@click.option("--reason", required=True, metavar="TEXT", help="What happened, for readers of the audit log.")
@click.option(
    "--id", "name", metavar="NAME", help="Name of the document; made from what is revoked by default."
)
def revoke(
    *,
    repo: Path,
    principal: str | None,
    fingerprint: str | None,
    identity: str | None,
    policy: str | None,
    release: int | None,
    cause: str,
    since: str | None,
    reason: str,
    name: str | None,
) -> Result:
    """Revoke one identity, policy version or release by a new document under trust/revocations.

    Writes to the working tree only. Revoking your own identity from now on needs your own signature alone;
    revocations are never changed or removed afterwards.
    """
    from gaitops.cli.files import create_files
    from gaitops.cli.policies import working_state
    from gaitops.documents.load import load_document
    from gaitops.documents.writer import write_yaml

    if sum(item is not None for item in (principal, policy, release)) != 1:
        raise click.UsageError("give exactly one of --principal, --policy and --release")
    if principal is None and (fingerprint is not None or identity is not None):
        raise click.UsageError("--fingerprint and --identity need --principal")
    state = working_state(repo)
    if principal is not None:
        revokes, subject, default = _identity(repo, state, principal, fingerprint, identity)
    elif policy is not None:
        revokes, subject, default = _policy_version(state, policy)
    else:
        revokes, subject, default = "release", {"release": {"number": release}}, f"release-{release}"
    spec: dict[str, object] = {"revokes": revokes, "cause": cause, **subject}
    if since is not None:
        spec["since"] = _commit(repo, since)
    spec["reason"] = reason
    identifier = name if name is not None else default
    path = f"trust/revocations/{identifier}.yaml"
    metadata = {"name": identifier}
    document = {"apiVersion": "gaitops.dev/v1", "kind": "Revocation", "metadata": metadata, "spec": spec}
    content = write_yaml(document)
    load_document(content, path)  # checks every argument, the name included, before anything is written
    create_files(repo, {path: content})
    return Result(
        "trust-revoke", {"id": identifier, "path": path, "spec": spec}, _text(path, revokes, cause, since)
    )


def _identity(
    repo: Path, state: FleetState, principal: str, fingerprint: str | None, identity: str | None
) -> tuple[str, dict[str, object], str]:
    """What is revoked, the member that names it, and a name for the document.

    Raises:
        InvalidInputError: ``revocation.unknown_identity``, or ``revocation.root_key`` for a key of the root.
    """
    from gaitops.cli.trust_roots import RootView, root_files

    if (fingerprint is None) == (identity is None):
        raise click.UsageError("give exactly one of --fingerprint and --identity")
    found = _given(fingerprint) if fingerprint is not None else _looked_up(state, principal, identity or "")
    files = root_files(repo)
    if found in RootView.of_file(files[-1], len(files)).people.values():
        raise InvalidInputError.of(
            "revocation.root_key",
            f"{found} is a root key, and root keys are replaced by a new root version only",
            remedy=f"Run `gaitops trust rotate --replace-person {principal}=FILE`, or --remove-person {principal}.",
        )
    subject = {"identity": {"principal": principal, "fingerprint": found}}
    return "identity", dict(subject), _name(f"{principal}-{found[:12]}")


def _given(fingerprint: str) -> str:
    match = _SHA256.fullmatch(fingerprint)
    if match is None:
        raise click.BadParameter(
            f"{fingerprint!r} is not 64 lowercase hex characters", param_hint="--fingerprint"
        )
    return match[1]


def _looked_up(state: FleetState, principal: str, identity: str) -> str:
    from gaitops.documents.layout import classify, principal_path
    from gaitops.documents.models.trust import Principal
    from gaitops.fleet.people import identities_of

    path = principal_path(principal)
    document = state.document(path, Principal) if classify(path).kind == "Principal" else None
    if document is None:
        raise InvalidInputError.of("revocation.unknown_identity", f"there is no principal {principal!r}")
    found = {item.label: item.fingerprint for item in identities_of(principal, document)}
    if identity not in found:
        known = ", ".join(sorted(found)) or "none"
        raise InvalidInputError.of(
            "revocation.unknown_identity",
            f"{principal} has no identity {identity!r}; it has: {known}",
            path=path,
            remedy="For an identity that was removed from the document use --fingerprint.",
        )
    return found[identity]


def _policy_version(state: FleetState, reference: str) -> tuple[str, dict[str, object], str]:
    from gaitops.documents.layout import classify, version_path

    match = _POLICY.fullmatch(reference)
    if match is None:
        raise click.BadParameter(f"{reference!r} is not ORG/POLICY@VERSION", param_hint="--policy")
    org, policy, version = match.groups()
    path = version_path(org, policy, version)
    if classify(path).kind != "PolicyVersion" or state.version(org, policy, version) is None:
        raise InvalidInputError.of("policy.unknown_version", f"there is no version {reference}")
    subject: dict[str, object] = {"policyVersion": {"org": org, "policy": policy, "version": version}}
    return "policy_version", subject, _name(f"{org}-{policy}-{version}")


def _commit(repo: Path, since: str) -> str:
    from gaitops.git.repository import Repository

    return Repository.open(repo).resolve(since)


def _name(text: str) -> str:
    """A document name made of ``text``, which is made of names and version numbers."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_MAX_NAME].strip("-")


def _text(path: str, revokes: str, cause: str, since: str | None) -> str:
    lines = [f"wrote {path}"]
    if revokes == "identity" and cause == "compromised" and since is None:
        lines.append(
            "The identity stops counting once this is in force; use --since to doubt what it signed before."
        )
    if revokes == "identity" and since is None:
        lines.append("For your own identity your own signature is enough; for another's, one approver's.")
    if since is not None:
        lines.append("Backdating needs as many approvals as the decisions that it puts in doubt.")
    lines.append("Next: commit it on a branch, then `gaitops propose`, `gaitops check`, and merge.")
    return "\n".join(lines)
