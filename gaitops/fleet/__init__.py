# SPDX-License-Identifier: Apache-2.0
"""The fleet at one state: who is in it, which policies exist, what each repository must run.

Owns: lazy loading of fleet documents, people and their roles, the root of trust, the policy graph, resolution
of assignments. May import ``documents``, ``gait``, ``signing``, ``content`` and ``errors``.
Must never know: Git, the network, the clock, or how a state was proven (that is ``history``).
"""
