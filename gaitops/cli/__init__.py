# SPDX-License-Identifier: Apache-2.0
"""The command line: one module per noun that parses, calls the packages below, and prints.

Owns argument parsing, exit codes, the clock, the environment, the user's configuration, and everything
that is written to standard output and standard error. May import every other package, but only inside
the command that needs it: ``gaitops --help`` and ``--version`` load nothing but click (design 14).
Must never hold a rule about trust, policies or documents; those live below and are tested without a
command line. Nothing imports this package.
"""
