# SPDX-License-Identifier: Apache-2.0
"""What an inspection says, as rows of the tables, built column by column (:mod:`gaitops.evidence.tables`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson
import pyarrow as pa

from gaitops.evidence.attribution import Attribution, made_at
from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.tables import PROVENANCE, TABLES
from gaitops.gait.artifacts.facts import (
    AuditFacts,
    Facts,
    InventoryFacts,
    RegressFacts,
    RunFacts,
    TokenFacts,
    TraceFacts,
)
from gaitops.gait.artifacts.model import PROVEN, Inspection
from gaitops.gait.scout import fingerprint_of

FACT_TABLES: Final = tuple(name for name in TABLES if name != "artifacts")
_PROVENANCE_NAMES: Final = tuple(column.name for column in PROVENANCE)
_OWN_NAMES: Final = {
    name: tuple(column.name for column in columns[len(PROVENANCE) :]) for name, columns in TABLES.items()
}

_FIRST: Final = False
"""``repeat`` until the claim of the batch knows better."""


class Rows:
    """Rows of one table, column by column."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.columns: dict[str, list[Any]] = {column.name: [] for column in TABLES[table]}
        self._provenance = [self.columns[name].append for name in _PROVENANCE_NAMES]
        self._own = [self.columns[name].append for name in _OWN_NAMES[table]]

    def __len__(self) -> int:
        return len(self.columns["artifact"])

    def add(self, provenance: tuple[object, ...], *own: object) -> None:
        """One row: the columns that all tables have, then the table's own, all in the order of the table."""
        for append, value in zip(self._provenance, provenance, strict=True):
            append(value)
        for append, value in zip(self._own, own, strict=True):
            append(value)

    def arrow(self) -> pa.Table:
        """The rows with the table's schema."""
        return pa.table(self.columns, schema=arrow_schema(self.table))


