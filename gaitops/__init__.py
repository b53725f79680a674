# SPDX-License-Identifier: Apache-2.0
"""gaitops: a Git repository as the control plane of a fleet of Gait agent policies.

The packages and the direction of their imports are described in ``docs/architecture.md``.
This module imports nothing, so that ``gaitops --version`` stays fast.
"""

__version__ = "0.1.0"
