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


def rollout_plan(name: str, version: str) -> str:
    """A plan that observes, rehearses and then enforces; short enough for a story, so nothing soaks."""
    return f"""\
apiVersion: gaitops.dev/v1
kind: Rollout
metadata:
  name: {name}
spec:
  policy: {{name: payments-guard}}
  from: 1.0.0
  to: {version}
  selector: {{all: true}}
  steps:
    - {{name: watch, mode: observe, percent: 10, environments: [production]}}
    - {{name: rehearse, mode: dry_run, percent: 25, environments: [production], gates: [calm]}}
    - {{name: some, mode: enforce, percent: 50, environments: [production], gates: [calm]}}
    - {{name: all, mode: enforce, percent: 100, environments: [production]}}
  gates:
    - name: calm
      window: 1m
      minimumSamples: 200
      metrics:
        - {{metric: block_rate_delta, maximum: 0.05}}
        - {{metric: unverifiable_evidence_rate, maximum: 0}}
  limits: {{maxPercentPerStep: 60}}
  rollbackTriggers:
    - {{when: metric, threshold: {{metric: block_rate_delta, maximum: 0.2}}}}
"""
