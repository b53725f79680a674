# SPDX-License-Identifier: Apache-2.0
"""The Sigstore double makes what gaitops and sigstore-python verify, and its faults are found."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.errors import VerificationError
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore.verify import TrustedRootFile, verify_blob, verify_bundle
from tests.sigstore_double.double import Faults, SigstoreDouble
from tests.sigstore_double.fixtures import STORY, sigstore_double, sigstore_double_v1
from tests.sigstore_double.identities import GitHubRun, GitLabJob, Signer, Someone
from tests.sigstore_double.log import Tree
from tests.sigstore_double.trust import Window

__all__ = ["sigstore_double", "sigstore_double_v1"]

DANA = Someone("dana@acme.example")
CALLER = GitHubRun(
    job_workflow_ref="acme/ci/.github/workflows/sign.yml@refs/tags/v1", job_workflow_sha="c" * 40
)
LATE = STORY + timedelta(minutes=11)


def trusted(double: SigstoreDouble) -> TrustedRootFile:
    """The trusted root of an instance."""
    data = double.trusted_root_bytes
    return TrustedRootFile(data, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("signer", [DANA, CALLER, GitLabJob(), GitLabJob(ref="v1", ref_type="tag")])
@pytest.mark.parametrize("version", [1, 2])
def test_bundles_of_everybody_verify(version: int, signer: Signer, request: pytest.FixtureRequest) -> None:
    """People, pipelines of GitHub and of GitLab, with either version of the log, are who they are, when they were."""
    double = request.getfixturevalue("sigstore_double" if version == 2 else "sigstore_double_v1")
    envelope = read_envelope(double.sign_dsse(b'{"a":1}', signer, at=STORY))
    verified = verify_bundle(envelope, trusted(double))
    assert envelope.payload == b'{"a":1}'
    assert verified.claims.is_workload == (signer is not DANA)
    assert [(time.at, time.source) for time in verified.times] == [
        (STORY, "rfc3161" if version == 2 else "rekor")
    ]
    blob = verify_blob(double.sign_blob(b"data", signer, at=STORY), b"data", trusted(double))
    assert blob.claims == verified.claims
    assert blob.log.index == verified.log.index + 1


def test_federated_people_have_the_issuer_behind() -> None:
    """The certificate names whoever vouched for the person, not the provider that passed it on."""
    double = SigstoreDouble(lambda: STORY)
    signer = Someone("dana@acme.example", "https://login.acme.example", via="https://oauth2.example/auth")
    verified = verify_bundle(read_envelope(double.sign_dsse(b"{}", signer)), trusted(double))
    assert (verified.claims.issuer, verified.claims.subject) == (
        "https://login.acme.example",
        "dana@acme.example",
    )


@pytest.mark.parametrize(
    "faults",
    [
        Faults(certificate_at=STORY - timedelta(minutes=11)),
        Faults(certificate_at=LATE),
        Faults(no_promise=True),
        Faults(promise_by_stranger=True),
        Faults(unrelated_entry=True),
        Faults(checkpoint_by_stranger=True),
        Faults(timestamp_at=LATE),
        Faults(timestamp_of_another=True),
        Faults(no_timestamp=True),
    ],
)
def test_faults_are_found(sigstore_double: SigstoreDouble, faults: Faults) -> None:
    """No bundle with a fault in it verifies."""
    bundle = sigstore_double.sign_dsse(b"{}", DANA, at=STORY, faults=faults)
    with pytest.raises(VerificationError) as caught:
        verify_bundle(read_envelope(bundle), trusted(sigstore_double))
    assert caught.value.code == "sigstore.untrusted"


@pytest.mark.parametrize("service", ["authority", "certificate_log", "log", "timestamps"])
def test_windows_of_trust_are_kept(sigstore_double: SigstoreDouble, service: str) -> None:
    """What was signed when a service was no longer trusted does not verify."""
    over = Window(STORY - timedelta(days=2), STORY - timedelta(days=1))
    data = sigstore_double.trusted_root(replace(sigstore_double.windows, **{service: over}))
    root = TrustedRootFile(data, hashlib.sha256(data).hexdigest())
    bundle = sigstore_double.sign_dsse(b"{}", DANA, at=STORY)
    with pytest.raises(VerificationError) as caught:
        verify_bundle(read_envelope(bundle), root)
    assert caught.value.code == "sigstore.untrusted"


def test_the_tree_is_that_of_the_specification() -> None:
    """Roots of trees of 0 to 8 leaves are the ones that certificate transparency's reference tests name."""
    leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    tree, roots = Tree(), []
    for leaf in leaves:
        tree.append(bytes.fromhex(leaf))
        roots.append(tree.root().hex())
    assert Tree().root() == hashlib.sha256().digest()
    assert roots[0] == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert roots[2] == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert roots[7] == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_double_works_under_another_name() -> None:
    """A wheel carries it elsewhere, without its fixtures, so nothing in it depends on where it lies."""
    folder = Path(__file__).parents[2] / "sigstore_double"
    program = (
        "import sys, importlib.util as u, datetime as d\n"
        f"s = u.spec_from_file_location('elsewhere', {str(folder / '__init__.py')!r},"
        f" submodule_search_locations=[{str(folder)!r}])\n"
        "sys.modules['elsewhere'] = u.module_from_spec(s)\n"
        "s.loader.exec_module(sys.modules['elsewhere'])\n"
        "from elsewhere.double import SigstoreDouble\n"
        "from elsewhere.identities import Someone\n"
        "double = SigstoreDouble(lambda: d.datetime(2026, 11, 1, tzinfo=d.UTC))\n"
        "print(len(double.sign_dsse(b'{}', Someone('dana@acme.example'))))\n"
        "print([name for name in sys.modules if name.split('.')[0] in {'tests', 'pytest', 'gaitops'}])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    size, foreign = done.stdout.splitlines()
    assert int(size) > 3000
    assert foreign == "[]"
