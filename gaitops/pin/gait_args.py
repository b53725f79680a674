# SPDX-License-Identifier: Apache-2.0
"""What to give ``gait gate eval`` so that a pinned policy is used in its mode (design 9).

===========  =======================================================================================================
run          what it is
===========  =======================================================================================================
enforced     decides, with everything else as the repository has configured Gait
candidate    decides nothing; its own rate-limit state, so that it does not use up what the enforced policy allows;
             its own trace path, so that it does not overwrite a trace; no credential broker, so that nothing is
             issued for it; and never an approval token, which only the caller could add
===========  =======================================================================================================

In ``observe`` the candidate is simulated as well, and Gait writes ``allow`` into its traces whatever it would have
said. Gait decides: nothing here is needed while it runs, and gaitops is not asked again for each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from gaitops.documents.models.base import Mode
from gaitops.documents.models.policy import POLICY_FILE
from gaitops.errors import InvalidInputError
from gaitops.pin.layout import CANDIDATE, ENFORCED, FOLDER, files_folder
from gaitops.pin.model import PinnedVersion
from gaitops.pin.verify import VerifiedPin

STATE_FOLDER: Final = ".gait-out/gaitops"
"""Where a candidate's own state and traces go; ``.gait-out/`` is Gait's own folder for what it writes."""

_OSS_PROD: Final = "Gait's oss-prod profile"
_OBSERVED: Final = (
    f"{_OSS_PROD} refuses --simulate: observe works under the standard profile only",
    "traces of a simulated run always say allow; the verdict stands in the JSON output (simulated_verdict)",
)
_DRY: Final = (
    f"{_OSS_PROD} wants a broker for policies that allow high-risk actions and refuses to run them without",
    "rules that require a broker credential block without a broker, and count as blocks",
)
_TRACES: Final = (
    "append --trace-out FILE for each call: the last one counts, and this one would be overwritten"
)


@dataclass(frozen=True, slots=True)
class GaitRun:
    """One evaluation of a call."""

    which: Literal["enforced", "candidate"]
    mode: Mode
    """The mode of the environment."""
    version: PinnedVersion
    arguments: tuple[str, ...]
    """For ``gait gate eval``, run in the root of the consumer repository; ``--intent FILE`` comes with each call."""
    folder: str | None
    """Folder for the run's own state, which must exist before: Gait does not create it."""
    notes: tuple[str, ...]
    """What to know about the run, for people."""


def gait_runs(verified: VerifiedPin, environment: str) -> tuple[GaitRun, ...]:
    """The enforced run of an environment and, during a rollout, the candidate's.

    Raises:
        InvalidInputError: ``pin.not_pinned``.
    """
    pinned = verified.pin.environments.get(environment)
    if pinned is None:
        raise InvalidInputError.of(
            "pin.not_pinned",
            f"environment {environment} is not pinned here; pinned are: {', '.join(sorted(verified.pin.environments))}",
            remedy="gaitops pin update --repository … --environment …",
        )
    withdrawn = _withdrawn(verified, pinned.enforced)
    enforced = ("--policy", policy_path(environment, ENFORCED))
    runs = [GaitRun("enforced", pinned.mode, pinned.enforced, enforced, None, tuple(withdrawn))]
    if pinned.candidate is not None:
        simulated = pinned.mode == "observe"
        folder = f"{STATE_FOLDER}/{environment}/{CANDIDATE}"
        arguments = (
            *("--policy", policy_path(environment, CANDIDATE)),
            *(("--simulate",) if simulated else ()),
            *("--rate-limit-state", f"{folder}/rate_limits.json"),
            *("--credential-broker", "off"),
            *("--trace-out", f"{folder}/trace.json"),
            "--json",
        )
        notes = (
            *(_OBSERVED if simulated else _DRY),
            _TRACES,
            *_withdrawn(verified, pinned.candidate),
        )
        runs.append(GaitRun("candidate", pinned.mode, pinned.candidate, arguments, folder, notes))
    return tuple(runs)


def policy_path(environment: str, which: str) -> str:
    """The policy file of the enforced or candidate version, relative to the root of the consumer repository."""
    return f"{FOLDER}/{files_folder(environment, which)}{POLICY_FILE}"


def _withdrawn(verified: VerifiedPin, version: PinnedVersion) -> Iterator[str]:
    if str(version) in verified.withdrawn:
        yield f"{version} was withdrawn; run gaitops pin update"
