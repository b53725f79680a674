# SPDX-License-Identifier: Apache-2.0
"""``gaitops propose``, ``approve`` and ``withdraw``: show what is about to be signed, sign it, deliver it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.keyless import prepared
from gaitops.cli.keyless_options import chosen, key_or_sigstore
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.change.attestation import Intent
    from gaitops.history.session import History
    from gaitops.history.signable import Signable

_F = TypeVar("_F", bound=Callable[..., Any])


def _duration(text: str) -> timedelta:
    from gaitops.documents.times import parse_duration

    try:
        return parse_duration(text)
    except (ValueError, InvalidInputError) as error:
        raise click.BadParameter(f"{text!r} is not a duration like 72h or 7d") from error


def _signing_options(function: _F) -> _F:
    """What the three commands share."""
    for decorate in reversed(
        (
            options.repo,
            options.base_and_head,
            click.option(
                "--branch",
                metavar="R",
                help="Fetch this branch of the remote and sign it, instead of --head.",
            ),
            click.option(
                "--remote",
                default="origin",
                show_default=True,
                metavar="NAME",
                help="Git remote of --branch.",
            ),
            options.principal,
            key_or_sigstore,
            options.trust_root,
            click.option(
                "--expires",
                "lifetime",
                type=_duration,
                default="72h",
                show_default=True,
                metavar="DURATION",
                help="How long the signature counts; rules may allow less.",
            ),
            click.option("--reason", default="", metavar="TEXT", help="Why; for example a ticket number."),
            options.include_pending,
            click.option("--push", is_flag=True, help="Commit the envelopes to --branch of the remote."),
            click.option(
                "--print", "printed", is_flag=True, help="Print armored envelopes instead of writing files."
            ),
            options.yes,
        )
    ):
        function = decorate(function)
    return function


@command(example="gaitops propose --base main --head topic --as alice --key alice.pem")
@_signing_options
def propose(**given: Any) -> Result:
    """Sign that you propose a change, and name everybody who contributed to it.

    Needed where the commits themselves do not say who made them: unsigned, squashed or made by a forge.
    Contributors are the authors, committers, signers and co-authors of the range; none of them may approve.
    """
    return _run("propose", (), **given)


@command(
    example="gaitops approve --base main --head topic --as bob --key bob.pem --reason CHG-1042\n"
    "gaitops approve --branch topic --push --as bob --key ssh:$HOME/.ssh/id_ed25519.pub\n"
    "gaitops approve --branch topic --push --as bob --sigstore"
)
@_signing_options
@click.option(
    "--affirm", multiple=True, metavar="PATH", help="Stand by doubtful content at PATH instead of a change."
)
def approve(*, affirm: Sequence[str], **given: Any) -> Result:
    """Sign that you approve exactly these bytes and their effects.

    Shows the operations, their effects on assignments and the difference against verified state before anything
    is signed. Before genesis is verified, root people sign the first tree with this command.
    """
    return _run("approve", affirm, **given)


@command(example="gaitops withdraw --base main --head topic --as bob --key bob.pem")
@_signing_options
def withdraw(**given: Any) -> Result:
    """Take back your own approvals of a change, before it is decided."""
    return _run("withdraw", (), **given)


def _run(
    intent: Intent,
    affirm: Sequence[str],
    *,
    repo: Path,
    base: str,
    head: str,
    branch: str | None,
    remote: str,
    principal: str,
    trust_root: str,
    lifetime: timedelta,
    reason: str,
    include_pending: bool,
    push: bool,
    printed: bool,
    yes: bool,
    **signing: Any,
) -> Result:
    from gaitops.cli.asking import confirm
    from gaitops.cli.delivery import Delivery, require_together
    from gaitops.cli.opening import opened
    from gaitops.cli.output import note
    from gaitops.cli.sealing import sealed

    choice = chosen(**signing)
    require_together(branch, push=push, printed=printed)
    delivery = Delivery(repo, remote, branch)
    if push:
        delivery.author()  # Before anything is shown and signed.
    sides = delivery.fetched(base, head)
    with opened(repo, sides.base, trust_root, branch=sides.protected) as history:
        signables = _signables(history, sides.head, affirm, include_pending=include_pending)
        if not signables:
            raise InvalidInputError.of("approval.nothing", "nothing in this change needs a signature")
        note(_shown(signables, f"sha256:{history.standing.root.trust_root}", intent))
        if intent == "approve" and _barred(signables, principal):
            note(f"warning: {principal} contributed to this change, so this approval will not count")
        people = [item.judgement.change.directory for item in signables]
        ready = prepared(choice, principal, people, history.at)
        confirm(f"Sign this as {principal} ({intent})?", yes=yes)
        files = sealed(history, signables, ready(), intent, principal, lifetime, reason)
        head_commit = history.repository.resolve(sides.head)
    where = delivery.deliver(files, head_commit, principal, intent, push=push, printed=printed)
    text = where.text + _outlook(signables, principal, intent)
    members = {
        "intent": intent,
        "principal": principal,
        "envelopes": sorted(files),
        "delivered": where.kind,
        "commit": where.commit,
    }
    return Result("approval", members, text)


def _signables(
    history: History, head: str, affirm: Sequence[str], *, include_pending: bool
) -> list[Signable]:
    from gaitops.history.signable import of_affirmation, proposal_or_genesis

    if affirm:
        return of_affirmation(history, affirm)
    return proposal_or_genesis(history, history.repository.resolve(head), include_pending=include_pending)[1]


def _shown(signables: Sequence[Signable], fleet: str, intent: Intent) -> str:
    """Everything that the signer must see: operations with effects, who must sign, every changed byte."""
    from gaitops.report.content_diff import content_diff
    from gaitops.report.judgements import judgement_text

    judgements = [item.judgement for item in signables]
    parts = [f"fleet {fleet}", judgement_text(judgements, proposing=intent == "propose")]
    for item in signables:
        if item.contributors:
            parts.append(f"contributors to {item.partition}: {', '.join(item.contributors)}")
        parts.append(content_diff(item.judgement.change))
    return "\n\n".join(part for part in parts if part)


def _outlook(signables: Sequence[Signable], principal: str, intent: Intent) -> str:
    """Who else must sign, once this signature counts."""
    if intent != "approve":
        return ""
    others = set()
    for item in signables:
        for decision in item.judgement.decisions:
            counted = {one.principal for one in decision.approvals.counted} | {principal}
            if len(counted) < decision.approvals.requirement.quorum:
                others.update(set(decision.approvals.may_sign) - {principal})
    if not others:
        return ""
    return f"\nbesides this and what is committed, more approvals are needed; may sign: {', '.join(sorted(others))}"


def _barred(signables: Sequence[Signable], principal: str) -> bool:
    """Whether separation of duties will keep an approval of ``principal`` from counting anywhere."""
    decisions = [
        decision
        for item in signables
        for decision in item.judgement.decisions
        if not decision.approvals.requirement.root
    ]
    return bool(decisions) and all(principal in decision.authors.contributors for decision in decisions)
