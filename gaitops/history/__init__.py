# SPDX-License-Identifier: Apache-2.0
"""From commits to verified state: the fold over first-parent history (design 5).

Owns: walking the chain, gathering evidence, advancing partitions, doubt, the audit log, the local checkpoint.
May import ``git``, ``change``, ``fleet`` and below. Must never know: the clock, the environment, the command line.
The procedure is numbered in ``docs/verification.md``; the same numbers stand in the code.
"""
