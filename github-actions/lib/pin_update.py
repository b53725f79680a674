# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``pin-update``: a pull request that renews the pin, like that of a dependency bot.

One branch and one pull request, which later runs bring up to date. The branch belongs to the action; somebody
else's commits on it are not overwritten.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import forge
import program
import workflow

FOLDER: Final = ".gaitops"


def main() -> int:
    """Exit code of the step."""
    repo, token = workflow.given("repo") or ".", workflow.required("token")
    branch, base = workflow.required("branch"), workflow.required("base")
    for name in (branch, base):
        program.check_branch(repo, name)
    before = _pinned(repo)
    trust_root = workflow.required("trust-root")
    done = program.gaitops(
        "pin",
        "update",
        f"--repo={repo}",
        f"--from={workflow.required('from')}",
        f"--trust-root={trust_root}",
        *([f"--require={workflow.given('require')}"] if workflow.given("require") else []),
        "--json",
    )
    document = done.json
    if "error_code" in document:
        program.failed(done)
        return done.code
    release = document["release"]
    if not document["changed"]:
        workflow.log(f"already up to date: release {release}")
        workflow.output(changed=False, release=release, pull_request_number="", pull_request_url="")
        return 0
    title = f"Pin release {release} of {document['fleet']}"
    body = _body(document, before)
    workflow.summary(f"### {title}\n\n{body}")
    _push(repo, branch, title, token)
    try:
        number, address, new = forge.Forge(token).offer(branch, base, title, body)
    except forge.ForgeError as error:
        workflow.stop(
            "No pull request",
            f"{error}. The branch is pushed. The job needs pull-requests: write, and the repository's settings must "
            "allow GitHub Actions to create pull requests.",
            1,
        )
    workflow.log(f"{'opened' if new else 'updated'} {address}")
    workflow.output(changed=True, release=release, pull_request_number=number, pull_request_url=address)
    return 0


def _pinned(repo: str) -> dict[str, str]:
    """What each environment ran before, as far as the pin can still be read."""
    trust_root = workflow.required("trust-root")
    done = program.gaitops("pin", "verify", f"--repo={repo}", f"--trust-root={trust_root}", "--json")
    return _versions(done.json.get("environments", []))


def _versions(environments: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for item in environments:
        text = f"{item['enforced']} ({item['mode']})"
        if item.get("candidate"):
            text += f", candidate {item['candidate']}"
        found[item["environment"]] = text
    return found


def _body(document: dict[str, Any], before: dict[str, str]) -> str:
    """What moved. The values are names and versions from a verified release, in an alphabet that Markdown leaves alone."""
    after = _versions(document["environments"])
    previous = document["previousRelease"]
    moved = f"from release {previous if previous is not None else '–'} to release {document['release']}"
    lines = [
        f"`gaitops pin update` moved the pin of fleet `{document['fleet']}` {moved}.",
        "",
        "| environment | before | after |",
        "|---|---|---|",
    ]
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, "–"), after.get(name, "–")
        lines.append(f"| `{name}` | `{old}` | {'unchanged' if old == new else f'`{new}`'} |")
    lines += [
        "",
        f"{len(document['changed'])} files of `{FOLDER}/` changed.",
        "Every byte was verified from the trust root; `gaitops pin verify` does it again.",
    ]
    return "\n".join(lines)


def _push(repo: str, branch: str, title: str, token: str) -> None:
    """One commit on top of the base as it was checked out, unless the branch holds exactly that already."""
    remote = _remote_branch(repo, branch, token)
    steps = [
        ("add", "--all", "--force", "--", FOLDER),
        ("commit", "--quiet", "--no-verify", "--no-gpg-sign", f"--message={title}", "--", FOLDER),
    ]
    parent = _line(program.git(repo, "rev-parse", "HEAD"), "read the checkout")
    for step in steps:
        _line(program.git(repo, *step, identity=True), "commit the pin")
    commit = _line(program.git(repo, "rev-parse", "HEAD"), "read the commit")
    _line(program.git(repo, "reset", "--quiet", "--soft", parent), "restore the checkout")
    if remote and _is_same(repo, remote, commit, parent):
        return
    lease = f"--force-with-lease=refs/heads/{branch}:{remote}"
    done = program.git(
        repo, "push", "--quiet", "--no-verify", lease, "origin", f"{commit}:refs/heads/{branch}", token=token
    )
    _line(done, f"push the branch {branch}")


def _remote_branch(repo: str, branch: str, token: str) -> str:
    """Where the branch is; empty when it does not exist. Ends the step when it holds work of somebody else."""
    done = program.git(repo, "ls-remote", "origin", f"refs/heads/{branch}", token=token)
    commit = _line(done, "ask for the branch").partition("\t")[0]
    if commit:
        program.fetched_commit(repo, commit, token)
        author = _line(program.git(repo, "show", "--no-patch", "--format=%ae", commit), "read the branch")
        if author != program.BOT_EMAIL:
            workflow.stop(
                "Not ours",
                f"The newest commit of {branch} is not from this action; merge or delete the branch.",
                8,
            )
    return commit


def _is_same(repo: str, one: str, other: str, parent: str) -> bool:
    trees = [
        _line(program.git(repo, "rev-parse", f"{item}^{{tree}}"), "read a tree") for item in (one, other)
    ]
    return trees[0] == trees[1] and program.git(repo, "rev-parse", f"{one}^").out.strip() == parent


def _line(done: program.Done, what: str) -> str:
    if done.code != 0:
        workflow.log(done.err)
        workflow.stop("git", f"Cannot {what}.", 1)
    return done.out.strip()


if __name__ == "__main__":
    sys.exit(main())
