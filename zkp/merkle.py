"""Merkle trees over Poseidon, on numbers: fixed depth, empty places are 0.

`MerkleTree` shows that a leaf is in; `IndexedTree` keeps its keys as a sorted linked list in the
leaves, so that it also shows that a key is not in (eprint 2021/1263, section 5).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from zkp.poseidon import poseidon

DEPTH_MAX = 32
KEY_BITS = 248
# The successor of the greatest key.
KEY_LIMIT = 1 << KEY_BITS
LEAF_TAG = int.from_bytes(b"quorate indexed leaf v1", "big")


class InvalidKey(ValueError):
    """A key that cannot be added or shown."""


@dataclass(frozen=True)
class Path:
    """A place in a tree, and the neighbours on the way to the root, lowest first."""

    index: int
    siblings: tuple[int, ...]


def root_of(leaf: int, path: Path) -> int:
    """The root of the tree in which `leaf` stands at `path`."""
    node = leaf
    for level, sibling in enumerate(path.siblings):
        is_right = path.index >> level & 1
        node = poseidon(sibling, node) if is_right else poseidon(node, sibling)
    return node


class MerkleTree:
    """A tree of 2^depth leaves, which are field elements: put a tagged hash there."""

    def __init__(self, depth: int, leaves: Sequence[int] = ()) -> None:
        assert 0 < depth <= DEPTH_MAX, f"depth {depth}: expected 1 to {DEPTH_MAX}"
        self.depth = depth
        self._empty = [0]
        for _ in range(depth):
            self._empty.append(poseidon(self._empty[-1], self._empty[-1]))
        self._nodes: list[dict[int, int]] = [{} for _ in range(depth + 1)]
        for index, leaf in enumerate(leaves):
            self.put(index, leaf)

    @property
    def root(self) -> int:
        """The hash of all leaves."""
        return self._node(self.depth, 0)

    def put(self, index: int, leaf: int) -> None:
        """Sets one leaf. `InvalidKey` for a place that the tree does not have."""
        if not 0 <= index < 1 << self.depth:
            raise InvalidKey(
                f"place {index}: expected one below 2^{self.depth}; take a deeper tree"
            )
        self._nodes[0][index] = leaf
        for level in range(self.depth):
            index >>= 1
            pair = (self._node(level, 2 * index), self._node(level, 2 * index + 1))
            self._nodes[level + 1][index] = poseidon(*pair)

    def path(self, index: int) -> Path:
        """The way from a leaf to the root."""
        siblings = (self._node(level, index >> level ^ 1) for level in range(self.depth))
        return Path(index, tuple(siblings))

    def _node(self, level: int, index: int) -> int:
        return self._nodes[level].get(index, self._empty[level])


@dataclass(frozen=True)
class Gap:
    """The leaf whose key and successor enclose a key that is not in, and where it stands."""

    low: int
    successor: int
    path: Path


class IndexedTree:
    """A set of keys in (0, 2^248). The first leaf is key 0, the end of the list is 2^248."""

    def __init__(self, depth: int, keys: Sequence[int] = ()) -> None:
        self._tree = MerkleTree(depth)
        self._keys = [0]
        self._places = {0: 0}
        self._write(0, KEY_LIMIT)
        for key in keys:
            self.add(key)

    @property
    def root(self) -> int:
        """The hash of all leaves."""
        return self._tree.root

    def add(self, key: int) -> None:
        """Adds a key. `InvalidKey` if it is in already, or is no number in (0, 2^248)."""
        gap = self.gap(key)
        self._places[key] = len(self._keys)
        self._keys.insert(bisect_right(self._keys, gap.low), key)
        self._write(key, gap.successor)
        self._write(gap.low, key)

    def gap(self, key: int) -> Gap:
        """The witness that `key` is not in. `InvalidKey` if it is."""
        if not 0 < key < KEY_LIMIT:
            raise InvalidKey(f"key of {key.bit_length()} bits: expected 1 to 2^{KEY_BITS} - 1")
        if key in self._places:
            raise InvalidKey("the key is in the tree: nothing shows that it is not")
        low = self._keys[bisect_right(self._keys, key) - 1]
        return Gap(low, self._successor(low), self._tree.path(self._places[low]))

    def member(self, key: int) -> Gap:
        """The leaf of a key that is in; `low` is the key itself. `InvalidKey` if it is not in."""
        if key not in self._places:
            raise InvalidKey("the key is not in the tree")
        return Gap(key, self._successor(key), self._tree.path(self._places[key]))

    def _successor(self, key: int) -> int:
        place = bisect_right(self._keys, key)
        return self._keys[place] if place < len(self._keys) else KEY_LIMIT

    def _write(self, key: int, successor: int) -> None:
        self._tree.put(self._places[key], indexed_leaf(key, successor))


def indexed_leaf(key: int, successor: int) -> int:
    """The leaf of a key and the next greater one."""
    return poseidon(LEAF_TAG, key, successor)
