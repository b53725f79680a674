# SPDX-License-Identifier: Apache-2.0
"""The digest that approvals are about: the same for the same change, another for any other."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.change.deltas import Delta, delta_from_json, deltas_digest, ordered

ROOT = "a" * 64
_hex = st.text("0123456789abcdef", min_size=64, max_size=64)
_deltas = st.lists(
    st.builds(
        Delta,
        path=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
        mode=st.sampled_from(["100644", "100755"]),
        before=st.none() | _hex,
        after=st.none() | _hex,
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda item: item.path,
)


@given(_deltas, st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_deltas_does_not_matter(deltas: list[Delta], random: object) -> None:
    """The digest names a set; whoever lists it in another order means the same change."""
    shuffled = list(deltas)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert deltas_digest(ROOT, shuffled) == deltas_digest(ROOT, deltas)
    assert ordered(shuffled) == ordered(deltas)


@given(_deltas, st.sampled_from(["path", "mode", "before", "after", "fleet"]))
@settings(max_examples=50, deadline=None)
def test_every_member_counts(deltas: list[Delta], member: str) -> None:
    """Another path, mode, byte or fleet is another digest."""
    first, *rest = deltas
    if member == "fleet":
        assert deltas_digest("b" * 64, deltas) != deltas_digest(ROOT, deltas)
        return
    value = getattr(first, member)
    other = {"path": f"{value}-", "mode": "100600"}.get(member, "f" * 64 if value != "f" * 64 else None)
    members: dict[str, Any] = {**first.to_json(), member: other}
    assert deltas_digest(ROOT, [Delta(**members), *rest]) != deltas_digest(ROOT, deltas)


@given(_deltas)
@settings(max_examples=50, deadline=None)
def test_a_delta_survives_its_json_form(deltas: list[Delta]) -> None:
    """What is written into an envelope is read back as it was."""
    assert [delta_from_json(item.to_json()) for item in deltas] == deltas


def test_another_shape_is_no_delta() -> None:
    """A missing or additional member, or another type, is refused instead of guessed."""
    good = Delta("a", "100644", None, "0" * 64).to_json()
    assert delta_from_json({**good, "extra": 1}) is None
    assert delta_from_json({name: value for name, value in good.items() if name != "before"}) is None
    assert delta_from_json({**good, "mode": 33188}) is None
    assert delta_from_json({**good, "after": 7}) is None
