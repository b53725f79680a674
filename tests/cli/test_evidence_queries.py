# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence query``, ``show`` and ``export``: what people ask of a store."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.stores import open_store
from gaitops.evidence.tables import TABLES
from tests.cli.harness import Invoke, Run
from tests.evidence.table_store import append, at, digest, write_tables
from tests.evidence.world import CART, DECISIONS, FAMILY, NEW, OLD, PRICE, WORLD, trace


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the rows of the small world."""
    folder = tmp_path_factory.mktemp("store")
    open_store(str(folder), create=True).close()
    write_tables(folder / "tables", WORLD)
    return folder


@pytest.fixture
def evidence(gaitops: Invoke, store: Path) -> Invoke:
    """``evidence("query", …)`` on that store."""

    def run(*arguments: str | Path, stdin: str | None = None) -> Run:
        verb, *rest = arguments
        return gaitops("evidence", verb, "--store", store, *rest, stdin=stdin)

    return run


class TestQuery:
    """Rows, counts, and the artifacts behind them."""

    def test_rows_of_a_table_are_complete_in_json(self, evidence: Invoke) -> None:
        """Every column but those about writing; times in UTC; what is not known is null."""
        run = evidence("query", "--table", "decisions", "--decision", "block", "--tool", "db.drop", "--json")
        assert run.code == 0, run.err
        assert run.json["where"] == {"decision": ["block"], "tool": ["db.drop"]}
        (row,) = run.json["rows"]
        assert list(row) == run.json["columns"]
        assert set(row) == set(arrow_schema("decisions").names) - {"batch"}
        assert (row["artifact"], row["made_at"], row["run_id"]) == (
            digest("trace a5"),
            "2026-10-06T00:00:05Z",
            None,
        )

    def test_counts_by_columns_with_the_artifacts_behind_them(self, evidence: Invoke) -> None:
        """A group names exactly the artifacts that it counts; --proven leaves out what proves nothing."""
        run = evidence(
            "query",
            "--table",
            "decisions",
            "--proven",
            "--group-by",
            "repository,policy_digest",
            "--proof",
            "--json",
        )
        rows = {(row["repository"], row["policy_digest"]): row for row in run.json["rows"]}
        assert {key: row["count"] for key, row in rows.items()} == {
            (CART["repository"], OLD): 6,
            (CART["repository"], NEW): 3,
            (PRICE["repository"], OLD): 4,
            (PRICE["repository"], NEW): 1,
        }
        assert rows[CART["repository"], NEW]["artifacts"] == sorted(
            digest(f"trace {name}") for name in ("a3", "a4", "a5")
        )
        assert all(len(row["artifacts"]) == row["count"] for row in rows.values())

    def test_everything_that_was_read_counts_without_proven(self, evidence: Invoke) -> None:
        """Raw rows hide nothing."""
        run = evidence("query", "--table", "decisions", "--count", "--json")
        assert run.json["rows"] == [{"count": len(DECISIONS)}]

    def test_groups_of_time(self, evidence: Invoke) -> None:
        """Days and weeks are no columns, and can be counted by."""
        run = evidence("query", "--table", "decisions", "--proven", "--group-by", "week", "--format", "csv")
        assert run.out.splitlines() == ["week,count", "2026-10-05,13", "2026-10-26,1"]

    def test_a_limit_says_what_it_hides(self, evidence: Invoke) -> None:
        """Text and JSON have the number of all rows."""
        assert "17 rows; 12 more not shown" in evidence("query", "--table", "decisions", "--limit", "5").out
        run = evidence("query", "--table", "decisions", "--limit", "5", "--json")
        assert (len(run.json["rows"]), run.json["total"]) == (5, 17)
        run = evidence("query", "--table", "decisions", "--limit", "0", "--json")
        assert (len(run.json["rows"]), run.json["total"]) == (17, 17)

    def test_text_fits_a_terminal(self, evidence: Invoke) -> None:
        """A hundred columns for every table, digests shortened."""
        for table in TABLES:
            run = evidence("query", "--table", table)
            assert run.code == 0, run.err
            assert max(map(len, run.out.splitlines())) <= 100

    def test_digests_of_artifacts_line_by_line(self, evidence: Invoke) -> None:
        """For other programs: one JSON object per line."""
        run = evidence("query", "--family", FAMILY, "--proof", "--format", "jsonl")
        found = [json.loads(line)["artifact"] for line in run.out.splitlines()]
        assert found == sorted(digest(name) for name in ("runpack r1", "runpack r2", "pack r3", "runpack r4"))

    def test_a_repository_can_be_named_by_its_url(self, evidence: Invoke) -> None:
        """URLs become ids."""
        run = evidence(
            "query",
            "--repository",
            "https://github.com/acme/price.git",
            "--kind",
            "trace",
            "--count",
            "--json",
        )
        assert run.json["where"]["repository"] == [PRICE["repository"]]
        assert run.json["rows"] == [{"count": 5}]

    def test_text_of_artifacts_is_no_formula(self, gaitops: Invoke, tmp_path: Path) -> None:
        """A spreadsheet that opens the CSV runs nothing, and lists and separators survive."""
        open_store(str(tmp_path), create=True).close()
        evil = trace(
            "evil", CART, OLD, "block", made_at=at(0), tool_name="=HYPERLINK(1)", violations=["a,b", 'c"d']
        )
        append(tmp_path / "tables" / "decisions", "decisions", [evil])
        run = gaitops("evidence", "query", "--store", tmp_path, "--table", "decisions", "--format", "csv")
        (row,) = csv.DictReader(io.StringIO(run.out))
        assert row["tool_name"] == "'=HYPERLINK(1)"
        assert json.loads(row["violations"]) == ["a,b", 'c"d']
        assert (row["run_id"], row["repeat"]) == ("", "false")

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (("--table", "colours"), "query.table"),
            (("--group-by", "violations", "--table", "decisions"), "query.column"),
            (("--engine", "sparc://host"), "query.engine"),
            (("--engine-option", "colour=blue"), "query.setting"),
            (("--engine-option", "colour"), "cli.usage"),
            (("--policy-version", "acme/agents@1.0.0"), "cli.usage"),
            (("--repository", "not a repository"), "repository.url"),
        ],
    )
    def test_what_cannot_be_asked(self, evidence: Invoke, arguments: tuple[str, ...], code: str) -> None:
        """Exit code 6 and what to do instead."""
        run = evidence("query", *arguments, "--json")
        assert (run.code, run.codes) == (6, [code])

    def test_a_place_without_a_store(self, gaitops: Invoke, tmp_path: Path) -> None:
        """An empty folder is no empty store."""
        run = gaitops("evidence", "query", "--store", tmp_path, "--json")
        assert (run.code, run.codes) == (6, ["store.absent"])


class TestShow:
    """Everything about one name."""

    def test_an_artifact_by_the_first_digits_of_its_digest(self, evidence: Invoke) -> None:
        """Deliveries, facts, findings, and what belongs to it."""
        run = evidence("show", digest("trace a1")[:12], "--json")
        found = run.json
        assert (found["found_as"], found["artifacts"]) == (["artifact"], [digest("trace a1")])
        assert [row["source"] for row in found["rows"]["artifacts"]] == ["inbox/0", "inbox/again"]
        assert [row["code"] for row in found["rows"]["findings"]] == ["producer.wrong_repository"]
        related = {item["artifact"]: item["by"] for item in found["related"]}
        assert related[digest("trace d1")] == ["event_key"]
        assert related[digest("runpack r1")] == ["run_id"]

    def test_a_run_and_its_decisions(self, evidence: Invoke) -> None:
        """A run id means every artifact that names it."""
        found = evidence("show", "run_1", "--json").json
        assert found["found_as"] == ["run_id"]
        assert sorted(found["rows"]) == ["artifacts", "decisions", "findings", "run_steps", "runs"]
        assert [row["tool_name"] for row in found["rows"]["run_steps"]] == ["search", "refund"]

    @pytest.mark.parametrize(
        ("name", "found_as"),
        [
            ("token-1", ["approval_token_ref", "token_id"]),
            (FAMILY, ["family_id"]),
            (f"sha256:{OLD}", ["policy_digest"]),
            (digest("manifest 1"), ["manifest_digest"]),
            ("snap_s2", ["snapshot_id"]),
        ],
    )
    def test_other_names(self, evidence: Invoke, name: str, found_as: list[str]) -> None:
        """Ids and digests of every kind, as text that fits a terminal."""
        assert evidence("show", name, "--json").json["found_as"] == found_as
        run = evidence("show", name)
        assert run.code == 0
        assert max(map(len, run.out.splitlines()[1:])) <= 100

    def test_what_nobody_knows(self, evidence: Invoke) -> None:
        """Exit code 6; a few digits are no name."""
        for name in ("run_unknown", digest("nothing"), digest("trace a1")[:7]):
            run = evidence("show", name, "--json")
            assert (run.code, run.codes) == (6, ["query.unknown_name"])

    def test_one_artifact_for_people(self, evidence: Invoke) -> None:
        """Verdict, attribution and findings are readable."""
        run = evidence("show", digest("trace d3")[:16])
        assert "trace: failed" in run.out
        assert "upload_envelope" in run.out
        assert "trace.event_id_mismatch" in run.out


class TestExport:
    """Tables as files."""

    def test_the_same_evidence_gives_the_same_bytes(
        self, evidence: Invoke, store: Path, tmp_path: Path
    ) -> None:
        """Twice the same export, a manifest with the digests of its files, and every row."""
        runs = [evidence("export", "--out", tmp_path / name, "--json") for name in ("one", "two")]
        assert [run.code for run in runs] == [0, 0]
        one = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
        assert one == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
        manifest = json.loads(one["manifest.json"])
        assert manifest["store"] == open_store(str(store)).id
        for item in manifest["tables"]:
            assert hashlib.sha256(one[item["file"]]).hexdigest() == item["sha256"]
            table = pq.read_table(tmp_path / "one" / item["file"])
            assert table.num_rows == item["rows"] == len(WORLD[item["table"]])
            assert table.schema.names == arrow_schema(item["table"]).names

    @pytest.mark.parametrize("file_format", ["jsonl", "csv"])
    def test_selected_rows_as_text(self, evidence: Invoke, tmp_path: Path, file_format: str) -> None:
        """The conditions of query hold here too."""
        out = tmp_path / "out"
        run = evidence(
            "export",
            "--out",
            out,
            "--table",
            "decisions",
            "--decision",
            "block",
            "--format",
            file_format,
            "--json",
        )
        assert [item["rows"] for item in run.json["tables"]] == [2]
        text = (out / f"decisions.{file_format}").read_text(encoding="utf-8")
        rows = (
            list(csv.DictReader(io.StringIO(text)))
            if file_format == "csv"
            else [json.loads(line) for line in text.splitlines()]
        )
        assert [row["artifact"] for row in rows] == [digest("trace a3"), digest("trace a5")]
        assert json.loads((out / "manifest.json").read_bytes())["where"] == {"decision": ["block"]}

    def test_nothing_is_overwritten(self, evidence: Invoke, tmp_path: Path) -> None:
        """A folder with something in it is refused."""
        (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
        run = evidence("export", "--out", tmp_path, "--json")
        assert (run.code, run.codes) == (8, ["input.exists"])
        assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
