# SPDX-License-Identifier: Apache-2.0
"""Conformance: whether a consumer repository follows what its fleet requires (design 10).

Owns: the controls with their reasons and remedies, the application of waivers, the result of one repository in one
environment, and the signed statement about it. The core is a pure function of content, requirement and time. May
import ``pin`` and ``release`` (what a repository pinned and what a release says), ``fleet``, ``gait``, ``signing``
and ``documents``.

Must never know: how a fleet's history was verified, where results are shown, the clock, the network.
"""
