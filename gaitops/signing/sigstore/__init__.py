# SPDX-License-Identifier: Apache-2.0
"""Sigstore: signatures by an OIDC identity instead of a key, verified offline.

Owns: bundles (protobuf-specs, v0.1 to v0.3), what a Fulcio certificate claims, who a certificate must name, the
verification of a bundle against a trusted root, and keyless signing. sigstore-python does the cryptography of
certificates, logs and timestamps; it is imported where a bundle is verified or made, and nowhere else, because
importing it costs more than verifying a small fleet.

Must never know: principals, roles, Git, the clock. Verification never touches the network.

Modules: ``bundle`` reads the file, ``trusted_root`` what is trusted, ``claims`` and ``certificate`` whom a certificate
names, ``expected`` says who that must be, ``verify`` proves it with ``library``, which is sigstore-python; ``gitsign``
and ``log_entry`` read the same out of a commit. The signing side: ``sign``, ``tokens``, ``device`` and ``client``.
"""
