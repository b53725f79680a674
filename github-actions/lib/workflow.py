# SPDX-License-Identifier: Apache-2.0
"""What a step of a workflow may say to GitHub: outputs, the job summary, annotations, and text for the log.

Values come from changes and comments that strangers wrote. None of them reaches a shell, and none of them can
be taken for a workflow command. Escaping: docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NoReturn

Level = Literal["error", "warning", "notice"]

MOST_ANNOTATIONS: Final = 10
"""GitHub shows no more of one kind per step."""
_SUMMARY_BYTES: Final = 900_000
"""GitHub refuses a summary of more than 1 MiB."""


def given(name: str) -> str:
    """The input ``name`` of the action, without blanks around it; empty when it is not set."""
    return os.environ.get("INPUT_" + name.upper().replace("-", "_"), "").strip()


def flag(name: str) -> bool:
    """An input that is ``true`` or ``false``."""
    value = given(name) or "false"
    if value not in {"true", "false"}:
        stop("Wrong input", f"The input {name} is true or false, not {value!r}.")
    return value == "true"


def required(name: str) -> str:
    """An input that must be set."""
    value = given(name)
    if not value:
        stop("Missing input", f"The input {name} is required.")
    return value


def this_repository() -> str:
    """Address of the repository that the workflow runs in, which no change of its files decides."""
    return f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"


def scratch(name: str) -> Path:
    """A new folder of this job, outside the working folder."""
    return Path(tempfile.mkdtemp(prefix=f"gaitops-{name}-", dir=os.environ["RUNNER_TEMP"]))


def output(**values: str | int | bool | Path) -> None:
    """Set outputs of the step; ``exit_code`` sets ``exit-code``. No value can end early or set another output."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as stream:
        for name, value in values.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            mark = f"end-{secrets.token_hex(16)}"
            stream.write(f"{name.replace('_', '-')}<<{mark}\n{text}\n{mark}\n")


def summary(markdown: str) -> None:
    """Add Markdown to the job's summary."""
    data = markdown.encode("utf-8", "replace")
    if len(data) > _SUMMARY_BYTES:
        data = data[:_SUMMARY_BYTES] + b"\n\n(cut off; the whole report is a file of the step)\n"
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("ab") as stream:
        stream.write(data.rstrip(b"\n") + b"\n\n")


def block(text: str) -> str:
    """``text`` as a Markdown block that nothing in it can end."""
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def log(*texts: str) -> None:
    """Print text that strangers may have written: until a token that they cannot know, the runner obeys nothing."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}")
    for text in texts:
        if text:
            print(text.rstrip("\n"))
    print(f"::{token}::", flush=True)


def annotate(
    level: Level,
    title: str,
    message: str,
    *,
    path: str = "",
    line: int | None = None,
    column: int | None = None,
) -> None:
    """Show a message at a file of the change, or at the run when ``path`` is empty."""
    properties = {"file": path, "line": line, "col": column, "title": title}
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value)
    print(f"::{level} {told}::{_data(message)}", flush=True)


def annotate_problems(level: Level, problems: Sequence[dict[str, object]], folder: str) -> None:
    """One annotation per problem of a ``--json`` document, as many as GitHub shows."""
    for problem in problems[:MOST_ANNOTATIONS]:
        message = str(problem["message"])
        if problem.get("remedy"):
            message += f"\nfix: {problem['remedy']}"
        path = str(problem.get("path") or "")
        annotate(
            level,
            str(problem["code"]),
            message,
            path=_below(folder, path),
            line=_number(problem.get("line")),
            column=_number(problem.get("column")),
        )
    if len(problems) > MOST_ANNOTATIONS:
        annotate("notice", "More", f"{len(problems) - MOST_ANNOTATIONS} more are in the job summary.")


def stop(title: str, message: str, code: int = 6) -> NoReturn:
    """End the step with an error that people see; 6 is gaitops' exit code for unusable input."""
    annotate("error", title, message)
    sys.exit(code)


def _below(folder: str, path: str) -> str:
    return os.path.normpath(f"{folder}/{path}") if path and folder not in {"", "."} else path


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _data(text: str) -> str:
    kept = "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)
    return kept.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
