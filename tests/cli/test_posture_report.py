# SPDX-License-Identifier: Apache-2.0
"""``gaitops posture report`` from a fleet's history and ingested artifacts: a page whose numbers lead to real artifacts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.harness import Run
from tests.posture.larkspur import truth
from tests.posture.larkspur_world import Larkspur, larkspur_world


@pytest.fixture(scope="module")
def larkspur(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larkspur]:
    """The golden fleet, ingested by the command line."""
    with larkspur_world(tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def made(larkspur: Larkspur, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """The run that wrote the page, and the folder."""
    out = tmp_path_factory.mktemp("report") / "new"
    return larkspur.posture("report", "--out", str(out), "--json"), out


def document(page: bytes) -> dict[str, Any]:
    """What the page's script reads."""
    found: dict[str, Any] = json.loads(re.findall(rb'id="data">(.*?)</script>', page, re.DOTALL)[0])
    return found


def test_the_result_says_what_was_written(made: tuple[Run, Path]) -> None:
    """One file, with its size and digest, and nothing beside it."""
    run, out = made
    page = (out / "index.html").read_bytes()
    assert run.code == 0
    assert run.json["files"] == [
        {"file": "index.html", "bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}
    ]
    assert run.json["repositories"] == 12
    assert [path.name for path in out.iterdir()] == ["index.html"]


def test_numbers_lead_to_the_artifacts_of_the_store(made: tuple[Run, Path], larkspur: Larkspur) -> None:
    """The proof of a number in the page is what ``--proof`` lists; every digest is that of an object in the store."""
    page = document((made[1] / "index.html").read_bytes())
    parts = page["selectors"]
    proofs = {"".join(parts[part] for part in proof[:3]): proof[3:] for proof in page["proofs"]}
    selector = "events.unknown_policy?repository=github.com/larkspur/price-agent"
    total, *positions = proofs[selector]
    digests = page["artifacts"]["digests"]
    shown = [digests[64 * at : 64 * at + 64] for at in positions]
    listed = larkspur.posture("--proof", selector, "--json").json
    assert total == listed["total"] == 48
    assert shown == [item["artifact"] for item in reversed(listed["artifacts"])][:25]
    for digest in shown:
        data = (larkspur.store / "sha256" / digest[:2] / digest[2:]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest


def test_the_page_has_the_truth_about_the_fleet(made: tuple[Run, Path]) -> None:
    """Decisions and drift of the page are those that another program computed from the same files."""
    page = document((made[1] / "index.html").read_bytes())
    sections = {section["id"]: section for section in page["scopes"]["fleet"]["sections"]}
    assert sections["overview"]["blocks"][1]["v"][0][0] == truth()["totals"]["verified_events"]
    (drift,) = [block for block in sections["versions"]["blocks"] if block["t"] == "timeline"]
    names = {row[0].removeprefix("github.com/") for row in drift["rows"]}
    assert names == {*truth()["findings"]["policy_drift"], *truth()["findings"]["unknown_policy"]}


def test_the_same_evidence_gives_the_same_page(made: tuple[Run, Path], larkspur: Larkspur) -> None:
    """A second run replaces the page by equal bytes, and leaves no draft behind."""
    out = made[1]
    before = (out / "index.html").read_bytes()
    run = larkspur.posture("report", "--out", str(out))
    assert (run.code, run.out.strip()) == (0, f"wrote {out / 'index.html'}")
    assert (out / "index.html").read_bytes() == before
    assert [path.name for path in out.iterdir()] == ["index.html"]


def test_a_narrowed_page_has_only_its_own(larkspur: Larkspur, tmp_path: Path) -> None:
    """With a team, the page has its repositories and the signals about them, and its commands say so."""
    run = larkspur.posture("report", "--team", "platform", "--artifacts", "2", "--out", str(tmp_path))
    assert run.code == 0
    page = document((tmp_path / "index.html").read_bytes())
    names = {route.removeprefix("repo/") for route in page["scopes"] if route.startswith("repo/")}
    assert {name.rpartition("/")[2] for name in names} == {
        "deploy-bot",
        "infra-live",
        "secrets-rotator",
        "support-copilot",
    }
    assert all(names & set(issue["repos"]) for issue in page["issues"])
    assert page["meta"]["proofCommand"].endswith("--team platform")
    assert max(len(proof) - 4 for proof in page["proofs"]) <= 10  # a signal names up to ten itself


def test_a_file_in_place_of_the_folder_is_refused(larkspur: Larkspur, tmp_path: Path) -> None:
    """The output is a folder."""
    path = tmp_path / "report"
    path.write_text("mine", encoding="utf-8")
    assert larkspur.posture("report", "--out", str(path)).code == 6
    assert path.read_text(encoding="utf-8") == "mine"
