# SPDX-License-Identifier: Apache-2.0
"""Frozen models of the fleet documents, one module per subject.

Owns: the shape of each kind, its field descriptions (documentation and JSON Schemas are generated from
them) and the rules that one document alone can break.
May import: pydantic and the scalar helpers of ``gaitops.documents``.
Must never know: other documents. Whether a reference points at something is checked elsewhere.
"""
