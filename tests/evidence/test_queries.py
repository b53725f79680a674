# SPDX-License-Identifier: Apache-2.0
"""Queries over a small world whose every count is known, and what a plain program says of random rows."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gaitops.evidence.engines import Engine, open_engine
from gaitops.evidence.queries import approvals, artifacts, decisions, families, findings, inventory, regress
from gaitops.evidence.queries.counting import Aggregate
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select, sorted_rows
from tests.evidence.table_store import FolderTables, append, at, digest, write_tables
from tests.evidence.world import CART, DECISIONS, FAMILY, KEY, LAPTOP, NEW, OLD, PRICE, QUIET, WORLD, trace

Row = dict[str, Any]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The world in DuckDB."""
    with open_engine(write_tables(tmp_path_factory.mktemp("world"), WORLD)) as opened:
        yield opened


def short(row: Row, *names: str) -> tuple[Any, ...]:
    """Repository without its owner, environment, and these columns."""
    return (row["repository"].rpartition("/")[2], row["environment"], *(row[name] for name in names))


def shown(engine: Engine, query: Aggregate, *names: str) -> list[tuple[Any, ...]]:
    """Groups of an aggregate, in its order."""
    return [short(row, *names) for row in engine.rows(query.table)]


def proven_by(engine: Engine, query: Aggregate, **group: Any) -> list[str]:
    """Digests behind a group."""
    return [row["artifact"] for row in engine.rows(query.proof(group))]


class TestArtifacts:
    """Artifacts as such."""

    def test_each_artifact_counts_once_under_its_verdict(self, engine: Engine) -> None:
        """Repeated deliveries do not count, and no verdict is left out."""
        query = artifacts.artifacts_by_verdict(engine.tables, Selection(kind=("trace",)))
        assert shown(engine, query, "verdict", "artifacts", "bytes") == [
            ("cart", "prod", "failed", 1, 100),
            ("cart", "prod", "unverifiable", 1, 100),
            ("cart", "prod", "verified", 9, 900),
            ("cart", "staging", "verified", 1, 100),
            ("price", "prod", "verified", 1, 100),
            ("price", "prod", "verified_with_unsigned_extras", 1, 100),
            ("price", None, "verified", 3, 300),
            ("quiet", "prod", "verified", 1, 100),
        ]

    def test_the_newest_proven_evidence_of_a_place(self, engine: Engine) -> None:
        """What is not proven moves ``last_made_at`` and not ``last_proven_at``."""
        rows = {short(row): row for row in engine.rows(artifacts.last_evidence(engine.tables).table)}
        assert rows["price", "prod"]["last_proven_at"] == at(6)
        assert rows["price", None]["last_proven_at"] == at(5)
        assert rows["price", None]["last_made_at"] == at(8)
        assert rows["quiet", "prod"]["last_proven_at"] == at(-30)

    def test_throwaway_keys_are_told_from_keys_in_use(self, tmp_path: Path) -> None:
        """A key that nobody registered and that signed once is single-use; one that signed twice is not."""
        rows = [
            trace(name, CART, OLD, "allow", made_at=at(0), verdict="unverifiable", key_id=digest(key))
            for name, key in (("1", "one"), ("2", "two"), ("3", "three"), ("4", "three"))
        ]
        names = ("artifact", "kind", "verdict", "key_id", "made_at", *CART, "environment")
        table = [{name: row[name] for name in names} | {"duplicate": False} for row in rows]
        with open_engine(write_tables(tmp_path, {"artifacts": table})) as opened:
            found = opened.rows(artifacts.throwaway_keys(opened.tables))
            keys = artifacts.unverifiable_keys(opened.tables)
            assert [short(row, "keys", "single_use_keys", "artifacts") for row in found] == [
                ("cart", "prod", 3, 2, 4)
            ]
            assert proven_by(opened, keys, key_id=digest("three")) == sorted(
                row["artifact"] for row in rows[2:]
            )

    def test_deliveries_and_events_that_came_again(self, engine: Engine) -> None:
        """The same bytes are a duplicate, the same event in other bytes is a repeat."""
        assert shown(engine, artifacts.duplicates(engine.tables), "kind", "deliveries", "artifacts") == [
            ("cart", "prod", "trace", 1, 1)
        ]
        assert shown(engine, artifacts.repeated_events(engine.tables), "repeats", "events") == [
            ("cart", "prod", 1, 1)
        ]
        assert shown(engine, artifacts.unverifiable_keys(engine.tables), "key_id") == [
            ("cart", "prod", LAPTOP)
        ]


