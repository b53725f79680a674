# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``publish``: verify a fleet and sign what is authorized, in a publisher repository only.

It refuses to run where a stranger's push or pull request could have started it, and in the fleet repository itself:
a signing key must not lie where what is signed is edited (design 8, threat R12).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import program
import workflow

EVENTS: Final = ("schedule", "workflow_dispatch")
"""What the repository's own people and its clock start."""
MODES: Final = {"publish": "--previous", "first": "--first", "refresh": "--refresh", "cosign": "--cosign"}


def main() -> int:
    """Exit code of the step."""
    fleet, release = Path(workflow.required("fleet")), workflow.required("release")
    _check_place(fleet)
    mode, trust_root = workflow.given("mode"), workflow.required("trust-root")
    if mode not in MODES:
        workflow.stop("Wrong input", f"The input mode is one of {', '.join(MODES)}.")
    verified = program.gaitops("verify", f"--repo={fleet}", f"--trust-root={trust_root}", "--json")
    if "error_code" in verified.json:
        program.failed(verified)
        return verified.code
    workflow.annotate_problems("error", verified.json["problems"], str(fleet))
    arguments = ["publish", f"--repo={fleet}", f"--trust-root={trust_root}", f"--out={release}", MODES[mode]]
    if mode == "publish":
        arguments.append(release)
    if workflow.given("public-key"):
        arguments.append(f"--public-key={workflow.given('public-key')}")
    if workflow.flag("sigstore") and mode in {"publish", "first"}:
        # A refreshed timestamp and a second publisher's signature touch no bundle.
        arguments.append("--sigstore")
        if workflow.given("sigstore-config"):
            arguments.append(f"--sigstore-config={workflow.given('sigstore-config')}")
    with _key() as key:
        done = program.gaitops(*arguments, f"--key={key}", "--json")
    document = done.json
    if "error_code" in document:
        program.failed(done)
        return done.code
    told = f"release {document['number']}: {document['status']}"
    workflow.log(told)
    workflow.summary(f"### gaitops publish\n\n{workflow.block(told)}")
    workflow.output(
        number=document["number"],
        status=document["status"],
        verified=verified.code == 0,
        verify_exit_code=verified.code,
    )
    return 0


def _check_place(fleet: Path) -> None:
    """Refuse every place where somebody besides the publisher's people has a say."""
    if os.environ["GITHUB_EVENT_NAME"] not in EVENTS:
        workflow.stop("Not here", f"A release is signed on {' or '.join(EVENTS)}, and on no other event.", 8)
    if os.environ["GITHUB_REF"] != f"refs/heads/{workflow.required('branch')}":
        workflow.stop(
            "Not here", "A release is signed on the protected branch of the publisher repository.", 8
        )
    workspace = Path(os.environ["GITHUB_WORKSPACE"])
    if (workspace / "trust/root/1.root.json").exists() or fleet.resolve() == workspace.resolve():
        workflow.stop(
            "Not here", "This is a fleet repository; releases are signed in a repository of their own.", 8
        )
    origin = program.git(fleet, "remote", "get-url", "origin").out.strip().removesuffix(".git")
    if origin.lower().endswith("/" + os.environ["GITHUB_REPOSITORY"].lower()):
        workflow.stop("Not here", "The fleet was cloned from this repository.", 8)


@contextmanager
def _key() -> Iterator[str]:
    """The signer's URI; a private key from a secret is a file for as long as it is needed."""
    uri, pem = workflow.given("key"), os.environ.get("INPUT_KEY_PEM", "")
    if bool(uri) == bool(pem.strip()):
        workflow.stop("Wrong input", "Set exactly one of the inputs key and key-pem.")
    if uri:
        yield uri
        return
    file = workflow.scratch("key") / "publisher.pem"
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(pem.strip() + "\n", encoding="ascii")
        yield f"file:{file}"
    finally:
        file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
