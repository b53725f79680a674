# SPDX-License-Identifier: Apache-2.0
"""``docs/release-format.md`` shows the paths, limits and names that the code uses."""

from __future__ import annotations

from gaitops.fleet.root import MAX_ROOT_BYTES
from gaitops.pin import layout as pin
from gaitops.pin.client import MAX_TARGET_BYTES
from gaitops.release import layout, statement, verify
from tests.docs.source_tree import ROOT

PAGE = (ROOT / "docs" / "release-format.md").read_text(encoding="utf-8")
KIB, MIB = 1024, 1024 * 1024


def test_paths_of_a_release() -> None:
    """Every kind of file lies where the page says."""
    shown = [
        layout.TIMESTAMP_FILE,
        layout.RELEASE_TARGET,
        layout.REPOSITORIES_TARGET,
        layout.role_file("root", 0).replace("0", "<n>"),
        layout.role_file(layout.org_role("<org>"), 0).replace("0", "<n>"),
        layout.role_file(layout.project_role("<org>", "<project>"), 0).replace("0", "<n>"),
        layout.target_file("<folder>/<name>", "<sha256>"),
        layout.envelope_file("<sha256 of payload>"),
        layout.version_folder("<o>", "<p>", "<v>") + "/…",
        layout.version_statement("<o>", "<p>", "<v>"),
        layout.version_pack("<o>", "<p>", "<v>"),
        layout.assignments_statement("<o>", "<j>", "<host>/<path>"),
        layout.STAGED + "/…",
    ]
    assert [path for path in shown if path not in PAGE] == []


def test_paths_of_a_pin() -> None:
    """Every kind of file of a pin is in the drawing."""
    shown = [
        pin.PIN_FILE,
        pin.RELEASE_FILE,
        pin.root_file(0).replace("0", "<n>"),
        pin.assignments_file("<env>"),
        pin.statement_file("<env>", pin.ENFORCED),
        pin.files_folder("<env>", pin.ENFORCED) + "…",
        pin.statement_file("<env>", pin.CANDIDATE),
        pin.files_folder("<env>", pin.CANDIDATE) + "…",
    ]
    assert [path for path in shown if f"{pin.FOLDER}/{path}" not in PAGE] == []


def test_limits() -> None:
    """The page states the limits that readers enforce."""
    sentence = (
        f"root metadata {MAX_ROOT_BYTES:,} bytes and {verify.MAX_ROOTS} versions, "
        f"timestamp {verify.MAX_TIMESTAMP_BYTES // KIB} KiB, snapshot {verify.MAX_SNAPSHOT_BYTES // MIB} MiB, "
        f"each targets role {verify.MAX_TARGETS_BYTES // MIB} MiB, a target {MAX_TARGET_BYTES // MIB} MiB"
    )
    assert sentence in PAGE
    assert f"specification {layout.SPEC_VERSION}" in PAGE


def test_names_of_statements_and_fields() -> None:
    """Predicate types and the signed field are those of the code."""
    base = "https://gaitops.dev/attestation/"
    assert f"`{base}`" in PAGE
    for kind in (statement.RELEASE_TYPE, statement.VERSION_TYPE, statement.ASSIGNMENTS_TYPE):
        assert f"`{kind.removeprefix(base)}`" in PAGE
    assert f"`{verify.SIGNED_FIELD}`" in PAGE
