# SPDX-License-Identifier: Apache-2.0
"""Posture in every form: text that fits, Markdown and CSV that nobody can break out of, OpenMetrics that parses."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from gaitops.fleet.evidence import KnownRepository
from gaitops.posture.build import posture
from gaitops.posture.catalogue import METRICS
from gaitops.posture.inputs import PostureInputs
from gaitops.posture.report import Basis, PostureReport
from gaitops.posture.selectors import parse_selector
from gaitops.report.posture import posture_text
from gaitops.report.posture_markdown import posture_markdown
from gaitops.report.posture_numbers import duration, percent
from gaitops.report.posture_openmetrics import posture_openmetrics
from gaitops.report.posture_proofs import proof_csv, proof_json, proof_markdown, proof_text
from gaitops.report.posture_rows import posture_csv
from gaitops.report.text import plain, width
from tests.posture import larkspur
from tests.posture.larkspur import GRACE, STALE, WINDOW

HOSTILE = 'x"} 1\n# EOF\\ |<script>\x1b[31m'


def report(inputs: PostureInputs | None = None, **scope: str) -> PostureReport:
    """The golden fleet's posture, or one of other evidence."""
    basis = Basis("larkspur", "0" * 64, "1" * 40, WINDOW.until, WINDOW, STALE, GRACE, larkspur.BEFORE, scope)
    return posture(inputs or larkspur.inputs(), larkspur.view(), larkspur.line(), basis)


def hostile() -> PostureReport:
    """A report in which a repository's id and team were written by somebody who means harm."""
    found = report()
    first = found.repositories[0]
    known = KnownRepository(HOSTILE, "larkspur", "checkout", "x", HOSTILE)
    return replace(found, repositories=(replace(first, repository=known), *found.repositories[1:]))


def test_text_fits_and_names_what_is_unknown_first() -> None:
    """Nothing is wider than 100 columns, and what is not known comes before what is."""
    text = plain(posture_text(report()))
    assert max(map(width, text.splitlines())) <= 100
    assert text.index("not known") < text.index("enforced 30") < text.index("decisions  1,436")
    assert "unexpected 148 (10.5% of 1,414)" in text


def test_without_evidence_everything_is_unknown() -> None:
    """No artifact at all: every place is unknown, and no share is 0% or 100%."""
    empty = report(PostureInputs())
    text = plain(posture_text(empty))
    assert "36 of 36 places are unknown" in text
    assert "12 of 12 repositories sent no proven evidence" in text
    assert "12 of 12 repositories have no inventory: their coverage is unknown" in text
    assert "verified –" in text
    assert "0.0%" not in text
    assert "100.0%" not in text
    metrics = "\n".join(posture_openmetrics(empty))
    assert "evidence_verified_share" not in metrics


def test_a_history_that_begins_late_is_said() -> None:
    """What the fleet's history does not cover is named as not known."""
    found = report()
    late = replace(found, basis=replace(found.basis, known_since=WINDOW.since + timedelta(days=1)))
    assert "before 2026-10-06 00:00 UTC the fleet's history does not say what was expected" in plain(
        posture_text(late)
    )


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0.0%"), (0.0001, "<0.1%"), (0.5, "50.0%"), (0.9999, ">99.9%"), (1, "100.0%")]
)
def test_nearly_nothing_and_nearly_all_are_told_apart(share: float, shown: str) -> None:
    """Rounding never turns some into none, or most into all."""
    assert percent(share) == shown


@pytest.mark.parametrize(("minutes", "shown"), [(0, "0m"), (59, "59m"), (185, "3h 05m"), (3000, "2d 02h")])
def test_durations(minutes: int, shown: str) -> None:
    """Minutes are said as people say them."""
    assert duration(minutes) == shown


def test_hostile_names_stay_text() -> None:
    """Names cannot break out of a terminal line, a Markdown cell or a CSV cell."""
    found = hostile()
    assert "\x1b[31m" not in plain(posture_text(found))
    assert "<script>" not in posture_markdown(found)
    rows = list(csv.DictReader(io.StringIO("".join(posture_csv(found)))))
    assert {row["scope"] for row in rows} == {
        "fleet", "org", "project", "team", "environment", "tier", "repository", "place",
    }  # fmt: skip
    assert HOSTILE in {row["name"] for row in rows}


