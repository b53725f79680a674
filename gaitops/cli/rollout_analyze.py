# SPDX-License-Identifier: Apache-2.0
"""``gaitops rollout analyze``: sign what the evidence says about the gates of a rollout's current step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import GATE_FAILED
from gaitops.cli.output import Result
from gaitops.cli.rollouts import Place, rollout_argument
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from gaitops.documents.models.rollout import Gate, Rollout
    from gaitops.documents.models.summary import EvidenceSummary
    from gaitops.history.session import History
    from gaitops.rollout.analysis import Analysis
    from gaitops.rollout.measure import Measurement
    from gaitops.rollout.reach import Reach


@dataclass(frozen=True)
class _Evidence:
    """The summary, and the digest by which analyses name it."""

    summary: EvidenceSummary
    sha256: str


@command(
    example="gaitops rollout analyze acme/pay/tighten --evidence summary.json --as ana --key ana.pem\n"
    "gaitops rollout analyze acme/pay/tighten --evidence summary.json --as ana --key ana.pem --out ."
)
@rollout_argument
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose verified state is read."
)
@click.option(
    "--evidence",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The evidence summary: JSON as schemas/evidence-summary.schema.json describes it.",
)
@click.option(
    "--gate", "wanted", multiple=True, metavar="NAME", help="Only this gate; all of the step's without."
)
@options.principal
@options.key
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the analyses as <gate>.json into this folder instead of the working tree.",
)
@click.option(
    "--branch",
    metavar="NEW",
    help="Commit the analyses on this new branch instead of writing them into the working tree.",
)
@options.trust_root
def analyze(
    *,
    rollout: Place,
    repo: Path,
    rev: str,
    evidence: Path,
    wanted: Sequence[str],
    principal: str,
    key: str,
    out: Path | None,
    branch: str | None,
    trust_root: str,
) -> Result:
    """Measure the current step of a rollout in an evidence summary, and sign the result for each gate.

    ROLLOUT is ORG/PROJECT/ID. An analysis names the summary by its digest, the window, the samples and every metric with its value, bounds and
    outcome. Whoever verifies computes the outcome again. In mode observe the verdict metrics are inconclusive: Gait
    drops the simulated verdict from the trace. Ends with exit code 5 when a gate fails; the analysis is written.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.cli.opening import opened
    from gaitops.cli.rollouts import find_rollout
    from gaitops.cli.signing import signer_for
    from gaitops.documents.layout import analysis_path
    from gaitops.documents.summaries import read_summary
    from gaitops.rollout.reach import reach_of

    if out is not None and branch is not None:
        raise click.UsageError("--out and --branch exclude each other")
    data = read_bytes(evidence)
    read = _Evidence(read_summary(data, str(evidence)), hashlib.sha256(data).hexdigest())
    with opened(repo, rev, trust_root) as history:
        document = find_rollout(history, rollout)
        reach = reach_of(history.state(), rollout[0], rollout[1], document)
        signer = signer_for(key)
        _check_signer(history, rollout, principal, signer)
        measured = _measured(read.summary, reach)
        found = [
            (gate, *_signed(history, rollout, document, reach, gate, read, measured, principal, signer))
            for gate in _gates(document, reach, wanted)
        ]
        files = {
            f"{gate.name}.json"
            if out is not None
            else analysis_path(*rollout, analysis.payload_digest): envelope
            for gate, analysis, envelope in found
        }
        commit = _delivered(history, repo, files, out, branch, f"analyze {'/'.join(rollout)}")
    rows = [
        {"gate": gate.name, "outcome": analysis.outcome, "file": file, "metrics": _metrics(analysis)}
        for (gate, analysis, _envelope), file in zip(found, files, strict=True)
    ]
    members: dict[str, object] = {
        "rollout": "/".join(rollout),
        "step": reach.step.name,
        "mode": reach.step.mode,
        "evidence": read.sha256,
        "samples": measured.samples,
        "analyses": rows,
        "branch": branch,
        "commit": commit,
    }
    failed = any(analysis.outcome in ("failure", "error") for _gate, analysis, _envelope in found)
    return Result(
        "rollout-analyze", members, _text(members, found, files), exit_code=GATE_FAILED if failed else 0
    )


def _delivered(
    history: History, repo: Path, files: dict[str, bytes], out: Path | None, branch: str | None, message: str
) -> str | None:
    """Put the analyses where they were asked for; the commit, if it is a branch."""
    from gaitops.cli.files import create_files
    from gaitops.cli.rollout_delivery import Written, commit_on_head, show_on_branch, write_to_worktree

    if branch is not None:
        commit = commit_on_head(history, repo, files, message)
        show_on_branch(history, branch, commit)
        return commit
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        create_files(out, files)
    else:
        write_to_worktree(repo, {path: Written(data, None) for path, data in files.items()})
    return None


