# SPDX-License-Identifier: Apache-2.0
"""A store behind HTTP: a real server process on loopback, conditional writes, several writers, ingestion and queries."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3  # type: ignore[import-untyped]  # it has no types
import pytest

from gaitops.evidence import delta
from gaitops.evidence.engines import open_engine
from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.stores import open_store
from gaitops.evidence.verify import verify_store
from tests.evidence.collected import ingested, lay_out

BUCKET = "evidence"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an object store of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = (tmp_path_factory.mktemp("server") / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
    )
    try:
        _wait(url, server)
        boto3.client(
            "s3", endpoint_url=url, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
        ).create_bucket(Bucket=BUCKET)
        yield url
    finally:
        server.terminate()
        server.wait()
        log.close()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers anything."""
    pause = threading.Event()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  # loopback
        except urllib.error.HTTPError:
            return
        except OSError:
            pause.wait(0.1)
        else:
            return
    raise RuntimeError("the object store did not start")


@pytest.fixture
def options(endpoint: str) -> tuple[str, ...]:
    """What a user would pass for this server."""
    client = json.dumps({"endpoint_url": endpoint, "region_name": "us-east-1"})
    return (
        "files.key=k",
        "files.secret=s",
        f"files.client_kwargs={client}",
        "tables.AWS_ACCESS_KEY_ID=k",
        "tables.AWS_SECRET_ACCESS_KEY=s",
        "tables.AWS_REGION=us-east-1",
        f"tables.AWS_ENDPOINT_URL={endpoint}",
        "tables.AWS_ALLOW_HTTP=true",
        "tables.conditional_put=etag",
    )


def test_objects_are_created_only_if_absent(options: tuple[str, ...]) -> None:
    """The server itself refuses the second writer; reading checks the hash."""
    store = open_store(f"s3://{BUCKET}/objects", options, create=True)
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    assert store.put(digest, b"test")
    assert not store.put(digest, b"test")
    assert store.get(digest) == b"test"
    assert list(store.objects()) == [(digest, 4)]
    assert store.files.create("pending/x", b"")
    assert store.files.read("pending/x", 10) == b""
    assert open_store(f"s3://{BUCKET}/objects", options).id == store.id


def test_of_two_commits_with_one_mark_one_is_refused(options: tuple[str, ...]) -> None:
    """Delta's log is as safe there as on a disk."""
    store = open_store(f"s3://{BUCKET}/commits", options, create=True)
    delta.create_tables(store)
    nothing = arrow_schema("findings").empty_table()
    one, other = delta.open_table(store, "findings"), delta.open_table(store, "findings")
    assert one is not None
    assert other is not None
    assert delta.commit_once(store, "findings", one, nothing, {"a": 1})
    assert not delta.commit_once(store, "findings", other, nothing, {"a": 2})


def test_a_folder_is_ingested_queried_and_verified(options: tuple[str, ...], tmp_path: Path) -> None:
    """The whole way: files to objects and tables behind HTTP, and back through a query."""
    url = f"s3://{BUCKET}/whole"
    source = lay_out(tmp_path, "infra-live", most=3)
    report = ingested(url, source, store_options=options)
    assert (report.new, ingested(url, source, store_options=options).known) == (4, 4)
    store = open_store(url, options)
    with open_engine(store) as engine:
        artifacts = engine.tables["artifacts"]
        assert engine.rows(artifacts.aggregate(count=artifacts.count())) == [{"count": 4}]
        assert {row["repository"] for row in engine.rows(engine.tables["decisions"])} == {
            "github.com/larkspur/infra-live"
        }
    found = verify_store(store, options)
    assert (found.problems, found.size) == ([], 4)


def test_artifacts_are_collected_from_there_too(options: tuple[str, ...], tmp_path: Path) -> None:
    """A bucket is a place to collect from, into any store."""
    source = open_store(f"s3://{BUCKET}/source", options, create=True)
    folder = lay_out(tmp_path / "collected", "infra-live", most=3)
    for path in sorted(folder.rglob("*.json")):
        source.files.create(f"in/{path.relative_to(folder)}", path.read_bytes())
    files = tuple(option for option in options if option.startswith("files."))
    report = ingested(tmp_path / "store", f"s3://{BUCKET}/source/in", place_options=files)
    assert (report.new, report.skipped_counts) == (3, {})
