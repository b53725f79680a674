# SPDX-License-Identifier: Apache-2.0
"""One edge of a rollout, prepared and judged: as JSON, and as text that ends with the commands that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaitops.cli.rollouts import Place

if TYPE_CHECKING:
    from gaitops.change.judge import Judgement
    from gaitops.cli.rollout_delivery import Written
    from gaitops.rollout.prepare import Prepared
    from gaitops.rollout.transitions import EdgeKind


@dataclass(frozen=True)
class Draft:
    """The documents of one edge, and what the engine says of them."""

    edge: EdgeKind
    rollout: Place
    prepared: Prepared
    files: Mapping[str, Written]
    commit: str
    """A commit with these files on the verified head; no branch shows it yet."""
    judgements: tuple[Judgement, ...]
    operators: tuple[str, ...]
    """Who may take it alone; nobody where the plan does not allow that."""

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
            "operators": list(self.operators),
            "partitions": [judgement_json(item) for item in self.judgements],
        }

    def text(self, where: str, rev: str) -> str:
        """What it does, where it is now, and the commands that bring it onto the branch ``rev``."""
        from gaitops.report.judgements import judgement_text
        from gaitops.report.rollout_plans import wrapped
        from gaitops.report.text import Style, styled

        status = self.prepared.rollout.status
        step = f", step {status.step}" if status.phase in ("running", "paused") else ""
        title = f"{self.edge} {'/'.join(self.rollout)}: {status.phase}{step}"
        lines = [styled(title, Style.BOLD), judgement_text(self.judgements, proposing=True), ""]
        if self.operators:
            lines += wrapped(f"on the plan: needs no approval when {' or '.join(self.operators)} proposes it")
        if where:
            lines.append(f"committed on the new branch {where} as {self.commit[:12]}")
        else:
            lines += [f"wrote {path}" for path in sorted(self.files)]
        return "\n".join([*lines, "next:", *(f"  {step}" for step in self._next(where, rev))])

    def _next(self, where: str, rev: str) -> Iterator[str]:
        """What leads to a pull request that may be merged."""
        branch = where or f"{self.edge}-{self.rollout[2]}"
        base = "" if rev == "main" else f" --base {rev}"
        signing = f"--branch {branch}{base} --push --as PRINCIPAL --key URI"
        if not where:
            yield f"git switch -c {branch}"
            yield from (f"git add {path}" for path in sorted(self.files))
            yield f"git commit -m '{self.edge} {'/'.join(self.rollout)}'"
        yield f"git push origin {branch}"
        yield f"gaitops propose {signing}"
        if not all(item.approvals.verified for one in self.judgements for item in one.decisions):
            yield f"gaitops approve {signing}{'   # unless an operator proposed it' if self.operators else ''}"
        yield "and a pull request, to be merged once gaitops check authorizes it"