class TestDecisions:
    """Decisions of the gate."""

    def test_only_proven_decisions_count_and_each_event_once(self, engine: Engine) -> None:
        """Failed, unverifiable and repeated traces are in no group; a time that is missing is the time of collection."""
        query = decisions.decision_counts(engine.tables, Selection(repository=(PRICE["repository"],)))
        assert shown(engine, query, "policy_digest", "decision", "day", "decisions") == [
            ("price", "prod", OLD, "dry_run", date(2026, 11, 1), 1),
            ("price", "prod", NEW, "allow", date(2026, 10, 11), 1),
            ("price", None, OLD, "allow", date(2026, 10, 9), 1),
            ("price", None, OLD, "require_approval", date(2026, 10, 9), 1),
            ("price", None, OLD, "require_approval", date(2026, 10, 10), 1),
        ]

    def test_what_does_not_count_shows(self, engine: Engine) -> None:
        """Every trace is under some verdict, with how many of them are counted elsewhere."""
        query = decisions.decisions_by_verdict(engine.tables)
        rows = engine.rows(query.table)
        assert sum(row["traces"] for row in rows) == len(DECISIONS)
        counted = sum(row["counted"] for row in rows)
        assert counted == sum(
            row["decisions"] for row in engine.rows(decisions.decision_counts(engine.tables).table)
        )
        assert [row["repeats"] for row in rows if short(row, "verdict") == ("cart", "prod", "verified")] == [
            1
        ]

    def test_policies_in_use_with_their_artifacts(self, engine: Engine) -> None:
        """Decisions of each kind by policy, and the digests behind one policy in one place."""
        query = decisions.policies_in_use(engine.tables, Selection(repository=(CART["repository"],)))
        columns = (
            "policy_digest",
            "decisions",
            "allow",
            "block",
            "require_approval",
            "dry_run",
            "kill_switch_stops",
        )
        assert shown(engine, query, *columns) == [
            ("cart", "prod", OLD, 6, 4, 0, 2, 0, 0),
            ("cart", "prod", NEW, 2, 0, 2, 0, 0, 1),
            ("cart", "staging", NEW, 1, 1, 0, 0, 0, 0),
        ]
        assert proven_by(engine, query, policy_digest=NEW, environment="prod") == sorted(
            [digest("trace a3"), digest("trace a5")]
        )
        assert proven_by(engine, decisions.kill_switch_stops(engine.tables)) == [digest("trace a5")]

    def test_a_decision_counts_under_each_of_its_violations(self, engine: Engine) -> None:
        """Two violations of one call are two rows."""
        query = decisions.violations(engine.tables)
        assert shown(engine, query, "violation", "decision", "decisions") == [
            ("cart", "prod", "bulk_delete", "block", 1),
            ("cart", "prod", "egress", "block", 1),
        ]

    def test_comparisons_pair_the_calls_of_two_policies(self, engine: Engine) -> None:
        """The shared call was allowed by the old policy and blocked by the new one."""
        found = engine.rows(decisions.comparisons(engine.tables))
        columns = ("enforced", "candidate", "both", "unexpected_blocks")
        assert sorted(short(row, *columns) for row in found) == sorted(
            [("cart", "prod", OLD, NEW, 1, 1), ("cart", "prod", NEW, OLD, 1, 0)]
        )

    def test_a_group_that_does_not_exist_is_a_mistake(self, engine: Engine) -> None:
        """Proof of an unknown column raises, it does not prove everything."""
        with pytest.raises(ValueError, match="groups have no colour"):
            decisions.policies_in_use(engine.tables).proof({"colour": "blue"})


