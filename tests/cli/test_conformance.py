# SPDX-License-Identifier: Apache-2.0
"""``gaitops conformance``: a consumer repository against a release, a fleet repository, or its own pin."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gaitops.cli.main import program
from gaitops.conformance.model import Outcome
from gaitops.documents.times import format_timestamp
from gaitops.errors import VerificationError
from tests.attacks.release_tools import CHECKOUT, DAY, NOW, Scene, mirror, refused, scene, story, unchanged
from tests.cli.harness import Run
from tests.conformance.conformance_builder import CONFORMING
from tests.simulator import Actor

__all__ = ["scene", "story"]


def fitted(scene: Scene, repo: str = "pinned") -> Path:
    """The consumer that pinned release 1, with everything else that a conforming one has."""
    for path, data in CONFORMING.items():
        file = scene / repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return scene / repo


def judged(scene: Scene, *arguments: str | Path, repo: str = "pinned") -> Run:
    """``gaitops conformance --json``."""
    return scene.run("conformance", "--repo", scene / repo, *arguments)


def outcomes(run: Run, index: int = 0) -> dict[str, str]:
    """Control → outcome."""
    return {item["control"]: item["outcome"] for item in run.json["results"][index]["controls"]}


def committed(folder: Path) -> str:
    """Commit everything in a folder."""
    identity = ("-c", "user.name=c", "-c", "user.email=c@example.com")
    for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message", "x")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_conformant(scene: Scene) -> None:
    """Exit code 0 with unknowns, which are counted and never called passes; with --strict they are not accepted."""
    fitted(scene)
    run = judged(scene, "--release", scene / "one")
    assert (run.code, run.json["conformant"], run.json["complete"]) == (0, True, False)
    assert outcomes(run)["pin.fresh"] == "pass"
    assert {name for name, outcome in outcomes(run).items() if outcome == "insufficient_data"} == {
        "evidence.recent",
        "evidence.verifiable",
    }
    assert judged(scene, "--release", scene / "one", "--strict").code == 3


def test_not_conformant(scene: Scene) -> None:
    """Exit code 3, and a remedy for every control that fails."""
    run = judged(scene, "--release", scene / "one")
    assert (run.code, run.json["conformant"]) == (3, False)
    failed = [item for item in run.json["results"][0]["controls"] if item["outcome"] == "fail"]
    assert [item["control"] for item in failed] == ["gait.config", "ci.wired", "regress.fixtures"]
    assert all(item["remedy"] for item in failed)


def test_offline(scene: Scene) -> None:
    """Without a release the pin's statements say what is required; what needs something newer is unknown."""
    fitted(scene)
    run = judged(scene)
    assert (run.code, run.json["results"][0]["requirement"]["source"]) == (0, "pin")
    assert outcomes(run)["policy.enforced"] == "pass"
    assert (outcomes(run)["pin.fresh"], outcomes(run)["policy.withdrawn"]) == ("insufficient_data",) * 2


def test_behind(scene: Scene) -> None:
    """A newer release is a warning within the grace of the fleet, and a failure for whoever asks later."""
    fitted(scene)
    run = judged(scene, "--release", scene / "two")
    assert (run.code, outcomes(run)["policy.enforced"], outcomes(run)["pin.fresh"]) == (0, "warn", "pass")
    reason = next(
        item["reason"] for item in run.json["results"][0]["controls"] if item["control"] == "policy.enforced"
    )
    assert "acme/guard@2.0.0" in reason


def test_a_mirror_that_is_behind(scene: Scene) -> None:
    """A release older than the pinned one cannot say what is required: exit code 2."""
    fitted(scene)
    scene.update(scene / "two")
    refused(judged(scene, "--release", scene / "one"), 2, "release.rollback")


