# SPDX-License-Identifier: Apache-2.0
"""The consumer's side: the ``.gaitops/`` folder that a repository commits, and how it is made, checked and renewed.

Owns: the layout of a pin, updating it with a full TUF refresh, verifying it offline, and saying how old it is. May
import ``release`` (layout, statements and sources of what it reads), ``git`` (a release on a branch), ``fleet``,
``signing`` and ``documents``.

Must never know: the fleet repository, how a release was made, the environment (it is handed in) or Gait's verdicts.
"""