class TestApprovals:
    """Paths that need an approval."""

    def test_calls_are_open_until_their_last_request_is_followed_by_an_allow(self, engine: Engine) -> None:
        """One call waited a minute, one still waits, one was approved and asked again."""
        found = engine.rows(approvals.approval_calls(engine.tables))
        assert sorted(short(row, "requests", "open", "seconds_to_approval") for row in found) == [
            ("cart", "prod", 1, False, 60),
            ("cart", "prod", 1, True, None),
            ("price", None, 2, True, 10),
        ]

    def test_the_artifacts_behind_a_call(self, engine: Engine) -> None:
        """Requests and answers of a call."""
        query = approvals.approval_requests(engine.tables)
        cart = proven_by(engine, query, repository=CART["repository"], intent_digest=digest("intent refund"))
        assert cart == sorted(digest(f"trace {name}") for name in ("b1", "b2", "b3"))

    def test_tokens_by_what_became_of_them(self, engine: Engine) -> None:
        """Tokens, tokens as gates saw them, wildcard scopes, and no delegations."""
        query = approvals.approval_tokens(engine.tables)
        assert shown(engine, query, "form", "approver", "valid", "error_code", "wildcard", "tokens") == [
            ("cart", "prod", "entry", "dana", True, None, True, 1),
            ("cart", "prod", "entry", "eve", False, "approval_token_expired", False, 1),
            ("cart", "prod", "token", "dana", None, None, True, 1),
        ]

    def test_a_token_that_two_events_used(self, engine: Engine) -> None:
        """The same token in two emissions, and their traces."""
        query = approvals.token_uses(engine.tables)
        rows = engine.rows(query.table)
        assert [(row["approval_token_ref"], row["events"]) for row in rows] == [
            ("token-1", 2),
            ("token-2", 1),
        ]
        assert len(proven_by(engine, query, approval_token_ref="token-1")) == 2

    def test_an_audit_that_contradicts_its_trace(self, engine: Engine) -> None:
        """An audit says approved, and the trace of the same id was not allowed."""
        query = approvals.audit_contradictions(engine.tables)
        assert proven_by(engine, query) == [digest("approval_audit u2")]
        assert shown(engine, approvals.audits(engine.tables), "audits", "approved") == [
            ("cart", "prod", 2, 2)
        ]


class TestTheRest:
    """Regressions, inventories, families, findings."""

    def test_regress_results_by_week(self, engine: Engine) -> None:
        """Weeks begin on Monday; a vacuous pass is told apart."""
        query = regress.regress_results(engine.tables)
        assert shown(engine, query, "week", "status", "vacuous", "fixtures", "failed_fixtures") == [
            ("cart", None, date(2026, 10, 5), "fail", False, 2, 1),
            ("price", None, date(2026, 10, 12), "pass", True, 1, 0),
        ]

    def test_fixtures_pass_when_all_their_graders_do(self, engine: Engine) -> None:
        """A fixture is vacuous when it passed and a grader says that nothing was compared."""
        found = engine.rows(regress.regress_fixtures(engine.tables))
        assert sorted(short(row, "fixture", "passed", "vacuous") for row in found) == [
            ("cart", None, "gold", False, False),
            ("cart", None, "mine", True, False),
            ("price", None, "gold", True, True),
        ]

    def test_the_grader_that_fails(self, engine: Engine) -> None:
        """Graders by status, with the result behind it."""
        query = regress.regress_graders(engine.tables)
        assert proven_by(engine, query, status="fail") == [digest("regress_result g1")]

    def test_only_the_newest_inventory_of_a_repository_counts(self, engine: Engine) -> None:
        """An older snapshot is gone; a newest one without items leaves none."""
        query = inventory.inventory(engine.tables)
        assert shown(engine, query, "name", "risk_level") == [
            ("cart", None, "drop_table", "critical"),
            ("cart", None, "read_file", "low"),
        ]
        newest = engine.rows(inventory.newest_snapshots(engine.tables))
        assert sorted(row["artifact"] for row in newest) == sorted(
            digest(f"inventory_snapshot {name}") for name in ("s2", "s3")
        )

    def test_a_family_spans_repositories_and_counts_a_run_once(self, engine: Engine) -> None:
        """The run that came alone and inside a pack is one; the damaged one is none."""
        (family, other) = sorted(
            engine.rows(families.families(engine.tables)), key=lambda row: row["family_id"]
        )
        assert (family["family_id"], family["runs"], family["proven_runs"]) == (FAMILY, 2, 1)
        assert (family["repositories"], family["teams"], family["environments"]) == (2, 2, 1)
        assert (family["first_at"], family["last_at"], family["max_privilege"]) == (at(1), at(2), 4)
        assert other["runs"] == 1
        assert len(proven_by(engine, families.family_runs(engine.tables), family_id=FAMILY)) == 3

    def test_findings_by_code(self, engine: Engine) -> None:
        """Findings with their effect and artifacts."""
        query = findings.findings_by_code(engine.tables)
        assert shown(engine, query, "code", "effect", "findings") == [
            ("cart", "prod", "producer.wrong_repository", "notes", 1),
            ("cart", "prod", "trace.event_id_mismatch", "fails", 1),
        ]
        assert proven_by(engine, query, effect="fails") == [digest("trace d3")]


