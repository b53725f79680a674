# SPDX-License-Identifier: Apache-2.0
"""Sigstore bundles: all of reading and verifying one, against sigstore-python's ``Verifier`` alone on the same bytes.

The bundles come from the tests' double, each with a key, a certificate and a log entry of its own. The verifier is built
once for both, as it would be in a long run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from benchmarks.cases import Row
from benchmarks.timing import interleave, processor_time, ratio
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore.claims import read_claims
from gaitops.signing.sigstore.expected import Person
from gaitops.signing.sigstore.verify import TrustedRootFile, verify_bundle
from tests.sigstore_double.double import SigstoreDouble, ticking
from tests.sigstore_double.identities import ACCOUNTS, Someone

BUNDLES = 100
_WHO = "dana@acme.example"
_START = datetime(2026, 11, 1, tzinfo=UTC)


def verification(repeats: int) -> Iterator[Row]:
    """One row for each generation of logs."""
    for version, name in ((2, "v2 and a timestamp authority"), (1, "v1")):
        double = SigstoreDouble(ticking(_START, timedelta(minutes=1)), log_version=version)
        payload = json.dumps({"deltas": ["0" * 64] * 30}).encode()
        files = [double.sign_dsse(payload, Someone(_WHO)) for _ in range(BUNDLES)]
        contenders = {"gaitops": _gaitops(double, files), "sigstore": _sigstore(double, files)}
        seconds = interleave(
            {name: partial(processor_time, work) for name, work in contenders.items()}, repeats
        )
        yield Row(
            f"reading and verifying a Sigstore bundle, Rekor {name}",
            f"{median(seconds['gaitops']) / BUNDLES * 1000:.2f} ms",
            f"sigstore-python's `Verifier`: {median(seconds['sigstore']) / BUNDLES * 1000:.2f} ms",
            ratio(seconds["gaitops"], seconds["sigstore"]),
            1.2,
        )


def _gaitops(double: SigstoreDouble, files: list[bytes]) -> Callable[[], object]:
    """From the bytes of a file to the answer who signed it and when."""
    root = double.trusted_root_bytes
    trusted_root = TrustedRootFile(root, hashlib.sha256(root).hexdigest())
    person = Person(ACCOUNTS, _WHO)

    def work() -> None:
        read_claims.cache_clear()
        for data in files:
            if verify_bundle(read_envelope(data), trusted_root).mismatch(person) is not None:
                raise RuntimeError("a bundle of somebody else")

    return work


def _sigstore(double: SigstoreDouble, files: list[bytes]) -> Callable[[], object]:
    """The same by the library, policy included."""
    config = ClientTrustConfig.from_json(double.client_trust_config.decode())
    verifier = Verifier(trusted_root=config.trusted_root)
    policy = Identity(identity=_WHO, issuer=ACCOUNTS)

    def work() -> None:
        for data in files:
            verifier.verify_dsse(Bundle.from_json(data), policy)

    return work
