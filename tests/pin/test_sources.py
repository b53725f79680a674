# SPDX-License-Identifier: Apache-2.0
"""Every kind of source, honest and hostile."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Targets

from gaitops.errors import (
    InternalError,
    InvalidInputError,
    VerificationError,
)
from gaitops.pin.client import ReleaseClient
from gaitops.pin.folder import read_folder
from gaitops.pin.sources import open_source
from gaitops.pin.update import init_pin
from gaitops.pin.verify import verify_pin
from gaitops.release.layout import org_paths
from gaitops.release.metadata import metadata_bytes
from gaitops.release.sign import sign_metadata
from gaitops.release.sources import HttpSource, Source
from tests.pin.pin_builder import NOW, REQUEST, code
from tests.release.release_builder import Fleet, files_of, key, signer


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


class TestSources:
    def test_http(self, fleet: Fleet, consumer: Path) -> None:
        """A release on a web server."""
        handler = functools.partial(_Quiet, directory=str(fleet.out))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            source = open_source(f"http://127.0.0.1:{server.server_port}/", consumer, {})
            init_pin(consumer, source, fleet.trust_root, [REQUEST], NOW)
            server.shutdown()
        verify_pin(read_folder(consumer), fleet.trust_root)

    def test_unreachable(self, fleet: Fleet, consumer: Path) -> None:
        """A server that is not there is worth another try, not a verification failure."""
        with ThreadingHTTPServer(("127.0.0.1", 0), _Quiet) as server:
            port = server.server_port
        with pytest.raises(InternalError) as error:
            init_pin(consumer, HttpSource(f"http://127.0.0.1:{port}"), fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.unavailable"

    def test_git_branch(self, fleet: Fleet, consumer: Path, tmp_path: Path) -> None:
        """A release on a branch of a bare Git repository."""
        bare, environ = _publish_branch(fleet.out, tmp_path)
        source = open_source(f"git+file://{bare}#releases", tmp_path / "scratch", environ)
        init_pin(consumer, source, fleet.trust_root, [REQUEST], NOW)
        verify_pin(read_folder(consumer), fleet.trust_root)

    def test_missing_branch(self, fleet: Fleet, tmp_path: Path) -> None:
        """A branch that is not there is named."""
        bare, environ = _publish_branch(fleet.out, tmp_path)
        with pytest.raises(InvalidInputError) as error:
            open_source(f"git+file://{bare}#other", tmp_path / "scratch", environ)
        assert code(error) == "git.unknown_revision"

    @pytest.mark.parametrize(
        "address", ["git+ext://sh#main", "git+file:///x", "ftp://host/x", 'git+file:///a"b#m']
    )
    def test_bad_address(self, tmp_path: Path, address: str) -> None:
        """Addresses of other kinds are refused before anything runs."""
        with pytest.raises(InvalidInputError) as error:
            open_source(address, tmp_path, {})
        assert code(error) == "release.address"

    def test_folder_and_file_url(self, fleet: Fleet, tmp_path: Path) -> None:
        """A folder by path and by URL."""
        for address in (str(fleet.out), fleet.out.as_uri()):
            source = open_source(address, tmp_path, {})
            assert _newest(source, fleet, tmp_path / "scratch") == 1


def _newest(source: Source, fleet: Fleet, scratch: Path) -> int:
    """Number of the newest release, as a client finds it."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return ReleaseClient(source, fleet.trust_root, scratch, NOW).release.release


def _publish_branch(out: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A bare repository whose branch ``releases`` holds the files of ``out``."""
    work, bare = tmp_path / "work", tmp_path / "remote.git"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "pub" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], check=True, env=environ, capture_output=True)

    git("init", "-q", "-b", "releases", str(work))
    for name, data in files_of(out).items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(data)
    git("-C", str(work), "add", "-A")
    git("-C", str(work), "commit", "-q", "-m", "release")
    git("clone", "-q", "--bare", str(work), str(bare))
    return bare, environ


class _Endless:
    """A source in which one file never ends."""

    def __init__(self, source: Source, path: str) -> None:
        self._source, self._path = source, path
        self.served = 0

    @property
    def name(self) -> str:
        return "endless"

    def pieces(self, path: str) -> Iterator[bytes] | None:
        return self._forever() if path == self._path else self._source.pieces(path)

    def _forever(self) -> Iterator[bytes]:
        while True:
            self.served += 65536
            yield b" " * 65536


class TestHostileSources:
    @pytest.mark.parametrize(
        "path",
        [
            "metadata/1.root.json",
            "metadata/2.root.json",
            "metadata/timestamp.json",
            "metadata/1.snapshot.json",
            "metadata/1.org.acme.json",
            "envelopes/{release}.dsse.json",
        ],
    )
    def test_endless(self, fleet: Fleet, consumer: Path, path: str) -> None:
        """R8: endless metadata ends at its limit."""
        release = hashlib.sha256(_release_payload(fleet)).hexdigest()
        source = _Endless(fleet.source, path.format(release=release))
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.invalid"
        assert 0 < source.served < 64 * 1024 * 1024

    def test_expired(self, tmp_path: Path, consumer: Path) -> None:
        """R2: a frozen mirror is noticed when the timestamp has expired."""
        then = NOW - timedelta(days=8)
        fleet = Fleet(tmp_path / "out", time=then)
        fleet.publish(first=True, now=then)
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.expired"

    def test_swapped_target(self, fleet: Fleet, consumer: Path) -> None:
        """R3: target bytes that are not those that were named."""
        target = next(fleet.out.glob("targets/**/*.gait.policy.yaml"))
        for data in (b"x" * target.stat().st_size, target.read_bytes() + b"x"):
            target.write_bytes(data)
            with pytest.raises(VerificationError) as error:
                init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
            assert code(error) == "release.invalid"

    def test_mixed_metadata(self, fleet: Fleet, consumer: Path) -> None:
        """R3: the snapshot of one release under the timestamp of another."""
        fleet.publish(step=2)
        metadata = fleet.out / "metadata"
        (metadata / "2.snapshot.json").write_bytes((metadata / "1.snapshot.json").read_bytes())
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.invalid"

    @pytest.mark.parametrize("role", ["org.acme", "org.acme.project.payments"])
    def test_circle(self, fleet: Fleet, consumer: Path, role: str) -> None:
        """R8: a publisher who lets delegations run in circles makes a release without targets."""
        path = fleet.out / f"metadata/1.{role}.json"
        metadata: Metadata[Targets] = Metadata.from_bytes(path.read_bytes())
        metadata.signed.targets.clear()
        publisher = key("pub1")
        back = DelegatedRole(
            "org.acme", [publisher.keyid], 1, terminating=False, paths=list(org_paths("acme"))
        )
        metadata.signed.delegations = Delegations({publisher.keyid: publisher}, {"org.acme": back})
        metadata.signatures.clear()
        sign_metadata(metadata, [signer("pub1")])
        path.write_bytes(metadata_bytes(metadata))
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.invalid"

    def test_missing_signatures(self, fleet: Fleet, consumer: Path) -> None:
        """R4: a release whose statements lost their signatures."""
        for envelope in (fleet.out / "envelopes").iterdir():
            envelope.unlink()
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "signature.invalid"


def _release_payload(fleet: Fleet) -> bytes:
    return next((fleet.out / "targets").glob("*.release.json")).read_bytes()
