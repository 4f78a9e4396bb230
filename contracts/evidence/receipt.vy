# pragma version ==0.4.3
# Whether a receipt stands under a receipts root (yellow paper, appendix D), and one log of it. Keys of
# that trie are the RLP of a transaction's index, and no receipt is short enough to stand in a branch.

from evidence import reader
from evidence import rlp

INDEX_MAX: constant(uint256) = 65_535
PATH_BYTES_MAX: constant(uint256) = 4
LOGS_MAX: constant(uint256) = 64
SUCCESS: constant(Bytes[1]) = x"01"

# What is left of the key: its last `nibbles` nibbles, as a number.
struct Key:
    value: uint256
    nibbles: uint256

struct Log:
    emitter: address
    topics: DynArray[bytes32, reader.TOPICS_MAX]
    data_hash: bytes32


@internal
@pure
def find(root: bytes32, evidence: reader.Evidence) -> uint256:
    """Where in the leaf the receipt starts; reverts unless the nodes lead there from the root."""
    key: Key = self._key(evidence.index)
    expected: bytes32 = root
    for node: Bytes[reader.NODE_BYTES_MAX] in evidence.nodes:
        assert keccak256(node) == expected, "a node of the proof is not the one due"
        expected, key = self._step(node, key)
    leaf: Bytes[reader.LEAF_BYTES_MAX] = evidence.leaf
    assert keccak256(leaf) == expected, "the leaf of the proof is not the one due"
    is_list: bool = False
    start: uint256 = 0
    path_end: uint256 = 0
    end: uint256 = 0
    is_list, start, end = rlp.item(leaf, 0)
    is_list, start, path_end = rlp.item(leaf, start)
    is_leaf: bool = False
    path: Key = empty(Key)
    is_leaf, path = self._path(leaf, start, path_end)
    is_list, start, end = rlp.item(leaf, path_end)
    assert is_leaf and end == len(leaf), "the proof does not end in a leaf"
    assert path.nibbles == key.nibbles and path.value == key.value, "proof of another index"
    return start


@internal
@pure
def log_at(leaf: Bytes[reader.LEAF_BYTES_MAX], start: uint256, position: uint256) -> Log:
    """Log `position` of the receipt that starts there; reverts where its transaction failed."""
    at: uint256 = start
    if convert(slice(leaf, at, 1), uint256) < 192:
        at += 1  # the type of the transaction (EIP-2718)
    is_list: bool = False
    end: uint256 = 0
    is_list, at, end = rlp.item(leaf, at)
    assert is_list and slice(leaf, at, 1) == SUCCESS, "the transaction failed"
    is_list, at, end = rlp.item(leaf, at + 1)  # cumulative gas
    is_list, at, end = rlp.item(leaf, end)  # bloom
    logs_end: uint256 = 0
    is_list, at, logs_end = rlp.item(leaf, end)
    for skipped: uint256 in range(position, bound=LOGS_MAX):
        is_list, end, at = rlp.item(leaf, at)
    assert at < logs_end, "the receipt has no such log"
    is_list, at, end = rlp.item(leaf, at)
    return self._log(leaf, at)


@internal
@pure
def _log(leaf: Bytes[reader.LEAF_BYTES_MAX], start: uint256) -> Log:
    is_list: bool = False
    at: uint256 = 0
    end: uint256 = 0
    is_list, at, end = rlp.item(leaf, start)
    emitter: uint160 = convert(slice(leaf, at, 20), uint160)
    is_list, at, end = rlp.item(leaf, end)
    topics: DynArray[bytes32, reader.TOPICS_MAX] = []
    for skipped: uint256 in range((end - at) // 33, bound=reader.TOPICS_MAX):
        topics.append(rlp.word(leaf, at))
        at += 33
    is_list, at, end = rlp.item(leaf, end)
    return Log(
        emitter=convert(emitter, address),
        topics=topics,
        data_hash=keccak256(slice(leaf, at, end - at)),
    )


@internal
@pure
def _key(index: uint256) -> Key:
    """The RLP of an index, as nibbles."""
    assert index <= INDEX_MAX, "index is above 65535"
    if index == 0:
        return Key(value=128, nibbles=2)
    if index < 128:
        return Key(value=index, nibbles=2)
    if index < 256:
        return Key(value=33_024 | index, nibbles=4)
    return Key(value=8_519_680 | index, nibbles=6)


@internal
@pure
def _step(node: Bytes[reader.NODE_BYTES_MAX], key: Key) -> (bytes32, Key):
    """The hash of the node that follows a branch or an extension, and what is left of the key."""
    is_list: bool = False
    start: uint256 = 0
    first: uint256 = 0
    end: uint256 = 0
    is_list, first, end = rlp.item(node, 0)
    assert is_list and end == len(node), "a node of the proof is none"
    is_list, start, end = rlp.item(node, first)
    path_start: uint256 = start
    path_end: uint256 = end
    is_list, start, end = rlp.item(node, path_end)
    if end == len(node):
        is_leaf: bool = False
        path: Key = empty(Key)
        is_leaf, path = self._path(node, path_start, path_end)
        assert not is_leaf and path.nibbles <= key.nibbles, "proof of another index"
        left: uint256 = key.nibbles - path.nibbles
        assert key.value >> (4 * left) == path.value, "proof of another index"
        return rlp.word(node, path_end), self._last(key, left)
    assert key.nibbles > 0, "proof of another index"
    at: uint256 = first
    for skipped: uint256 in range(key.value >> (4 * (key.nibbles - 1)), bound=15):
        is_list, start, at = rlp.item(node, at)
    return rlp.word(node, at), self._last(key, key.nibbles - 1)


@internal
@pure
def _last(key: Key, nibbles: uint256) -> Key:
    return Key(value=key.value & ((1 << (4 * nibbles)) - 1), nibbles=nibbles)


@internal
@pure
def _path(
    node: Bytes[reader.LEAF_BYTES_MAX], start: uint256, end: uint256
) -> (bool, Key):
    """Whether a hex-prefixed path is a leaf's, and its nibbles."""
    assert start < end and end - start <= PATH_BYTES_MAX, "a path of the proof is none"
    value: uint256 = rlp.number(node, start, end)
    nibbles: uint256 = 2 * (end - start) - 1
    flag: uint256 = value >> (4 * nibbles)
    if flag & 1 == 0:
        nibbles -= 1
    return flag >= 2, self._last(Key(value=value, nibbles=0), nibbles)
