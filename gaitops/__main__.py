# SPDX-License-Identifier: Apache-2.0
"""``python -m gaitops``: the same as the ``gaitops`` program."""

from gaitops.cli.main import main

if __name__ == "__main__":
    main()
