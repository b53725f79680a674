# SPDX-License-Identifier: Apache-2.0
"""Where evidence comes from and where it is kept: Producer, EvidenceStore (design 11)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gaitops.documents.models.base import (
    Document,
    Items,
    Metadata,
    Model,
    Name,
    RepositoryRef,
    Scope,
    Sha256,
    Text,
    Timestamp,
    require_unique,
)

STORE_URL_PATTERN: Final = r"^[a-z][a-z0-9+.-]{1,31}://[^\s?#@]+$"


def _checked_gait_key(text: str) -> str:
    _raw_key(text)
    return text


def _raw_key(text: str) -> bytes:
    """The 32 bytes behind the text; Gait writes raw Ed25519 keys in base64."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("expected a raw Ed25519 public key in base64") from error
    if len(raw) != 32:
        raise ValueError("expected a raw Ed25519 public key of 32 bytes in base64")
    return raw


GaitPublicKey = Annotated[str, Field(min_length=44, max_length=44), AfterValidator(_checked_gait_key)]


class ProducerSpec(Model):
    """A Gait signing key, and where and when its signatures are expected."""

    key_id: Sha256 = Field(description="Gait's id of the key: SHA-256 of its 32 raw bytes.")
    public_key: GaitPublicKey = Field(description="The 32 raw bytes of the Ed25519 key in base64.")
    repositories: Items[RepositoryRef] = Field(
        min_length=1,
        description="Repositories whose artifacts it may sign.",
        examples=[["acme/pay/checkout"]],
    )
    environments: Items[Name] = Field(
        default=(), description="Only these environments of the repositories; any when absent."
    )
    valid_from: Timestamp | None = Field(default=None, description="First instant of its signatures.")
    valid_until: Timestamp | None = Field(
        default=None, description="Instant from which signatures do not count."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if hashlib.sha256(_raw_key(self.public_key)).hexdigest() != self.key_id:
            raise ValueError("keyId is not the SHA-256 of publicKey")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("expected validFrom before validUntil")
        require_unique(self.repositories, "repository")
        return self


class Producer(Document):
    """Binds a Gait signing key to the repositories whose artifacts it signs."""

    kind: Literal["Producer"] = Field(description="Always Producer.")
    metadata: Metadata = Field(description="Id of the producer.")
    spec: ProducerSpec = Field(description="The producer.")


class EvidenceStoreSpec(Model):
    """A place that holds artifacts."""

    url: Annotated[str, Field(pattern=STORE_URL_PATTERN, max_length=512)] = Field(
        description="Scheme and place; no credentials, query or fragment.",
        examples=["s3://acme-evidence/gait"],
    )
    scope: Scope = Field(default="fleet", description="Artifacts attributed to this scope and below.")
    retention: Items[Name] = Field(default=(), description="Retention classes that apply to the store.")
    summary: Text | None = Field(default=None, description="What it holds.")

    @model_validator(mode="after")
    def _retention_unique(self) -> Self:
        require_unique(self.retention, "retention class")
        return self


class EvidenceStore(Document):
    """A place where evidence is kept."""

    kind: Literal["EvidenceStore"] = Field(description="Always EvidenceStore.")
    metadata: Metadata = Field(description="Name of the store.")
    spec: EvidenceStoreSpec = Field(description="The store.")
