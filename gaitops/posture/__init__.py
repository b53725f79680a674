# SPDX-License-Identifier: Apache-2.0
"""What the evidence says about a fleet: coverage, policy versions in use, approvals, regressions, states (design 11).

Owns: the definition of every number of the posture. Pure: it takes counted rows and what the fleet expects, and returns
values. May import ``gait``, ``fleet`` and ``documents``. Must never know of stores, query engines, the clock or how a report looks.
"""
