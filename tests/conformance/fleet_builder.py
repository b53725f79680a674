# SPDX-License-Identifier: Apache-2.0
"""A published fleet with several repositories, and bare mirrors of them on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gaitops.git.writing import Person, commit_files, init_repository, update_branch
from gaitops.pin.update import PinRequest, fetch_pin
from gaitops.release.content import ReleasedOrg, ReleasedProject
from tests.conformance.conformance_builder import CONFORMING, released
from tests.pin.pin_builder import NOW
from tests.release.release_builder import Fleet, commit_id, row

ENVIRONMENTS = ("production", "staging")


class Mirrors:
    """Release ``out`` assigns ``guard@1.0.0`` to each repository in production and staging.

    Attributes:
        repositories: Ids of all repositories of the fleet, mirrored or not.
        manifest: Where :meth:`list` writes.
    """

    def __init__(self, folder: Path, repositories: Sequence[str], *, number: str = "1.0.0") -> None:
        self.folder = folder
        self.repositories = tuple(repositories)
        self.fleet = Fleet(folder / "out", time=NOW)
        self.manifest = folder / "mirrors.yaml"
        self.publish(number, first=True)

    @property
    def release(self) -> Path:
        """The folder of the newest release."""
        return self.fleet.out

    def publish(self, number: str, *, step: int = 1, first: bool = False) -> None:
        """A release that assigns one version everywhere; ``web`` repositories belong to a project of their own."""
        parts: dict[str, list[str]] = {"payments": [], "shop": []}
        for name in self.repositories:
            parts["shop" if "web" in name else "payments"].append(name)
        projects = [
            ReleasedProject(
                "acme",
                project,
                tuple(
                    row(name, environment, number) for name in sorted(names) for environment in ENVIRONMENTS
                ),
            )
            for project, names in parts.items()
            if names
        ]
        versions = tuple(released(one) for one in ("1.0.0", "1.1.0"))
        self.fleet.publish(
            ReleasedOrg("acme", commit_id(step), versions, tuple(projects)), step=step, first=first
        )

    def mirror(
        self, repository: str, *, files: Mapping[str, bytes | None] | None = None, pinned: bool = True
    ) -> Path:
        """A bare mirror of one repository, conforming apart from ``files``."""
        path = self.folder / "mirrors" / f"{repository.rpartition('/')[2]}.git"
        store = init_repository(path, bare=True)
        content: dict[str, bytes | None] = dict(CONFORMING)
        if pinned:
            requests = [PinRequest(name, repository) for name in ENVIRONMENTS]
            pin = fetch_pin(self.fleet.source, self.fleet.trust_root, requests, NOW)
            content |= {f".gaitops/{name}": data for name, data in pin.items()}
        content |= dict(files or {})
        kept = {name: data for name, data in content.items() if data is not None}
        commit = commit_files(
            store, None, kept, message="pin", author=Person("ada", "ada@example.com"), when=1_700_000_000
        )
        update_branch(store, "main", commit, None)
        return path

    def list(self, *rows: Mapping[str, object]) -> Path:
        """Write the manifest; JSON is YAML."""
        self.manifest.write_text(json.dumps(list(rows)), encoding="utf-8")
        return self.manifest

    def row(self, repository: str, **more: object) -> dict[str, object]:
        """The manifest's row of a mirror."""
        name = repository.rpartition("/")[2]
        return {"repository": repository, "path": f"mirrors/{name}.git", **more}
