# SPDX-License-Identifier: Apache-2.0
"""``gaitops schema``: every schema is listed and exported."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from gaitops.documents.kinds import KINDS
from gaitops.documents.schema import RECORDS
from tests.cli.harness import Invoke


def test_list_and_export(gaitops: Invoke, tmp_path: Path) -> None:
    """Export writes what list shows: one valid schema for each document kind and for summaries, and those of the output."""
    listed = gaitops("schema", "list", "--json").json["schemas"]
    folder = tmp_path / "out"
    run = gaitops("schema", "export", folder, "--json")
    assert run.json["schemas"] == listed
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.json")}
    assert files == {row["file"] for row in listed}
    for row in listed:
        schema = json.loads((folder / row["file"]).read_bytes())
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"] == row["id"] == f"https://gaitops.dev/schemas/{row['file']}"
    assert len([name for name in files if not name.startswith("output/")]) == len(KINDS) + len(RECORDS)


def test_export_again(gaitops: Invoke, tmp_path: Path) -> None:
    """A second export replaces what another version wrote."""
    gaitops("schema", "export", tmp_path)
    (tmp_path / "policy.schema.json").write_text("{}")
    assert gaitops("schema", "export", tmp_path).code == 0
    assert (tmp_path / "policy.schema.json").read_text() != "{}\n"


def test_export_into_a_file(gaitops: Invoke, tmp_path: Path) -> None:
    """A file in the way of the folder is a usage error."""
    (tmp_path / "file").write_text("")
    assert gaitops("schema", "export", tmp_path / "file").code == 6
