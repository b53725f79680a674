# SPDX-License-Identifier: Apache-2.0
"""All controls, in the order in which results show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gaitops.conformance.control import Control
from gaitops.conformance.controls import (
    ci_wired,
    evidence_recent,
    evidence_verifiable,
    gait_config,
    pin_fresh,
    pin_present,
    pin_trust_root,
    pin_verifies,
    policy_bytes,
    policy_candidate,
    policy_enforced,
    policy_mode,
    policy_withdrawn,
    regress_fixtures,
)

CONTROLS: Final[tuple[Control, ...]] = (
    pin_present.CONTROL,
    pin_verifies.CONTROL,
    pin_trust_root.CONTROL,
    pin_fresh.CONTROL,
    policy_enforced.CONTROL,
    policy_candidate.CONTROL,
    policy_mode.CONTROL,
    policy_bytes.CONTROL,
    policy_withdrawn.CONTROL,
    gait_config.CONTROL,
    ci_wired.CONTROL,
    regress_fixtures.CONTROL,
    evidence_recent.CONTROL,
    evidence_verifiable.CONTROL,
)

BY_ID: Final[Mapping[str, Control]] = {control.id: control for control in CONTROLS}
