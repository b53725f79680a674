# SPDX-License-Identifier: Apache-2.0
"""Everything gaitops knows about Gait's formats, and the only package that parses them (design 12).

Owns: reading Gait policies the way the ``gait`` program reads them, their digest, lint and comparison, and Gait
registry packs and key files. May import ``gaitops.errors`` and ``gaitops.signing.canonical``. Must never know of
fleets, documents, approvals, Git or the command line: it takes bytes and returns values.
"""
