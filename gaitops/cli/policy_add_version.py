# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy add-version``: a version folder with its descriptor, digests and parents computed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError, PolicyBlockedError, UnsafeOperationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaitops.fleet.graph import PolicyGraph


@command(example="gaitops policy add-version acme guard 1.1.0 --file gait.policy.yaml --summary 'No refunds'")
@click.argument("org")
@click.argument("policy")
@click.argument("version")
@click.option(
    "--file", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The Gait policy."
)
@click.option(
    "--companion",
    "companions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file that the policy refers to, such as an MCP trust snapshot.",
)
@click.option(
    "--parent",
    "parents",
    multiple=True,
    metavar="VERSION",
    help="A version that this one was made from; by default the highest one below VERSION.",
)
@click.option("--summary", metavar="TEXT", help="What changed.")
@options.repo
def add_version(
    *,
    org: str,
    policy: str,
    version: str,
    file: Path,
    companions: tuple[Path, ...],
    parents: tuple[str, ...],
    summary: str | None,
    repo: Path,
) -> Result:
    """Add VERSION to the policy POLICY of ORG in the working tree.

    Copies the policy and its companions byte for byte, computes Gait's digest and the digests of the files and
    parents, and writes them to version.yaml. Refuses a policy that Gait would reject or whose digest cannot be
    computed with certainty. Nothing that exists is overwritten, and nothing is committed.
    """
    from gaitops.cli.files import create_files
    from gaitops.documents.layout import version_folder
    from gaitops.documents.load import load_document
    from gaitops.documents.models.policy import DESCRIPTOR_FILE, PolicyVersion
    from gaitops.documents.writer import write_yaml
    from gaitops.fleet.graph import PolicyGraph, graph_problems
    from gaitops.fleet.new_version import new_descriptor

    graph = _existing_graph(repo, org, policy)
    folder = version_folder(org, policy, version)
    if version in graph.versions:
        raise UnsafeOperationError.of(
            "policy.immutable",
            f"version {version} exists, and a published version never changes",
            path=folder,
        )
    contents = _contents(file, companions)
    document = new_descriptor(graph, (org, policy, version), contents, parents=parents, summary=summary)
    text = write_yaml(document)
    descriptor = load_document(text, f"{folder}/{DESCRIPTOR_FILE}")
    if not isinstance(descriptor, PolicyVersion):  # Cannot happen: the path decides the kind.
        raise TypeError(type(descriptor).__name__)
    after = PolicyGraph({**graph.versions, version: descriptor})
    problems = graph_problems(after.versions, folder.rpartition("/versions/")[0])
    if problems:
        raise InvalidInputError(problems)
    files = create_files(
        repo,
        {f"{folder}/{name}": data for name, data in contents.items()} | {f"{folder}/{DESCRIPTOR_FILE}": text},
    )
    same = [number for group in after.duplicates if version in group for number in group if number != version]
    members = {
        "org": org,
        "policy": policy,
        "version": version,
        "digest": after.digests[version],
        "gait_digest": descriptor.spec.gait.digest,
        "parents": [parent.version for parent in descriptor.spec.parents],
        "same_gait_digest": same,
        "files": files,
    }
    return Result("policy-version", members, _text(members, same))


def _existing_graph(repo: Path, org: str, policy: str) -> PolicyGraph:
    from gaitops.cli.policies import policy_versions, unknown_policy, working_state
    from gaitops.documents.layout import policy_path
    from gaitops.fleet.graph import PolicyGraph

    state = working_state(repo)
    document = state.policy(org, policy)
    if document is None:
        raise unknown_policy(org, policy)
    if document.spec.archived:
        raise PolicyBlockedError.of(
            "policy.archived",
            f"{org}/{policy} is archived and takes no new versions",
            path=policy_path(org, policy),
        )
    return PolicyGraph(policy_versions(state, org, policy))


def _contents(file: Path, companions: Sequence[Path]) -> dict[str, bytes]:
    """The files of the version folder by name: the policy under its fixed name, companions under their own."""
    from gaitops.cli.files import read_bytes
    from gaitops.documents.models.policy import DESCRIPTOR_FILE, POLICY_FILE

    contents = {POLICY_FILE: read_bytes(file)}
    for path in companions:
        if path.name in contents or path.name == DESCRIPTOR_FILE:
            raise InvalidInputError.of(
                "input.duplicate", f"two files would be called {path.name}", path=str(path)
            )
        contents[path.name] = read_bytes(path)
    return contents


def _text(members: Mapping[str, object], same: Sequence[str]) -> str:
    from gaitops.report.tables import fields

    parents = members["parents"]
    rows = [
        ("version", f"{members['org']}/{members['policy']}@{members['version']}"),
        ("digest", str(members["digest"])),
        ("gait digest", str(members["gait_digest"])),
        (
            "made from",
            ", ".join(parents) if isinstance(parents, list) and parents else "nothing (first version)",
        ),
    ]
    if same:
        rows.append(("note", f"means the same to Gait as {', '.join(same)}"))
    return fields(rows)
