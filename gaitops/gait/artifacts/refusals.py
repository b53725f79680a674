# SPDX-License-Identifier: Apache-2.0
"""Why bytes cannot be believed, as exceptions between the primitives and the readers. They never leave this package."""

from __future__ import annotations

from typing import ClassVar

from gaitops.gait.artifacts.model import Effect, Finding


class ArtifactError(Exception):
    """Base: a stable code and a sentence, which become a finding."""

    effect: ClassVar[Effect] = Effect.REJECTS

    def __init__(self, code: str, message: str, *, gait: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.gait = gait
        """Whether Gait itself stops at this."""

    def finding(self) -> Finding:
        """The same as a finding."""
        return Finding(self.code, self.message, self.effect, self.gait)


class RejectedError(ArtifactError):
    """Not readable, ambiguous, unsafe, or not what Gait writes."""


class DamagedError(ArtifactError):
    """Readable as a whole, but a part of it does not hold."""

    effect = Effect.FAILS
