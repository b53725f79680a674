# SPDX-License-Identifier: Apache-2.0
"""Policy test results, as a file and as the command prints them (Gait contract 9.3)."""

from __future__ import annotations

from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, VERDICTS, Format, expect_digest, expect_word
from gaitops.gait.artifacts.fields import Flag, Integer, Spec, Text, Texts
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Source

POLICY_TEST_RESULT: Final = Format(
    "policy_test_result",
    "gait.policytest.result",
    Spec(
        **HEAD,
        policy_digest=Text(always=True),
        intent_digest=Text(always=True),
        verdict=Text(always=True),
        reason_codes=Texts(always=True),
        violations=Texts(always=True),
        matched_rule=Text(),
        delegation_matched=Flag(),
        delegation_depth=Integer(),
        delegation_scope=Text(),
        # Only what the command prints has these.
        ok=Flag(),
        summary=Text(),
        correlation_id=Text(),
    ),
)


def read(source: Source) -> Inspection:
    """Judge a policy test result. Its intent digest need not be that of a trace (contract 1.7)."""
    value, notes = POLICY_TEST_RESULT.opened(source)
    expect_word(notes, value, "verdict", VERDICTS)
    expect_digest(notes, value, "policy_digest", "intent_digest")
    return POLICY_TEST_RESULT.concluded(
        source,
        value,
        notes,
        digests={name: bare(value.get(name)) for name in ("policy_digest", "intent_digest")},
    )
