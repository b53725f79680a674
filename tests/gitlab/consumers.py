# SPDX-License-Identifier: Apache-2.0
"""A consumer repository as a project of the forge, with what ``gaitops pin init --ci gitlab`` writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gaitops import __version__
from gaitops.scaffold.consumer import ConsumerParameters, render_consumer
from tests.attacks.release_tools import CHECKOUT, Scene
from tests.gitlab.forge import TOKEN, Forge, git
from tests.gitlab.pipelines import COMMIT, Pipeline, run

PROJECT, BRANCH = "acme/checkout", "gaitops/pin-update"


class Consumer:
    """``acme/checkout``, which pins the first of two releases.

    Attributes:
        work: The working copy of somebody who may push.
        checkout: What the runner has cloned, and where its reports lie.
    """

    def __init__(self, forge: Forge, scene: Scene, folder: Path) -> None:
        self.forge, self.scene = forge, scene
        self.checkout = folder / "checkout"
        self.work = scene / "pinned"
        git("init", "--quiet", "--initial-branch=main", str(self.work))
        self.bare = forge.project(PROJECT)
        self.push("pin agent policies")

    def push(self, message: str, branch: str = "main") -> None:
        """Commit what the working copy holds to a branch."""
        git("-C", str(self.work), "checkout", "--quiet", "-B", branch)
        git("-C", str(self.work), "add", "--all")
        git("-C", str(self.work), "commit", "--quiet", "--allow-empty", "--message", message)
        git("-C", str(self.work), "push", "--quiet", str(self.bare), branch)

    def configure(self, release: str) -> None:
        """Commit what ``pin init --ci gitlab`` writes; gaitops comes with the image."""
        source = f"acme/gaitops-ci@{COMMIT}"
        parameters = ConsumerParameters(CHECKOUT, ("production",), release, source, __version__)
        for path, data in render_consumer(parameters, "gitlab").items():
            file = self.work / path
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data.replace(f"gaitops=={__version__}".encode(), b'""'))
        self.push("checks")

    def include(self, name: str, **inputs: str) -> None:
        """Commit a pipeline with one component."""
        component = f"$CI_SERVER_FQDN/acme/gaitops-ci/{name}@{COMMIT}"
        entry = {"component": component, "inputs": {"requirement": "", **inputs}}
        (self.work / ".gitlab-ci.yml").write_text(json.dumps({"include": [entry]}))
        self.push("pipeline")

    def pipeline(self, source: str = "push", branch: str = "main", **variables: str) -> Pipeline:
        """One pipeline of a branch."""
        shutil.rmtree(self.checkout, ignore_errors=True)
        self.forge.clone(PROJECT, self.checkout, branch)
        settings = {
            "CI_PIPELINE_SOURCE": source,
            "GAITOPS_TRUST_ROOT": f"sha256:{self.scene.trust_root}",
            "GAITOPS_PUSH_TOKEN": TOKEN,
        }
        return run(self.checkout, {**settings, **variables})

    def merge_request(self, branch: str, **variables: str) -> Pipeline:
        """The pipeline of a merge request from a branch to ``main``."""
        settings = {
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_PROJECT_ID": "1217",  # what gitlab-ci-local calls every project
        }
        return self.pipeline("merge_request_event", branch, **{**settings, **variables})

    def offered(self) -> str:
        """The newest commit of the branch that renews the pin; empty without one."""
        names = ("--format=%(objectname)", f"refs/heads/{BRANCH}")
        return git("-C", str(self.bare), "for-each-ref", *names).strip()
