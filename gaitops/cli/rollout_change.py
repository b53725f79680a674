# SPDX-License-Identifier: Apache-2.0
"""The change that takes one edge of a rollout: made from verified state, judged, then written or committed.

Judging comes before writing: a user learns at once what no approval can mend, and nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.clock import now
from gaitops.cli.rollouts import Place, find_rollout, occasion_of, stay_in_step
from gaitops.errors import (
    GateFailedError,
    InvalidInputError,
    PolicyBlockedError,
    Problem,
    UnsafeOperationError,
    VerificationError,
)

if TYPE_CHECKING:
    from gaitops.change.judge import Judgement
    from gaitops.documents.models.base import Document
    from gaitops.documents.models.rollout import GateResult, Rollout, TriggerKind
    from gaitops.history.session import History
    from gaitops.rollout.prepare import Prepared
    from gaitops.rollout.transitions import EdgeKind

_GATE = "rollout.gate"


@dataclass(frozen=True)
class Draft:
    """The documents of one edge, and what the engine says of them."""

    edge: EdgeKind
    rollout: Place
    prepared: Prepared
    files: Mapping[str, bytes]
    commit: str
    """A commit with these files on the verified head; no branch shows it yet."""
    judgements: tuple[Judgement, ...]

    def to_json(self, where: str) -> dict[str, object]:
        """For ``--json``."""
        from gaitops.report.judgements import judgement_json

        status = self.prepared.rollout.status
        return {
            "edge": self.edge,
            "rollout": "/".join(self.rollout),
            "phase": status.phase,
            "step": status.step,
            "files": sorted(self.files),
            "branch": where or None,
            "commit": self.commit if where else None,
            "partitions": [judgement_json(item) for item in self.judgements],
        }

    def text(self, where: str) -> str:
        """What it does, where it is now, and what comes next."""
        from gaitops.report.judgements import judgement_text
        from gaitops.report.text import Style, styled

        status = self.prepared.rollout.status
        step = f", step {status.step}" if status.phase in ("running", "paused") else ""
        title = f"{self.edge} {'/'.join(self.rollout)}: {status.phase}{step}"
        lines = [styled(title, Style.BOLD), judgement_text(self.judgements, proposing=True), ""]
        if where:
            lines.append(f"committed on the new branch {where} as {self.commit[:12]}")
            lines.append(f"next: gaitops propose --head {where} --as PRINCIPAL --key URI, and a pull request")
        else:
            lines += [f"wrote {path}" for path in sorted(self.files)]
            lines.append("next: commit them on a branch, gaitops propose, and a pull request")
        return "\n".join(lines)


def drafted(
    history: History,
    repo: Path,
    rollout: Place,
    edge: EdgeKind,
    *,
    reason: str | None,
    analyses: Sequence[Path],
    across_gates: bool,
    trigger: str,
    uncommitted: bool,
) -> Draft:
    """Prepare an edge and judge it.

    Args:
        history: folded history of the protected branch.
        repo: the working tree, where a plan may wait that was not committed yet.
        rollout: which one.
        edge: which edge; ``advance`` becomes ``complete`` after the last step.
        reason: why it is paused, rolled back or aborted.
        analyses: files with signed analyses to add.
        across_gates: whether a step may be left although a gate did not succeed.
        trigger: ``auto``, ``none`` or the trigger that a rollback follows.
        uncommitted: whether the result goes into the working tree, whose documents must then be the branch's.

    Raises:
        GateFailedError: ``rollout.gate``: a gate did not succeed, and nobody asked to cross it.
        PolicyBlockedError: something that no approval can mend; with every reason.
        InvalidInputError: the edge does not begin where the rollout is, or a file cannot be used.
        UnsafeOperationError: ``input.modified``: a document in the working tree has changes of its own.
    """
    from gaitops.fleet.candidates import step_index
    from gaitops.rollout.prepare import prepare

    document, source = document_before(history, repo, rollout, edge)
    added = _added_analyses(history, repo, rollout, analyses)
    if edge == "advance" and step_index(document) == len(document.spec.steps) - 1:
        edge = "complete"
    gates = _gates(history, rollout, document, edge, across_gates=across_gates)
    prepared = prepare(
        edge,
        history.state(),
        rollout,
        document,
        now=now(),
        gates=gates,
        reason=reason,
        trigger=_trigger(history, rollout, document, trigger),
    )
    files = {**_files(history, repo, rollout, prepared, source, uncommitted=uncommitted), **added}
    commit = _commit(history, repo, files, f"{edge} rollout {'/'.join(rollout)}")
    judgements = _judged(history, commit)
    _refuse_impossible(judgements)
    return Draft(edge, rollout, prepared, files, commit, judgements)


def judged_start(
    history: History, repo: Path, rollout: Place, document: Rollout, source: bytes | None
) -> tuple[Judgement, ...]:
    """What the engine would say about starting a plan now."""
    from gaitops.rollout.prepare import prepare

    prepared = prepare("start", history.state(), rollout, document, now=now())
    files = _files(history, repo, rollout, prepared, source, uncommitted=False)
    return _judged(history, _commit(history, repo, files, f"start rollout {'/'.join(rollout)}"))


def _judged(history: History, commit: str) -> tuple[Judgement, ...]:
    """What the engine says of a change on top of the branch.

    Raises:
        VerificationError: ``history.base_unverified``: something on the branch waits for approval, and would come along.
    """
    from gaitops.history.proposal import propose

    proposal = propose(history, commit)
    if proposal.problems:
        raise VerificationError(proposal.problems)
    return proposal.judgements


def delivered(history: History, repo: Path, draft: Draft, branch: str | None) -> str:
    """Put a draft where it was asked for; the name of the branch, empty for the working tree.

    Raises:
        UnsafeOperationError: ``git.branch_exists``.
    """
    from gaitops.cli.delivery import check_worktree
    from gaitops.git.writing import update_branch

    if branch is None:
        check_worktree(repo)
        for path, data in draft.files.items():
            target = repo / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return ""
    if history.repository.references.target(f"refs/heads/{branch}") is not None:
        raise UnsafeOperationError.of(
            "git.branch_exists", f"branch {branch} exists already", remedy="choose another name for --branch"
        )
    update_branch(history.repository, branch, draft.commit, None)
    return branch


def document_before(
    history: History, repo: Path, rollout: Place, edge: EdgeKind
) -> tuple[Rollout, bytes | None]:
    """The rollout before the edge and the text that it is written in; a plan may still wait in the working tree."""
    from gaitops.cli.files import read_bytes
    from gaitops.documents.layout import rollout_path
    from gaitops.documents.load import load_document
    from gaitops.documents.models.rollout import Rollout

    path = rollout_path(*rollout)
    if edge == "start" and (repo / path).is_file():
        data = read_bytes(repo / path)
        document = load_document(data, path)
        if isinstance(document, Rollout) and document.status.phase == "pending":
            return document, data
    return find_rollout(history, rollout), _verified_bytes(history, path)


def _verified_bytes(history: History, path: str) -> bytes | None:
    snapshot = history.state().snapshot
    entry = snapshot.entry(path)
    return snapshot.read(entry.oid) if entry is not None else None


def _added_analyses(history: History, repo: Path, rollout: Place, files: Sequence[Path]) -> dict[str, bytes]:
    """Analyses from files, under the names that are theirs, taken in as if they were merged with the change."""
    from gaitops.cli.files import read_bytes
    from gaitops.documents.layout import analysis_path
    from gaitops.git.trees import TreeChange
    from gaitops.rollout.analysis import read_analysis

    found = {}
    for file in files:
        data = read_bytes(file)
        analysis = read_analysis(data, str(file))
        found[analysis_path(*rollout, analysis.payload_digest)] = data
    if found:
        snapshot = history.repository.snapshot(_commit(history, repo, found, "analyses"))
        for path in found:
            change = TreeChange(path, None, snapshot.entry(path))
            if not history.fold.facts.take_in(change, occasion_of(history).position, history.fold.people):
                reasons = [item for item in history.fold.facts.ignored if item.path == path]
                raise InvalidInputError(
                    reasons or [Problem("rollout.analysis", "the analysis does not count", path=path)]
                )
    return found


def _gates(
    history: History, rollout: Place, document: Rollout, edge: EdgeKind, *, across_gates: bool
) -> tuple[GateResult, ...]:
    """What the newest analyses say about the step that is left."""
    from gaitops.rollout.transitions import LEAVING

    if edge not in LEAVING or document.status.phase != "running":
        return ()
    results = stay_in_step(history, rollout, document).results()
    problems = [
        Problem(
            _GATE,
            f"gate {item.gate} of step {item.step}: {item.outcome}",
            remedy="wait for a successful analysis, roll back, or cross it with --across-gates and the quorum",
        )
        for item in results
        if item.outcome != "success"
    ]
    if problems and not across_gates:
        raise GateFailedError(problems)
    return results


def _trigger(history: History, rollout: Place, document: Rollout, wanted: str) -> TriggerKind | None:
    from gaitops.change.rollout_evidence import fired_triggers

    if wanted == "none" or document.status.phase not in ("running", "paused"):
        return None
    people = history.fold.people((rollout[0],))
    applying = fired_triggers(rollout, document, people, history.fold.facts, occasion_of(history))
    kinds = [item.trigger.when for item in applying]
    if wanted == "auto":
        return kinds[0] if kinds else None
    return next((kind for kind in kinds if kind == wanted), None) or _not_fired(wanted, kinds)


def _not_fired(wanted: str, kinds: Sequence[str]) -> TriggerKind:
    raise PolicyBlockedError.of(
        "rollout.transition",
        f"the trigger {wanted} has not fired; fired: {', '.join(kinds) or 'none'}",
        remedy="leave --trigger out: a rollback then needs one approver",
    )


def _files(
    history: History,
    repo: Path,
    rollout: Place,
    prepared: Prepared,
    source: bytes | None,
    *,
    uncommitted: bool,
) -> dict[str, bytes]:
    """The documents as text, with everything that people wrote in them."""
    from gaitops.documents.editing import edited
    from gaitops.documents.layout import environment_path, rollout_path

    path = rollout_path(*rollout)
    files = {path: edited(source, path, prepared.rollout, [("status",)])}
    if uncommitted and prepared.edge != "start":
        _check_unmodified(repo, path, source)
    for name, environment in prepared.environments.items():
        path = environment_path(rollout[0], rollout[1], name)
        data = _verified_bytes(history, path)
        document: Document = environment
        files[path] = edited(data, path, document, [("spec", "policy")])
        if uncommitted:
            _check_unmodified(repo, path, data)
    return files


def _check_unmodified(repo: Path, path: str, verified: bytes | None) -> None:
    from gaitops.cli.files import read_bytes

    if (repo / path).exists() and read_bytes(repo / path).replace(b"\r\n", b"\n") != (
        verified or b""
    ).replace(b"\r\n", b"\n"):
        raise UnsafeOperationError.of(
            "input.modified",
            "differs from verified state and would be overwritten",
            path=path,
            remedy="switch to the protected branch, or use --branch, which leaves the working tree alone",
        )


def _commit(history: History, repo: Path, files: Mapping[str, bytes], message: str) -> str:
    from gaitops.cli.delivery import Delivery
    from gaitops.git.writing import commit_files

    repository = history.repository
    author = Delivery(repo, "origin", None).author()
    return commit_files(
        repository,
        history.standing.head,
        dict(files),
        message=message,
        author=author,
        when=int(now().timestamp()),
    )


def _refuse_impossible(judgements: Sequence[Judgement]) -> None:
    """Stop at what no approval can mend."""
    problems = [item for judgement in judgements for item in judgement.violations]
    if problems and all(item.code == _GATE for item in problems):
        raise GateFailedError(problems)
    if problems:
        raise PolicyBlockedError(dict.fromkeys(problems))