class TestSelecting:
    """Which rows somebody asks for."""

    @pytest.mark.parametrize(
        ("table", "selection", "count"),
        [
            ("decisions", EVERYTHING, 17),
            ("decisions", Selection(run_id=("run_1",)), 1),
            ("decisions", Selection(policy_digest=(NEW,)), 4),
            ("decisions", Selection(environment=("staging", "prod"), decision=("block",)), 2),
            ("decisions", Selection(team=("pricing",), verdict=("verified",)), 4),
            ("decisions", Selection(tool=("db.drop",)), 1),
            ("decisions", Selection(since=at(1), until=at(2)), 2),
            ("decisions", Selection(since=at(20)), 1),
            ("decisions", Selection(org=("nobody",)), 0),
            ("artifacts", Selection(decision=("block",)), 2),
            ("artifacts", Selection(finding=("trace.event_id_mismatch",)), 1),
            ("artifacts", Selection(family=(FAMILY,)), 4),
            ("artifacts", Selection(project=("shop",), kind=("trace",)), 19),
            ("run_steps", Selection(family=(FAMILY,)), 2),
        ],
    )
    def test_conditions_hold_together(
        self, engine: Engine, table: str, selection: Selection, count: int
    ) -> None:
        """Each condition is about the row, or about its artifact where the row has no such column."""
        assert len(engine.rows(select(engine.tables, table, selection))) == count

    @pytest.mark.parametrize(
        ("table", "wanted", "count"),
        [
            ("decisions", digest("trace a1"), 1),
            ("decisions", OLD, 13),
            ("decisions", KEY, 16),
            ("decisions", digest("event key a1"), 2),
            ("artifacts", digest("manifest 1"), 1),
            ("run_steps", digest("result 1"), 1),
            ("run_steps", digest("manifest 1"), 2),
            ("findings", digest("trace d3"), 1),
            ("findings", digest("nowhere"), 0),
        ],
    )
    def test_a_digest_is_found_wherever_it_stands(
        self, engine: Engine, table: str, wanted: str, count: int
    ) -> None:
        """In any column of digests, and in what the artifact mentions."""
        assert len(engine.rows(select(engine.tables, table, Selection(digest=(wanted,))))) == count

    def test_every_condition_can_be_asked_of_any_table(self, engine: Engine) -> None:
        """No combination fails, also where the table has no such column."""
        names = [name for name in Selection.__slots__ if name not in {"since", "until", "proven"}]
        for table in ("artifacts", "run_steps", "findings"):
            for name in names:
                condition: dict[str, Any] = {name: ("nothing",)}
                rows = select(engine.tables, table, replace(EVERYTHING, **condition))
                assert engine.rows(sorted_rows(rows, table)) == []

    def test_an_empty_selection_says_so(self) -> None:
        """Only a selection without a condition is empty."""
        assert EVERYTHING.empty
        assert not Selection(since=at(0)).empty


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Four hundred decisions of few calls, so that they meet."""
    chance = random.Random(20261005)  # noqa: S311 - the same rows every time
    return [
        trace(
            str(number),
            chance.choice((CART, PRICE, QUIET)),
            chance.choice((OLD, NEW)),
            chance.choice(("allow", "allow", "block", "require_approval")),
            intent_digest=digest(f"intent {chance.randrange(12)}"),
            environment=chance.choice(("prod", "staging", None)),
            made_at=at(0, chance.randrange(200)),
            verdict=chance.choice(("verified", "verified", "verified", "unsigned")),
            repeat=chance.random() < 0.1,
        )
        for number in range(400)
    ]


@pytest.fixture(scope="module")
def random_engine(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same rows as tables, in several commits."""
    folder = tmp_path_factory.mktemp("random")
    for start in range(0, len(rows), 100):
        append(folder / "decisions", "decisions", rows[start : start + 100])
    with open_engine(FolderTables(folder)) as opened:
        yield opened


