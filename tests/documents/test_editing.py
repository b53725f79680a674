# SPDX-License-Identifier: Apache-2.0
"""One member changes; every other byte of what people wrote stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gaitops.documents.editing import edited
from gaitops.documents.load import load_document
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.models.tenancy import Environment, PolicyReference
from gaitops.documents.text import forbidden_character
from gaitops.errors import InvalidInputError

ENVIRONMENT_PATH = "orgs/acme/projects/pay/environments/production.yaml"
ENVIRONMENT = """\
# Production of payments; ask #payments before you touch it.
apiVersion: gaitops.dev/v1
kind: Environment
metadata:
  name: production
spec:
  tier: production   # never lower this
  policy: {policy}
  selector: {{all: true}}
# the end
"""
ROLLOUT_PATH = "orgs/acme/projects/pay/rollouts/tighten.yaml"
ROLLOUT = """\
apiVersion: gaitops.dev/v1
kind: Rollout
metadata: {name: tighten}   # a name
spec:
  policy: {name: agents}
  from: 1.0.0
  to: 1.1.0
  selector: {all: true}
  steps:
    # everybody, carefully
    - {name: all, mode: enforce, percent: 100, environments: [production]}
"""


def repointed(text: str, version: str) -> bytes:
    """The environment with another version of its policy."""
    old = load_document(text.encode(), ENVIRONMENT_PATH)
    assert isinstance(old, Environment)
    reference = PolicyReference(name="agents", version=version)
    wanted = old.model_copy(update={"spec": old.spec.model_copy(update={"policy": reference})})
    result = edited(text.encode(), ENVIRONMENT_PATH, wanted, [("spec", "policy")])
    assert load_document(result, ENVIRONMENT_PATH) == wanted
    return result


def test_a_flow_member_stays_one() -> None:
    """Only the text of the member differs."""
    text = ENVIRONMENT.format(policy="{name: agents, version: 1.0.0}")
    assert repointed(text, "1.1.0").decode() == text.replace("1.0.0", "1.1.0")


def test_a_block_member_stays_one() -> None:
    """Its comments go with it; those around it stay."""
    text = ENVIRONMENT.format(policy="\n    name: agents\n    version: 1.0.0")
    assert repointed(text, "1.1.0").decode() == text.replace("1.0.0", "1.1.0").replace(
        "policy: \n", "policy:\n"
    )


def test_line_ends_stay() -> None:
    """A document from Windows stays one."""
    text = ENVIRONMENT.format(policy="\n    name: agents\n    version: 1.0.0").replace("\n", "\r\n")
    result = repointed(text, "1.1.0")
    assert b"\n" not in result.replace(b"\r\n", b"")


def with_status(data: bytes | None, text: str, phase: str, reason: str | None) -> bytes:
    """The rollout with a status."""
    old = load_document(text.encode(), ROLLOUT_PATH)
    assert isinstance(old, Rollout)
    status = old.status.model_copy(update={"phase": phase, "reason": reason})
    wanted = old.model_copy(update={"status": status})
    result = edited(data, ROLLOUT_PATH, wanted, [("status",)])
    assert load_document(result, ROLLOUT_PATH) == wanted
    return result


def test_a_member_that_is_new_comes_last() -> None:
    """Everything before it is as it was."""
    result = with_status(ROLLOUT.encode(), ROLLOUT, "aborted", "no need")
    assert result.decode() == ROLLOUT + "status:\n  phase: aborted\n  reason: no need\n"


def test_a_member_is_replaced_again_and_again() -> None:
    """Comments before and after it survive."""
    text = ROLLOUT + "status: {phase: pending}  # written by gaitops\n# the end\n"
    result = with_status(text.encode(), text, "aborted", None).decode()
    assert result == ROLLOUT + "status: {phase: aborted}  # written by gaitops\n# the end\n"


def test_a_member_inside_braces() -> None:
    """What surrounds it on the same line stays as well."""
    head = ENVIRONMENT.partition("spec:")[0]
    text = (
        head
        + "spec: {tier: production, # low\n  policy: {name: agents, version: 1.0.0}, selector: {all: true}}\n"
    )
    assert repointed(text, "1.1.0").decode() == text.replace("1.0.0", "1.1.0")


@pytest.mark.parametrize("marker", ["...\n", "...  # over\n# and a word\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_nothing_is_put_behind_the_end_of_a_document(marker: str, line_end: str) -> None:
    """A member that is new stands above the line that ends it."""
    text = (ROLLOUT + marker).replace("\n", line_end)
    result = with_status(text.encode(), text, "aborted", None).decode()
    assert result == (ROLLOUT + "status:\n  phase: aborted\n" + marker).replace("\n", line_end)


@pytest.mark.parametrize("style", ["|", ">", "|-", "|+"])
def test_a_text_of_several_lines_is_replaced(style: str) -> None:
    """Blank lines and comments below a literal text belong to what follows."""
    head, tail = ROLLOUT.split("spec:\n")
    old = f"status:\n  phase: pending\n  reason: {style}\n    one\n    two\n"
    text = f"{head}{old}\n# the plan\nspec:\n{tail}"
    result = with_status(text.encode(), text, "aborted", "three").decode()
    assert result == f"{head}status:\n  phase: aborted\n  reason: three\n\n# the plan\nspec:\n{tail}"


def test_an_indented_document() -> None:
    """A member that is new stands below the others."""
    text = "".join(f"  {line}\n" for line in ROLLOUT.splitlines())
    assert with_status(text.encode(), text, "aborted", None).decode() == (
        text + "  status:\n    phase: aborted\n"
    )


@pytest.mark.parametrize("reason", ["", "a\u2028b", "\u202egood", "x" * 4097])
def test_what_no_document_may_hold(reason: str) -> None:
    """It is refused instead of written."""
    with pytest.raises(InvalidInputError) as caught:
        with_status(ROLLOUT.encode(), ROLLOUT, "aborted", reason)
    assert caught.value.code in ("document.encoding", "document.value")
    assert caught.value.problems[0].field == "status.reason"


def test_json_and_nothing_are_written_anew() -> None:
    """Where there is no block to cut, the document is the same, without what goes without saying."""
    value = load_document(ROLLOUT.encode(), ROLLOUT_PATH).model_dump(
        by_alias=True, mode="json", exclude_none=True
    )
    data = json.dumps(value, indent=2).encode()
    anew = with_status(data, ROLLOUT, "aborted", None)
    assert anew == with_status(None, ROLLOUT, "aborted", None)
    assert b"rollbackTriggers" not in anew
    assert with_status(data.replace(b"\n", b"\r\n"), ROLLOUT, "aborted", None) == anew.replace(b"\n", b"\r\n")


REASONS = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" \t\n"), min_size=1, max_size=60
)
"""What people write, by and large; what no document may hold is filtered where it matters."""
COMMENTS = st.lists(
    st.sampled_from(["# status: {phase: running}", "#", "", "# …😀", "   # deep"]), max_size=3
).map(lambda lines: "".join(line + "\n" for line in lines))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The rollout in many layouts: comments anywhere between its members, in any order, with or without a status."""
    members = [
        "apiVersion: gaitops.dev/v1\n",
        "kind: Rollout\n",
        "metadata: {name: tighten}   # a name\n",
        "spec:\n" + ROLLOUT.split("spec:\n")[1],
    ]
    status = draw(
        st.sampled_from(
            [
                "",
                "status: {phase: pending}  # s\n",
                "status: {phase: pending,\n  # why\n  reason: x}\n",
                "status:\n    # deep\n    phase: pending  # p\n",
                "'status':\n  reason: >-\n    some\n    words\n  phase: pending\n",
                "status:\n  phase: pending\n  reason: |\n    some\n\n    words\n",
            ]
        )
    )
    ordered = draw(st.permutations([*members, status]))
    text = "".join(draw(COMMENTS) + member for member in ordered) + draw(COMMENTS)
    text = draw(st.sampled_from(["", "---\n"])) + text + draw(st.sampled_from(["", "...\n"]))
    text = text if draw(st.booleans()) else text.rstrip("\n")
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(documents(), REASONS)
def test_whatever_a_person_writes(text: str, reason: str) -> None:
    """In every layout the result is the document that was wanted, and every other line is there as it was, in order."""
    assume(forbidden_character(reason) is None and reason.strip())
    line_end = "\r\n" if "\r\n" in text else "\n"
    result = with_status(text.encode(), text, "aborted", reason).decode()
    assert "\n" not in result.replace("\r\n", "") if line_end == "\r\n" else "\r" not in result
    assert outside(result) == outside(text)
    again = with_status(result.encode(), result, "aborted", "x").decode()
    assert outside(again) == outside(text)
    assert with_status(again.encode(), again, "aborted", "x").decode() == again


def outside(text: str) -> list[str]:
    """The lines that do not belong to the status, comments of the status apart."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        inside = line.startswith(("status", "'status")) or (inside and (line.startswith(" ") or not line))
        if line and not inside and line.strip() != "# deep":
            lines.append(line)
    return lines
