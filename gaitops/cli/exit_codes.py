# SPDX-License-Identifier: Apache-2.0
"""The exit codes of every command (design 13); they are Gait's, so that one table serves both tools.

When several outcomes meet in one run, a failed verification wins over missing approvals: 2 wins over 4.
"""

from __future__ import annotations

SUCCESS = 0
INTERNAL = 1
VERIFICATION_FAILED = 2
POLICY_BLOCKED = 3
APPROVAL_REQUIRED = 4
GATE_FAILED = 5
INVALID_INPUT = 6
MISSING_DEPENDENCY = 7
UNSAFE_OPERATION = 8
INTERRUPTED = 130
"""Shells report 128 + SIGINT for a program that was interrupted."""
OUTPUT_CLOSED = 141
"""Shells report 128 + SIGPIPE for a program whose reader went away."""

MEANINGS: dict[int, str] = {
    SUCCESS: "success",
    INTERNAL: "internal failure: a defect of gaitops, or of the machine (disk full, no permission)",
    VERIFICATION_FAILED: "verification failed: something that had to hold does not hold",
    POLICY_BLOCKED: "blocked by a policy of the fleet",
    APPROVAL_REQUIRED: "approvals are missing; nothing is wrong otherwise",
    GATE_FAILED: "a gate failed: a regression, a rollout gate, or a lint threshold",
    INVALID_INPUT: "invalid input or usage",
    MISSING_DEPENDENCY: "a program or an optional package is not installed",
    UNSAFE_OPERATION: "an unsafe operation was refused",
    INTERRUPTED: "interrupted from the keyboard",
    OUTPUT_CLOSED: "the reader of standard output went away",
}
"""For people and for the generated command reference."""
