# SPDX-License-Identifier: Apache-2.0
"""The services over HTTP, on loopback: one server, told apart by path, as sigstore-python speaks to them.

Sources: sigstore/fulcio fulcio.proto, sigstore/rekor-tiles rekor_service.proto, sigstore/rekor openapi.yaml,
RFC 3161 (3.4).
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from . import log
from .log import Json
from .oidc import OAuthError
from .timestamps import read_query

if TYPE_CHECKING:
    from .double import SigstoreDouble

OIDC = "/oidc"
JSON = "application/json"


class RefusedError(Exception):
    """A request that a service does not grant."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Services:
    """A server for one double, on a port that the system chooses."""

    def __init__(self, double: SigstoreDouble) -> None:
        self._server = _Server(double)
        # Nothing of a test may wait for a thread that waits for a request.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: SigstoreDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.double = double


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve(
            {
                f"{OIDC}/.well-known/openid-configuration": self._configuration,
                f"{OIDC}/keys": self._keys,
                f"{OIDC}/authorize": self._authorize,
                f"{OIDC}/actions": self._actions,
                "/api/v2/checkpoint": self._checkpoint,
                "/api/v2/trustBundle": self._trust_bundle,
            }
        )

    def do_POST(self) -> None:
        self._serve(
            {
                "/api/v2/signingCert": self._certificate,
                "/api/v2/log/entries": self._entry,
                "/api/v1/log/entries": self._entry_v1,
                "/api/v1/timestamp": self._timestamp,
                f"{OIDC}/token": self._token,
                f"{OIDC}/device": self._device,
            }
        )

    # -- HTTP --------------------------------------------------------------------------------------------

    @property
    def double(self) -> SigstoreDouble:
        """Whose services these are."""
        return cast("_Server", self.server).double

    @property
    def _provider_url(self) -> str:
        return f"http://{self.headers['Host']}{OIDC}"

    def _serve(self, routes: dict[str, Callable[[bytes], None]]) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        route = routes.get(urlsplit(self.path).path)
        try:
            (route or _missing)(body)
        except OAuthError as error:
            self._json({"error": error.code}, error.status)
        except RefusedError as error:
            self._json({"code": error.status, "message": str(error)}, error.status)
        except (KeyError, ValueError, TypeError, InvalidSignature, jwt.InvalidTokenError) as error:
            self._json({"code": 400, "message": f"{type(error).__name__}: {error}"}, 400)

    def _json(self, value: Json, status: int = 200) -> None:
        self._answer(json.dumps(value).encode(), JSON, status)

    def _answer(self, data: bytes, kind: str, status: int = 200, location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(data)

    def _query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    # -- OpenID provider ---------------------------------------------------------------------------------

    def _configuration(self, _: bytes) -> None:
        self._json(self.double.provider.configuration(self._provider_url))

    def _keys(self, _: bytes) -> None:
        self._json(self.double.provider.keys())

    def _authorize(self, _: bytes) -> None:
        self._answer(b"", "text/plain", 302, self.double.provider.authorize(self._query()))

    def _actions(self, _: bytes) -> None:
        authorization = self.headers.get("Authorization", "")
        self._json(self.double.provider.actions(authorization, self._query()["audience"]))

    def _token(self, body: bytes) -> None:
        _, _, basic = self.headers.get("Authorization", "").partition(" ")
        client = base64.b64decode(basic).decode().partition(":")[0]
        self._json(self.double.provider.exchange(_form(body), client))

    def _device(self, body: bytes) -> None:
        self._json(self.double.provider.device(_form(body), self._provider_url))

    # -- Fulcio ------------------------------------------------------------------------------------------

    def _certificate(self, body: bytes) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = self.double.provider.claims(token)
        except jwt.InvalidTokenError as error:
            raise RefusedError(401, f"the token is not good: {error}") from error
        request = x509.load_pem_x509_csr(base64.b64decode(json.loads(body)["certificateSigningRequest"]))
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not request.is_signature_valid:
            raise RefusedError(400, "the request is not signed by a key on an elliptic curve")
        certificate = self.double.certify(key, claims)
        chain = [certificate, *self.double.fulcio.chain]
        self._json(
            {"signedCertificateEmbeddedSct": {"chain": {"certificates": [_pem(item) for item in chain]}}}
        )

    def _trust_bundle(self, _: bytes) -> None:
        self._json({"chains": [{"certificates": [_pem(item) for item in self.double.fulcio.chain]}]})

    # -- Rekor -------------------------------------------------------------------------------------------

    def _checkpoint(self, _: bytes) -> None:
        self._answer(self.double.rekor.checkpoint().encode(), "text/plain; charset=utf-8")

    def _open_log(self, version: int) -> None:
        if self.double.log_version != version:
            raise RefusedError(404, "this is another version of the log")
        if self.double.faults.entries_refused:
            raise RefusedError(500, "the log takes no entries")

    def _entry(self, body: bytes) -> None:
        self._open_log(2)
        request = json.loads(body)["hashedRekordRequestV002"]
        digest = base64.b64decode(request["digest"])
        signature = base64.b64decode(request["signature"]["content"])
        certificate = base64.b64decode(request["signature"]["verifier"]["x509Certificate"]["rawBytes"])
        _check(x509.load_der_x509_certificate(certificate), signature, digest)
        entry = log.hashed_body(digest, signature, certificate)
        self._json(self.double.record(entry, "hashedrekord", "0.0.2"), 201)

    def _entry_v1(self, body: bytes) -> None:
        self._open_log(1)
        request = json.loads(body)
        if request["kind"] == "dsse":
            entry = self._envelope(request["spec"]["proposedContent"])
        else:
            spec = request["spec"]
            pem = base64.b64decode(spec["signature"]["publicKey"]["content"])
            digest = bytes.fromhex(spec["data"]["hash"]["value"])
            signature = base64.b64decode(spec["signature"]["content"])
            _check(x509.load_pem_x509_certificate(pem), signature, digest)
            entry = log.hashed_body_v1(digest, signature, pem)
        added = self.double.record(entry, request["kind"], "0.0.1")
        self._json({self.double.rekor.log_id.hex(): log.answer_v1(added)}, 201)

    def _envelope(self, proposed: Json) -> bytes:
        """Body of the entry about an envelope, whose signature is checked."""
        text = str(proposed["envelope"])
        envelope = json.loads(text)
        (verifier,) = cast("list[str]", proposed["verifiers"])
        pem = base64.b64decode(verifier)
        key = cast("ec.EllipticCurvePublicKey", x509.load_pem_x509_certificate(pem).public_key())
        payload = base64.b64decode(envelope["payload"])
        signatures = [base64.b64decode(item["sig"]) for item in envelope["signatures"]]
        for signature in signatures:
            key.verify(signature, log.pae(envelope["payloadType"], payload), ec.ECDSA(SHA256()))
        return log.dsse_body_v1(text.encode(), payload, signatures, pem)

    # -- timestamp authority -----------------------------------------------------------------------------

    def _timestamp(self, body: bytes) -> None:
        if self.double.faults.no_timestamp:
            raise RefusedError(503, "no timestamps today")
        self._answer(self.double.stamp(read_query(body)), "application/timestamp-reply", 201)


def _missing(_: bytes) -> NoReturn:
    raise RefusedError(404, "no such service")


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _check(certificate: x509.Certificate, signature: bytes, digest: bytes) -> None:
    """The certificate's key signed what has this digest."""
    key = cast("ec.EllipticCurvePublicKey", certificate.public_key())
    key.verify(signature, digest, ec.ECDSA(utils.Prehashed(SHA256())))
