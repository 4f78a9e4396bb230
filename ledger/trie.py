"""Merkle-Patricia tries (yellow paper, appendix D): roots of lists, lookups, proofs, updates.

Proofs are tuples of node RLP from the root down, as `eth_getProof` gives them. A trie is built
from nothing here; updates of one that is there go through the `trie` package and touch changed keys
only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from ledger.codec import Encodable, InvalidEncoding, Item, as_bytes, decode, encode
from ledger.values import EMPTY_TRIE_ROOT, Hash32, keccak

NODE_BYTES_MAX = 16 * 1024 * 1024
"""A leaf holds a whole transaction or receipt, so nodes are as large as those."""
PROOF_NODES_MAX = 65
Node = Callable[[Hash32], bytes]
Proven = tuple[bytes | None, tuple[bytes, ...]]
"""A key's value, None where there is none, and the nodes that prove it."""
Nibbles = bytes
"""One nibble a byte, each below 16."""


class InvalidProof(ValueError):
    """A proof that does not lead from the root to the value."""


def ordered_root(values: Sequence[bytes]) -> Hash32:
    """Root of the trie of RLP(index) to value: how headers commit to transactions and receipts."""
    return _ordered(values)[0]


def ordered_proof(values: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The proof of `values[index]` under `ordered_root(values)`."""
    root, nodes = _ordered(values)
    return prove(root, encode(index), nodes.__getitem__)


def verify_ordered_proof(root: Hash32, index: int, proof: Sequence[bytes]) -> bytes:
    """The value at an index; raises InvalidProof, also if there is none."""
    value = verify_proof(root, encode(index), proof)
    if value is None:
        raise InvalidProof(f"the proof shows that nothing stands at index {index}")
    return value


def keyed_root(pairs: Mapping[Hash32, bytes]) -> tuple[Hash32, dict[Hash32, bytes]]:
    """Root of the trie of these keys and their nodes, computed from nothing: to check a state."""
    return _rooted(sorted((_nibbles(key), value) for key, value in pairs.items()))


def lookup(root: Hash32, key: bytes, node: Node) -> bytes | None:
    """The value of a key, or None; whatever `node` raises for a missing node passes through."""
    return _walk(root, key, node)[0]


def prove(root: Hash32, key: bytes, node: Node) -> tuple[bytes, ...]:
    """The nodes on the way to a key or to where it would be; empty for an empty trie."""
    return tuple(_walk(root, key, node)[1])


def prove_each(root: Hash32, keys: Sequence[bytes], node: Node) -> list[Proven]:
    """For each key its value, None where there is none, and its proof; each node is read once."""
    read: dict[Hash32, bytes] = {}

    def once(node_hash: Hash32) -> bytes:
        if node_hash not in read:
            read[node_hash] = node(node_hash)
        return read[node_hash]

    walks = (_walk(root, key, once) for key in keys)
    return [(value, tuple(used)) for value, used in walks]


def verify_proof(root: Hash32, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The proven value, None if the proof shows its absence; raises InvalidProof.

    Each node must be on the way and none may be left over.
    """
    if len(proof) > PROOF_NODES_MAX:
        raise InvalidProof(f"expected at most {PROOF_NODES_MAX} nodes, got {len(proof)}")
    nodes = {keccak(node): node for node in proof}
    try:
        value, used = _walk(root, key, nodes.__getitem__)
    except KeyError as error:
        raise InvalidProof("a node on the way to the key is missing or altered") from error
    except InvalidEncoding as error:
        raise InvalidProof(f"a node is malformed: {error}") from error
    if used != list(proof):
        raise InvalidProof("nodes are out of order or do not belong to the proof")
    return value


def update(
    root: Hash32, changes: Mapping[Hash32, bytes], node: Node
) -> tuple[Hash32, dict[Hash32, bytes]]:
    """The root after setting keys (an empty value deletes) and the nodes that are new."""
    if root == EMPTY_TRIE_ROOT:
        return keyed_root({key: value for key, value in changes.items() if value})
    # With what it imports it takes a third of a second, and a native node never comes here.
    from trie.hexary import HexaryTrie  # noqa: PLC0415

    fresh: dict[Hash32, bytes] = {}
    trie = HexaryTrie(_NodeView(fresh, node), root)
    with trie.squash_changes() as squashed:
        for key, value in sorted(changes.items()):
            if value:
                squashed[key] = value
            else:
                del squashed[key]
    return Hash32(trie.root_hash), fresh


class _NodeView(dict[bytes, bytes]):
    """Old nodes for reading and new ones on top, in the shape that HexaryTrie wants."""

    def __init__(self, fresh: dict[Hash32, bytes], node: Node) -> None:
        self._fresh = fresh
        self._node = node

    def __getitem__(self, key: bytes) -> bytes:
        known = self._fresh.get(Hash32(key))
        return self._node(Hash32(key)) if known is None else known

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._fresh[Hash32(key)] = value

    def __contains__(self, key: object) -> bool:
        return key in self._fresh


def _walk(root: Hash32, key: bytes, node: Node) -> tuple[bytes | None, list[bytes]]:
    if root == EMPTY_TRIE_ROOT:
        return None, []
    path = _nibbles(key)
    used = [node(root)]
    current = _decode_node(used[0])
    while True:
        if len(current) == 17:
            if not path:
                return as_bytes(current[16], "branch value") or None, used
            child, path = current[path[0]], path[1:]
        else:
            part, is_leaf = _unpack(as_bytes(current[0], "path"))
            if is_leaf:
                return (as_bytes(current[1], "leaf") if part == path else None), used
            if path[: len(part)] != part:
                return None, used
            child, path = current[1], path[len(part) :]
        if isinstance(child, list):
            current = _checked(child)
        elif not child:
            return None, used
        else:
            used.append(node(Hash32(as_bytes(child, "child", size=32))))
            current = _decode_node(used[-1])


def _decode_node(data: bytes) -> list[Item]:
    return _checked(decode(data, bytes_max=NODE_BYTES_MAX))


def _checked(item: Item) -> list[Item]:
    if not isinstance(item, list) or len(item) not in (2, 17):
        raise InvalidEncoding("expected a trie node of 2 or 17 items")
    return item


def _nibbles(key: bytes) -> Nibbles:
    return bytes(int(digit, 16) for digit in key.hex())


def _pack(path: Nibbles, is_leaf: bool) -> bytes:
    flag = 2 if is_leaf else 0
    padded = bytes((flag + 1,)) + path if len(path) % 2 else bytes((flag, 0)) + path
    return bytes(a * 16 + b for a, b in zip(padded[::2], padded[1::2], strict=True))


def _unpack(packed: bytes) -> tuple[Nibbles, bool]:
    if not packed or packed[0] >= 0x40 or (packed[0] & 0x10 == 0 and packed[0] & 0x0F):
        raise InvalidEncoding("a path has a wrong hex prefix")
    nibbles = _nibbles(packed)
    return nibbles[1 if packed[0] & 0x10 else 2 :], packed[0] >= 0x20


def _ordered(values: Sequence[bytes]) -> tuple[Hash32, dict[Hash32, bytes]]:
    return _rooted(sorted((_nibbles(encode(index)), value) for index, value in enumerate(values)))


def _rooted(pairs: list[tuple[Nibbles, bytes]]) -> tuple[Hash32, dict[Hash32, bytes]]:
    if not pairs:
        return EMPTY_TRIE_ROOT, {}
    nodes: dict[Hash32, bytes] = {}
    top = encode(_build(pairs, 0, nodes))
    root = keccak(top)
    nodes[root] = top
    return root, nodes


def _build(
    pairs: list[tuple[Nibbles, bytes]], depth: int, nodes: dict[Hash32, bytes]
) -> list[Encodable]:
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_pack(first[depth:], True), pairs[0][1]]
    shared = depth
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        below = _reference(_build(pairs, shared, nodes), nodes)
        return [_pack(first[depth:shared], False), below]
    # A key that ends here sorts before those that it begins.
    ends_here = len(first) == depth
    value = pairs[0][1] if ends_here else b""
    children: list[Encodable] = []
    for nibble in range(16):
        part = [pair for pair in pairs[ends_here:] if pair[0][depth] == nibble]
        children.append(_reference(_build(part, depth + 1, nodes), nodes) if part else b"")
    return [*children, value]


def _reference(node: list[Encodable], nodes: dict[Hash32, bytes]) -> Encodable:
    data = encode(cast(Encodable, node))
    if len(data) < 32:
        return node
    node_hash = keccak(data)
    nodes[node_hash] = data
    return node_hash
