# SPDX-License-Identifier: Apache-2.0
"""``gaitops schema``: the JSON Schemas of fleet documents and of what commands print with ``--json``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gaitops.cli.command import command
from gaitops.cli.output import Result

_OUTPUT = "output/"
"""Folder of the output schemas below the export folder, as in the repository of gaitops."""


@command("list", example="gaitops schema list")
def list_() -> Result:
    """List the JSON Schemas that this version of gaitops knows, with their identifiers."""
    from gaitops.report.tables import table

    rows = _rows(_schemas())
    return Result(
        "schema-list", {"schemas": rows}, table(["file", "id"], [[row["file"], row["id"]] for row in rows])
    )


@command(example="gaitops schema export schemas/")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def export(*, folder: Path) -> Result:
    """Write every JSON Schema into DIR, replacing those of another version.

    Schemas of documents go into DIR itself, those of command output into DIR/output. Editors find them through
    the `yaml-language-server` comment of a document.
    """
    found = _schemas()
    for name, content in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    members = {"folder": str(folder), "schemas": _rows(found)}
    return Result("schema-list", members, f"wrote {len(found)} schemas to {folder}")


def _schemas() -> dict[str, bytes]:
    """Every schema by its path below the export folder."""
    from gaitops.cli import output_schemas
    from gaitops.documents.schema import schemas

    output = {
        f"{_OUTPUT}{name}{output_schemas.SUFFIX}": output_schemas.text(name)
        for name in output_schemas.names()
    }
    return {**schemas(), **output}


def _rows(found: dict[str, bytes]) -> list[dict[str, str]]:
    return [{"file": name, "id": json.loads(content)["$id"]} for name, content in sorted(found.items())]
