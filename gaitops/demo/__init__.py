# SPDX-License-Identifier: Apache-2.0
"""The story that ``gaitops demo`` tells, and the stage on which it really happens.

Owns: the steps (:mod:`gaitops.demo.story`), their documents, and a scratch folder with an environment of its own in
which they are carried out with the real command line, real Git commits and real signatures.

May import ``gaitops.cli.main`` and what lies below the command line. It must never know how a step is shown, and it
takes no short cut around the command line: what it does, a user can type.
"""
