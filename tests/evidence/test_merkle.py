# SPDX-License-Identifier: Apache-2.0
"""Merkle trees hash, prove and refuse as RFC 6962 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.evidence import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
"""Inputs of the test vectors that Certificate Transparency implementations share."""
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def plain_root(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 6962 2.1, word by word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(plain_root(leaves[:split]), plain_root(leaves[split:]))


def root_of(leaves: list[bytes]) -> bytes:
    """Root by the growing tree."""
    tree = merkle.Tree()
    tree.extend(leaves)
    return tree.root()


def proven(leaves: list[bytes], ranges: list[tuple[int, int]], piece: int = 3) -> list[bytes]:
    """Roots of ranges, by feeding leaves in pieces."""
    prover = merkle.Prover(len(leaves))
    prover.want(ranges)
    for first in range(0, len(leaves), piece):
        prover.feed(first, leaves[first : first + piece])
    return prover.roots(ranges)


def numbered(count: int) -> list[bytes]:
    """Distinct leaves."""
    return [number.to_bytes(4, "big") for number in range(count)]


def test_the_roots_of_the_shared_vectors() -> None:
    """Every prefix of the vectors' leaves has the root that all implementations agree on."""
    assert [root_of(LEAVES[: count + 1]).hex() for count in range(len(LEAVES))] == list(ROOTS)
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_an_inclusion_proof_of_the_shared_vectors() -> None:
    """The path of leaf 5 of 8 is the one that the vectors name."""
    path = proven(LEAVES, merkle.inclusion_ranges(5, 8))
    assert [item.hex()[:16] for item in path] == ["bc1a0643b12e4d2d", "ca854ea128ed050b", "d37ee418976dd957"]
    assert merkle.root_from_inclusion(LEAVES[5], 5, 8, path) == bytes.fromhex(ROOTS[7])


@given(st.integers(0, 130))
def test_the_growing_tree_is_the_recursive_definition(count: int) -> None:
    """Whatever the number of leaves, both ways of computing the root agree."""
    assert root_of(numbered(count)) == plain_root(numbered(count))


@given(st.data(), st.integers(1, 130), st.integers(1, 40))
def test_every_leaf_is_provable_and_no_other_at_its_place(
    data: st.DataObject, count: int, piece: int
) -> None:
    """A proof gives the root for its leaf, and another root for any other leaf, index or path."""
    leaves = numbered(count)
    index = data.draw(st.integers(0, count - 1))
    path = proven(leaves, merkle.inclusion_ranges(index, count), piece)
    root = root_of(leaves)
    assert merkle.root_from_inclusion(leaves[index], index, count, path) == root
    assert merkle.root_from_inclusion(b"other", index, count, path) != root
    if path:
        assert merkle.root_from_inclusion(leaves[index], index, count, path[:-1]) is None
        assert merkle.root_from_inclusion(leaves[index], index, count, [b"\0" * 32, *path[1:]]) != root


@given(st.data(), st.integers(1, 130))
def test_a_beginning_is_provable_and_a_changed_one_is_not(data: st.DataObject, count: int) -> None:
    """A consistency proof holds for the true beginning, and for no beginning with another leaf or root."""
    leaves = numbered(count)
    earlier = data.draw(st.integers(1, count))
    path = proven(leaves, merkle.consistency_ranges(earlier, count))
    old, new = root_of(leaves[:earlier]), root_of(leaves)
    assert merkle.is_consistent(earlier, old, count, new, path)
    changed = [*leaves[: earlier - 1], b"changed"]
    assert not merkle.is_consistent(earlier, root_of(changed), count, new, path)
    assert not merkle.is_consistent(earlier, old, count, root_of([*leaves, b"more"]), path)
    assert not merkle.is_consistent(earlier, old, count, new, [*path, b"\0" * 32])


def test_what_is_not_there_cannot_be_proven() -> None:
    """Indexes outside the tree, and trees that are no beginnings, are refused."""
    with pytest.raises(ValueError, match="no leaf 3"):
        merkle.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="no beginning"):
        merkle.consistency_ranges(4, 3)
    assert merkle.root_from_inclusion(b"", 3, 3, []) is None
    assert merkle.is_consistent(0, merkle.EMPTY_ROOT, 5, b"", [])
    prover = merkle.Prover(2)
    prover.want([(0, 2)])
    prover.feed(0, [b"a"])
    with pytest.raises(ValueError, match="not all leaves"):
        prover.roots([(0, 2)])
