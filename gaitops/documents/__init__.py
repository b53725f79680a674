# SPDX-License-Identifier: Apache-2.0
"""Reading the documents of a fleet repository: bytes in, frozen models or precise problems out.

Owns: the strict YAML and JSON readers, the model of every document kind, the layout of the repository
(which path holds what), globs, timestamps, and the exported JSON Schemas.
May import: ``gaitops.errors``, ``gaitops.content``, pydantic and PyYAML.
Must never know: Git, signatures, roles, who may change what, or what a Gait policy says.
"""
