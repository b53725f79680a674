# SPDX-License-Identifier: Apache-2.0
"""One member changes; every other byte of what people wrote stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.editing import edited
from gaitops.documents.load import load_document
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.models.tenancy import Environment, PolicyReference

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


def test_json_and_nothing_are_written_anew() -> None:
    """Where there is no block to cut, the document is the same and the text is gaitops' own."""
    import json

    value = load_document(ROLLOUT.encode(), ROLLOUT_PATH).model_dump(
        by_alias=True, mode="json", exclude_none=True
    )
    assert with_status(json.dumps(value).encode(), ROLLOUT, "aborted", None)
    assert with_status(None, ROLLOUT, "aborted", None)


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), st.booleans())
def test_whatever_a_person_writes(reason: str, crlf: bool) -> None:
    """Any text becomes the value that was wanted, and what stands before is untouched."""
    text = ROLLOUT.replace("\n", "\r\n") if crlf else ROLLOUT
    first = with_status(text.encode(), text, "aborted", reason)
    assert first.startswith(text.encode())
    assert with_status(first, first.decode(), "aborted", "x").startswith(text.encode())
