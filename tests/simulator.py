# SPDX-License-Identifier: Apache-2.0
"""A small world to tell stories in: a real Git repository, people with real keys, a clock that the story moves.

::

    world = World(tmp_path)
    head = world.commit({"orgs/acme/projects/pay/project.yaml": ...}, by="alice", branch="topic")
    world.approve("topic", by="bob")
    world.merge("topic")
    assert world.verify().verified
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from gaitops.change.attestation import Intent
from gaitops.documents.layout import envelope_path
from gaitops.git.objects import COMMIT, TREE
from gaitops.git.repository import Repository
from gaitops.git.writing import Person, commit_files, init_repository, update_branch
from gaitops.history.proposal import propose
from gaitops.history.session import History, open_history
from gaitops.history.signable import Signable, of_genesis, of_proposal
from gaitops.history.verdict import Verdict
from gaitops.release.ceremony import new_root, sign_root
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.repositories import render_fleet
from gaitops.signing.dsse import seal
from gaitops.signing.statement import PAYLOAD_TYPE

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FOREVER = timedelta(hours=72)


class Actor:
    """A person or program with one Ed25519 key, the same in every run."""

    def __init__(self, name: str, seed: str | None = None) -> None:
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256((seed or name).encode()).digest())
        self.signer = CryptoSigner(self.key)
        self.email = f"{name.replace('/', '.')}@example.com"

    @property
    def pem(self) -> str:
        """The public key as SPKI PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def private_pem(self) -> bytes:
        """The private key as PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def seal(self, payload: bytes, _at: datetime) -> bytes:
        """An envelope around a statement, as the fleet repository keeps it."""
        return seal(PAYLOAD_TYPE, payload, [self.signer])

    def sign_commit(self, payload: bytes) -> bytes:
        """An armored SSHSIG in Git's namespace, as ``ssh-keygen -Y sign -n git`` makes it."""
        public = _string(b"ssh-ed25519") + _string(self.key.public_key().public_bytes_raw())
        hashed = hashlib.sha512(payload).digest()
        signed = b"SSHSIG" + _string(b"git") + _string(b"") + _string(b"sha512") + _string(hashed)
        signature = _string(b"ssh-ed25519") + _string(self.key.sign(signed))
        fields = (public, b"git", b"", b"sha512", signature)
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(_string(item) for item in fields)
        text = base64.b64encode(blob).decode()
        lines = [text[at : at + 70] for at in range(0, len(text), 70)]
        return "\n".join(
            ["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]
        ).encode()


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


class World:
    """A fleet repository with people, and a clock."""

    def __init__(
        self,
        path: Path,
        *,
        people: Sequence[str] = ("alice", "bob", "carol"),
        threshold: int = 2,
        orgs: Sequence[str] = ("acme",),
        fleet: str = "larkspur",
        solo: bool = False,
        extra: Mapping[str, bytes] | None = None,
        genesis: bool = True,
    ) -> None:
        self.path = path
        self.now = START
        self.actors = {name: Actor(name) for name in people}
        self.publisher = Actor("publisher")
        self.root = self._new_root(people, threshold)
        self.trust_root = hashlib.sha256(self.root).hexdigest()
        parameters = FleetParameters(
            fleet=fleet,
            people=tuple(
                FleetPerson(name, self.actors[name].pem, (self.actors[name].email,)) for name in people
            ),
            threshold=threshold,
            publishers=("publisher",),
            trust_root=self.trust_root,
            version="0.1.0",
            orgs=tuple(orgs),
            solo=solo,
        )
        self.files = {
            **render_fleet(parameters),
            "trust/root/1.root.json": self.root,
            **(extra or {}),
        }
        self.repository: Repository = init_repository(path)
        self.commit(self.files, by=people[0], message="genesis")
        if genesis:
            self.sign_genesis(people[:threshold])

    def _new_root(self, people: Sequence[str], threshold: int) -> bytes:
        keys = [(name, self.actors[name].signer.public_key) for name in people]
        publishers = [("publisher", self.publisher.signer.public_key)]
        root = new_root(keys, threshold, publishers, 1, START + 365 * DAY)
        for name in people[:threshold]:
            root = sign_root(root, self.actors[name].signer)
        return root

    # -- people and time -----------------------------------------------------------------------------------

    def actor(self, name: str) -> Actor:
        """The actor of this name, made when it is first asked for."""
        return self.actors.setdefault(name, Actor(name))

    def tick(self, step: timedelta = timedelta(minutes=1)) -> datetime:
        """Move the clock forward."""
        self.now += step
        return self.now

    # -- Git -----------------------------------------------------------------------------------------------

    def head(self, branch: str = "main") -> str:
        """Commit of a branch."""
        return self.repository.resolve(branch)

    def _branch(self, branch: str) -> str | None:
        target: str | None = self.repository.references.target(f"refs/heads/{branch}")
        return target

    def commit(
        self,
        files: Mapping[str, bytes | str | None],
        *,
        by: str,
        branch: str = "main",
        message: str = "change",
        signed: bool = True,
        when: datetime | None = None,
    ) -> str:
        """Commit files on a branch, which starts from ``main`` when it is new."""
        base = self._branch(branch) or (self._branch("main") if branch != "main" else None)
        actor = self.actor(by)
        changes = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        oid = commit_files(
            self.repository,
            base,
            changes,
            message=message,
            author=Person(by, actor.email),
            when=int((when or self.tick()).timestamp()),
            signer=actor.sign_commit if signed else None,
        )
        self.move(branch, oid)
        return oid

    def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        *,
        by: str,
        branch: str = "main",
        message: str = "change",
        signed: bool = True,
        when: datetime | None = None,
    ) -> str:
        """Commit a tree as it is, on any parents: merges, strange modes, whatever a push can bring."""
        actor = self.actor(by)
        ident = f"{by} <{actor.email}> {int((when or self.tick()).timestamp())} +0000"
        lines = [
            f"tree {tree}",
            *(f"parent {oid}" for oid in parents),
            f"author {ident}",
            f"committer {ident}",
        ]
        head, body = ("\n".join(lines) + "\n").encode(), f"\n{message}\n".encode()
        if signed:
            armored = actor.sign_commit(head + body).strip(b"\n").replace(b"\n", b"\n ")
            head += b"gpgsig " + armored + b"\n"
        oid = self.repository.objects.write(COMMIT, head + body)
        self.move(branch, oid)
        return oid

    def join(
        self, branch: str, *, by: str, files: Mapping[str, str | None] | None = None, signed: bool = True
    ) -> str:
        """Merge a branch into main with a real merge commit, which may change files on its own."""
        main, topic = self.head(), self.head(branch)
        squashed = self.merge(branch, by=by)
        if files:
            squashed = self.commit(files, by=by)
        tree = self.repository.tree_of(squashed)
        return self.commit_tree(tree, [main, topic], by=by, message=f"merge {branch}", signed=signed)

    def change_mode(self, path: str, mode: str, *, by: str, branch: str = "main") -> str:
        """Commit another mode of a file, nothing else."""
        base = self._branch(branch) or self.head()
        tree = self._with_mode(self.repository.tree_of(base), path.split("/"), mode.encode())
        return self.commit_tree(tree, [base], by=by, branch=branch, message=f"mode of {path}")

    def _with_mode(self, tree: str, parts: Sequence[str], mode: bytes) -> str:
        raw, entries = self.repository.objects.read(tree, TREE), []
        while raw:
            head, _, rest = raw.partition(b"\0")
            old, _, name = head.partition(b" ")
            oid, raw = rest[:20].hex(), rest[20:]
            if name == parts[0].encode():
                old, oid = (mode, oid) if len(parts) == 1 else (old, self._with_mode(oid, parts[1:], mode))
            entries.append(old + b" " + name + b"\0" + bytes.fromhex(oid))
        return self.repository.objects.write(TREE, b"".join(entries))

    def move(self, branch: str, oid: str) -> None:
        """Point a branch at a commit."""
        update_branch(self.repository, branch, oid, self._branch(branch))

    def read(self, path: str, branch: str = "main") -> bytes:
        """A file's bytes on a branch."""
        entry = self.repository.snapshot(self.head(branch)).entry(path)
        assert entry is not None, path
        return self.repository.read(entry.oid)

    def merge(self, branch: str, *, by: str = "alice", signed: bool = True) -> str:
        """Merge a branch into main, as a forge's squash does: one new commit with the branch's files."""
        main, topic = self.head(), self.head(branch)
        base = next(
            oid
            for oid in self.repository.first_parents(topic)
            if oid in set(self.repository.first_parents(main))
        )
        changes = self.repository.tree_changes(self.repository.tree_of(base), self.repository.tree_of(topic))
        files = {item.path: self.repository.read(item.after.oid) if item.after else None for item in changes}
        return self.commit(files, by=by, signed=signed, message=f"merge {branch}")

    # -- approvals -----------------------------------------------------------------------------------------

    @contextmanager
    def history(self, branch: str = "main", checkpoint: Path | None = None) -> Iterator[History]:
        """The folded history of a branch, at the story's time."""
        repository = Repository.open(self.path)
        with open_history(
            repository, repository.resolve(branch), self.trust_root, at=self.now, checkpoint=checkpoint
        ) as history:
            yield history

    def verify(self, branch: str = "main", checkpoint: Path | None = None) -> Verdict:
        """The verdict on a branch."""
        with self.history(branch, checkpoint) as history:
            return history.verdict()

    def sign_genesis(self, names: Sequence[str]) -> None:
        """Root people vouch for the first tree."""
        with self.history() as history:
            signables = of_genesis(history)
        for name in names:
            self.commit(self.envelopes(signables, name, "approve"), by=name, message=f"genesis: {name}")

    def envelopes(
        self,
        signables: Sequence[Signable],
        principal: str,
        intent: Intent,
        *,
        key: Actor | None = None,
        lifetime: timedelta = FOREVER,
        withdraws: Sequence[str] = (),
        issued_at: datetime | None = None,
    ) -> dict[str, bytes]:
        """Envelope files, one per partition."""
        actor = key or self.actor(principal)
        files = {}
        for signable in signables:
            payload = signable.payload(
                self.trust_root,
                intent,
                principal,
                issued_at=issued_at or self.now,
                lifetime=lifetime,
                reason="story",
                withdraws=withdraws,
            )
            files.update(self.sealed(payload, actor, principal))
        return files

    def sealed(self, payload: bytes, actor: Actor, principal: str) -> dict[str, bytes]:
        """One envelope file around a payload."""
        import json

        subject = json.loads(payload)["subject"][0]["digest"]["sha256"]
        path = envelope_path(subject, principal, hashlib.sha256(payload).hexdigest())
        return {path: actor.seal(payload, self.now)}

    def signables(self, branch: str, *, include_pending: bool = False) -> list[Signable]:
        """What there is to sign for merging a branch into main."""
        with self.history() as history:
            proposal = propose(history, history.repository.resolve(branch), include_pending=include_pending)
            return of_proposal(history, proposal)

    def sign(
        self,
        branch: str,
        principal: str,
        intent: Intent = "approve",
        *,
        onto: str | None = None,
        **options: object,
    ) -> str:
        """Sign a branch's change and commit the envelopes to it (or to another branch)."""
        pending = bool(options.pop("include_pending", False))
        files = self.envelopes(self.signables(branch, include_pending=pending), principal, intent, **options)  # type: ignore[arg-type]
        return self.commit(files, by=principal, branch=onto or branch, message=f"{intent}: {principal}")

    def approve(self, branch: str, *principals: str) -> None:
        """Several people approve."""
        for principal in principals:
            self.sign(branch, principal)

    def land(
        self,
        files: Mapping[str, bytes | str | None],
        *,
        by: str,
        approvers: Sequence[str] = (),
        branch: str = "topic",
    ) -> str:
        """The usual course: commit on a branch, approvals, merge."""
        name = f"{branch}-{self.now:%d%H%M%S}"
        self.commit(files, by=by, branch=name)
        self.approve(name, *approvers)
        return self.merge(name, by=by)


