# SPDX-License-Identifier: Apache-2.0
"""The ids of every hostile case that gaitops answers for, table by table.

A case without an executable test is a promise that nobody checks, so ``test_registry.py`` compares these lists with
the docstrings of the tests in this folder.
"""

from __future__ import annotations

GIT_LAYER = tuple(f"G{number}" for number in range(1, 15))
TRUST_LOGIC = tuple(f"T{number}" for number in range(1, 33))
IDENTITY = tuple(f"T{number}" for number in range(33, 60))
DOCUMENTS = tuple(f"D{number}" for number in range(1, 12))
RELEASE = tuple(f"R{number}" for number in range(1, 13))

ROLLOUTS = tuple(f"O{number}" for number in range(1, 33))
EVIDENCE = tuple(f"E{number}" for number in range(1, 35))

REGISTERED = (*GIT_LAYER, *TRUST_LOGIC, *IDENTITY, *DOCUMENTS, *RELEASE, *ROLLOUTS, *EVIDENCE)
"""Tables whose cases must all be executable in this folder."""
