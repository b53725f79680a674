# SPDX-License-Identifier: Apache-2.0
"""Readers of the artifacts that Gait writes: bytes in, a verdict with reasons and facts out (Gait contract 2 to 9, 15).

Nothing here believes a file name, a schema version it does not know, or one of two readings of the same bytes. A
reader never raises for hostile bytes: what is wrong with an artifact is in its :class:`~gaitops.gait.artifacts.model.Inspection`.
"""
