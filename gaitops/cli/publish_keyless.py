# SPDX-License-Identifier: Apache-2.0
"""``gaitops publish --sigstore``: statements signed by the workload that runs this, with the token its CI gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.cli.keyless_options import TOKEN_FILE_VARIABLE
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.fleet.publishing import KeylessPublishing
    from gaitops.fleet.root import TrustedRoot
    from gaitops.release.content import ReleaseContent
    from gaitops.release.verify import VerifiedRelease
    from gaitops.signing.sigstore.sign import Session
    from gaitops.signing.sigstore.tokens import Token
    from gaitops.signing.sigstore.verify import TrustedRootFile

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Workload:
    """What the options of :func:`workload_options` say."""

    token_file: Path | None
    client_id: str | None
    config: Path | None


def workload_options(function: _F) -> _F:
    """``--sigstore`` and what goes with it, as ``sigstore``, ``identity_token_file`` and so on."""
    for decorate in reversed(
        (
            click.option(
                "--sigstore",
                is_flag=True,
                help="Also sign every statement as the CI workload that runs this. The transparency log shows it, for ever.",
            ),
            click.option(
                "--identity-token-file",
                type=_FILE,
                envvar=TOKEN_FILE_VARIABLE,
                show_envvar=True,
                metavar="FILE",
                help="With --sigstore: the OIDC token in FILE, not the one that the CI system hands out.",
            ),
            click.option(
                "--oidc-client-id",
                metavar="ID",
                help="With --sigstore: audience of the token; default sigstore.",
            ),
            click.option(
                "--sigstore-config",
                type=_FILE,
                metavar="FILE",
                help="With --sigstore: ClientTrustConfig JSON of a Sigstore instance; default the public one.",
            ),
        )
    ):
        function = decorate(function)
    return function


class WorkloadSigner:
    """Signs statements; asks for token and certificate when the first one comes, and again when they have expired.

    A release without anything new to sign therefore reaches no service and leaves no trace in a log.

    Raises, when called:
        InvalidInputError: ``release.publisher``: the root names no workload like this one; ``sigstore.token``,
            ``sigstore.login``, ``sigstore.instance``.
        InternalError: ``sigstore.unavailable``.
        MissingDependencyError: ``dependency.sigstore``.
        VerificationError: what came about does not verify.
    """

    def __init__(self, options: Workload, root: TrustedRoot, trusted_root: TrustedRootFile) -> None:
        self._options = options
        self._root = root
        self._trusted_root = trusted_root
        self._session: Session | None = None

    def __call__(self, payload: bytes) -> bytes:
        """A bundle around ``payload``."""
        if self._session is not None:
            try:
                return self._sign(self._session, payload)
            except InvalidInputError as error:
                # A certificate lives for minutes, and a large release may take longer.
                if error.code != "sigstore.token":
                    raise
        self._session = self._open()
        return self._sign(self._session, payload)

    def _sign(self, session: Session, payload: bytes) -> bytes:
        expected = _publishing(self._root).nearest(session.claims)
        return session.sign(payload, self._trusted_root, expected)[0]

    def _open(self) -> Session:
        from gaitops.cli.clock import now
        from gaitops.cli.keyless import pinned_instance
        from gaitops.signing.sigstore.sign import open_session

        instance = pinned_instance(self._options.config, [self._trusted_root])
        session = open_session(instance, _token(self._options))
        publishing, at = _publishing(self._root), now()
        if all(workload.mismatch(session.claims, at) is not None for workload in publishing.workloads):
            reason = publishing.nearest(session.claims).mismatch(session.claims, at)
            raise InvalidInputError.of(
                "release.publisher",
                f"root version {self._root.version} names no workload like this one: {reason}",
                remedy="run where the root says, or have the root people name this workload: gaitops trust show",
            )
        return session


def workload_signer(
    options: Workload, content: ReleaseContent, previous: VerifiedRelease | None
) -> WorkloadSigner:
    """The signer for a release with this content.

    Raises:
        InvalidInputError: ``release.keyless``: the root names no workload.
        VerificationError: ``sigstore.trust_root``, ``trust.*``.
    """
    from gaitops.fleet.root import root_chain
    from gaitops.release.keyless import publishing_root

    root = root_chain(content.root_chain, content.trust_root)
    return WorkloadSigner(options, root, publishing_root(root, content.sigstore_root, previous))


def _token(options: Workload) -> Token:
    from gaitops.cli.clock import now
    from gaitops.cli.keyless import token_in
    from gaitops.signing.sigstore.tokens import CLIENT_ID, ambient, read_token

    client_id = options.client_id or CLIENT_ID
    raw = ambient(client_id) if options.token_file is None else token_in(options.token_file)
    if raw is None:
        raise InvalidInputError.of(
            "sigstore.login",
            "no CI system hands out an identity token here, and only workloads publish without a key",
            remedy="run in CI with permission to ask for a token (GitHub: id-token: write), or --identity-token-file",
        )
    return read_token(raw, audience=client_id, at=now())


def _publishing(root: TrustedRoot) -> KeylessPublishing:
    if root.publishing is None:  # Cannot be: without one there is no trusted root to sign for.
        raise InvalidInputError.of("release.keyless", f"root version {root.version} names no workload")
    return root.publishing
