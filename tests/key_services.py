# SPDX-License-Identifier: Apache-2.0
"""Keys in services to test with: moto's AWS KMS over HTTP, SoftHSM behind PKCS#11, and a server that says what it is told."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SOFTHSM = next(
    (
        path
        for path in (
            Path("/usr/lib/softhsm/libsofthsm2.so"),
            Path("/usr/lib64/softhsm/libsofthsm2.so"),
            Path("/usr/lib64/pkcs11/libsofthsm2.so"),
            Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
        )
        if path.exists()
    ),
    None,
)
"""SoftHSM's PKCS#11 module, where it is installed."""

PIN = "271828"
LABEL = "gaitops tests"


# -- loopback server -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    """Parsed JSON; ``None`` when there was no body."""


Answer = tuple[int, object]
"""HTTP status and JSON."""


@dataclass
class Loopback:
    """A server on loopback that answers as ``answer`` says, and remembers every request."""

    url: str
    answer: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)


@contextmanager
def loopback(
    answer: Callable[[Request], Answer], content_type: str = "application/json"
) -> Iterator[Loopback]:
    """A running :class:`Loopback`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(
                self.command, self.path, dict(self.headers), json.loads(content) if content else None
            )
            double.requests.append(request)
            status, document = double.answer(request)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            """Nothing: tests look at the requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double = Loopback(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# -- AWS KMS ---------------------------------------------------------------------------------------------------


KMS_ARN = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
"""The one key of a :class:`ScriptedKMS`."""


def aws_environment(url: str) -> dict[str, str]:
    """Variables that send every client of AWS to ``url``, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL_KMS": url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_SESSION_TOKEN": "the-session-token",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "NO_PROXY": "127.0.0.1",
    }


@cache
def _aws_models() -> Any:
    """What botocore reads from its files for each session: most of the time that it takes to make a client."""
    from botocore.loaders import create_loader

    return create_loader()


def use_aws(patch: pytest.MonkeyPatch, url: str) -> None:
    """Send every client of AWS in this process to ``url``; nothing of the user's own settings counts."""
    from botocore.session import Session

    def session() -> Any:
        made = Session()
        made.register_component("data_loader", _aws_models())
        return made

    patch.setattr("gaitops.signing.kms_aws.Session", session)
    patch.delenv("AWS_PROFILE", raising=False)
    for name, value in aws_environment(url).items():
        patch.setenv(name, value)


@dataclass(frozen=True)
class MotoKMS:
    """moto's KMS, and a client of its own to make keys with."""

    url: str
    client: Any

    def key(self, spec: str = "ECC_NIST_P256", alias: str | None = None, usage: str = "SIGN_VERIFY") -> str:
        """The ARN of a new key."""
        metadata = self.client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
        if alias is not None:
            self.client.create_alias(AliasName=f"alias/{alias}", TargetKeyId=metadata["KeyId"])
        return str(metadata["Arn"])


@contextmanager
def moto_kms() -> Iterator[MotoKMS]:
    """A running moto server, with the one thing that its KMS lacks: ``MessageType=DIGEST``."""
    from botocore.session import Session
    from moto.kms import utils
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils.ECDSAPrivateKey, "sign", _sign_digest)
        patch.setattr(utils.RSAPrivateKey, "sign", _sign_digest)
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            url = f"http://{host}:{port}"
            # moto keeps its keys for as long as the process lives.
            reset = HTTPConnection(host, port)
            reset.request("POST", "/moto-api/reset")
            reset.getresponse().read()
            reset.close()
            client = Session().create_client(
                "kms",
                region_name="eu-west-1",
                endpoint_url=url,
                aws_access_key_id="AKIDEXAMPLE",
                aws_secret_access_key="not-a-secret",
            )
            yield MotoKMS(url, client)
            client.close()
        finally:
            server.stop()


def _sign_digest(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    algorithm = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[
        signing_algorithm[-3:]
    ]
    if isinstance(key.private_key, ec.EllipticCurvePrivateKey):
        return key.private_key.sign(message, ec.ECDSA(Prehashed(algorithm)))
    pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    signature: bytes = key.private_key.sign(message, pss, Prehashed(algorithm))
    return signature


class ScriptedKMS:
    """A KMS with one P-256 key whose ``Sign`` (or ``GetPublicKey``) answers as it is told."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.failing: dict[str, Answer] = {}
        self.algorithms = ["ECDSA_SHA_256"]

    def __call__(self, request: Request) -> Answer:
        action = request.headers["X-Amz-Target"].rpartition(".")[2]
        if action in self.failing:
            return self.failing[action]
        if action == "GetPublicKey":
            der = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return 200, {
                "KeyId": KMS_ARN,
                "KeyUsage": "SIGN_VERIFY",
                "PublicKey": base64.b64encode(der).decode(),
                "SigningAlgorithms": self.algorithms,
            }
        assert request.body["MessageType"] == "DIGEST"
        assert request.body["KeyId"] == KMS_ARN
        message = base64.b64decode(request.body["Message"])
        signature = self.private.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
        return 200, {"Signature": base64.b64encode(signature).decode()}


# -- SoftHSM ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SoftToken:
    """A token of SoftHSM in a folder of its own."""

    module: str
    label: str = LABEL
    pin: str = PIN

    @property
    def environment(self) -> dict[str, str]:
        """What finds the module."""
        return {"PYKCS11LIB": self.module}

    def uri(self, number: int) -> str:
        """The signer URI of a key."""
        return f"hsm:{number}?label={self.label.replace(' ', '+')}"

    @contextmanager
    def session(self) -> Iterator[Any]:
        """The token, opened for writing."""
        import pkcs11

        token = pkcs11.lib(self.module).get_token(token_label=self.label)
        with token.open(rw=True, user_pin=self.pin) as session:
            yield session

    def make(self, number: int, curve: str = "secp256r1", *, hidden: bool = False) -> None:
        """Make a key pair, in the place of one that has this id. A hidden one shows its public half to nobody."""
        import pkcs11
        from pkcs11.util.ec import encode_named_curve_parameters

        identifier = bytes([number])
        with self.session() as session:
            for found in list(session.get_objects({pkcs11.Attribute.ID: identifier})):
                found.destroy()
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC,
                {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)},
                local=True,
            )
            template = {pkcs11.Attribute.PRIVATE: hidden}
            parameters.generate_keypair(store=True, id=identifier, public_template=template)


@contextmanager
def soft_token(folder: Path) -> Iterator[SoftToken]:
    """A new token; skips where SoftHSM is not installed. Once in a process: the module reads its settings once."""
    if SOFTHSM is None or which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed")
    import pkcs11

    tokens = folder / "tokens"
    tokens.mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(settings))
        arguments = ["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "314159265"]
        subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
        library = pkcs11.lib(str(SOFTHSM))
        # Another test of this process may have used the module with a folder that is gone.
        library.reinitialize()
        yield SoftToken(str(SOFTHSM))