def test_csv_has_every_number_with_a_selector_that_means_it() -> None:
    """One row for each number of each scope; its selector names the same number and scope."""
    found = report()
    rows = list(csv.DictReader(io.StringIO("".join(posture_csv(found)))))
    fleet = {row["metric"]: row for row in rows if row["scope"] == "fleet"}
    assert list(fleet) == list(METRICS)
    assert fleet["events.total"]["value"] == "1436"
    assert fleet["events.unexpected_share"]["of"] == "1414"
    assert fleet["approvals.tokens_reused"]["value"] == "0"
    for row in rows[::97]:
        metric, scope = parse_selector(row["selector"])
        assert metric == row["metric"]
        if row["scope"] in {"repository", "place"}:
            assert scope.repository == row["name"]
            assert (scope.environment or "") == row["environment"]


def test_a_cell_is_never_a_formula() -> None:
    """A spreadsheet that opens the file runs nothing."""
    known = KnownRepository('=HYPERLINK("http://x")', "larkspur", "checkout", "x", "t")
    found = report()
    evil = replace(
        found, repositories=(replace(found.repositories[0], repository=known), *found.repositories[1:])
    )
    names = {row["name"] for row in csv.DictReader(io.StringIO("".join(posture_csv(evil))))}
    assert not {name for name in names if name.startswith(("=", "+", "-", "@"))}


# -- OpenMetrics 1.0: the grammar of its exposition format, as far as gauges need it --------------------------------

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)?\}})? (-?[0-9]+(?:\.[0-9]+)?)")
_META = re.compile(rf"# (TYPE|UNIT|HELP) ({_NAME}) (.+)")


def parsed(text: str) -> dict[str, list[tuple[str, float]]]:
    """Family → samples; every rule of the format that concerns gauges is asserted on the way."""
    assert text.endswith("# EOF\n")
    families: dict[str, list[tuple[str, float]]] = {}
    described: dict[str, set[str]] = {}
    current = ""
    for line in text.removesuffix("# EOF\n").splitlines():
        meta = _META.fullmatch(line)
        if meta is not None:
            kind, name, value = meta.groups()
            if name != current:
                assert name not in families, f"{name} is interleaved"
                current, families[name], described[name] = name, [], set()
            assert kind not in described[name], f"{name} has two lines {kind}"
            assert not families[name], "metadata stands before samples"
            described[name].add(kind)
            if kind == "TYPE":
                assert value == "gauge"
                assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_created", "_info"))
            if kind == "UNIT":
                assert name.endswith(f"_{value}")
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample[1] == current, "a sample of another family"
        families[current].append((sample[2] or "", float(sample[3])))
    for name, samples in families.items():
        assert described[name] >= {"TYPE", "HELP"}
        labels = [label for label, _value in samples]
        assert len(set(labels)) == len(labels), f"{name} has one series twice"
    return families


def test_openmetrics_is_valid() -> None:
    """Every line is of the grammar, families stand together, and values are the report's."""
    text = "\n".join(posture_openmetrics(report())) + "\n"
    families = parsed(text)
    assert dict(families["gaitops_posture_events"])['scope="fleet",name="larkspur"'] == 1436
    assert dict(families["gaitops_posture_events_unexpected_share_ratio"])[
        'scope="fleet",name="larkspur"'
    ] == pytest.approx(148 / 1414, abs=1e-6)
    median = dict(families["gaitops_posture_approvals_minutes_median_seconds"])
    assert median['scope="fleet",name="larkspur"'] == 134 * 60
    assert families["gaitops_posture_window_end_seconds"] == [("", WINDOW.until.timestamp())]


def test_openmetrics_with_hostile_names_is_valid() -> None:
    """Quotes, line ends and backslashes in names are escaped; no line or mark can be smuggled in."""
    text = "\n".join(posture_openmetrics(hostile())) + "\n"
    assert parsed(text.replace("\x1b", "?"))
    assert text.count("# EOF\n") == 1


def test_proofs_in_every_form() -> None:
    """A proof says how many artifacts there are and lists whole digests."""
    rows = [
        {
            "artifact": "a" * 64,
            "kind": "trace",
            "verdict": "verified",
            "repository": "github.com/acme/<pay>",
            "environment": None,
            "made_at": WINDOW.since,
            "source": "in|box",
        }
    ]
    assert (
        proof_text("events.block", 5, rows).splitlines()[0]
        == "events.block: 5 artifacts; the first 1 of them"
    )
    assert "a" * 64 in proof_text("events.block", 5, rows)
    assert "<pay>" not in proof_markdown("events.block", 1, rows)
    document = proof_json("events.block", 1, rows)
    assert document["artifacts"] == [
        {
            "artifact": "a" * 64,
            "kind": "trace",
            "verdict": "verified",
            "repository": "github.com/acme/<pay>",
            "environment": None,
            "madeAt": "2026-10-05T00:00:00Z",
            "source": "in|box",
        }
    ]
    assert next(csv.DictReader(io.StringIO(proof_csv(rows))))["made_at"] == "2026-10-05T00:00:00Z"
