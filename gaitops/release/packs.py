# SPDX-License-Identifier: Apache-2.0
"""Gait registry packs beside the statements, so that ``gait registry`` can verify a version too (contract 9.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from gaitops.gait.gait_keys import GaitPrivateKey
from gaitops.gait.registry_pack import Artifact, build_registry_pack
from gaitops.release.content import ReleaseContent, VersionRef
from gaitops.release.layout import version_pack


def registry_packs(
    content: ReleaseContent,
    published: Mapping[VersionRef, datetime],
    key: GaitPrivateKey,
    producer_version: str,
) -> dict[str, bytes]:
    """A signed pack for every version of a release, by target path.

    Args:
        content: the release.
        published: when each version was decided; the pack's ``created_at``, so that a pack never changes.
        key: Gait signing key; packs are Gait's artifacts and carry Gait's signatures.
        producer_version: version of gaitops, as Gait's formats ask for.
    """
    packs = {}
    for org in content.orgs:
        for version in org.versions:
            ref = version.ref
            artifacts = [
                Artifact(path, hashlib.sha256(data).hexdigest())
                for path, data in sorted(version.files.items())
            ]
            packs[version_pack(ref.org, ref.policy, ref.version)] = build_registry_pack(
                f"{ref.org}-{ref.policy}",
                ref.version,
                artifacts,
                published[ref],
                publisher=content.fleet,
                source=f"sha256:{content.trust_root}",
                private_key=key,
                producer_version=producer_version,
            )
    return packs
