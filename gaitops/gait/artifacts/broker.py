# SPDX-License-Identifier: Apache-2.0
"""Broker credential records: which short-lived credential a gate asked for and got (Gait contract 5.7, 16.1).

Records are unsigned and hold no secret. The signed trace of the call carries the request digest too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.digests import bare, digest
from gaitops.gait.artifacts.documents import HEAD, Format, expect_digest
from gaitops.gait.artifacts.fields import Integer, Spec, Text, Texts, Time
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Notes, Source, number, text
from gaitops.gait.artifacts.times import moment
from gaitops.gait.go_text import lower, trim

BROKER_RECORD: Final = Format(
    "broker_record",
    "gait.gate.broker_credential_record",
    Spec(
        **HEAD,
        trace_id=Text(always=True),
        tool_name=Text(always=True),
        identity=Text(always=True),
        broker=Text(always=True),
        reference=Text(),
        credential_source=Text(),
        credential_access_type=Text(),
        credential_issuer=Text(),
        credential_subject=Text(),
        credential_owner=Text(),
        scope=Texts(),
        credential_ref=Text(always=True),
        target_binding=Text(),
        run_binding=Text(),
        job_binding=Text(),
        request_digest=Text(),
        issued_at=Time(),
        expires_at=Time(),
        ttl_seconds=Integer(),
    ),
)
_LASTING: Final = frozenset({"standing", "static", "cloud_admin"})
"""Access types of credentials that do not end with the call (contract 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRequest:
    """What a gate asks a broker for. ``scope`` keeps its order: the policy's, and what the command line adds."""

    tool_name: str
    identity: str
    workspace: str = ""
    session_id: str = ""
    request_id: str = ""
    run_id: str = ""
    job_id: str = ""
    reference: str = ""
    scope: Iterable[str] = ()
    target_binding: str = ""

    @property
    def digest(self) -> str:
        """``request_digest`` of the record: over members in PascalCase, the empty ones kept (contract 16.1)."""
        return digest(
            {
                "ToolName": lower(trim(self.tool_name)),
                "Identity": self.identity,
                "Workspace": self.workspace,
                "SessionID": self.session_id,
                "RequestID": self.request_id,
                "RunID": self.run_id,
                "JobID": self.job_id,
                "Reference": self.reference,
                "Scope": list(dict.fromkeys(lower(trim(name)) for name in self.scope)),
                "TargetBinding": self.target_binding,
            }
        )


def read(source: Source) -> Inspection:
    """Judge a broker credential record."""
    value, notes = BROKER_RECORD.opened(source)
    expect_digest(notes, value, "target_binding", "request_digest", optional=True)
    _note_life(notes, value)
    if (access := text(value, "credential_access_type")) in _LASTING:
        notes.notes("broker.lasting_credential", f"the credential is of type {access}")
    return BROKER_RECORD.concluded(
        source,
        value,
        notes,
        ids=("trace_id", "credential_ref", "run_binding", "job_binding"),
        digests={
            "request_digest": bare(value.get("request_digest")),
            "target_binding": bare(value.get("target_binding")),
        },
    )


def _note_life(notes: Notes, value: Mapping[str, object]) -> None:
    issued, expires = moment(value.get("issued_at")), moment(value.get("expires_at"))
    seconds = number(value, "ttl_seconds")
    if issued is None or expires is None or not seconds:
        return
    if int((expires - issued).total_seconds()) != seconds:
        notes.notes(
            "broker.ttl_mismatch", f"ttl_seconds is {seconds}, which is not the time until expires_at"
        )
