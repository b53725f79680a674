# SPDX-License-Identifier: Apache-2.0
"""The kinds of documents and their models, imported one subject at a time when first used (design 14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gaitops.documents.models.base import Document

_MODULES: Final[Mapping[str, str]] = {
    "Fleet": "trust",
    "Principal": "trust",
    "RoleBinding": "trust",
    "ApprovalRule": "trust",
    "Revocation": "trust",
    "FreezeWindow": "trust",
    "DirectoryMapping": "directory",
    "Organization": "tenancy",
    "Project": "tenancy",
    "Repository": "tenancy",
    "Environment": "tenancy",
    "Policy": "policy",
    "PolicyVersion": "policy",
    "Rollout": "rollout",
    "Waiver": "governance",
    "DeploymentGate": "governance",
    "RetentionClass": "governance",
    "LegalHold": "governance",
    "Producer": "evidence",
    "EvidenceStore": "evidence",
}


class _Kinds(Mapping[str, "type[Document]"]):
    """Model by kind; asking whether a kind exists imports nothing."""

    def __getitem__(self, kind: str) -> type[Document]:
        module = import_module(f"gaitops.documents.models.{_MODULES[kind]}")
        model: type[Document] = getattr(module, kind)
        return model

    def __contains__(self, kind: object) -> bool:
        return kind in _MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


KINDS: Final[Mapping[str, type[Document]]] = _Kinds()
"""Every document kind and its model."""
