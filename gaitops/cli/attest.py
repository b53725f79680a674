# SPDX-License-Identifier: Apache-2.0
"""``gaitops attest``: a service puts reviews that were given at a forge into envelopes, where a rule counts them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.keyless import prepared
from gaitops.cli.keyless_options import chosen, key_or_sigstore
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.change.forge import Provider
    from gaitops.change.forge_answers import Answer, LeftOut
    from gaitops.cli.sealing import Sealer
    from gaitops.history.attesting import Attestable
    from gaitops.history.session import History

_WEAKER: Final = (
    "This is weaker than a signature of the reviewer: whoever can sign as this service, or holds the forge or the\n"
    "reviewer's account there, can make such an approval. It counts because a rule says so."
)


@command(
    example="gaitops attest --review answer.json --provider github --head topic --as ci --key ci.pem\n"
    "gaitops attest --review - --provider gitlab --branch topic --push --yes --as ci --sigstore"
)
@options.repo
@click.option(
    "--review",
    "source",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="What the forge's API answers about the change and its reviews; - for standard input.",
)
@click.option("--provider", required=True, type=click.Choice(("github", "gitlab")), help="Kind of forge.")
@click.option("--host", metavar="HOST", help="Host of the forge; default github.com or gitlab.com.")
@options.base_and_head
@click.option(
    "--branch", metavar="R", help="Fetch this branch of the remote and attest for it, instead of --head."
)
@click.option("--remote", default="origin", show_default=True, metavar="NAME", help="Git remote of --branch.")
@click.option(
    "--as",
    "service",
    required=True,
    metavar="SERVICE",
    help="The service principal that attests the reviews.",
)
@key_or_sigstore
@options.trust_root
@click.option(
    "--expires",
    "lifetime",
    type=options.duration,
    default="72h",
    show_default=True,
    metavar="DURATION",
    help="How long the attestation counts; rules count from the review, and may allow less.",
)
@click.option("--push", is_flag=True, help="Commit the envelopes to --branch of the remote.")
@click.option("--print", "printed", is_flag=True, help="Print armored envelopes instead of writing files.")
@options.yes
def attest(
    *,
    repo: Path,
    source: Path,
    provider: Provider,
    host: str | None,
    base: str,
    head: str,
    branch: str | None,
    remote: str,
    service: str,
    trust_root: str,
    lifetime: timedelta,
    push: bool,
    printed: bool,
    yes: bool,
    **signing: Any,
) -> Result:
    """Attest that people approved a change at GitHub or GitLab, where a rule counts such reviews.

    FILE is a JSON object of answers of the REST API: for GitHub its members are pull_request and reviews, for GitLab
    merge_request, approvals and versions. Attested is whoever approves the newest commit, did not contribute, and has
    that account as an identity; everybody else is listed with the reason.

    This is weaker than a signature of the reviewer: it is the word of the service, and off unless an approval rule lists
    assurance forge and the service.
    """
    from gaitops.cli.asking import confirm
    from gaitops.cli.delivery import Delivery, require_together
    from gaitops.cli.opening import opened
    from gaitops.cli.output import note

    require_together(branch, push=push, printed=printed)
    choice = chosen(**signing)
    answer = _answer(source, provider, host, service)
    delivery = Delivery(repo, remote, branch)
    if push:
        delivery.author()  # Before anything is shown and signed.
    sides = delivery.fetched(base, head)
    with opened(repo, sides.base, trust_root, branch=sides.protected) as history:
        head = history.repository.resolve(sides.head)
        found, left_out = _sorted(history, head, answer, service)
        files: dict[str, bytes] = {}
        if found:
            note(_shown(found))
            people = [item.signable.judgement.change.directory for item in found]
            ready = prepared(choice, service, people, history.at)
            confirm(f"Attest this as {service}?", yes=yes)
            files = _sealed(history, found, ready(), service, lifetime)
    paths = list(files)
    if not files:
        return _result(service, head, [], paths, left_out, "none", None, "nothing to attest")
    where = delivery.deliver(files, head, service, "attest", push=push, printed=printed)
    return _result(service, head, found, paths, left_out, where.kind, where.commit, where.text)


def _answer(source: Path, provider: Provider, host: str | None, service: str) -> Answer:
    from gaitops.change.forge_answers import MAX_BYTES, read_answer
    from gaitops.cli.files import read_bytes

    data = sys.stdin.buffer.read(MAX_BYTES + 1) if str(source) == "-" else read_bytes(source)
    return read_answer(data, str(source), provider, host or f"{provider}.com", service)


def _sorted(
    history: History, head: str, answer: Answer, service: str
) -> tuple[list[Attestable], list[LeftOut]]:
    from gaitops.history.attesting import attestable
    from gaitops.history.proposal import propose
    from gaitops.history.signable import of_proposal

    signables = of_proposal(history, propose(history, head))
    if not signables:
        raise InvalidInputError.of("approval.nothing", "nothing in this change needs a signature")
    return attestable(history, signables, head, answer, service)


def _sealed(
    history: History,
    found: Sequence[Attestable],
    sealer: Sealer,
    service: str,
    lifetime: timedelta,
) -> dict[str, bytes]:
    """Envelopes in the order of ``found``."""
    from gaitops.cli.sealing import statement_path

    trust_root = history.standing.root.trust_root
    for item in found:
        sealer.require_listed(service, item.signable.judgement.change.directory)
    files = {}
    for item in found:
        payload = item.signable.payload(
            trust_root,
            "approve",
            item.principal,
            issued_at=history.at,
            lifetime=lifetime,
            reason=f"review {item.review.review} of {item.review.place}",
            forge=item.review,
        )
        path = statement_path(trust_root, item.signable, item.principal, payload)
        files[path] = sealer.seal(payload, service, item.signable.judgement.change.directory)
    return files


def _shown(found: Sequence[Attestable]) -> str:
    """What is attested for whom, and what that is worth."""
    from gaitops.report.judgements import judgement_text
    from gaitops.report.tables import table

    judgements = list({id(item.signable): item.signable.judgement for item in found}.values())
    rows = [
        [item.principal, item.review.login, item.review.review, item.review.place, item.signable.partition]
        for item in found
    ]
    listing = table(["approved by", "account", "review", "of", "partition"], rows)
    return "\n\n".join([judgement_text(judgements), listing, _WEAKER])


def _result(
    service: str,
    head: str,
    found: Sequence[Attestable],
    paths: Sequence[str],
    left_out: Sequence[LeftOut],
    kind: str,
    commit: str | None,
    text: str,
) -> Result:
    from gaitops.report.tables import table

    members = {
        "service": service,
        "head": head,
        "attested": [
            {
                "principal": item.principal,
                "partition": item.signable.partition,
                "envelope": path,
                "review": item.review.to_json(),
            }
            for item, path in zip(found, paths, strict=True)
        ],
        "leftOut": [{"login": item.login, "reason": item.reason} for item in left_out],
        "delivered": kind,
        "commit": commit,
    }
    if left_out:
        listing = table(["not attested", "because"], [[item.login, item.reason] for item in left_out])
        text = f"{text}\n\n{listing}"
    return Result("attest", members, text)
