# SPDX-License-Identifier: Apache-2.0
"""Only the lines of what differs change."""

from __future__ import annotations

from typing import Any

import pytest

from gaitops.documents.load import load_document
from gaitops.documents.models.trust import Principal
from gaitops.documents.rewriting import rewritten

PATH = "trust/principals/dana.yaml"
TEXT = """\
# Dana, of security.
apiVersion: gaitops.dev/v1
kind: Principal
metadata:
  name: dana
spec:
  type: human
  groups: [security, payments]   # both since 2024
  emails:
    - dana@acme.example
  identities:
    # replaced every two years
    - id: offline
      type: key
      publicKey: |
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
        -----END PUBLIC KEY-----
    - id: web
      type: sigstore
      issuer: https://accounts.example.com   # single sign-on
      subject: dana@acme.example
  directory:
    mapping: corp
    id: "17"
# the end
"""


def changed(text: str, edit: Any) -> tuple[str, Principal]:
    """The text after ``edit`` changed the document's value, and the document that was wanted."""
    old = load_document(text.encode(), PATH)
    value = old.model_dump(by_alias=True, mode="json", exclude_none=True, exclude_defaults=True)
    edit(value["spec"])
    wanted = Principal.model_validate(value)
    result = rewritten(text.encode(), PATH, wanted)
    assert load_document(result, PATH) == wanted
    return result.decode(), wanted


def leave(spec: dict[str, Any]) -> None:
    """What becomes of somebody who leaves."""
    spec["groups"] = []
    for identity in spec["identities"]:
        identity["validUntil"] = "2026-11-29T00:00:00Z"
    spec["directory"]["left"] = "2026-11-29T00:00:00Z"


def test_a_leaver_costs_a_line_for_each_identity() -> None:
    """Every comment, and every line that says what it said before, stays."""
    result, _ = changed(TEXT, leave)
    before, after = TEXT.splitlines(), result.splitlines()
    assert [line for line in before if line not in after] == [
        "  groups: [security, payments]   # both since 2024"
    ]
    assert [line for line in after if line not in before] == [
        "  groups: []   # both since 2024",
        '      validUntil: "2026-11-29T00:00:00Z"',
        '      validUntil: "2026-11-29T00:00:00Z"',
        '    left: "2026-11-29T00:00:00Z"',
    ]


def test_lists_grow_in_their_own_style() -> None:
    """A list in brackets stays in brackets, a block gets one more item."""

    def edit(spec: dict[str, Any]) -> None:
        spec["groups"].append("oncall")
        spec["emails"].append("dana@example.com")
        spec["identities"].append(
            {
                "id": "sso-2",
                "type": "sigstore",
                "issuer": "https://accounts.example.com",
                "subject": "d@example.com",
            }
        )

    result, _ = changed(TEXT, edit)
    assert "  groups: [security, payments, oncall]   # both since 2024\n" in result
    assert "      subject: dana@acme.example\n    - id: sso-2\n      type: sigstore\n" in result
    assert "# replaced every two years" in result


def test_a_member_can_go_again() -> None:
    """What was added by leaving is taken out by coming back, and nothing else is."""
    left, _ = changed(TEXT, leave)

    def back(spec: dict[str, Any]) -> None:
        del spec["directory"]["left"]

    result, _ = changed(left, back)
    assert result == left.replace('    left: "2026-11-29T00:00:00Z"\n', "")


@pytest.mark.parametrize("text", [TEXT.replace("\n", "\r\n"), TEXT.rstrip("\n").removesuffix("\n# the end")])
def test_line_ends_stay(text: str) -> None:
    """Also in files from Windows, and in files without a last line end."""
    result, _ = changed(text, leave)
    assert ("\r\n" in result) == ("\r\n" in text)
    assert result.count("\n") == result.count("\r\n") or "\r" not in result
    assert "both since 2024" in result


def test_braces_are_written_anew() -> None:
    """Where no line can be added the document is written again, and still says what was wanted."""
    text = '{"apiVersion": "gaitops.dev/v1", "kind": "Principal", "metadata": {"name": "dana"}, "spec": {"type": "human"}}\n'

    def edit(spec: dict[str, Any]) -> None:
        spec["groups"] = ["security"]

    assert "groups:\n    - security" in changed(text, edit)[0]


def test_nothing_changes_where_nothing_differs() -> None:
    """The very same bytes."""
    wanted = load_document(TEXT.encode(), PATH)
    assert rewritten(TEXT.encode(), PATH, wanted) == TEXT.encode()
