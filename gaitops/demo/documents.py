# SPDX-License-Identifier: Apache-2.0
"""The documents that people write in the story."""

from __future__ import annotations

from typing import Final

PAYMENTS_GUARD: Final = """\
default_verdict: block
rules:
  - name: no-card-numbers
    priority: 1
    effect: block
    match: {data_classes: [cardholder]}
    reason_codes: [card_data]
  - name: small-payment
    priority: 10
    effect: allow
    match: {tool_names: [payments.capture], risk_classes: [low]}
    rate_limit: {requests: 200, window: minute, scope: tool_identity}
    reason_codes: [payment_under_limit]
  - name: refund
    priority: 20
    effect: require_approval
    match: {tool_names: [payments.refund]}
    min_approvals: 1
    reason_codes: [refund_needs_a_person]
"""
"""A Gait policy: what agents may do with payments."""

PROJECT: Final = """\
apiVersion: gaitops.dev/v1
kind: Project
metadata:
  name: pay
spec:
  summary: Takes and returns payments
  owners: [alice]
"""

REPOSITORY: Final = """\
apiVersion: gaitops.dev/v1
kind: Repository
metadata:
  name: checkout
spec:
  url: https://github.com/acme/checkout
"""

ENVIRONMENT: Final = """\
apiVersion: gaitops.dev/v1
kind: Environment
metadata:
  name: production
spec:
  tier: production
  selector: {all: true}
  policy: {name: payments-guard, version: 1.0.0}
"""
"""Every repository of the project runs this version in production."""