def _gates(document: Rollout, reach: Reach, wanted: Sequence[str]) -> list[Gate]:
    unknown = sorted(set(wanted) - set(reach.step.gates))
    if unknown or not reach.step.gates:
        has = ", ".join(reach.step.gates) or "none"
        raise InvalidInputError.of(
            "analysis.gate",
            f"step {reach.step.name} has these gates: {has}"
            + (f"; not {', '.join(unknown)}" if unknown else ""),
            remedy="name a gate of the current step; gaitops rollout status shows them",
        )
    by_name = {gate.name: gate for gate in document.spec.gates}
    return [by_name[name] for name in reach.step.gates if not wanted or name in wanted]


def _check_signer(history: History, rollout: Place, principal: str, signer: Signer) -> None:
    """Refuse to sign what nobody would believe.

    Raises:
        InvalidInputError: ``key.not_principals``, ``analysis.role``.
    """
    from gaitops.change.permissions import ANALYST
    from gaitops.fleet.scopes import project_scope

    people = history.fold.people((rollout[0],))
    known = people.by_keyid.get(signer.public_key.keyid, ())
    if principal not in {identity.principal for identity in known}:
        raise InvalidInputError.of(
            "key.not_principals",
            f"verified state does not list this key for {principal}",
            remedy="Use a key of that principal, or have the key added first.",
        )
    scope = project_scope(*rollout[:2])
    if ANALYST not in people.roles(principal, scope):
        raise InvalidInputError.of(
            "analysis.role",
            f"{principal} is no analyst in {scope}",
            remedy="bind the role first, or sign as one",
        )


def _measured(summary: EvidenceSummary, reach: Reach) -> Measurement:
    from gaitops.rollout.measure import measure

    return measure(
        summary,
        reach.cohort,
        mode=reach.step.mode,
        candidate_digest=reach.candidate_digest,
        enforced_digest=reach.enforced_digest,
        listed_pairs=reach.listed,
    )


def _signed(
    history: History,
    rollout: Place,
    document: Rollout,
    reach: Reach,
    gate: Gate,
    read: _Evidence,
    measured: Measurement,
    principal: str,
    signer: Signer,
) -> tuple[Analysis, bytes]:
    from gaitops.rollout.analysis import build, read_analysis
    from gaitops.signing.dsse import seal
    from gaitops.signing.statement import PAYLOAD_TYPE

    payload = build(
        trust_root=history.standing.root.trust_root,
        principal=principal,
        org=rollout[0],
        project=rollout[1],
        rollout_id=rollout[2],
        spec=document.spec,
        step=reach.step,
        gate=gate,
        summary=read.summary,
        evidence_sha256=read.sha256,
        measurement=measured,
        issued_at=history.at,
    )
    envelope = seal(PAYLOAD_TYPE, payload, [signer])
    return read_analysis(envelope, gate.name), envelope


def _metrics(analysis: Analysis) -> list[dict[str, object]]:
    return [
        {
            "metric": item.metric,
            "value": item.value,
            "minimum": item.minimum,
            "maximum": item.maximum,
            "outcome": item.outcome,
            "reason": item.reason,
        }
        for item in analysis.metrics
    ]


def _text(
    members: dict[str, object], found: Sequence[tuple[Gate, Analysis, bytes]], files: Iterable[str]
) -> str:
    from gaitops.report.rollout_plans import wrapped
    from gaitops.report.tables import table
    from gaitops.report.text import Style, styled

    parts = [
        styled(f"{members['rollout']}, step {members['step']} ({members['mode']})", Style.BOLD)
        + f": {members['samples']} decisions of the candidate"
    ]
    for (gate, analysis, _envelope), file in zip(found, files, strict=True):
        rows = [
            [item.metric, _number(item.value), _bounds(item.minimum, item.maximum), item.outcome]
            for item in analysis.metrics
        ]
        reasons = [
            line
            for item in analysis.metrics
            if item.reason
            for line in wrapped(f"{item.metric}: {item.reason}", indent="  ")
        ]
        parts.append(
            "\n".join(
                [
                    f"gate {gate.name}: {styled(analysis.outcome, Style.BOLD)}",
                    table(["metric", "value", "bounds", "outcome"], rows),
                    *reasons,
                    f"{'wrote' if members['branch'] is None else 'signed'} {file}",
                ]
            )
        )
    if members["branch"] is not None:
        branch = members["branch"]
        parts.append(
            f"committed on the new branch {branch}\nnext: git push origin {branch}, and a pull request"
        )
    return "\n\n".join(parts)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _bounds(minimum: float | None, maximum: float | None) -> str:
    low = f"≥ {minimum:g}" if minimum is not None else ""
    high = f"≤ {maximum:g}" if maximum is not None else ""
    return ", ".join(item for item in (low, high) if item)
