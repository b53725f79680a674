# SPDX-License-Identifier: Apache-2.0
"""The public bundles of the Sigstore project's conformance suite: real ones verify, malformed ones are refused.

They are somebody else's data and not in this repository: ``SIGSTORE_BUNDLES`` names the folder; without it they are
looked for beside the checkout, and these tests are skipped where they are not.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import pytest

from gaitops.errors import GaitopsError
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_blob, verify_bundle

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = Path(
    os.environ.get("SIGSTORE_BUNDLES", ROOT.parent / "shared" / "standards" / "sigstore-bundles")
)
CASES: Final = sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) if FOLDER.is_dir() else []
WORKFLOW: Final = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
OUR_REFUSALS: Final = {
    # What a key signed comes as a DSSE envelope, under that key's own id; a bundle would be a second form of the same.
    "managed-key-happy-path": "sigstore.bundle",
    "managed-key-and-trusted-root": "sigstore.bundle",
    # sigstore-python verifies no log entries of kind "intoto".
    "intoto-with-custom-trust-root": "sigstore.untrusted",
}
"""Good bundles that gaitops does not accept all the same, and the code of the refusal."""

pytestmark = pytest.mark.skipif(
    not CASES, reason="no public bundles here; SIGSTORE_BUNDLES names their folder"
)


@pytest.fixture(scope="module")
def production() -> bytes:
    """The public instance's trusted root, as sigstore-python brings it along."""
    utils = pytest.importorskip("sigstore._utils")
    data: bytes = utils.read_embedded("trusted_root.json", "https://tuf-repo-cdn.sigstore.dev")
    return data


def judge(name: str, production: bytes) -> VerifiedBundle | str:
    """What one case proves, or the code with which it is refused."""
    folder = FOLDER / name
    data = (folder / "bundle.sigstore.json").read_bytes()
    own_root, own_file = folder / "trusted_root.json", folder / "artifact"
    root = own_root.read_bytes() if own_root.exists() else production
    trusted_root = TrustedRootFile(root, hashlib.sha256(root).hexdigest())
    try:
        if b'"dsseEnvelope"' in data:
            return verify_bundle(read_envelope(data), trusted_root)
        blob = own_file if own_file.exists() else FOLDER / "a.txt"
        return verify_blob(data, blob.read_bytes(), trusted_root)
    except GaitopsError as error:
        return error.code


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("_fail")])
def test_malformed_bundles_are_refused(name: str, production: bytes) -> None:
    """A folder that ends in ``_fail`` must not verify."""
    outcome = judge(name, production)
    assert isinstance(outcome, str)
    assert outcome in {
        "sigstore.bundle",
        "sigstore.untrusted",
        "sigstore.trust_root",
        "signature.invalid",
        "document.syntax",
    }


@pytest.mark.parametrize(
    "name", [name for name in CASES if not name.endswith("_fail") and name not in OUR_REFUSALS]
)
def test_real_bundles_verify(name: str, production: bytes) -> None:
    """Every version, both kinds of content, both generations of logs; and the signer is the suite's own workflow."""
    outcome = judge(name, production)
    assert isinstance(outcome, VerifiedBundle)
    assert (outcome.claims.issuer, outcome.claims.subject) == (
        "https://token.actions.githubusercontent.com",
        WORKFLOW,
    )
    assert outcome.source == ("rekor" if outcome.log.log_id.startswith("c0d23d6ad406973f") else "rfc3161")


@pytest.mark.parametrize("name", sorted(OUR_REFUSALS))
def test_what_we_do_not_accept_is_refused_with_its_reason(name: str, production: bytes) -> None:
    """Three good bundles are of kinds that gaitops refuses; this list is complete."""
    if name not in CASES:
        pytest.skip("not among the bundles")
    assert judge(name, production) == OUR_REFUSALS[name]
