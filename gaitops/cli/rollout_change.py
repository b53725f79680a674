# SPDX-License-Identifier: Apache-2.0
"""The change that takes one edge of a rollout: made from verified state, judged, then written or committed.

Judging comes before writing: a user learns at once what no approval can mend, and nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.clock import now
from gaitops.cli.rollout_delivery import Written, commit_on_head, show_on_branch, write_to_worktree
from gaitops.cli.rollout_draft import Draft
from gaitops.cli.rollouts import Place, find_rollout, occasion_of, stay_in_step
from gaitops.errors import GateFailedError, InvalidInputError, PolicyBlockedError, Problem, VerificationError

if TYPE_CHECKING:
    from gaitops.change.judge import Judgement
    from gaitops.documents.models.base import Document
    from gaitops.documents.models.rollout import GateResult, Rollout, TriggerKind
    from gaitops.history.session import History
    from gaitops.rollout.prepare import Prepared
    from gaitops.rollout.transitions import EdgeKind

_GATE = "rollout.gate"
_FREEZE = "approval.freeze_window"


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

    Raises:
        GateFailedError: ``rollout.gate``: a gate did not succeed, and nobody asked to cross it.
        PolicyBlockedError: something that no approval can mend; with every reason.
        InvalidInputError: the edge does not begin where the rollout is, or a file or the reason cannot be used.
        VerificationError: ``history.base_unverified``: something on the branch waits for approval.
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
    files = {**_files(history, rollout, prepared, source), **added}
    commit, judgements = _judged(history, repo, files, f"{edge} rollout {'/'.join(rollout)}")
    _refuse_impossible(judgements)
    return Draft(edge, rollout, prepared, files, commit, judgements, _operators(history, rollout, judgements))


def judged_start(
    history: History, repo: Path, rollout: Place, document: Rollout, source: bytes | None
) -> tuple[Judgement, ...]:
    """What the engine would say about starting a plan now."""
    from gaitops.rollout.prepare import prepare

    prepared = prepare("start", history.state(), rollout, document, now=now())
    files = _files(history, rollout, prepared, source)
    return _judged(history, repo, files, f"start rollout {'/'.join(rollout)}")[1]


def _judged(
    history: History, repo: Path, files: Mapping[str, Written], message: str
) -> tuple[str, tuple[Judgement, ...]]:
    """A commit on top of the branch, and what the engine says of it.

    Raises:
        VerificationError: ``history.base_unverified``: something on the branch waits for approval, and would come along.
    """
    from gaitops.history.proposal import propose

    commit = commit_on_head(history, repo, {path: file.data for path, file in files.items()}, message)
    proposal = propose(history, commit)
    if proposal.problems:
        raise VerificationError(proposal.problems)
    return commit, proposal.judgements


def _operators(history: History, rollout: Place, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    """Who may take the edge without anybody's approval, because the approved plan allows it."""
    from gaitops.change.permissions import OPERATOR
    from gaitops.fleet.scopes import project_scope

    decisions = [item for judgement in judgements for item in judgement.decisions]
    if not decisions or not all(item.operation.agreed for item in decisions):
        return ()
    people = history.fold.people((rollout[0],))
    return tuple(sorted(people.holders(frozenset({OPERATOR}), project_scope(*rollout[:2]))))


def delivered(history: History, repo: Path, draft: Draft, branch: str | None) -> str:
    """Put a draft where it was asked for; the name of the branch, empty for the working tree.

    Raises:
        UnsafeOperationError: ``git.branch_exists``, ``input.modified``.
    """
    if branch is None:
        write_to_worktree(repo, draft.files)
        return ""
    show_on_branch(history, branch, draft.commit)
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


def _added_analyses(
    history: History, repo: Path, rollout: Place, files: Sequence[Path]
) -> dict[str, Written]:
    """Analyses from files, under the names that are theirs, taken in as if they were merged with the change."""
    from gaitops.cli.files import read_bytes
    from gaitops.documents.layout import analysis_path
    from gaitops.git.trees import TreeChange
    from gaitops.rollout.analysis import read_analysis

    found: dict[str, bytes] = {}
    for file in files:
        data = read_bytes(file)
        analysis = read_analysis(data, str(file))
        found[analysis_path(*rollout, analysis.payload_digest)] = data
    if found:
        snapshot = history.repository.snapshot(commit_on_head(history, repo, found, "analyses"))
        for path in found:
            change = TreeChange(path, None, snapshot.entry(path))
            if not history.fold.facts.take_in(change, occasion_of(history).position, history.fold.people):
                reasons = [item for item in history.fold.facts.ignored if item.path == path]
                raise InvalidInputError(
                    reasons or [Problem("rollout.analysis", "the analysis does not count", path=path)]
                )
    return {path: Written(data, _verified_bytes(history, path)) for path, data in found.items()}


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
    """The trigger to write down: the one that is wanted, or the first that fired."""
    from gaitops.change.rollout_evidence import fired_triggers

    if wanted == "none" or document.status.phase not in ("running", "paused", "completed"):
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


def _files(history: History, rollout: Place, prepared: Prepared, source: bytes | None) -> dict[str, Written]:
    """The documents as text, with everything that people wrote in them.

    Raises:
        InvalidInputError: ``document.*``: no document can hold the reason.
    """
    from gaitops.documents.editing import edited
    from gaitops.documents.layout import environment_path, rollout_path

    path = rollout_path(*rollout)
    files = {path: Written(edited(source, path, prepared.rollout, [("status",)]), source)}
    for name, environment in prepared.environments.items():
        path = environment_path(rollout[0], rollout[1], name)
        data = _verified_bytes(history, path)
        document: Document = environment
        files[path] = Written(edited(data, path, document, [("spec", "policy")]), data)
    return files


def _refuse_impossible(judgements: Sequence[Judgement]) -> None:
    """Stop at what no approval can mend."""
    problems = impediments(judgements)
    if problems and all(item.code == _GATE for item in problems):
        raise GateFailedError(problems)
    if problems:
        raise PolicyBlockedError(problems)


def impediments(judgements: Sequence[Judgement]) -> tuple[Problem, ...]:
    """What stands against a change whoever approves it: broken rules, and freeze windows of approval rules."""
    found = [item for judgement in judgements for item in judgement.violations]
    decisions = [item for judgement in judgements for item in judgement.decisions]
    found += [item for decision in decisions for item in decision.problems if item.code == _FREEZE]
    return tuple(dict.fromkeys(found))