# -- documents that stories need --------------------------------------------------------------------------------

POLICY = "default_verdict: block\nrules:\n  - name: reads\n    priority: 10\n    effect: allow\n    match: {tool_names: [fs.read]}\n"


def document(kind: str, name: str, spec: Mapping[str, object], **metadata: object) -> str:
    """A document as text: JSON is YAML, and strict enough for the reader."""
    import json

    body = {
        "apiVersion": "gaitops.dev/v1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }
    return json.dumps(body, indent=2) + "\n"


def policy_files(
    policy: str,
    version: str,
    *,
    org: str = "acme",
    text: str = POLICY,
    parents: Sequence[tuple[str, str]] = (),
    risk: str | None = "low",
    channels: Mapping[str, str] | None = None,
    shared: Sequence[str] = (),
) -> dict[str, str]:
    """Files of a policy version, and of the policy itself unless ``risk`` is ``None``."""
    from gaitops.gait.policy_digest import SCHEME, digest_policy

    folder = f"orgs/{org}/policies/{policy}"
    reading = digest_policy(text.encode())
    descriptor = {
        "files": [{"path": "gait.policy.yaml", "sha256": hashlib.sha256(text.encode()).hexdigest()}],
        "gait": {"digest": reading.digest, "scheme": SCHEME},
        "parents": [{"version": number, "digest": digest} for number, digest in parents],
    }
    files = {
        f"{folder}/versions/{version}/gait.policy.yaml": text,
        f"{folder}/versions/{version}/version.yaml": document(
            "PolicyVersion", policy, descriptor, org=org, version=version
        ),
    }
    if risk is not None:
        files[f"{folder}/policy.yaml"] = policy_document(
            policy, org=org, risk=risk, channels=channels, shared=shared
        )
    return files


def policy_document(
    policy: str,
    *,
    org: str = "acme",
    risk: str = "low",
    channels: Mapping[str, str] | None = None,
    shared: Sequence[str] = (),
) -> str:
    """``policy.yaml``."""
    spec: dict[str, object] = {"owner": "alice", "summary": "guards", "risk": risk}
    if channels:
        spec["channels"] = dict(channels)
    if shared:
        spec["sharedWith"] = list(shared)
    return document("Policy", policy, spec, org=org)


def version_digest_of(descriptor: str, policy: str, version: str, *, org: str = "acme") -> str:
    """Version digest of a descriptor's text."""
    from gaitops.documents.load import load_document
    from gaitops.documents.models.policy import PolicyVersion
    from gaitops.fleet.graph import version_digest

    path = f"orgs/{org}/policies/{policy}/versions/{version}/version.yaml"
    loaded = load_document(descriptor.encode(), path)
    assert isinstance(loaded, PolicyVersion)
    return version_digest(loaded)


def project_files(
    project: str = "pay",
    *,
    org: str = "acme",
    repositories: Sequence[str] = ("checkout", "ledger"),
    environments: Mapping[str, tuple[str, Mapping[str, str]]] | None = None,
) -> dict[str, str]:
    """A project with repositories; environments by name as (tier, policy reference)."""
    folder = f"orgs/{org}/projects/{project}"
    files = {
        f"{folder}/project.yaml": document(
            "Project", project, {"summary": "payments", "owners": ["alice"]}, org=org
        )
    }
    for name in repositories:
        files[f"{folder}/repositories/{name}.yaml"] = repository_document(name, org=org, project=project)
    for name, (tier, reference) in (environments or {}).items():
        files[f"{folder}/environments/{name}.yaml"] = environment_document(
            name, tier, reference, org=org, project=project
        )
    return files


def repository_document(
    name: str,
    *,
    org: str = "acme",
    project: str = "pay",
    labels: Mapping[str, str] | None = None,
    url: str | None = None,
) -> str:
    """A repository of a project."""
    spec: dict[str, object] = {"url": url or f"https://github.com/{org}/{name}"}
    if labels:
        spec["labels"] = dict(labels)
    return document("Repository", name, spec, org=org, project=project)


def environment_document(
    name: str,
    tier: str,
    reference: Mapping[str, str],
    *,
    org: str = "acme",
    project: str = "pay",
    selector: Mapping[str, object] | None = None,
) -> str:
    """An environment with its tier, selector and policy reference."""
    spec = {"tier": tier, "selector": dict(selector or {"all": True}), "policy": dict(reference)}
    return document("Environment", name, spec, org=org, project=project)


def principal_document(
    actor: Actor, *, groups: Sequence[str] = (), kind: str = "human", **validity: str
) -> str:
    """A principal with the actor's key."""
    identity = {"id": "laptop", "type": "key", "publicKey": actor.pem, **validity}
    name = actor.name.rpartition("/")[2]
    spec = {"type": kind, "groups": list(groups), "emails": [actor.email], "identities": [identity]}
    return document("Principal", name, spec)


def binding_document(
    name: str, role: str, scope: str, principals: Sequence[str], groups: Sequence[str] = ()
) -> str:
    """A role binding."""
    members = {"principals": list(principals), "groups": list(groups)}
    return document("RoleBinding", name, {"role": role, "scope": scope, "members": members})
