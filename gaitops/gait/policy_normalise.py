# SPDX-License-Identifier: Apache-2.0
"""From decoded members to a normalised policy, by Gait's rules (contract 1.4).

Gait stops at the first fault; here all are collected. A policy that comes out with problems is not Gait's and must
not be used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, cast

from gaitops.errors import Problem
from gaitops.gait import policy as model
from gaitops.gait import policy_vocabulary as vocabulary
from gaitops.gait.go_text import clean_path, format_duration, has_unassigned, lower, parse_duration, trim
from gaitops.gait.policy_fields import Place, Raw
from gaitops.gait.quoting import quote
from gaitops.gait.yaml_scalars import UncertainError

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_MAX_EXACT = 2**53 - 1
"""Gait digests numbers as floats; integers beyond this lose digits there (contract 0.1)."""


class Normaliser:
    """Normalises one decoded policy; use once. ``problems`` has everything that Gait would refuse."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.problems: list[Problem] = []
        self._places = places

    def policy(self, raw: Raw) -> model.Policy:
        """The policy, if ``problems`` stays empty.

        Raises:
            UncertainError: Gait's result is not certain.
        """
        for name, expected in (("schema_id", model.SCHEMA_ID), ("schema_version", model.SCHEMA_VERSION)):
            found = _text(raw, name)
            if found not in ("", expected):
                self._problem(
                    "policy.unsupported_schema", f"expected {quote(expected)}, found {quote(found)}", name
                )
        verdict = self._aliased(raw, "default_verdict", "default_action", "") or "require_approval"
        rules = [self._rule(item, index) for index, item in enumerate(_blocks(raw, "rules"))]
        rules.sort(key=lambda rule: (rule.priority, rule.name))
        return model.Policy(
            default_verdict=verdict,
            fail_closed=self._fail_closed(_block(raw, "fail_closed")),
            scripts=self._scripts(_block(raw, "scripts")),
            mcp_trust=self._mcp_trust(_block(raw, "mcp_trust")),
            rules=tuple(rules),
        )

    # -- top-level blocks ------------------------------------------------------------------------------------------

    def _fail_closed(self, raw: Raw) -> model.FailClosed:
        enabled = _flag(raw, "enabled")
        risk_classes = self._list(raw, "risk_classes")
        return model.FailClosed(
            enabled=enabled,
            risk_classes=risk_classes or (vocabulary.DEFAULT_RISK_CLASSES if enabled else ()),
            required_fields=self._words(raw, "required_fields", vocabulary.REQUIRED_FIELDS, "fail_closed"),
            required_high_risk_fields=self._words(
                raw, "required_high_risk_fields", vocabulary.HIGH_RISK_FIELDS, "fail_closed"
            ),
        )

    def _scripts(self, raw: Raw) -> model.Scripts | None:
        steps = self._count(raw, "max_steps", "scripts")
        above = self._count(raw, "require_approval_above", "scripts")
        mixed = _flag(raw, "block_mixed_risk")
        return model.Scripts(steps, above, mixed) if steps > 0 or above > 0 or mixed else None

    def _mcp_trust(self, raw: Raw) -> model.McpTrust | None:
        snapshot, action, max_age = (
            trim(_text(raw, "snapshot")),
            self._word(raw, "action"),
            trim(_text(raw, "max_age")),
        )
        risk_classes = self._list(raw, "required_risk_classes")
        publishers = self._list(raw, "publisher_allowlist")
        score = cast("float", raw.get("min_score", 0.0))
        registry = _flag(raw, "require_registry")
        if math.isnan(score):
            raise UncertainError("mcp_trust.min_score is not a number")
        lists = bool(risk_classes or publishers)
        if not (_flag(raw, "enabled") or snapshot or action or lists or score > 0 or max_age or registry):
            return None
        if not snapshot:
            self._problem(
                "policy.missing_field", "a snapshot is required when mcp_trust is used", "mcp_trust.snapshot"
            )
        if not 0 <= score <= 1:
            self._problem("policy.invalid_value", "expected a number from 0 to 1", "mcp_trust.min_score")
        return model.McpTrust(
            snapshot=snapshot,
            action=self._stop(action or "block", "mcp_trust.action"),
            required_risk_classes=risk_classes or vocabulary.DEFAULT_RISK_CLASSES,
            min_score=score,
            max_age=self._duration(max_age, "mcp_trust.max_age") if max_age else "",
            publisher_allowlist=publishers,
            require_registry=registry,
        )

    # -- rules -----------------------------------------------------------------------------------------------------

    def _rule(self, raw: Raw, index: int) -> model.Rule:
        path = f"rules[{index}]"
        name = trim(_text(raw, "name"))
        if not name:
            self._problem("policy.missing_field", "a rule needs a name", f"{path}.name")
        effect = self._aliased(raw, "effect", "action", path)
        if not effect:
            self._problem("policy.missing_field", "a rule needs an effect", f"{path}.effect")
        approvals = self._count(raw, "min_approvals", path)
        further: dict[str, Any] = {
            field: self._list(raw, field) for field in vocabulary.RULE_LISTS if field in raw
        }
        further |= {field: _flag(raw, field) for field in vocabulary.RULE_FLAGS if field in raw}
        if approvals > 1:
            further["require_distinct_approvers"] = True
        return model.Rule(
            name=name,
            priority=self._integer(raw, "priority", path),
            effect=effect,
            match=self._match(_block(raw, "match"), f"{path}.match"),
            endpoint=self._endpoint(_block(raw, "endpoint"), f"{path}.endpoint"),
            required_agent_manifest_digest=self._manifest_digest(raw, path),
            allowed_credential_sources=self._words(
                raw, "allowed_credential_sources", vocabulary.CREDENTIAL_SOURCES, path
            ),
            allowed_credential_access_types=self._words(
                raw, "allowed_credential_access_types", vocabulary.ACCESS_TYPES, path
            ),
            max_credential_ttl_seconds=self._count(raw, "max_credential_ttl_seconds", path),
            min_approvals=approvals,
            required_context_evidence_mode=self._context_mode(
                raw, path, required=_flag(raw, "require_context_evidence")
            ),
            max_context_age_seconds=self._count(raw, "max_context_age_seconds", path),
            broker_reference=trim(_text(raw, "broker_reference")),
            freeze_window=self._freeze_window(_block(raw, "freeze_window"), f"{path}.freeze_window"),
            sandbox=self._sandbox(_block(raw, "sandbox"), f"{path}.sandbox"),
            rate_limit=self._rate_limit(_block(raw, "rate_limit"), f"{path}.rate_limit"),
            destructive_budget=self._budget(_block(raw, "destructive_budget"), f"{path}.destructive_budget"),
            dataflow=self._dataflow(_block(raw, "dataflow"), f"{path}.dataflow"),
            index=index,
            **further,
        )

    def _match(self, raw: Raw, path: str) -> model.Match:
        tools = {"tool_names": [*_texts(raw, "tool_names"), _text(raw, "tool_name")]}
        classes = {"endpoint_classes": [*_texts(raw, "endpoint_classes"), *_texts(raw, "endpoint_class")]}
        hints = _block(raw, "tool_annotations")
        depth = self._integer(raw, "max_delegation_depth", path) if "max_delegation_depth" in raw else None
        if depth is not None and depth < 0:
            self._problem("policy.invalid_value", "expected 0 or more", f"{path}.max_delegation_depth")
        return model.Match(
            tool_names=self._list(tools, "tool_names"),
            endpoint_classes=self._words(classes, "endpoint_classes", vocabulary.ENDPOINT_CLASSES, path),
            discovery_method=self._words(raw, "discovery_method", vocabulary.DISCOVERY, path),
            tool_annotations=model.ToolAnnotations(
                *(cast("bool | None", hints.get(hint)) for hint in vocabulary.HINTS),
            )
            if hints
            else model.ToolAnnotations(),
            require_delegation=_flag(raw, "require_delegation"),
            max_delegation_depth=depth,
            **{field: self._list(raw, field) for field in vocabulary.MATCH_LISTS if field in raw},
        )

    def _endpoint(self, raw: Raw, path: str) -> model.Endpoint | None:
        if not raw:
            return None
        lists = {field: self._list(raw, field) for field in vocabulary.ENDPOINT_LISTS}
        egress = self._words(raw, "egress_classes", vocabulary.EGRESS_CLASSES, path)
        destructive = self._word(raw, "destructive_action")
        if not (_flag(raw, "enabled") or any(lists.values()) or egress or destructive):
            return None
        return model.Endpoint(
            egress_classes=egress,
            action=self._stop(self._word(raw, "action") or "block", f"{path}.action"),
            destructive_action=self._stop(destructive, f"{path}.destructive_action") if destructive else "",
            reason_code=trim(_text(raw, "reason_code")) or "endpoint_constraint_violation",
            violation=trim(_text(raw, "violation")) or "endpoint_constraint_violation",
            **lists,
        )

    def _freeze_window(self, raw: Raw, path: str) -> model.FreezeWindow | None:
        if not raw:
            return None
        timezone, reason = trim(_text(raw, "timezone")), trim(_text(raw, "reason"))
        effect = self._word(raw, "effect")
        lists = (self._list(raw, "environments"), self._list(raw, "risk_classes"))
        windows = _blocks(raw, "windows")
        if not (_flag(raw, "enabled") or timezone or reason or effect or any(lists) or windows):
            self._check_nothing_given(raw, path)
            return None
        if not timezone:
            self._problem("policy.missing_field", "a freeze window needs a time zone", f"{path}.timezone")
        if not windows:
            self._problem(
                "policy.missing_field", "a freeze window needs at least one period", f"{path}.windows"
            )
        periods = []
        for number, period in enumerate(windows, start=1):
            start, end = trim(_text(period, "start")), trim(_text(period, "end"))
            if not start or not end:
                message = "a period needs a start and an end"
                self._problem("policy.missing_field", message, f"{path}.windows[{number - 1}]")
            periods.append(model.FreezePeriod(trim(_text(period, "name")) or f"window-{number}", start, end))
        stop = self._stop(effect or "block", f"{path}.effect")
        return model.FreezeWindow(timezone, stop, reason, *lists, tuple(periods))

    def _sandbox(self, raw: Raw, path: str) -> model.Sandbox | None:
        if not raw:
            return None
        words = {
            field: self._words(raw, field, allowed, path)
            for field, allowed in vocabulary.SANDBOX_WORDS.items()
        }
        paths = {field: self._paths(raw, field, path) for field in vocabulary.SANDBOX_PATHS}
        timeout = self._count(raw, "max_timeout_seconds", path)
        if not (_flag(raw, "enabled") or any(words.values()) or any(paths.values()) or timeout > 0):
            self._check_nothing_given(raw, path)
            return None
        return model.Sandbox(max_timeout_seconds=timeout, **words, **paths)

    def _rate_limit(self, raw: Raw, path: str) -> model.Limit | None:
        # Without requests, window and scope are not even looked at.
        return self._limit(raw, path) if self._count(raw, "requests", path) > 0 else None

    def _budget(self, raw: Raw, path: str) -> model.Limit | None:
        requests = self._count(raw, "requests", path)
        if requests <= 0 and (self._word(raw, "window") or self._word(raw, "scope")):
            self._problem(
                "policy.invalid_value", "a destructive budget needs at least one request", f"{path}.requests"
            )
        return self._limit(raw, path) if requests > 0 else None

    def _limit(self, raw: Raw, path: str) -> model.Limit:
        window = self._word(raw, "window") or "minute"
        scope = self._word(raw, "scope") or "tool_identity"
        self._check_word(window, {"minute", "hour"}, f"{path}.window")
        self._check_word(scope, {"tool", "identity", "tool_identity"}, f"{path}.scope")
        return model.Limit(self._integer(raw, "requests", path), window, scope)

    def _dataflow(self, raw: Raw, path: str) -> model.Dataflow | None:
        if not raw:
            return None
        lists = {field: self._list(raw, field) for field in vocabulary.DATAFLOW_LISTS}
        if not (_flag(raw, "enabled") or any(lists.values())):
            return None
        lists["tainted_sources"] = lists["tainted_sources"] or ("external", "tool_output")
        return model.Dataflow(
            action=self._stop(self._word(raw, "action") or "require_approval", f"{path}.action"),
            reason_code=trim(_text(raw, "reason_code")) or "dataflow_tainted_destination",
            violation=trim(_text(raw, "violation")) or "tainted_dataflow",
            **lists,
        )

    def _manifest_digest(self, raw: Raw, path: str) -> str:
        digest = self._word(raw, "required_agent_manifest_digest")
        if digest and not _HEX_DIGEST.fullmatch(digest):
            message = "expected 64 hexadecimal digits"
            self._problem("policy.invalid_value", message, f"{path}.required_agent_manifest_digest")
        return digest

    def _context_mode(self, raw: Raw, path: str, *, required: bool) -> str:
        mode = self._word(raw, "required_context_evidence_mode")
        if mode:
            self._check_word(mode, {"required"}, f"{path}.required_context_evidence_mode")
        return mode or ("required" if required else "")

    # -- values ----------------------------------------------------------------------------------------------------

    def _aliased(self, raw: Raw, name: str, alias: str, path: str) -> str:
        """A verdict that may be given under either name, or both when they agree; empty when neither is given."""
        prefix = path + "." if path else ""
        verdict, other = self._word(raw, name), self._word(raw, alias)
        if verdict and other and verdict != other:
            message = f"{name} is {quote(verdict)}, but {alias} is {quote(other)}"
            self._problem("policy.conflict", message, prefix + alias, f"remove {alias}")
        found = verdict or other
        if found:
            self._check_word(found, vocabulary.VERDICTS, prefix + (name if verdict else alias))
        return found

    def _stop(self, action: str, path: str) -> str:
        self._check_word(action, vocabulary.STOPS, path)
        return action

    def _check_word(self, word: str, allowed: Collection[str], path: str) -> None:
        if word not in allowed:
            expected = ", ".join(sorted(allowed))
            self._problem("policy.invalid_value", f"expected one of {expected}; found {quote(word)}", path)

    def _word(self, raw: Raw, name: str) -> str:
        return self._lower(trim(_text(raw, name)))

    def _lower(self, text: str) -> str:
        if has_unassigned(text):
            raise UncertainError(f"{quote(text)} has a character without a known lowercase form")
        return lower(text)

    def _list(self, raw: Mapping[str, object], name: str) -> model.Texts:
        texts = raw.get(name)
        if not texts:
            return ()
        trimmed = {trim(text) for text in cast("list[str]", texts)}
        if name not in vocabulary.CASED_LISTS:
            trimmed = {self._lower(text) for text in trimmed}
        trimmed.discard("")
        # Go sorts by UTF-8 bytes and Python by code points, which is the same order.
        return tuple(sorted(trimmed))

    def _words(
        self, raw: Mapping[str, object], name: str, allowed: Collection[str], path: str
    ) -> model.Texts:
        words = self._list(raw, name)
        for word in words:
            self._check_word(word, allowed, f"{path}.{name}")
        return words

    def _paths(self, raw: Raw, name: str, path: str) -> model.Texts:
        """Paths of a sandbox: cleaned, without ``.``; what looks like a variable assignment is refused."""
        cleaned = set()
        for text in (trim(text) for text in _texts(raw, name)):
            if _ASSIGNMENT.match(text):
                self._problem(
                    "policy.invalid_value", f"expected a path, found {quote(text)}", f"{path}.{name}"
                )
            elif "=" in text.partition("/")[0]:
                raise UncertainError(f"the sandbox path {quote(text)} has an equals sign")
            elif text:
                cleaned.add(clean_path(text))
        return tuple(sorted(cleaned - {"."}))

    def _check_nothing_given(self, raw: Raw, path: str) -> None:
        """A block is off; that is only certain when nothing in it became empty by normalising."""
        if any(value for name, value in raw.items() if name != "enabled"):
            raise UncertainError(f"{path} has only values that are empty after trimming")

    def _integer(self, raw: Raw, name: str, path: str) -> int:
        number = cast("int", raw.get(name, 0))
        if not -_MAX_EXACT <= number <= _MAX_EXACT:
            raise UncertainError(f"{path}.{name} is beyond 2^53")
        return number

    def _count(self, raw: Raw, name: str, path: str) -> int:
        number = self._integer(raw, name, path)
        if number < 0:
            self._problem("policy.invalid_value", "expected 0 or more", f"{path}.{name}")
        return number

    def _duration(self, text: str, path: str) -> str:
        nanoseconds = parse_duration(text)
        if nanoseconds is None or nanoseconds <= 0:
            message = f"expected a positive duration such as 24h or 1h30m, found {quote(text)}"
            self._problem("policy.invalid_value", message, path)
            return ""
        return format_duration(nanoseconds)

    def _problem(self, code: str, message: str, path: str, remedy: str | None = None) -> None:
        at = path
        while at and at not in self._places:
            at = at.rpartition(".")[0]
        place = self._places.get(at)
        line, column = (place.line, place.column) if place else (None, None)
        self.problems.append(Problem(code, message, line=line, column=column, field=path, remedy=remedy))


def _text(raw: Raw, name: str) -> str:
    return cast("str", raw.get(name, ""))


def _texts(raw: Raw, name: str) -> list[str]:
    return cast("list[str]", raw.get(name, []))


def _flag(raw: Raw, name: str) -> bool:
    return cast("bool", raw.get(name, False))


def _block(raw: Raw, name: str) -> Raw:
    return cast("Raw", raw.get(name, {}))


def _blocks(raw: Raw, name: str) -> list[Raw]:
    return cast("list[Raw]", raw.get(name, []))
