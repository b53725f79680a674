# SPDX-License-Identifier: Apache-2.0
"""A Sigstore instance of throw-away keys, for tests and the demo: see README.md in this folder.

Imports inside the package are relative, because a wheel carries it under another name. Needs cryptography, and PyJWT,
which sigstore-python brings along; pytest is needed by ``fixtures`` alone.
"""