def test_at(scene: Scene) -> None:
    """Another time is judged with all of the release's metadata, which must not have expired then."""
    fitted(scene)
    yesterday = format_timestamp(NOW - DAY / 2)
    assert judged(scene, "--release", scene / "one", "--at", yesterday).code == 0
    refused(
        judged(scene, "--release", scene / "one", "--at", format_timestamp(NOW + DAY)), 6, "history.future"
    )


def test_web_and_branch(scene: Scene) -> None:
    """A release is read from everywhere that ``pin update`` reads it from."""
    fitted(scene)
    with mirror(scene / "one") as web:
        assert judged(scene, "--release", f"{web}/").code == 0
    committed(scene / "one")
    branch = subprocess.run(
        ["git", "-C", str(scene / "one"), "branch", "--show-current"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert judged(scene, "--release", f"git+file://{scene / 'one'}#{branch}").code == 0


def test_fleet_repository(scene: Scene) -> None:
    """Verified state of a fleet repository says the same as its release, whether it was published or not."""
    fitted(scene)
    run = judged(scene, "--fleet-repo", scene / "fleet")
    requirement = run.json["results"][0]["requirement"]
    assert (requirement["source"], requirement["enforced"]["name"]) == ("fleet", "acme/guard@2.0.0")
    assert outcomes(run)["policy.enforced"] == "warn"
    scene.update(scene / "two")
    again = judged(scene, "--fleet-repo", scene / "fleet")
    assert (again.code, outcomes(again)["pin.fresh"]) == (0, "pass")


def test_one_source_only(scene: Scene) -> None:
    """Two authorities at once would be a question of which is right."""
    run = judged(scene, "--fleet-repo", scene / "fleet", "--release", scene / "one")
    refused(run, 6, "cli.usage")


def test_tampered_pin(scene: Scene) -> None:
    """With a release a broken pin is a finding (3); alone it is all that is relied on, and does not verify (2)."""
    policy = fitted(scene) / ".gaitops/production/enforced/gait.policy.yaml"
    policy.write_bytes(policy.read_bytes() + b"# edited\n")
    for arguments, code in ((("--release", scene / "one"), 3), ((), 2)):
        run = judged(scene, *arguments)
        assert (run.code, outcomes(run)["pin.verifies"]) == (code, "fail")
    assert outcomes(judged(scene, "--release", scene / "one"))["policy.bytes"] == "fail"


def test_other_trust_root(scene: Scene) -> None:
    """A trust root of another fleet fails the pin, and a release of it is refused."""
    fitted(scene)
    other = ("--trust-root", "0" * 64)
    run = judged(scene, *other)
    assert (run.code, outcomes(run)["pin.trust_root"]) == (2, "fail")
    refused(judged(scene, *other, "--release", scene / "one"), 2, "trust.root_mismatch")


def test_no_trust_root(scene: Scene) -> None:
    """Without a trust root nothing is judged."""
    fitted(scene)
    scene.trust_root = ""
    refused(judged(scene), 6, "trust.root_missing")


def test_no_pin(scene: Scene) -> None:
    """A repository without a pin does not conform; who it is has to be said, and where, unless the fleet knows."""
    (scene / "empty").mkdir()
    refused(judged(scene, repo="empty"), 6, "conformance.unknown_subject")
    refused(judged(scene, "--repository", CHECKOUT, repo="empty"), 6, "conformance.unknown_subject")
    run = judged(scene, "--repository", CHECKOUT, "--release", scene / "one", repo="empty")
    assert (run.code, outcomes(run)["pin.present"]) == (3, "fail")
    assert run.json["results"][0]["environment"] == "production"


def test_copied_pin(scene: Scene) -> None:
    """A genuine pin of another repository is noticed once the command is told whose this is."""
    fitted(scene)
    run = judged(scene, "--repository", "https://github.com/acme/other.git", "--release", scene / "one")
    assert (run.code, outcomes(run)["pin.verifies"]) == (3, "fail")


def test_commit_and_working_tree(scene: Scene) -> None:
    """The working tree is judged as it lies there, without what Git ignores; a commit as it was committed."""
    repo = fitted(scene)
    commit = committed(repo)
    (repo / "gait.yaml").unlink()
    assert outcomes(judged(scene))["regress.fixtures"] == "fail"
    run = judged(scene, "--rev", "HEAD")
    assert (outcomes(run)["regress.fixtures"], run.json["results"][0]["commit"]) == ("pass", commit)
    shutil.copy(repo / ".gait/config.yaml", repo / "copy")
    (repo / ".gitignore").write_text(".gait/\n")
    subprocess.run(["git", "-C", str(repo), "rm", "--quiet", "--cached", "-r", ".gait"], check=True)
    assert outcomes(judged(scene))["gait.config"] == "fail"


def test_evidence(scene: Scene) -> None:
    """A summary is read strictly; it answers the controls of evidence and is named by its digest."""
    fitted(scene)
    digest = judged(scene).json["results"][0]["requirement"]["enforced"]["gaitDigest"]
    summary: dict[str, Any] = {
        "schema": "gaitops.dev/evidence-summary/v1",
        "trustRoot": scene.trust_root,
        "generatedAt": format_timestamp(NOW),
        "window": {"start": format_timestamp(NOW - 7 * DAY), "end": format_timestamp(NOW)},
        "repositories": [
            {
                "repository": CHECKOUT,
                "environment": "production",
                "artifacts": {"verified": 1},
                "policies": [{"gaitPolicyDigest": digest, "allow": 1, "lastAt": format_timestamp(NOW)}],
            }
        ],
    }
    file = scene / "summary.json"
    file.write_text(json.dumps(summary))
    run = judged(scene, "--release", scene / "one", "--evidence", file, "--strict")
    assert (run.code, run.json["complete"]) == (0, True)
    assert "evidence-summary" in {item["uri"] for item in run.json["results"][0]["inputs"]}
    file.write_text(json.dumps({**summary, "verdict": "good"}))
    refused(judged(scene, "--evidence", file), 6, "document.unknown_field")


def test_waiver_end_to_end(scene: Scene) -> None:
    """A waiver that was approved in the fleet reaches the repository through release and pin, and counts offline."""
    world = scene.world()
    waiver = f"""apiVersion: gaitops.dev/v1
kind: Waiver
metadata: {{name: no-fixtures, org: acme, project: pay}}
spec:
  owner: alice
  control: regress.fixtures
  scope: org/acme/project/pay/environment/production
  issuedAt: "{format_timestamp(NOW - DAY)}"
  expiresAt: "{format_timestamp(NOW + 5 * DAY)}"
  ticket: SEC-7
  reason: The suite is being written.
"""
    path = "orgs/acme/projects/pay/waivers/no-fixtures.yaml"
    world.land({path: waiver}, by="alice", approvers=["bob", "carol"])
    assert scene.publish("--previous", scene / "two", out="two").code == 0
    (fitted(scene) / "gait.yaml").unlink()
    assert scene.update(scene / "two").code == 0
    for arguments in ((), ("--release", scene / "two"), ("--fleet-repo", scene / "fleet")):
        run = judged(scene, *arguments)
        (result,) = run.json["results"]
        found = next(item for item in result["controls"] if item["control"] == "regress.fixtures")
        assert (run.code, found["outcome"], found["wouldBe"]) == (0, "waived", "fail")
        assert found["waiver"]["id"] == "acme/pay/no-fixtures"
        assert [item["kind"] for item in result["notices"]] == ["expiring"]


@pytest.mark.parametrize("limit", ["before", "after"])
def test_waiver_that_lives_too_long(scene: Scene, limit: str) -> None:
    """The organization's limit holds when the waiver is made, and raising it in the same change does not help."""
    world = scene.world()
    org = world.read("orgs/acme/org.yaml").decode()
    short = org + "  waiverMaxDays: 10\n"
    waiver = f"""apiVersion: gaitops.dev/v1
kind: Waiver
metadata: {{name: long, org: acme, project: pay}}
spec:
  owner: alice
  control: ci.wired
  scope: org/acme/project/pay
  issuedAt: "{format_timestamp(NOW)}"
  expiresAt: "{format_timestamp(NOW + 11 * DAY)}"
  ticket: SEC-8
  reason: Later.
"""
    files = {"orgs/acme/projects/pay/waivers/long.yaml": waiver}
    if limit == "before":
        world.land({"orgs/acme/org.yaml": short}, by="alice", approvers=["bob", "carol"])
        files["orgs/acme/org.yaml"] = org
    else:
        files["orgs/acme/org.yaml"] = short
    with pytest.raises(VerificationError) as error:
        world.land(files, by="alice", approvers=["bob", "carol"])
    assert [problem.code for problem in error.value.problems] == ["waiver.too_long"]


def test_summary(scene: Scene) -> None:
    """A signed verification summary of HEAD, which verifies under the signer's key and says what was printed."""
    from gaitops.conformance.vsa import Expected, verify_summary

    commit = committed(fitted(scene))
    key, actor = scene / "ci.pem", Actor("ci")
    key.write_bytes(actor.private_pem)
    key.chmod(0o600)
    file = scene / "vsa.json"
    run = judged(scene, "--release", scene / "one", "--vsa", file, "--key", key)
    assert (run.code, run.json["summary"], run.json["results"][0]["commit"]) == (0, str(file), commit)
    expected = Expected(scene.trust_root, CHECKOUT, "production", datetime.now(UTC), commit=commit)
    found = verify_summary(file.read_bytes(), [actor.signer.public_key], expected)
    assert found.result.to_json() == run.json["results"][0]


def test_summary_of_a_failure(scene: Scene) -> None:
    """A failure is stated as well, and leaves with its exit code."""
    committed(scene / "pinned")
    key = scene / "ci.pem"
    key.write_bytes(Actor("ci").private_pem)
    key.chmod(0o600)
    assert judged(scene, "--vsa", scene / "vsa.json", "--key", key).code == 3
    assert (scene / "vsa.json").is_file()


@pytest.mark.parametrize("arguments", [("--vsa", "x"), ("--key", "x")])
def test_summary_needs_a_key(scene: Scene, arguments: tuple[str, ...]) -> None:
    """A summary without a key, and a key without a summary, are mistakes."""
    with unchanged(scene / "pinned"):
        refused(judged(scene, *arguments), 6, "cli.usage")


@pytest.mark.parametrize("form", ["text", "markdown", "sarif", "junit", "code-quality"])
def test_formats(scene: Scene, form: str) -> None:
    """Every format is printed with the same exit code, and names what failed."""
    arguments = ["conformance", "--repo", str(scene / "pinned"), "--format", form]
    result = CliRunner().invoke(program, arguments, env=scene.environment())
    assert result.exit_code == 3, result.output
    assert "gait.config" in result.stdout


def test_every_environment(scene: Scene) -> None:
    """Without --environment everything that is pinned or assigned is judged: a missing pin does not hide."""
    from tests.simulator import environment_document

    world = scene.world()
    document = environment_document("staging", "staging", {"name": "guard", "version": "2.0.0"})
    path = "orgs/acme/projects/pay/environments/staging.yaml"
    world.land({path: document}, by="alice", approvers=["bob", "carol"])
    fitted(scene)
    run = judged(scene, "--fleet-repo", scene / "fleet")
    assert [item["environment"] for item in run.json["results"]] == ["production", "staging"]
    assert (run.code, outcomes(run, 1)["pin.present"]) == (3, Outcome.FAIL)
    only = judged(scene, "--fleet-repo", scene / "fleet", "--environment", "production")
    assert [item["environment"] for item in only.json["results"]] == ["production"]
