# SPDX-License-Identifier: Apache-2.0
"""Keys, places and times that do not belong together: stolen keys, replays, uploads by forks (threats E9-E15)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.evidence_tools import (
    CHECKOUT,
    LEDGER,
    NOW,
    Fleet,
    Site,
    clean_settings,
    gaitops,
    guard_digest,
    key,
    make_fleet,
    producer,
    signed,
    trace,
)
from tests.gait.artifacts.packs import unzipped, zipped
from tests.gait.artifacts.vectors import VECTORS, public_key

OWN = "acme/checkout/prod/own.json"
ELSEWHERE = "acme/ledger/prod/replayed.json"


def decision(name: str = "one", *, by: str = "checkout-ci", **members: Any) -> bytes:
    """A decision under the policy that every place runs."""
    return signed(trace(name, policy=guard_digest(), **members), key(by))


# -- E9: a key outside its repositories --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claim", [{}, {"repo": "acme/ledger", "environment": "prod"}, {"repo": "acme/unheard-of"}]
)
def test_key_of_one_repository_speaks_for_another(claim: dict[str, str], site: Site) -> None:
    """E9: whoever stole checkout's key cannot make ledger look enforced."""
    site.collect({ELSEWHERE: decision(**claim)})
    assert site.ingest().code == 0
    assert "producer.wrong_repository" in site.codes()
    assert all(repository != LEDGER for repository, _environment in site.counted())


def test_a_stolen_key_makes_no_other_place_enforced(site: Site) -> None:
    """E9: posture takes checkout's decisions for checkout, and knows nothing of ledger."""
    claim = {"repo": "acme/ledger", "environment": "prod"}
    site.collect(
        {OWN: decision("a"), ELSEWHERE: decision("b", **claim), "acme/ledger/staging/c": decision("c")}
    )
    assert site.ingest().code == 0
    places = {
        (item["repository"], place["environment"]): place["state"]
        for item in site.posture("--json").json["repositories"]
        for place in item["places"]
    }
    assert places.pop((CHECKOUT, "prod")) == "enforced"
    assert set(places.values()) == {"unknown"}


def test_shared_key_needs_the_collector(site: Site) -> None:
    """E9: a key of two repositories counts where it was collected; a claim that contradicts the place is a finding."""
    site.collect(
        {"acme/ledger/prod/x.json": decision(by="shared-ci", repo="acme/checkout", environment="prod")}
    )
    assert site.ingest().code == 0
    assert site.codes() == ["attribution.repository_conflict"]
    assert site.counted() == {(LEDGER, "prod"): 1}


# -- E10: a key outside its time and its environments ------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ("old-ci", "producer.expired"),
        ("next-ci", "producer.expired"),
        ("staging-ci", "producer.wrong_environment"),
    ],
)
def test_key_outside_its_limits(by: str, code: str, site: Site) -> None:
    """E10: an expired key, one that does not count yet, and one of staging decide nothing in production."""
    site.collect({OWN: decision(by=by, repo="acme/checkout", environment="prod")})
    assert site.ingest().code == 0
    assert site.codes() == [code]
    assert site.counted() == {}
    (row,) = site.rows("artifacts")
    assert (row["verdict"], row["producer"]) == ("unverifiable", by)


# -- E11 to E13: replays -----------------------------------------------------------------------------------------


def test_replay_in_another_repository(site: Site) -> None:
    """E11: checkout's block, delivered again from ledger, counts once, and where it belongs."""
    data = decision(decision="block")
    site.collect({OWN: data})
    assert site.ingest().code == 0
    site.collect({ELSEWHERE: data})
    run = site.ingest()
    assert (run.json["new"], run.json["duplicates"]) == (0, 1)
    assert site.counted() == {(CHECKOUT, "prod"): 1}


def test_replay_before_the_delivery(site: Site) -> None:
    """E11: whoever delivers checkout's block first, from ledger, does not take it away from checkout."""
    data = decision(decision="block", repo="acme/checkout", environment="prod")
    site.collect({ELSEWHERE: data})
    assert site.ingest().code == 0
    site.collect({OWN: data})
    assert site.ingest().json["duplicates"] == 1
    assert site.counted() == {(CHECKOUT, "prod"): 1}
    assert "attribution.repository_conflict" in site.codes()


def test_one_emission_in_many_bytes(site: Site) -> None:
    """E12: the same emission, written in other bytes, is kept and counts once, wherever it lies."""
    data = decision(repo="acme/checkout", environment="prod")
    value = json.loads(data)
    copies = {f"acme/checkout/prod/{n}.json": json.dumps(value, indent=n).encode() for n in (2, 3, 4)}
    site.collect({OWN: data, **copies, ELSEWHERE: json.dumps(value, separators=(",", ":")).encode()})
    run = site.ingest()
    assert (run.json["new"], run.json["repeats"]) == (5, 4)
    assert site.counted() == {(CHECKOUT, "prod"): 1}
    assert site.verify(*site.known).code == 0


