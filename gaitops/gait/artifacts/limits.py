# SPDX-License-Identifier: Apache-2.0
"""How much of an artifact is read, so that inspecting anything needs less than 256 MiB of memory (contract 14).

A parsed value needs far more memory than its text: ``[]`` is two bytes of JSON and 70 bytes of Python, and one character
beyond U+FFFF makes a text four times as large. The limits below are for that worst case.
"""

from __future__ import annotations

from typing import Final

MIB: Final = 1024 * 1024

MAX_ARTIFACT_BYTES: Final = 64 * MIB
"""Of one artifact as it lies in a file."""
MAX_DOCUMENT_BYTES: Final = 8 * MIB
"""Of one JSON document."""
MAX_LINE_BYTES: Final = MIB
"""Of one line of a log; Gait's own limit (contract 14)."""
MAX_VALUES: Final = 400_000
"""Of one JSON document: members and elements, counted by commas and brackets."""
MAX_DEPTH: Final = 200
"""Of lists and objects; the outermost counts as 1. orjson writes 254, Gait reads 10,000."""
MAX_ENTRIES: Final = 10_000
"""Of one archive."""
MAX_MEMBER_BYTES: Final = 100 * MIB
"""Of one member of an archive, inflated; Gait's own limit (contract 14)."""
MAX_INFLATED_BYTES: Final = 512 * MIB
"""Of all members of an archive together; members are hashed piece by piece, so this bounds time, not memory."""
MAX_NESTED_ARTIFACTS: Final = 3
"""How deep artifacts lie in artifacts: a runpack in a pack is 2."""
