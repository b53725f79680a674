# SPDX-License-Identifier: Apache-2.0
"""From a difference between two states to a decision: may this change be made?

Owns: deltas, operations and effects, the permission table, approval rules, the counting of approvals, and one
module per concern of the domain rules under ``change.rules``. Pure. May import ``fleet``, ``documents``,
``gait``, ``signing``, ``content`` and ``errors``. Must never know: Git, the network, the clock.
"""
