# SPDX-License-Identifier: Apache-2.0
"""The controls, one module each, named as their ids with ``_`` for the dot.

:mod:`gaitops.conformance.registry` lists them. They know nothing of each other and nothing of waivers.
"""
