# SPDX-License-Identifier: Apache-2.0
"""``gait.config``."""

from __future__ import annotations

import pytest

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, Consumer, policy_text

ID = "gait.config"
CONFIG = ".gait/config.yaml"


def configured(text: str | None, **files: bytes) -> Consumer:
    """A consumer with this configuration."""
    consumer = Consumer()
    del consumer.files[CONFIG]
    if text is not None:
        consumer.files[CONFIG] = text.encode()
    consumer.files |= {name.replace("__", "."): data for name, data in files.items()}
    return consumer


@pytest.mark.parametrize(
    "text",
    [
        "gate: {policy: .gaitops/production/enforced/gait.policy.yaml}\n",
        'gate:\n  policy: "./.gaitops//production/../production/enforced/gait.policy.yaml"\nmcp_serve: {}\n',
        '{"gate": {"policy": ".gaitops/production/enforced/gait.policy.yaml"}}',
        "gate:\n  policy: own.yaml\n",
    ],
)
def test_pinned_policy(text: str) -> None:
    """The pinned file passes, however its path is written, and so does a copy that Gait reads alike."""
    copy = b"# reordered\nrules: [{name: r1-0-0, effect: allow}]\ndefault_verdict: block\n"
    assert configured(text, own__yaml=copy).control(ID).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "text",
    [
        "gate: {policy: other.yaml}\n",
        "gate: {policy: missing.yaml}\n",
        "gate: {policy: ../outside.yaml}\n",
        "gate: {policy: /etc/gait.policy.yaml}\n",
        "gate: {policy: .gaitops}\n",
        "gate: {profile: oss-prod}\n",
        "{}\n",
        "",
        None,
    ],
)
def test_another_policy_or_none(text: str | None) -> None:
    """Another policy, one outside the repository, or none at all fails; the remedy names the file."""
    result = configured(text, other__yaml=policy_text("9.9.9")).control(ID)
    assert result.outcome is Outcome.FAIL
    assert result.remedy is not None
    assert ".gaitops/production/enforced/gait.policy.yaml" in result.remedy


def test_gait_yaml_at_the_top() -> None:
    """A ``.gait.yaml`` that is the pinned policy is enough; another one fails even beside a good configuration."""
    assert configured(None, __gait__yaml=policy_text("1.0.0")).control(ID).outcome is Outcome.PASS
    both = configured(CONFORMING[CONFIG].decode(), __gait__yaml=policy_text("9.9.9")).control(ID)
    assert (both.outcome, both.path) == (Outcome.FAIL, ".gait.yaml")


def test_gait_yaml_without_dot_is_no_policy() -> None:
    """``gait.yaml`` holds regress configuration and is never taken for a policy."""
    assert "gait.yaml" in Consumer().files
    assert configured(None).control(ID).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "text",
    ["gate: [\n", "gate: {policy: a}\ngate: {policy: b}\n", "gate:\n\tpolicy: x\n", "gate: {policy: [a]}\n"],
)
def test_unreadable(text: str) -> None:
    """A configuration that cannot be read with certainty is no pass."""
    assert configured(text).control(ID).outcome is Outcome.INSUFFICIENT_DATA


def test_policy_without_digest() -> None:
    """A policy whose Gait digest cannot be computed is no pass."""
    consumer = configured("gate: {policy: own.yaml}\n", own__yaml=b"\xff")
    assert consumer.control(ID).outcome is Outcome.INSUFFICIENT_DATA


def test_no_pin() -> None:
    """Without a pin there is no policy that Gait could be told to use."""
    assert Consumer(dict(CONFORMING)).control(ID).outcome is Outcome.INSUFFICIENT_DATA
