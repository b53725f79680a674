# SPDX-License-Identifier: Apache-2.0
"""Bytes that are signed, the keys they are signed with, and the signatures over them.

Owns: canonical JSON (RFC 8785), in-toto statements, DSSE envelopes, public keys of every accepted type (one
abstraction: securesystemslib's ``Key``), SSHSIG, and signers by URI. ``documents.strict_json`` reads the JSON
that others wrote; apart from it, ``errors`` and third-party libraries nothing is imported.

Must never know: principals, roles, approvals, Git, the clock, or what a statement says. It answers exactly one
question: did this key sign these bytes? Whose key it is, and what a signature is worth, is decided above.

Modules: ``canonical`` and ``statement`` make and read payloads; ``dsse`` wraps them; ``keys`` reads public keys
and identifies them; ``verification`` checks one signature by one key; ``strength`` says which keys are refused;
``ssh_wire``, ``sshsig`` and ``ssh`` are SSH keys and signatures from the inside out; ``signers``,
``ssh_signer`` and ``keyfiles`` are the private side.
"""
