# SPDX-License-Identifier: Apache-2.0
"""Questions to the evidence: functions from tables to Ibis expressions, the same on every engine (design 11).

What a number counts is said where it is counted; every number is an :class:`~gaitops.evidence.queries.counting.Aggregate`,
which can also name the artifacts behind it. Nothing here knows an engine, the fleet or the clock.
"""
