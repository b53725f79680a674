# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608  # every part of a statement is a constant of this file
"""Stores with millions of decisions in their tables, written as ingestion writes them, without the artifacts themselves.

Rows are ordered by time, in commits of one batch each, with the columns, the types and the marks of
:mod:`gaitops.evidence.batches`. Digests are hashes and as long and as distinct as real ones; one decision in ten has a
run, one in twelve an approval.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from gaitops.evidence import delta
from gaitops.evidence.ingest import BATCH
from gaitops.evidence.log import APPLICATION, ARTIFACTS
from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.stores import Store, open_store
from gaitops.evidence.tables import TABLES

REPOSITORIES: Final = 300
"""In three environments each."""
FAMILIES: Final = 5_000
DAYS: Final = 90
"""All rows lie in the days before :data:`benchmarks.gait_artifacts.START`."""

_BASE: Final = """
create or replace temp table base as select
  i,
  (hash(i * 4 + 1) >> 1)::bigint h1, (hash(i * 4 + 2) >> 1)::bigint h2, (hash(i * 4 + 3) >> 1)::bigint h3,
  sha256('artifact ' || i) artifact,
  timestamptz '2026-07-07 00:00:00+00' + to_microseconds((i * {step})::bigint) made_at,
  (hash(i * 4) % {repositories})::bigint repo,
  i * 3 // {rows} version
from range({first}, {after}) r(i)
"""
_PLACE: Final = """
  artifact,
  '{batch}' batch,
  '{kind}' kind,
  case when h2 % 100 < 96 then 'verified' when h2 % 100 < 98 then 'unverifiable' when h2 % 100 < 99 then 'unsigned' else 'failed' end verdict,
  sha256('key ' || repo) key_id,
  'runner-' || repo producer,
  'org-' || (repo % 10) org,
  'project-' || (repo % 100) project,
  ['dev', 'staging', 'prod'][1 + (h2 // 128) % 3] environment,
  'github.com/larkspur/service-' || repo repository,
  'team-' || (repo % 50) team,
  'signed_field' attribution,
  made_at,
  made_at + interval 1 hour collected_at
"""
_EVENT: Final = "sha256('event ' || i)"
_SQL: Final[dict[str, str]] = {
    "artifacts": f"""select {_PLACE}, i position, false duplicate, 's3://ci/' || repo || '/trace_' || i || '.json' source,
      2600 size, verdict gait_verdict, {_EVENT} event_key, 'larkspur/service-' || repo claimed_repository,
      environment claimed_environment, repository envelope_repository, null envelope_environment, [repository] key_repositories,
      '1.7.0' producer_version, '{{"run_id":"run_' || (i // 10) || '","trace_id":"' || left(md5('t' || i), 24) || '"}}' ids,
      '{{"args_digest":"' || sha256('a' || i) || '","intent_digest":"' || sha256('n' || i // 2) || '"}}' digests, [] codes from base""",
    "decisions": f"""select {_PLACE}, left(md5('t' || i), 24) trace_id, left(md5('e' || i), 24) event_id, {_EVENT} event_key,
      h3 % 1000 = 0 repeat, sha256('policy ' || repo % 10 || ' ' || greatest(version - (h3 % 100 = 0)::int, 0)) policy_digest, sha256('n' || (i // 2)) intent_digest,
      sha256('a' || i) args_digest, 'tool.' || (h3 % 60) tool_name,
      case when h1 % 100 < 70 then 'allow' when h1 % 100 < 83 then 'block' when h1 % 100 < 88 then 'dry_run'
        else 'require_approval' end decision,
      'run_' || (i // 10) run_id, 'workflow-' || repo workflow_id, 'agent-' || repo agent_id, 'agent-' || repo requester,
      case when h1 % 100 between 70 and 82 then ['rule_' || (h3 % 20)] else [] end violations,
      (h3 % 1000) / 1000.0 latency_ms, null approval_ref,
      case when h2 % 12 = 0 then sha256('token ' || (h2 % 500000)) end approval_token_ref,
      false pre_approved, case when h3 % 5000 = 1 then 'active' end kill_switch, null delegation_depth, null context_set_digest
      from base""",
    "runs": f"""select {_PLACE.replace("'{kind}'", "'runpack'")}, 'run_' || (i // 10) run_id, sha256('m' || i) manifest_digest,
      false embedded, 'reference' capture_mode, 3 steps, sha256('family ' || family) fingerprint,
      'fam_' || left(sha256('family ' || family), 12) family_id, 1 + family % 4 max_privilege,
      ['tool.' || (family % 60), 'tool.' || (family % 7)] action_sequence, ['read', 'write'] tool_classes,
      ['doc_store:docs'] target_systems, case when family % 3 = 0 then ['result_status_error'] else [] end reason_codes,
      [sha256('c' || family)] receipt_digests, null context_set_digest, 'linux amd64 python3.12' runtime
      from (select *, (h3 % {FAMILIES} * (h2 % 1000)) // 1000 family from base where i % 10 = 0)""",
    "approvals": f"""select {_PLACE.replace("'{kind}'", "'approval_audit'")}, form, sha256('token ' || (h2 % 500000)) token_id,
      left(md5('t' || i), 24) trace_id, 'tool.' || (h3 % 60) tool_name, 'person-' || (h3 % 300) approver, 'reviewed' reason_code,
      ['tool:tool.' || (h3 % 60)] scope, sha256('n' || (i // 2)) intent_digest, sha256('policy ' || repo % 10 || ' ' || version) policy_digest,
      made_at + interval 2 hour expires_at, h3 % 20 > 0 valid, case when h3 % 20 = 0 then 'approval_expired' end error_code,
      1 required, 1 valid_approvals, null approved
      from (select * from base where i % 12 = 0), (select unnest(['token', 'entry']) form)""",
}  # fmt: skip


def fill(folder: Path, rows: int) -> Store:
    """A store at ``folder`` whose log and decisions have ``rows`` rows."""
    store = open_store(str(folder), create=True)
    delta.create_tables(store)
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute("set timezone = 'UTC'")
    for first in range(0, rows, BATCH):
        after = min(first + BATCH, rows)
        step = DAYS * 86_400_000_000 // rows
        connection.execute(
            _BASE.format(step=step, repositories=REPOSITORIES, rows=rows, first=first, after=after)
        )
        batch = f"20261005T000000Z-{first:016x}"
        for name, sql in _SQL.items():
            marks = {batch: 1, **({APPLICATION: after} if name == ARTIFACTS else {})}
            table = delta.open_table(store, name)
            assert table is not None
            assert delta.commit_once(store, name, table, _arrow(connection, name, sql, batch), marks)
    connection.close()
    return store


def _arrow(connection: Any, name: str, sql: str, batch: str) -> pa.Table:
    text = sql.replace("{batch}", batch).replace("{kind}", "trace").replace("{{", "{").replace("}}", "}")
    columns = ", ".join(f'"{column.name}"' for column in TABLES[name])
    found = connection.sql(f"select {columns} from ({text})").to_arrow_table()
    return found.cast(arrow_schema(name))
