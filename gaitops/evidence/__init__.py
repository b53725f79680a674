# SPDX-License-Identifier: Apache-2.0
"""The evidence plane: stores, ingestion, tables, queries and checkpoints (design 11).

Owns: where artifacts are kept, how they become rows, how rows are asked, and the proof that nothing was lost. May import
``gait``, ``fleet``, ``posture``, ``signals``, ``documents`` and ``signing``. Must never know how a fleet was verified, how
results are shown, the clock or the environment; what a store needs beyond its URL, its own library finds.
"""
