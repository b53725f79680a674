# SPDX-License-Identifier: Apache-2.0
"""What attacks on releases and pins share: a fleet with two releases, its command line, and hostile mirrors."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from gaitops.cli import clock, opening
from gaitops.cli import pin as pin_commands
from gaitops.cli.main import program
from gaitops.release.ceremony import new_root, next_root, sign_root
from gaitops.release.metadata import metadata_bytes
from gaitops.release.sign import sign_metadata
from tests.cli.harness import Run
from tests.simulator import Actor, World, environment_document, policy_files, project_files, version_digest_of

NOW = datetime.now(UTC).replace(microsecond=0)
"""The TUF client of ``pin update`` reads the real clock, so these stories end now."""
DAY = timedelta(days=1)
CHECKOUT = "github.com/acme/checkout"
UNPRIVILEGED = """
import ctypes, os
if os.geteuid() == 0:
    ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
"""
"""Statements after which a process of the administrator obeys file permissions like everybody's (capset(2))."""
_PEOPLE = ("alice", "bob", "carol")
_SECOND_TEXT = "default_verdict: block\nrules:\n  - name: none\n    priority: 5\n    effect: block\n    match: {tool_names: [fs.write]}\n"


class RecentWorld(World):
    """A world that began yesterday, with as many publishers as the test asks for."""

    def __init__(
        self, path: Path, *, publishers: Sequence[str] = ("publisher",), seed: str = "", **options: Any
    ) -> None:
        self.publishers = [Actor(name, seed + name) for name in publishers]
        self._seed = seed
        super().__init__(path, **options)

    def _new_root(self, people: Sequence[str], threshold: int) -> bytes:
        # The first thing that a world does with its people; also the moment to set its clock.
        self.now = NOW - DAY
        if self._seed:
            self.actors = {name: Actor(name, self._seed + name) for name in people}
        keys = [(name, self.actors[name].signer.public_key) for name in people]
        named = [(actor.name, actor.signer.public_key) for actor in self.publishers]
        root = new_root(keys, threshold, named, len(named), NOW + 365 * DAY)
        for name in people[:threshold]:
            root = sign_root(root, self.actors[name].signer)
        return root

    def save_keys(self, folder: Path) -> None:
        """Private keys of the publishers as files that ``--key`` names."""
        folder.mkdir(parents=True, exist_ok=True)
        for actor in self.publishers:
            file = folder / f"{actor.name}.pem"
            file.write_bytes(actor.private_pem)
            file.chmod(0o600)


def first_steps(world: RecentWorld) -> None:
    """A policy and the project that runs it in production."""
    files = {**policy_files("guard", "1.0.0"), **project_files()}
    world.land(files, by="alice", approvers=["bob"])
    _assign(world, "1.0.0")


def second_steps(world: RecentWorld) -> None:
    """A second version, and production moves on to it."""
    descriptor = world.read("orgs/acme/policies/guard/versions/1.0.0/version.yaml").decode()
    parents = [("1.0.0", version_digest_of(descriptor, "guard", "1.0.0"))]
    files = policy_files("guard", "2.0.0", text=_SECOND_TEXT, parents=parents, risk=None)
    world.land(files, by="alice", approvers=["bob"])
    _assign(world, "2.0.0")


def _assign(world: RecentWorld, version: str) -> None:
    document = environment_document("production", "production", {"name": "guard", "version": version})
    path = "orgs/acme/projects/pay/environments/production.yaml"
    world.land({path: document}, by="alice", approvers=["bob", "carol"])


