# SPDX-License-Identifier: Apache-2.0
"""Drills: runbooks of the key lifecycle, carried out on a copy of a fleet with throw-away keys.

Owns: what a drill needs to know of a real fleet, the copy (the *twin*) with its genesis, the six runbooks, what was
proven, and the signed report. A twin is worked on through the command line alone, as people do, on the stage of the
demo. What a drill says of the real fleet is derived from its verified state and needs no key.

May import: ``demo`` for its stage, ``release``, ``history`` and the packages below it.
Must never know: how results are shown, the clock, the user's environment, a private key of the real fleet.

Modules: ``survey`` reads the real fleet, ``structure`` asks who could still decide what; ``copied`` rewrites its
content for ``keyring``'s new keys, ``twin`` carries out commands, ``founding`` and ``batches`` found the copy;
``opening``, ``changes`` and ``ceremonies`` are the turns that come again in every runbook; ``probes``, ``deciding`` and
``leaving`` are about single people; one module per drill, ``catalogue`` lists them; ``performing`` carries one out,
``attest`` signs its report and reads one.
"""