class TestAgainstAPlainProgram:
    """Random decisions, counted a second time without a query engine."""

    def test_comparisons(self, rows: list[Row], random_engine: Engine) -> None:
        """Pairs of policies, call by call."""
        calls: dict[tuple[str, str], dict[str, dict[str, Counter[str]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(Counter))
        )
        for row in rows:
            if row["verdict"] == "verified" and not row["repeat"] and row["environment"]:
                calls[row["repository"], row["environment"]][row["intent_digest"]][row["policy_digest"]][
                    row["decision"]
                ] += 1
        expected: Counter[tuple[str, ...]] = Counter()
        for (repository, environment), by_intent in calls.items():
            for by_policy in by_intent.values():
                for one, other in ((OLD, NEW), (NEW, OLD)):
                    if by_policy[one] and by_policy[other]:
                        both = min(by_policy[one].total(), by_policy[other].total())
                        expected[repository, environment, one, other, "both"] += both
                        blocked = min(by_policy[one]["allow"], by_policy[other]["block"])
                        expected[repository, environment, one, other, "unexpected_blocks"] += blocked
        found = {
            (row["repository"], row["environment"], row["enforced"], row["candidate"], name): row[name]
            for row in random_engine.rows(decisions.comparisons(random_engine.tables))
            for name in ("both", "unexpected_blocks")
        }
        assert found == dict(expected)
        assert len(found) > 10

    def test_approval_calls(self, rows: list[Row], random_engine: Engine) -> None:
        """Requests and the allows that follow them."""
        asked: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        allowed: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for row in rows:
            if row["verdict"] == "verified" and not row["repeat"]:
                key = tuple(
                    row[name] for name in ("repository", "environment", "policy_digest", "intent_digest")
                )
                if row["decision"] in {"allow", "require_approval"}:
                    (allowed if row["decision"] == "allow" else asked)[key].append(row["made_at"])
        expected = {}
        for key, times in asked.items():
            after = [moment for moment in allowed[key] if moment >= min(times)]
            waiting = not after or max(after) < max(times)
            expected[key] = (len(times), min(times), min(after, default=None), waiting)
        found = {
            tuple(row[name] for name in ("repository", "environment", "policy_digest", "intent_digest")): (
                row["requests"], row["asked_at"], row["approved_at"], row["open"],
            )
            for row in random_engine.rows(approvals.approval_calls(random_engine.tables))
        }  # fmt: skip
        assert found == expected
        assert len({value[3] for value in found.values()}) == 2


def test_a_store_without_tables_answers_with_nothing(tmp_path: Path) -> None:
    """Before the first ingestion every query works, and says nothing."""
    with open_engine(FolderTables(tmp_path)) as opened:
        assert opened.rows(decisions.policies_in_use(opened.tables).table) == []
        assert opened.rows(families.families(opened.tables)) == []
        assert opened.rows(approvals.approval_calls(opened.tables)) == []