class Tables:
    """Rows of all tables for one batch of artifacts."""

    def __init__(self) -> None:
        self.rows = {name: Rows(name) for name in TABLES}

    def add(
        self,
        inspection: Inspection,
        attribution: Attribution,
        *,
        batch: str,
        collected_at: datetime,
        source: str,
        duplicate: bool = False,
    ) -> None:
        """Everything that one delivery says. ``position``, ``repeat`` and ``duplicate`` are settled when the batch is claimed."""
        provenance = _provenance(inspection, inspection, attribution, batch, collected_at)
        self._artifact(provenance, inspection, attribution, source, duplicate=duplicate)
        if duplicate:
            return
        for finding in (*inspection.findings, *attribution.findings):
            self.rows["findings"].add(provenance, finding.code, finding.message, finding.effect.value)
        self._facts(provenance, inspection, embedded=False)
        for member in inspection.members:
            inner = _provenance(inspection, member, attribution, batch, collected_at)
            self._facts(inner, member, embedded=True)

    def _artifact(
        self,
        provenance: tuple[object, ...],
        inspection: Inspection,
        attribution: Attribution,
        source: str,
        *,
        duplicate: bool,
    ) -> None:
        codes = [finding.code for finding in (*inspection.findings, *attribution.findings)]
        self.rows["artifacts"].add(
            provenance,
            None,
            duplicate,
            source,
            inspection.size,
            inspection.gait_verdict.value,
            event_key_of(inspection),
            attribution.claimed_repository,
            attribution.claimed_environment,
            attribution.envelope_repository,
            attribution.envelope_environment,
            attribution.key_repositories,
            getattr(inspection.facts, "producer_version", None) or None,
            _json(inspection.ids),
            _json(inspection.digests),
            codes,
        )

    def _facts(self, provenance: tuple[object, ...], inspection: Inspection, *, embedded: bool) -> None:
        facts = inspection.facts
        match facts:
            case TraceFacts():
                self._decision(provenance, inspection, facts)
            case RunFacts():
                self._run(provenance, facts, embedded=embedded)
            case RegressFacts():
                self._regress(provenance, facts)
            case TokenFacts():
                self._token(provenance, facts)
            case AuditFacts():
                self._audit(provenance, facts)
            case InventoryFacts():
                for item in facts.items:
                    self.rows["inventory_items"].add(
                        provenance,
                        facts.snapshot_id,
                        item.item_id,
                        item.item_kind,
                        item.name,
                        item.locator,
                        item.risk_level,
                        item.tags,
                    )
            case _:
                pass  # the artifact's own row says all that is indexed of it

    def _decision(self, provenance: tuple[object, ...], inspection: Inspection, facts: TraceFacts) -> None:
        self.rows["decisions"].add(
            provenance,
            facts.trace_id,
            facts.event_id or None,
            event_key_of(inspection),
            _FIRST,
            facts.policy_digest,
            facts.intent_digest,
            facts.args_digest,
            facts.tool_name,
            facts.decision,
            facts.run_id or None,
            facts.workflow_id or None,
            facts.agent_id or None,
            facts.requester or None,
            facts.violations,
            facts.latency_ms,
            facts.approval_ref or None,
            facts.approval_token_ref or None,
            facts.pre_approved,
            facts.kill_switch or None,
            facts.delegation_depth,
            facts.context_set_digest or None,
        )

    def _run(self, provenance: tuple[object, ...], facts: RunFacts, *, embedded: bool) -> None:
        mark = fingerprint_of(facts)
        self.rows["runs"].add(
            provenance,
            facts.run_id,
            facts.manifest_digest,
            embedded,
            facts.capture_mode,
            len(facts.steps),
            mark.fingerprint,
            mark.family_id,
            mark.max_privilege,
            mark.action_sequence,
            mark.tool_classes,
            mark.target_systems,
            mark.reason_codes,
            mark.receipt_digests,
            facts.context_set_digest or None,
            " ".join(part for part in (facts.os, facts.arch, facts.runtime) if part) or None,
        )
        add = self.rows["run_steps"].add
        for step in facts.steps:
            add(
                provenance,
                facts.run_id,
                facts.manifest_digest,
                step.index,
                step.intent_id,
                step.tool_name,
                step.args_digest,
                step.status or None,
                step.result_digest or None,
            )

    def _regress(self, provenance: tuple[object, ...], facts: RegressFacts) -> None:
        fixtures = sorted({grader.fixture for grader in facts.graders})
        failed = {grader.fixture for grader in facts.graders if grader.status != "pass"}
        self.rows["regress_results"].add(
            provenance,
            facts.fixture_set,
            facts.status,
            len(fixtures),
            len(failed),
            facts.vacuous,
            facts.drift_class,
            fixtures,
        )
        for grader in facts.graders:
            self.rows["regress_graders"].add(
                provenance,
                facts.fixture_set,
                grader.fixture,
                grader.grader,
                grader.status,
                grader.reason_codes,
                grader.run_id or None,
                grader.context_conformance or None,
                grader.candidate,
            )

    def _token(self, provenance: tuple[object, ...], facts: TokenFacts) -> None:
        self.rows["approvals"].add(
            provenance,
            "token" if facts.form == "approval" else "delegation_token",
            facts.token_id,
            None,
            None,
            facts.approver,
            facts.reason_code or None,
            facts.scope,
            facts.intent_digest or None,
            facts.policy_digest or None,
            facts.expires_at,
            None,
            None,
            None,
            None,
            None,
        )

    def _audit(self, provenance: tuple[object, ...], facts: AuditFacts) -> None:
        prefix = "" if facts.form == "approval" else "delegation_"
        common = (facts.intent_digest or None, facts.policy_digest or None)
        add = self.rows["approvals"].add
        add(
            provenance,
            f"{prefix}audit",
            None,
            facts.trace_id or None,
            facts.tool_name or None,
            None,
            None,
            None,
            *common,
            None,
            None,
            None,
            facts.required,
            facts.valid,
            facts.approved,
        )
        for entry in facts.entries:
            add(
                provenance,
                f"{prefix}entry",
                entry.token_id or None,
                facts.trace_id or None,
                facts.tool_name or None,
                entry.approver or None,
                entry.reason_code or None,
                entry.scope,
                *common,
                entry.expires_at,
                entry.valid,
                entry.error_code or None,
                facts.required,
                facts.valid,
                None,
            )


def event_key(key_id: str, event_id: str) -> str:
    """One per emission of a decision by a key (contract 2.2): hex SHA-256 of both, joined by a colon."""
    return hashlib.sha256(f"{key_id}:{event_id}".encode("utf-8", "surrogatepass")).hexdigest()


def event_key_of(inspection: Inspection) -> str | None:
    """Event key of a trace, or of the trace in a pack; ``None`` unless a known key signed it.

    Whoever has no registered key must not be able to make somebody else's decision look like a repetition.
    """
    facts: Facts | None = inspection.facts
    if isinstance(facts, TraceFacts):
        if inspection.verdict not in PROVEN or not facts.event_id or inspection.key_id is None:
            return None
        return event_key(inspection.key_id, facts.event_id)
    keys = (event_key_of(member) for member in inspection.members)
    return next((key for key in keys if key is not None), None)


def _provenance(
    outer: Inspection, inner: Inspection, attribution: Attribution, batch: str, collected_at: datetime
) -> tuple[object, ...]:
    """Columns that all tables have. What lies inside an artifact has its own verdict and key, and the artifact's digest."""
    return (
        outer.sha256,
        batch,
        outer.kind,
        inner.verdict.value,
        inner.key_id,
        attribution.producer,
        attribution.org,
        attribution.project,
        attribution.environment,
        attribution.repository,
        attribution.team,
        attribution.source,
        made_at(inner.facts),
        collected_at,
    )


def _json(members: Mapping[str, str]) -> str:
    return orjson.dumps(dict(members), option=orjson.OPT_SORT_KEYS).decode()
