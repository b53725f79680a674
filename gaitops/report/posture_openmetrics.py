# SPDX-License-Identifier: Apache-2.0
"""The posture as OpenMetrics text 1.0, for whatever scrapes or is pushed to.

Every number is a gauge ``gaitops_posture_<id>``, with the labels ``scope``, ``name`` and ``environment``. A number that is not
known has no sample: absence is told apart from zero. Shares are ratios from 0 to 1, times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gaitops.posture.catalogue import METRICS
from gaitops.posture.metrics import Metric
from gaitops.posture.report import PostureReport
from gaitops.report.posture_rows import Number, numbers
from gaitops.report.text import safe

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_SECONDS_IN_MINUTE: Final = 60


def posture_openmetrics(report: PostureReport) -> Iterator[str]:
    """One piece for each metric family, then the end mark.

    The samples of a family stand together, as the format demands, so rows are grouped by metric.
    """
    families: dict[str, list[Number]] = {}
    for number in numbers(report):
        if number.value is not None:
            families.setdefault(number.metric, []).append(number)
    for name, metric in METRICS.items():
        samples = families.get(name, ())
        if samples:
            yield "\n".join([*_head(metric), *(_sample(metric, number) for number in samples)])
    yield _window(report)
    yield "# EOF"


def _name(metric: Metric) -> str:
    # The suffix _total belongs to counters; what is counted here can fall.
    name = f"gaitops_posture_{metric.id.removesuffix('.total').replace('.', '_')}"
    unit = _unit(metric)
    return f"{name}_{unit}" if unit else name


def _unit(metric: Metric) -> str:
    return {"ratio": "ratio", "minutes": "seconds"}.get(metric.unit, "")


def _head(metric: Metric) -> list[str]:
    name, unit = _name(metric), _unit(metric)
    lines = [f"# TYPE {name} gauge"]
    if unit:
        lines.append(f"# UNIT {name} {unit}")
    return [*lines, f"# HELP {name} {metric.meaning.translate(_ESCAPES)}"]


def _sample(metric: Metric, number: Number) -> str:
    value = number.value
    if metric.unit == "minutes" and value is not None:
        value *= _SECONDS_IN_MINUTE
    shown = f"{value:.6f}" if isinstance(value, float) else str(value)
    labels = {"scope": number.scope, "name": number.name, "environment": number.environment}
    return f"{_name(metric)}{{{_labels(labels)}}} {shown}"


def _labels(labels: dict[str, str]) -> str:
    """Labels with text; one without is the same as one that is absent.

    Control characters become text first: escaped by whoever prints, they would be escapes that the format does not have.
    """
    shown = ((name, safe(value).translate(_ESCAPES)) for name, value in labels.items() if value)
    return ",".join(f'{name}="{value}"' for name, value in shown)


def _window(report: PostureReport) -> str:
    lines = []
    window = report.basis.window
    for name, moment, meaning in (
        ("start", window.since, "First moment of the window."),
        ("end", window.until, "First moment after the window."),
    ):
        full = f"gaitops_posture_window_{name}_seconds"
        lines += [f"# TYPE {full} gauge", f"# UNIT {full} seconds", f"# HELP {full} {meaning}"]
        lines.append(f"{full} {moment.timestamp():.0f}")
    return "\n".join(lines)
