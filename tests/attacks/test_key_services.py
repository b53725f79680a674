# SPDX-License-Identifier: Apache-2.0
"""Keys in a KMS or an HSM that were taken back, or that sign something else than they were asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gaitops.errors import GaitopsError
from gaitops.signing.dsse import seal
from gaitops.signing.keys import from_public
from gaitops.signing.services import ServiceSigner
from gaitops.signing.statement import PAYLOAD_TYPE
from tests.cli.conftest import gaitops
from tests.cli.harness import Invoke
from tests.cli.test_key_services import ServiceFleet, kms, server
from tests.key_services import ScriptedKMS
from tests.signing.test_kms_signers import Remote
from tests.simulator import document

__all__ = ["gaitops", "kms", "server"]

KMS = "awskms:alias/bob"


def test_t44_a_revoked_key_version(gaitops: Invoke, tmp_path: Path, kms: ScriptedKMS) -> None:
    """T44: a version that the fleet revoked approves nothing while the KMS still signs with it, nor does the next one."""
    fleet = ServiceFleet(gaitops, tmp_path, {})
    fleet.git("switch", "--quiet", "--create", "identity")
    keys = {"root": str(fleet.key("bob")), "kms": KMS}
    identities = [
        {"id": name, "type": "key", "publicKey": gaitops("key", "show", uri, "--json").json["public_key"]}
        for name, uri in keys.items()
    ]
    spec = {"type": "human", "identities": identities}
    (fleet.path / "trust/principals/bob.yaml").write_text(document("Principal", "bob", spec))
    fleet.commit("bob has a key in a KMS")
    assert fleet.approve("bob", "identity", verb="propose").code == 0
    assert [fleet.approve(name, "identity").code for name in ("alice", "carol")] == [0, 0]
    fleet.merge("identity")

    fleet.git("switch", "--quiet", "--create", "revoke")
    why = ("--cause", "retired", "--reason", "next version")
    assert fleet.trust("revoke", "--principal", "bob", "--identity", "kms", *why).code == 0
    fleet.commit("revoke")
    assert fleet.approve("bob", "revoke", verb="propose").code == 0
    fleet.merge("revoke")

    fleet.uris["bob"] = KMS
    fleet.propose_project()
    assert fleet.approve("bob", "topic").code == 0
    words = ("--repo", fleet.path, "--base", "main", "--head", "topic", "--trust-root", fleet.trust_root)
    judged = gaitops("check", *words, "--json")
    assert (judged.code, "identity.revoked" in judged.out) == (4, True)
    kms.private = ec.generate_private_key(ec.SECP256R1())
    new = fleet.approve("bob", "topic")
    assert (new.code, new.json["error_code"]) == (6, "key.not_principals")
    assert fleet.untouched()


@pytest.mark.parametrize(
    "answer",
    [
        lambda key, pae: key.sign(pae, ec.ECDSA(hashes.SHA384())),
        lambda key, _pae: key.sign(b"something else", ec.ECDSA(hashes.SHA256())),
        lambda _key, pae: ec.generate_private_key(ec.SECP256R1()).sign(pae, ec.ECDSA(hashes.SHA256())),
        lambda _key, _pae: b"\x30\x00",
    ],
    ids=["another-hash", "other-bytes", "another-key", "no-signature"],
)
def test_t45_a_device_that_signs_otherwise(
    answer: Callable[[ec.EllipticCurvePrivateKey, bytes], bytes],
) -> None:
    """T45: the answer of an HSM is verified before anything is made of it, so no envelope comes into being."""
    remote = Remote(None)
    payload = b'{"statement": 1}'
    signed = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    remote.answer = answer(remote.private, signed)
    signer = ServiceSigner("hsm:1", remote, from_public(remote.public()))
    with pytest.raises(GaitopsError) as caught:
        seal(PAYLOAD_TYPE, payload, [signer])
    assert caught.value.code == "signing.failed"
