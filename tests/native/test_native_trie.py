"""The Rust trie against the `trie` package: the same roots, and nodes from which all is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import trie
from ledger.native import is_available
from ledger.state import MissingNode
from ledger.values import EMPTY_TRIE_ROOT, keccak

if not is_available():
    pytest.skip("quorate_native is not built", allow_module_level=True)
native = pytest.importorskip("quorate_native")

KEYS = [keccak(bytes([index])) for index in range(40)]
"""Few enough to be met again, and two that share fifteen bytes."""
KEYS += [KEYS[0][:15] + bytes(17), KEYS[0][:15] + bytes(16) + b"\x01"]
VALUES = st.sampled_from([b"", b"\x01", b"a" * 10, b"b" * 31, b"c" * 33, b"d" * 70])
CHANGES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=25)


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=5))
def test_updates_give_the_roots_of_the_reference(rounds):
    root, nodes, held = EMPTY_TRIE_ROOT, {}, {}
    for changes in rounds:
        expected, _ = trie.update(root, changes, nodes.__getitem__)
        root, fresh = native.trie_update(root, list(changes.items()), nodes.__getitem__)
        assert root == expected
        assert all(keccak(node) == key for key, node in fresh.items())
        nodes.update(fresh)
        held = {k: v for k, v in {**held, **changes}.items() if v}
        for key in KEYS:
            assert trie.lookup(root, key, nodes.__getitem__) == held.get(key)


@settings(max_examples=100, deadline=None)
@given(CHANGES, st.lists(st.sampled_from(KEYS) | st.binary(min_size=32, max_size=32), max_size=9))
def test_proofs_are_those_of_the_reference(held, keys):
    root, nodes = trie.update(EMPTY_TRIE_ROOT, held, {}.__getitem__)
    proven = native.trie_prove(root, keys, nodes.__getitem__)
    assert proven == trie.prove_each(root, keys, nodes.__getitem__)
    for key, (value, proof) in zip(keys, proven, strict=True):
        assert value == (held.get(key) or None)
        assert proof == trie.prove(root, key, nodes.__getitem__)
        assert trie.verify_proof(root, key, proof) == value


def test_an_empty_trie_has_empty_proofs():
    expected = [(None, ())] * 2
    assert native.trie_prove(EMPTY_TRIE_ROOT, KEYS[:2], {}.__getitem__) == expected
    assert trie.prove_each(EMPTY_TRIE_ROOT, KEYS[:2], {}.__getitem__) == expected


def test_proofs_of_one_request_read_each_node_once():
    changes = {keccak(index.to_bytes(4)): index.to_bytes(40) for index in range(500)}
    root, nodes = trie.update(EMPTY_TRIE_ROOT, changes, {}.__getitem__)
    for prove in (native.trie_prove, trie.prove_each):
        read = []
        prove(root, list(changes), lambda key: read.append(key) or nodes[key])  # noqa: B023
        assert len(read) == len(set(read)) > 100


def test_many_changes_at_once():
    changes = {keccak(index.to_bytes(4)): index.to_bytes(40) for index in range(2_000)}
    root, nodes = native.trie_update(EMPTY_TRIE_ROOT, list(changes.items()), {}.__getitem__)
    assert root == trie.update(EMPTY_TRIE_ROOT, changes, {}.__getitem__)[0]
    gone = [(key, b"") for key in changes]
    assert native.trie_update(root, gone, nodes.__getitem__)[0] == EMPTY_TRIE_ROOT


@pytest.mark.parametrize("count", [0, 1, 2, 17, 127, 128, 129, 300])
def test_roots_of_lists(count):
    values = [bytes([index % 256]) * (index % 60 + 1) for index in range(count)]
    assert native.ordered_root(values) == trie.ordered_root(values)


def test_what_a_reader_raises_passes_through():
    def missing(node_hash):
        raise MissingNode(node_hash.hex())

    with pytest.raises(MissingNode):
        native.trie_update(keccak(b"some root"), [(KEYS[0], b"\x01")], missing)
    with pytest.raises(MissingNode):
        native.trie_prove(keccak(b"some root"), [KEYS[0]], missing)


@pytest.mark.parametrize("damaged", [b"", b"\xc0", b"\xff" * 40, b"\xc2\x80\x80", b"\xf8"])
def test_damaged_nodes_are_named(damaged):
    with pytest.raises(ValueError, match="damaged"):
        native.trie_update(keccak(b"some root"), [(KEYS[0], b"\x01")], lambda _: damaged)
    with pytest.raises(ValueError, match="damaged"):
        native.trie_prove(keccak(b"some root"), [KEYS[0]], lambda _: damaged)
