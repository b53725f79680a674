# SPDX-License-Identifier: Apache-2.0
"""The component ``collect-approvals``: comments on merge requests become envelopes on their branches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gaitops.cli.armor import armored
from tests.attacks.release_tools import Scene
from tests.gitlab.forge import TOKEN, Forge, git
from tests.gitlab.pipelines import COMMIT, Pipeline, run
from tests.simulator import policy_files

FLEET, BOT = "acme/fleet", "acme/fleet-bot"
REQUESTS = "/projects/acme%2Ffleet/merge_requests"


class Collector:
    """``acme/fleet`` with the merge request !3 of the branch ``topic``, and ``acme/fleet-bot`` beside it."""

    def __init__(self, forge: Forge, scene: Scene, folder: Path) -> None:
        self.forge, self.scene, self._folder = forge, scene, folder
        self.world = scene.world()
        self.world.commit(policy_files("scout", "1.0.0"), by="alice", branch="topic", message="scout")
        self.bare = forge.project(FLEET, self.world.path)
        component = f"$CI_SERVER_FQDN/acme/gaitops-ci/collect-approvals@{COMMIT}"
        entry = {"component": component, "inputs": {"requirement": "", "fleet": FLEET}}
        work = folder / "bot-work"
        work.mkdir()
        (work / ".gitlab-ci.yml").write_text(json.dumps({"include": [entry]}))
        git("init", "--quiet", "--initial-branch=main", str(work))
        git("-C", str(work), "add", "--all")
        git("-C", str(work), "commit", "--quiet", "--message", "pipeline")
        forge.project(BOT, work)
        forge.answers[REQUESTS] = []

    def request(
        self, number: int, branch: str, *bodies: str, source_project: int = 1, **note: object
    ) -> None:
        """Open a merge request to ``main`` with these comments."""
        head = self.world.head("topic")
        git("-C", str(self.bare), "update-ref", f"refs/merge-requests/{number}/head", head)
        self.forge.answers[REQUESTS].append(
            {
                "iid": number,
                "source_branch": branch,
                "source_project_id": source_project,
                "target_project_id": 1,
            }
        )
        notes: list[dict[str, Any]] = [{"body": body, "system": False, **note} for body in bodies]
        self.forge.answers[f"{REQUESTS}/{number}/notes"] = notes

    def pasted(self, principal: str) -> str:
        """What ``gaitops approve --print`` gives somebody to paste."""
        files = self.world.envelopes(self.world.signables("topic"), principal, "approve")
        return "\n".join(armored(path, data) for path, data in files.items())

    def run(self, **variables: str) -> Pipeline:
        """The scheduled pipeline."""
        clone = self.forge.clone(BOT, self._folder / "checkout")
        settings = {
            "CI_PIPELINE_SOURCE": "schedule",
            "CI_API_V4_URL": f"{self.forge.url}/api/v4",
            "GAITOPS_TRUST_ROOT": f"sha256:{self.scene.trust_root}",
            "GAITOPS_FLEET_TOKEN": TOKEN,
        }
        return run(clone, {**settings, **variables})

    def envelopes(self, branch: str) -> list[str]:
        """Who has an envelope on a branch that ``main`` does not have."""
        changed = git("-C", str(self.bare), "diff", "--name-only", "main", branch).splitlines()
        return sorted(Path(path).name.split(".")[0] for path in changed if path.startswith("approvals/"))


@pytest.fixture
def collector(forge: Forge, scene: Scene, tmp_path: Path) -> Collector:
    """A fleet project and the project that collects for it."""
    return Collector(forge, scene, tmp_path)


def test_pasted_envelopes_reach_the_branch(collector: Collector) -> None:
    """What Bob pasted between other words, as the 101st comment, is committed under ``approvals/``."""
    talk = [f"comment {number}" for number in range(100)]
    collector.request(3, "topic", *talk, f"Looks good to me.\n\n{collector.pasted('bob')}\nThank you!")
    pipeline = collector.run()
    assert pipeline.jobs == {"gaitops-collect-approvals": ("PASS", 0)}, pipeline.log
    assert collector.envelopes("topic") == ["bob"]
    assert "1 taken" in pipeline.log
    assert collector.forge.pushed_by[-1] == "oauth2"


def test_envelopes_for_a_fork_get_a_merge_request_of_their_own(collector: Collector) -> None:
    """Nobody may push to the fork, so the envelopes alone are offered from a branch of the fleet project."""
    collector.request(4, "topic", collector.pasted("bob"), source_project=9)
    pipeline = collector.run()
    assert pipeline.jobs == {"gaitops-collect-approvals": ("PASS", 0)}, pipeline.log
    assert collector.envelopes("topic") == []
    assert collector.envelopes("gaitops/approvals-4") == ["bob"]
    ((path, body),) = collector.forge.asked
    assert path == REQUESTS
    assert (body["source_branch"], body["target_branch"]) == ("gaitops/approvals-4", "main")


def test_strangers_text_does_nothing(collector: Collector) -> None:
    """Nonsense, forged envelopes, events and hostile names of branches change nothing and stop nobody else."""
    hostile = "x$(touch${IFS}pwned);`touch${IFS}pwned`"
    forged = armored("approvals/aa/bb/bob.cc.json", b'{"payload":"e30=","payloadType":"x","signatures":[]}')
    collector.request(5, hostile, "$(touch pwned)", forged)
    collector.request(6, "main", collector.pasted("carol"))
    collector.request(7, "--help", "; touch pwned")
    collector.request(3, "topic", collector.pasted("bob"))
    pipeline = collector.run()
    assert pipeline.jobs == {"gaitops-collect-approvals": ("PASS", 0)}, pipeline.log
    assert collector.envelopes("topic") == ["bob"]
    branches = git("-C", str(collector.bare), "for-each-ref", "--format=%(refname)", "refs/heads").split()
    assert branches == ["refs/heads/main", "refs/heads/topic"] or set(branches) >= {"refs/heads/topic"}
    assert not list((collector.scene / "..").resolve().rglob("pwned"))


def test_events_are_not_comments(collector: Collector) -> None:
    """Notes that GitLab itself writes quote titles and branches, and are left out."""
    collector.request(3, "topic", collector.pasted("bob"), system=True)
    pipeline = collector.run()
    assert pipeline.jobs == {"gaitops-collect-approvals": ("PASS", 0)}
    assert collector.envelopes("topic") == []


def test_a_wrong_token_fails_without_showing_it(collector: Collector) -> None:
    """The server refuses, the job fails, and the log does not hold the token."""
    collector.request(3, "topic", collector.pasted("bob"))
    pipeline = collector.run(GAITOPS_FLEET_TOKEN="glpat-other")
    assert pipeline.jobs["gaitops-collect-approvals"][0] == "FAIL"
    assert "glpat-other" not in pipeline.log
