# SPDX-License-Identifier: Apache-2.0
"""What the history knows about a rollout's stay in its step: when it began, and what analysts say (design 9)."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.change.context import Facts, Occasion, Proof
from gaitops.change.envelopes import weigh_signature
from gaitops.change.permissions import ANALYST
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.times import parse_timestamp
from gaitops.fleet.candidates import step_index
from gaitops.fleet.people import Directory
from gaitops.fleet.scopes import project_scope
from gaitops.rollout.analysis import Analysis, subject_digest
from gaitops.rollout.gates import Stay
from gaitops.rollout.triggers import Fired, fired

Place = tuple[str, str, str]
"""(org, project, rollout id)."""


def stay_of(place: Place, rollout: Rollout, directory: Directory, facts: Facts, occasion: Occasion) -> Stay:
    """The stay of a rollout that has started in its current step.

    The step counts from when the history saw it entered; what the document says can only make that later. A history that
    begins after the entry (``--from-release``) knows nothing better than the document.
    """
    step = rollout.spec.steps[step_index(rollout)]
    known = facts.entered("/".join(place))
    written = parse_timestamp(rollout.status.step_started_at or "1970-01-01T00:00:00Z")
    return Stay(
        rollout.spec,
        step,
        subject_digest(facts.trust_root, *place, rollout.spec, step.name),
        entered=max(known, written) if known is not None else written,
        now=occasion.at,
        skew=facts.skew,
        analyses=tuple(_credible(place, directory, facts, occasion)),
    )


def _credible(place: Place, directory: Directory, facts: Facts, occasion: Occasion) -> Iterator[Analysis]:
    """Analyses that an analyst of the project signed with a key that counts here and now."""
    scope = project_scope(*place[:2])
    for evidence in facts.analyses("/".join(place)):
        analysis = evidence.analysis
        if ANALYST in directory.roles(analysis.principal, scope) and any(
            identity.principal == analysis.principal
            and isinstance(proof := facts.proof(analysis, identity, directory), Proof)
            and weigh_signature(identity, evidence.position, facts, occasion, proof) is None
            for identity in directory.candidates(analysis.envelope)
        ):
            yield analysis


def fired_triggers(
    place: Place, rollout: Rollout, directory: Directory, facts: Facts, occasion: Occasion
) -> list[Fired]:
    """Triggers of a plan that apply now, in its order. A completed rollout stays in no step, so no stay expires."""
    policy = rollout.spec.policy
    stay = stay_of(place, rollout, directory, facts, occasion)
    newest = stay.about()[-1:]
    return fired(
        rollout.spec,
        observed=newest[0].observed if newest else None,
        withdrawn=facts.is_withdrawn(policy.org or place[0], policy.name, rollout.spec.to_version),
        entered=stay.entered if rollout.status.phase != "completed" else stay.now,
        now=stay.now,
    )
