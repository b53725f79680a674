# SPDX-License-Identifier: Apache-2.0
"""What a drill of the key lifecycle found: steps with commands and proofs, findings about the real fleet.

The same values are printed, decide the exit code, and are signed as the predicate of an in-toto statement.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from gaitops.documents.models.base import CommitId, Items, Model, Sha256, Timestamp

DrillName = Literal[
    "rotate-root",
    "rotate-publisher",
    "compromised-approver",
    "lost-quorum",
    "expired-root",
    "left-company",
]
Severity = Literal["failure", "warning", "note"]
"""``failure``: would fail in this fleet; ``warning``: holds, with nothing to spare; ``note``: good to know."""

_Text = Annotated[str, Field(min_length=1, max_length=2000)]


class _Part(Model):
    """A part of the report, which is made by names and read by aliases."""

    model_config = ConfigDict(populate_by_name=True)


class DoneCommand(_Part):
    """One command that was carried out on the twin."""

    line: _Text = Field(description="As a person types it, in the working tree of the fleet repository.")
    exit_code: int = Field(
        ge=0, description="What it ended with; a refusal is right where the step expects one."
    )


class Proof(_Part):
    """One claim, and whether what happened bears it out."""

    claim: _Text = Field(description="What must hold.")
    proven: bool = Field(description="Whether it did.")
    observed: _Text = Field(description="What was seen.")


class Step(_Part):
    """One step of the runbook."""

    number: int = Field(ge=1, description="Position in the runbook.")
    title: _Text = Field(description="What is done.")
    commands: Items[DoneCommand] = Field(default=(), description="Commands in their order.")
    proofs: Items[Proof] = Field(default=(), description="What was proven in it.")

    @property
    def proven(self) -> bool:
        """Whether every claim of the step holds."""
        return all(proof.proven for proof in self.proofs)


class Finding(_Part):
    """Something about the real fleet, derived from its verified state."""

    severity: Severity = Field(description="failure, warning or note.")
    about: _Text = Field(description="What it is about, in one word.")
    text: _Text = Field(description="The fact.")


class DrillReport(_Part):
    """The predicate: one run of one drill."""

    drill: DrillName = Field(description="Which runbook.")
    fleet: _Text = Field(description="Name of the fleet.")
    trust_root: Sha256 = Field(description="Trust root of the real fleet.")
    root_version: int = Field(ge=1, description="Root version of the real fleet.")
    commit: CommitId = Field(description="Head of the real fleet, whose verified state was copied.")
    principal: str | None = Field(
        default=None, description="Whom the drill is about, where it is about somebody."
    )
    gaitops_version: _Text = Field(description="Version that carried it out.")
    started_at: Timestamp = Field(description="When it began.")
    passed: bool = Field(description="Whether everything was proven and no finding is a failure.")
    substitutions: Items[_Text] = Field(default=(), description="What is different in the copy, and why.")
    findings: Items[Finding] = Field(default=(), description="About the real fleet.")
    steps: Items[Step] = Field(description="The runbook as carried out on the copy.")

    @property
    def fails(self) -> tuple[str, ...]:
        """Everything that speaks against the fleet, for people."""
        unproven = [
            f"{proof.claim}: {proof.observed}"
            for step in self.steps
            for proof in step.proofs
            if not proof.proven
        ]
        return (*unproven, *(item.text for item in self.findings if item.severity == "failure"))
