# SPDX-License-Identifier: Apache-2.0
"""Every policy vector: the same decision and the same digest as ``gait``, and abstention only where allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gaitops.gait.policy_digest import digest_policy


def test_every_vector_is_read_as_gait_reads_it(policy_vector: Any) -> None:
    """Gait's digest for what it accepts, problems with a line for what it rejects."""
    reading = digest_policy(policy_vector.data)
    if reading.outcome == "abstained":
        assert policy_vector.may_abstain, reading.reason
        assert reading.reason
        assert reading.digest is None
    elif policy_vector.ok:
        assert reading.outcome == "accepted", [str(problem) for problem in reading.problems]
        assert reading.digest == policy_vector.digest
    else:
        assert reading.outcome == "rejected"
        assert reading.problems
        assert all(problem.line is not None and problem.column is not None for problem in reading.problems)


def test_texts_that_gait_calls_the_same_policy_get_one_digest(vectors: Path) -> None:
    """The output of ``gait policy fmt`` has the digest of what it was made from."""
    lines = (vectors / "policies.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {item["name"]: item for item in map(json.loads, lines)}
    pairs = [
        (item["yaml"], texts[item["same_policy_as"]]["yaml"])
        for item in texts.values()
        if "same_policy_as" in item
    ]
    assert len(pairs) > 10
    for formatted, original in pairs:
        reading = digest_policy(formatted.encode())
        if reading.outcome != "abstained":
            assert reading.digest == digest_policy(original.encode()).digest
            assert reading.policy == digest_policy(original.encode()).policy
