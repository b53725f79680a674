# SPDX-License-Identifier: Apache-2.0
"""Bytes that are signed, what they are signed with, and the signatures over them.

Owns: canonical JSON (RFC 8785), in-toto statements, DSSE envelopes, public keys of every accepted type (one
abstraction: securesystemslib's ``Key``), SSHSIG, OpenPGP certificates and signatures, Sigstore (the package
``sigstore``), and signers by URI. ``documents.strict_json`` reads the JSON that others wrote; apart from it, ``errors``
and third-party libraries nothing is imported.

Must never know: principals, roles, approvals, Git, the clock, or what a statement says. It answers one question: did
this key, or whoever this certificate names, sign these bytes? Who that is in a fleet, and what a signature is worth, is
decided above.

Modules: ``canonical`` and ``statement`` make and read payloads; ``dsse`` wraps them, ``envelopes`` reads them wrapped
in either form; ``keys`` reads public keys and identifies them; ``verification`` checks one signature by one key;
``strength`` and ``forge_keys`` say which keys are refused; ``ssh_wire``, ``sshsig`` and ``ssh`` are SSH keys and
signatures from the inside out, ``openpgp_wire``, ``openpgp`` and ``openpgp_signatures`` the same of OpenPGP; ``der``
reads ASN.1 for ``sigstore``. The private side: ``signers`` by URI, ``ssh_signer``, ``keyfiles`` and ``private_files``;
``services`` with a module for each KMS (``kms_*``) and for ``hsm``, their errors in ``service_errors``; ``wrapping`` is
an interface for evidence that is to be encrypted.
"""
