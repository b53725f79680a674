# SPDX-License-Identifier: Apache-2.0
"""What gaitops writes into a new repository besides signed metadata: of a fleet, a publisher, a consumer.

Owns: the parameters of these repositories, their checks, and the rendering of ``gaitops/templates/``.
May import: ``gaitops.errors``, ``gaitops.documents`` and ``gaitops.signing``, for the rules of names and keys.
Must never know: where the files are written, Git, private keys, the clock or the environment.
"""
