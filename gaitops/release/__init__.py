# SPDX-License-Identifier: Apache-2.0
"""Publishing: verified state becomes a TUF repository with signed statements (design 8).

Owns: the layout of a release, its TUF metadata and statements, the root ceremony, co-signing, refreshing, and the
verification of a release at a chosen time. May import ``fleet``, ``signing``, ``documents``, ``gait`` and python-tuf.

Must never know: Git objects, how the state was verified (it is handed a :class:`~gaitops.release.content.ReleaseContent`),
the clock, or the consumer's files (``pin`` imports this package, never the reverse).
"""