def test_a_stranger_takes_no_emission_away(site: Site) -> None:
    """E12: a stranger's copy of the ids does not make the real decision a repetition."""
    site.collect({"acme/checkout/prod/a.json": decision(by="stranger", latency_ms=1)})
    assert site.ingest().code == 0
    site.collect({OWN: decision()})
    assert site.ingest().json["repeats"] == 0
    assert site.counted() == {(CHECKOUT, "prod"): 1}


def test_a_decision_inside_an_unsigned_pack(site: Site) -> None:
    """E13: checkout's decision, wrapped into a pack that nobody signed, says nothing about ledger."""
    files = unzipped((VECTORS / "packs" / "authorization-signed.zip").read_bytes())
    manifest = json.loads(files["pack_manifest.json"])
    manifest.pop("signatures", None)
    files["pack_manifest.json"] = json.dumps(manifest).encode()
    site.collect({"acme/ledger/prod/pack.zip": zipped(files)})
    fleet = make_fleet(
        site.folder / "fleet", producer("golden-ci", "checkout", public=public_key("checkout-ci"))
    )
    wrapped = Site(site.folder, fleet)
    assert wrapped.ingest().code == 0
    (row,) = wrapped.rows("artifacts")
    assert row["verdict"] == "unsigned"
    assert "producer.wrong_repository" in row["codes"]
    assert [item["repository"] for item in wrapped.rows("decisions") if item["verdict"] == "verified"] in (
        [],
        [CHECKOUT],
    )
    assert all(repository != LEDGER for repository, _environment in wrapped.counted())


# -- E14: producers that nobody authorized -----------------------------------------------------------------------


def test_producer_of_an_unauthorized_commit(tmp_path: Path) -> None:
    """E14: whoever can push to the fleet repository registers a key; verified state does not have it."""
    with clean_settings(tmp_path):
        fleet = make_fleet(tmp_path / "fleet")
        fleet.world.commit(producer("mallory", "checkout", "ledger"), by="mallory")
        (tmp_path / "site").mkdir()
        site = Site(tmp_path / "site", fleet)
        site.collect({OWN: decision(by="mallory", repo="acme/checkout", environment="prod")})
        run = site.ingest()
        if run.code == 0:
            (row,) = site.rows("artifacts")
            assert (row["verdict"], row["producer"]) == ("unverifiable", None)
            assert site.counted() == {}
        else:
            assert (run.code, run.codes) == (2, ["proposer.unknown"])
            assert not site.store.exists()


def test_another_trust_root(site: Site, evidence_fleet: Fleet) -> None:
    """E14: without the right trust root nothing of the fleet is believed, and nothing is ingested."""
    site.collect({OWN: decision()})
    run = gaitops(
        "evidence", "ingest", "--json", "--store", site.store, "--from", site.inbox, "--repository", "acme/checkout",
        "--fleet-repo", evidence_fleet.world.path, "--trust-root", f"sha256:{'0' * 64}",
    )  # fmt: skip
    assert (run.code, run.codes) == (2, ["trust.root_mismatch"])
    assert not site.store.exists()


# -- E15: uploads by whoever can open a pull request -------------------------------------------------------------


def test_a_fork_uploads_what_it_likes(site: Site) -> None:
    """E15: unsigned claims, strange keys and doctored dates change no number but those of what proves nothing."""
    site.collect({OWN: decision(repo="acme/checkout", environment="prod")})
    assert site.ingest().code == 0
    before = site.numbers()
    loud = trace("loud", policy=guard_digest(), repo="acme/ledger", environment="prod")
    later = trace("later", policy=guard_digest(), when=NOW + timedelta(days=400))
    site.collect(
        {
            "acme/ledger/prod/unsigned.json": json.dumps(loud).encode(),
            "acme/ledger/prod/strange.json": signed(loud, key("fork")),
            "acme/ledger/prod/later.json": signed(later, key("fork")),
            "acme/ledger/prod/junk.json": b'{"schema_id": "gait.gate.trace"}',
            "acme/ledger/prod/empty.json": b"",
            "acme/nowhere/prod/x.json": signed(trace("y"), key("fork")),
        }
    )
    assert site.ingest().code == 0
    after = site.numbers()
    differ = {name for name in after if after[name] != before[name]}
    assert all(name.startswith(("evidence.", "traces.")) for name in differ), differ
    assert after["evidence.verified"] == before["evidence.verified"]


def test_decisions_of_the_future(site: Site) -> None:
    """E15: a decision dated ahead by a broken clock counts in no window that is over."""
    site.collect({OWN: decision(when=NOW + timedelta(days=400))})
    assert site.ingest().code == 0
    assert site.states() == {"unknown"}
    run = site.ingest("--at", "2030-01-01T00:00:00Z")
    assert (run.code, run.codes) == (6, ["history.future"])
