# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence inspect``: judge artifact files, without a store and without a fleet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli.command import command
from gaitops.cli.exit_codes import INVALID_INPUT, SUCCESS, VERIFICATION_FAILED
from gaitops.cli.output import Result

if TYPE_CHECKING:
    from gaitops.cli.evidence_files import Found
    from gaitops.gait.artifacts.model import Inspection, Keyring


@command(
    "inspect",
    example="gaitops evidence inspect --key ci_public.key gait-out/\ngaitops evidence inspect --json trace.json runpack.zip",
)
@click.option(
    "--key",
    "key_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Public key file of a producer, as `gait keys init` writes it; may be repeated.",
)
@click.argument("path", nargs=-1, required=True, type=click.Path(path_type=Path))
def inspect_(*, key_files: tuple[Path, ...], path: tuple[Path, ...]) -> Result:
    """Judge every artifact in each PATH, a file or a folder.

    Says of each what kind it is, by content, whether it can be believed and why, and which ids and digests it
    carries. Links inside folders are not followed. With --json, prints one line per file.

    Exit code 2 when an artifact failed or was rejected, except files inside folders that are plainly none;
    6 when a path could not be read or a key is no key.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.gait.artifacts.model import Keyring
    from gaitops.gait.gait_keys import read_public_key
    from gaitops.report.inspections import inspections_text

    keys = Keyring(read_public_key(read_bytes(file), str(file)) for file in key_files)
    batch = _Batch(path, keys)

    def text() -> str:
        for _ in batch.lines():
            pass
        return inspections_text(batch.summary)

    return Result("evidence-inspect", {}, text, exit_code=batch.exit_code, lines=batch.lines)


class _Batch:
    """Inspects one file after another; what follows from them is known at the end."""

    def __init__(self, paths: tuple[Path, ...], keys: Keyring) -> None:
        from gaitops.report.inspections import Summary

        self.summary = Summary()
        self._paths, self._keys = paths, keys
        self._bad = False

    def lines(self) -> Iterator[Mapping[str, object]]:
        """One document per file, in the order of the paths."""
        from gaitops.cli.evidence_files import Found, Neighbourhoods, Unreadable, find, inspect_file

        neighbourhoods = Neighbourhoods(self._paths)
        for found in find(self._paths):
            outcome: Inspection | Unreadable
            if isinstance(found, Found):
                outcome = inspect_file(found.path, self._keys, neighbourhoods.of(found.path))
                if not isinstance(outcome, Unreadable):
                    self._count(found, outcome)
                    yield outcome.to_json(str(found.path))
                    continue
            else:
                outcome = found
            self.summary.unreadable.append((str(outcome.path), outcome.reason))
            yield {"file": str(outcome.path), "error": outcome.reason, "error_code": "input.unreadable"}

    def _count(self, found: Found, inspection: Inspection) -> None:
        self.summary.add(str(found.path), inspection)
        # A folder holds other files beside artifacts; a file that somebody names is meant to be one.
        if inspection.verdict.value in {"failed", "rejected"} and (
            found.named or inspection.kind != "unknown"
        ):
            self._bad = True

    def exit_code(self) -> int:
        """A verdict weighs more than a file that could not be read: it is about something that was seen."""
        if self._bad:
            return VERIFICATION_FAILED
        return INVALID_INPUT if self.summary.unreadable else SUCCESS
