# SPDX-License-Identifier: Apache-2.0
"""Merkle trees as Certificate Transparency hashes them (RFC 6962 2.1): roots, inclusion proofs, consistency proofs.

A leaf of the evidence log is the 32 raw bytes of an artifact's SHA-256, in the order of positions. Pure; nothing here knows a store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 2.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 2.1: the hash of a list with one entry."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 2.1: the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree of which only the roots of its complete subtrees are kept: memory is logarithmic."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []
        """(number of leaves, root) of complete subtrees from left to right, each smaller than the one before."""
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Add one leaf at the end."""
        count, root = 1, leaf_hash(leaf)
        while self._peaks and self._peaks[-1][0] == count:
            left_count, left = self._peaks.pop()
            count, root = left_count + count, node_hash(left, root)
        self._peaks.append((count, root))
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves at the end."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Root of the tree as it is now."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1][1]
        for _count, left in reversed(self._peaks[:-1]):
            root = node_hash(left, root)
        return root


class Prover:
    """Collects inclusion proofs, and one consistency proof, while leaves go by once in order; memory is logarithmic each."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._wanted: dict[tuple[int, int], bytes | None] = {}
        self._open: list[tuple[int, int, Tree]] = []

    def want(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Ask for the roots of ranges of leaves (first, first after)."""
        for span in ranges:
            self._wanted.setdefault(span, None)

    def feed(self, first: int, leaves: Sequence[bytes]) -> None:
        """Leaves ``first`` and following; every leaf goes by once, in order."""
        after = first + len(leaves)
        for begin, end in self._wanted:
            if begin < after and first < end:
                tree = next((tree for b, e, tree in self._open if (b, e) == (begin, end)), None)
                if tree is None:
                    tree = Tree()
                    self._open.append((begin, end, tree))
                tree.extend(leaves[max(begin - first, 0) : end - first])
        for begin, end, tree in [item for item in self._open if item[1] <= after]:
            self._wanted[begin, end] = tree.root()
        self._open = [item for item in self._open if item[1] > after]

    def roots(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """The roots that were asked for, once all leaves went by.

        Raises:
            ValueError: a leaf of a range never came.
        """
        found = [self._wanted.get(span) for span in ranges]
        if any(root is None for root in found):
            raise ValueError("not all leaves of a range were seen")
        return [root for root in found if root is not None]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Ranges of leaves whose roots prove leaf ``index`` in a tree of ``size``, from the leaf up (RFC 6962 2.1.1).

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def consistency_ranges(earlier: int, size: int) -> list[tuple[int, int]]:
    """Ranges whose roots prove that a tree of ``earlier`` leaves is the beginning of one of ``size`` (RFC 6962 2.1.2).

    Raises:
        ValueError: unless ``0 < earlier <= size``.
    """
    if not 0 < earlier <= size:
        raise ValueError(f"a tree of {earlier} is no beginning of a tree of {size}")
    ranges: list[tuple[int, int]] = []
    begin, end, whole = 0, size, True
    while earlier != end:
        middle = begin + _split(end - begin)
        if earlier <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin, whole = middle, False
    if not whole:
        ranges.append((begin, end))
    return ranges[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Root of the tree in which ``path`` proves ``leaf``; ``None`` when the path has the wrong length."""
    if not 0 <= index < size or len(path) != len(inclusion_ranges(index, size)):
        return None
    root, position, last = leaf_hash(leaf), index, size - 1
    for other in path:
        if position % 2 or position == last:
            root = node_hash(other, root)
            while not position % 2 and position:
                position, last = position // 2, last // 2
        else:
            root = node_hash(root, other)
        position, last = position // 2, last // 2
    return root


def is_consistent(earlier: int, earlier_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether ``path`` proves that the smaller tree is the beginning of the larger one."""
    if earlier == 0:
        return not path and earlier_root == EMPTY_ROOT
    if earlier > size or len(path) != len(consistency_ranges(earlier, size)):
        return False
    if earlier == size:
        return earlier_root == root
    position, last = earlier - 1, size - 1
    while position % 2:
        position, last = position // 2, last // 2
    rest = list(path)
    # When the smaller tree is complete, its root is not in the path.
    old = new = rest.pop(0) if position else earlier_root
    for other in rest:
        if position % 2 or position == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while not position % 2 and position:
                position, last = position // 2, last // 2
        else:
            new = node_hash(new, other)
        position, last = position // 2, last // 2
    return old == earlier_root and new == root


def _split(count: int) -> int:
    """The largest power of two smaller than ``count`` (RFC 6962 2.1)."""
    return 1 << ((count - 1).bit_length() - 1)
