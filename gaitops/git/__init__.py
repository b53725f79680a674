# SPDX-License-Identifier: Apache-2.0
"""Git as evidence: objects, history and commit signatures of a repository that nobody vouches for.

Owns everything that is known about Git: where a repository is, which repositories are refused, raw objects,
the differences between trees, first-parent history, and new commits. It is the only importer of ``pygit2``,
and of that it uses the object database to read: references, configuration and commits are read here, from
their bytes, so that configuration, hooks, attributes, grafts, shallow files, replace refs, commit-graph files
and the environment have no say (design 5, threats G1 to G14).

May import ``gaitops.content`` and ``gaitops.errors``. Must never know fleet documents, trust, approvals or
the command line; whether a signature is *good* is decided elsewhere, here it is only extracted.
"""