class Scene:
    """A folder with a fleet, its keys and releases, and consumers; and the command line on them.

    Attributes:
        folder: ``fleet``, ``keys/<publisher>.pem``, ``one`` and ``two`` (the first and second release), and
            ``pinned`` (a consumer that pinned the first).
        trust_root: what the fleet's owners published out of band.
    """

    def __init__(self, folder: Path, trust_root: str) -> None:
        self.folder = folder
        self.trust_root = trust_root

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def environment(self) -> dict[str, str | None]:
        """The user's environment: nothing of whoever runs the tests, and the caller's trust root."""
        return {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "home/state"),
            "XDG_CONFIG_HOME": None,
            "GAITOPS_DEBUG": None,
            "GAITOPS_TRUST_ROOT": f"sha256:{self.trust_root}" if self.trust_root else None,
        }

    def run(self, *arguments: str | Path) -> Run:
        """``gaitops ARGUMENTS --json``."""
        result = CliRunner().invoke(program, [*map(str, arguments), "--json"], env=self.environment())
        return Run(result.exit_code, result.stdout, result.stderr)

    def text(self, *arguments: str | Path) -> Run:
        """``gaitops ARGUMENTS``, for people."""
        result = CliRunner().invoke(program, [*map(str, arguments)], env=self.environment())
        return Run(result.exit_code, result.stdout, result.stderr)

    def start(self, *arguments: str | Path, before: str = "") -> subprocess.Popen[str]:
        """The same in a process of its own, after the Python statements ``before``."""
        code = f"{before}\nimport sys\nfrom gaitops.cli.main import main\nsys.argv[0] = 'gaitops'\nmain()"
        environ = {**os.environ, **self.environment()}
        command = [sys.executable, "-c", code, *map(str, arguments), "--json"]
        return subprocess.Popen(
            command,
            env={name: value for name, value in environ.items() if value is not None},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def publish(
        self, *arguments: str | Path, out: str = "out", key: str = "publisher", fleet: str = "fleet"
    ) -> Run:
        """``gaitops publish`` from a fleet of the scene into one of its folders."""
        key_file = self / f"keys/{key}.pem"
        return self.run("publish", "--repo", self / fleet, "--out", self / out, "--key", key_file, *arguments)

    def init(self, source: str | Path, *arguments: str | Path, repo: str = "consumer") -> Run:
        """``gaitops pin init`` in a consumer repository that is made when needed."""
        (self / repo).mkdir(exist_ok=True)
        what = ("--repository", CHECKOUT, "--environment", "production")
        return self.run("pin", "init", "--repo", self / repo, "--from", source, *what, *arguments)

    def update(self, source: str | Path, repo: str = "pinned") -> Run:
        """``gaitops pin update``."""
        return self.run("pin", "update", "--repo", self / repo, "--from", source)

    def verify(self, *arguments: str | Path, repo: str = "pinned") -> Run:
        """``gaitops pin verify``."""
        return self.run("pin", "verify", "--repo", self / repo, *arguments)

    def world(self) -> RecentWorld:
        """The fleet's story, to be continued."""
        return _continued(self / "fleet")

    @property
    def publisher(self) -> CryptoSigner:
        """The publisher's signer, for a publisher who turned."""
        signer: CryptoSigner = Actor("publisher").signer
        return signer


def _continued(path: Path) -> RecentWorld:
    """The world of :func:`story` on a copy of its repository."""
    from gaitops.git.repository import Repository

    world = RecentWorld.__new__(RecentWorld)
    template = _story()[1]
    world.__dict__.update(template.__dict__)
    world.path, world.repository = path, Repository.open(path)
    world.actors = dict(template.actors)
    return world


@functools.cache
def _story() -> tuple[Path, RecentWorld]:
    folder = Path(tempfile.mkdtemp(prefix="gaitops-attacks-"))
    world = RecentWorld(folder / "fleet", orgs=("acme", "zephyr"))
    world.save_keys(folder / "keys")
    scene = Scene(folder, world.trust_root)
    first_steps(world)
    _done(scene.publish("--first", out="one"))
    second_steps(world)
    shutil.copytree(folder / "one", folder / "two")
    _done(scene.publish("--previous", folder / "two", out="two"))
    _done(scene.init(folder / "one", repo="pinned"))
    return folder, world


def _done(run: Run) -> None:
    assert run.code == 0, run.out


@pytest.fixture(scope="session")
def story() -> Iterator[Path]:
    """The folder that every scene copies; built once a process."""
    yield _story()[0]
    shutil.rmtree(_story()[0])
    _story.cache_clear()


@pytest.fixture
def scene(story: Path, tmp_path: Path) -> Scene:
    """A copy of the story that a test may do anything to."""
    folder = tmp_path / "scene"
    shutil.copytree(story, folder, symlinks=True)
    return Scene(folder, _story()[1].trust_root)


def refused(run: Run, exit_code: int, code: str) -> None:
    """The run ended with this exit code and named this error, in a document that fits its schema."""
    assert (run.code, run.json.get("error_code")) == (exit_code, code), run.out


def content(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder: files by their bytes, links by where they point, folders by name."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = "folder" if path.is_dir() else path.read_bytes()
    return found


@contextmanager
def unchanged(*folders: Path) -> Iterator[None]:
    """Nothing below these folders is another afterwards, not even an empty folder."""
    before = [content(folder) for folder in folders]
    yield
    after = [content(folder) for folder in folders]
    assert after == before


def rejected(scene: Scene, source: str | Path, exit_code: int, code: str) -> None:
    """``pin update`` and ``pin init`` refuse the source, and no byte of any pin is another afterwards."""
    (scene / "consumer").mkdir(exist_ok=True)
    with unchanged(scene / "pinned", scene / "consumer"):
        refused(scene.update(source), exit_code, code)
        refused(scene.init(source), exit_code, code)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let the command line read ``moment`` from its clock."""
    for module in (clock, opening, pin_commands):
        monkeypatch.setattr(module, "now", lambda: moment, raising=False)


# -- a publisher who turned ------------------------------------------------------------------------------------


def forge(file: Path, change: Callable[[Any], None], signer: CryptoSigner) -> None:
    """Change what signed metadata says, and sign it again."""
    metadata: Metadata[Any] = Metadata.from_bytes(file.read_bytes())
    change(metadata.signed)
    metadata.signatures.clear()
    sign_metadata(metadata, [signer])
    file.write_bytes(metadata_bytes(metadata))


def next_roots(root: bytes, count: int, people: Mapping[str, Actor], expires: datetime) -> list[bytes]:
    """``count`` roots after ``root`` that change nothing."""
    chain = []
    for _ in range(count):
        root = next_root(root, expires=expires)
        for name in _PEOPLE[:2]:
            root = sign_root(root, people[name].signer)
        chain.append(root)
    return chain


def edit(file: Path, before: str, after: str) -> None:
    """Replace a text that occurs in a file."""
    text = file.read_text(encoding="utf-8")
    assert before in text, text
    file.write_text(text.replace(before, after), encoding="utf-8")


def members(file: Path) -> dict[str, Any]:
    """A JSON file."""
    value: dict[str, Any] = json.loads(file.read_bytes())
    return value


# -- hostile mirrors -------------------------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler], None]


def redirect(address: str) -> Answer:
    """Send the client elsewhere."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", address)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def body(data: bytes, length: int | None = None, **headers: str) -> Answer:
    """Send these bytes under a Content-Length that may be a lie."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return answer


class Endless:
    """Bytes that never end; counts how many anybody took."""

    def __init__(self, piece: bytes = b" " * 65536) -> None:
        self.sent = 0
        self._piece = piece

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Send until the client has had enough."""
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(self._piece)
                self.sent += len(self._piece)
        except (BrokenPipeError, ConnectionResetError):
            return  # The client has hung up, as it should.


@contextmanager
def mirror(folder: Path, answers: Mapping[str, Answer] | None = None) -> Iterator[str]:
    """A web server on the loopback with the files of a folder, and lies at some paths; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            special = (answers or {}).get(path)
            file = folder / path
            if special is not None:
                special(self)
            elif file.is_file():
                body(file.read_bytes())(self)
            else:
                self.send_error(404)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
