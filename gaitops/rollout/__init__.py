# SPDX-License-Identifier: Apache-2.0
"""Rollouts: moving a policy version across repositories in stages (design 9).

Owns: the order and cohorts of repositories, plans and their limits, measuring an evidence summary, gates and their
outcome, the analysis that an analyst signs, triggers of a rollback, and the edges of the state machine.
Pure. May import ``fleet``, ``documents``, ``signing``, ``content`` and ``errors``. Must never know: Git, the
network, the clock, or who approved an edge (that is ``change``).
"""
