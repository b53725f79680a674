# SPDX-License-Identifier: Apache-2.0
"""What a new fleet repository and its publisher repository contain besides signed metadata.

Owns: the parameters of a new fleet, their checks, and the rendering of ``gaitops/templates/``.
May import: ``gaitops.errors``, ``gaitops.documents`` and ``gaitops.signing``, for the rules of names and keys.
Must never know: where the files are written, Git, private keys, the clock or the environment.
"""
