# SPDX-License-Identifier: Apache-2.0
"""Since when a pinned release is not the newest: by what releases say of those before them, or by a fleet's commits.

Where that cannot be told exactly, the pinned release's own time of issue is taken: the answer is never too kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from gaitops.documents.times import parse_timestamp
from gaitops.release.statement import ReleasePredicate


class ReleaseTimeline:
    """Releases by number, as the newest of them lists those before it."""

    def __init__(self, newest: ReleasePredicate) -> None:
        self._newest = newest.release
        self._issued = {item.release: item.issued for item in newest.earlier} | {
            newest.release: newest.issued
        }

    def superseded_at(self, pinned: ReleasePredicate) -> datetime | None:
        """See :class:`gaitops.conformance.inputs.Timeline`."""
        if pinned.release >= self._newest:
            return None
        return parse_timestamp(self._issued.get(pinned.release + 1, pinned.issued))

    def is_behind(self, pinned: ReleasePredicate) -> bool:
        """See :class:`gaitops.conformance.inputs.Timeline`."""
        return pinned.release > self._newest


class CommitTimeline:
    """Commits of a fleet's first-parent history: each could be released as soon as it was made."""

    def __init__(self, history: Sequence[str], time_of: Callable[[str], datetime | None]) -> None:
        """History oldest first; ``time_of`` is the committer time of one of its commits."""
        self._history = history
        self._time_of = time_of

    def __reduce__(self) -> tuple[object, ...]:
        """With all times as plain values, so that other processes can use it."""
        return CommitTimeline, (
            self._history,
            {commit: self._time_of(commit) for commit in self._history}.get,
        )

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {commit: position for position, commit in enumerate(self._history)}

    def superseded_at(self, pinned: ReleasePredicate) -> datetime | None:
        """See :class:`gaitops.conformance.inputs.Timeline`."""
        position = self._positions.get(pinned.commit)
        if position is None or position + 1 == len(self._history):
            return None
        return self._time_of(self._history[position + 1]) or parse_timestamp(pinned.issued)

    def is_behind(self, pinned: ReleasePredicate) -> bool:
        """See :class:`gaitops.conformance.inputs.Timeline`; a commit that is not on the chain is one it does not know."""
        return pinned.commit not in self._positions
