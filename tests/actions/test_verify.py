# SPDX-License-Identifier: Apache-2.0
"""The action ``verify``: a commit of the protected branch is what people approved, or the run is red."""

from __future__ import annotations

from tests.actions.conftest import VERSION, Site, context
from tests.actions.runner import Outcome


def verify(site: Site, commit: str, **inputs: str) -> Outcome:
    github = {**context(), "sha": commit}
    return site.job(github).run(
        "verify", **{"version": VERSION, "trust_root": site.trust_root, "token": "", **inputs}
    )


def test_verified(site: Site) -> None:
    """A fleet as it was made is verified, and the summary shows the verdict."""
    done = verify(site, site.desk.git("rev-parse", "main"))
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (0, "verified", "0")
    assert "### gaitops verify: verified" in done.summary
    assert done.annotations == []


def test_unverified(site: Site) -> None:
    """What was merged without approval is told at its place, and the run ends with 2."""
    site.desk.git("push", "--quiet", "origin", "topic:main")
    done = verify(site, site.head)
    assert (done.code, done.outputs["verdict"]) == (2, "unverified")
    assert "proposer.unknown" in {item.title for item in done.annotations}


def test_one_organization(site: Site) -> None:
    """Another organization's trouble is not this one's."""
    assert verify(site, site.desk.git("rev-parse", "main"), org="acme").code == 0


def test_wrong_trust_root(site: Site) -> None:
    """No verdict is an error and not an unverified fleet."""
    done = verify(site, site.desk.git("rev-parse", "main"), trust_root="sha256:" + "0" * 64)
    assert (done.code, done.outputs["verdict"]) == (2, "error")
    assert [item.title for item in done.annotations] == ["trust.root_mismatch"]


def test_without_trust_root(site: Site) -> None:
    """The input is required; an empty one is an error."""
    done = verify(site, site.desk.git("rev-parse", "main"), trust_root="")
    assert (done.code, done.annotations[0].title) == (6, "Missing input")
