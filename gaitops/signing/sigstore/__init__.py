# SPDX-License-Identifier: Apache-2.0
"""Sigstore: signatures by an OIDC identity instead of a key, verified offline.

Owns: bundles (protobuf-specs, v0.1 to v0.3), what a Fulcio certificate claims, who a certificate must name, the
verification of a bundle against a trusted root, and keyless signing. sigstore-python does the cryptography of
certificates, logs and timestamps; it is imported where a bundle is verified or made, and nowhere else, because
importing it costs more than verifying a small fleet.

Must never know: principals, roles, Git, the clock. Verification never touches the network.

Modules: ``bundle`` reads the file, ``claims`` the certificate, ``expected`` says whom it must name, ``verify`` proves
it; ``sign``, ``tokens`` and ``device`` are the signing side.
"""
