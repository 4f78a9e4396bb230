"""Tries: roots equal Ethereum's, proofs convince and altered ones do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger.codec import encode
from ledger.trie import (
    InvalidProof,
    lookup,
    ordered_proof,
    ordered_root,
    prove,
    update,
    verify_ordered_proof,
    verify_proof,
)
from ledger.values import EMPTY_TRIE_ROOT, keccak

values = st.lists(st.binary(min_size=1, max_size=90), max_size=300)


@settings(max_examples=30, deadline=None)
@given(values)
def test_the_root_of_a_list_is_the_root_of_its_trie(items):
    trie = HexaryTrie({})
    for index, item in enumerate(items):
        trie[encode(index)] = item
    assert ordered_root(items) == trie.root_hash


@settings(max_examples=20, deadline=None)
@given(values.filter(bool), st.data())
def test_entries_of_a_list_are_proven(items, data):
    index = data.draw(st.integers(0, len(items) - 1))
    root = ordered_root(items)
    proof = ordered_proof(items, index)
    assert verify_ordered_proof(root, index, proof) == items[index]
    with pytest.raises(InvalidProof):
        verify_ordered_proof(root, len(items), proof)
    with pytest.raises(InvalidProof):
        verify_ordered_proof(keccak(root), index, proof)
    for position, node in enumerate(proof):
        place = data.draw(st.integers(0, len(node) - 1))
        flipped = bytes([*node[:place], node[place] ^ 1, *node[place + 1 :]])
        with pytest.raises(InvalidProof):
            verify_ordered_proof(root, index, (*proof[:position], flipped, *proof[position + 1 :]))
    with pytest.raises(InvalidProof):
        verify_ordered_proof(root, index, (*proof, proof[0]))
    with pytest.raises(InvalidProof):
        verify_ordered_proof(root, index, proof[:-1])


keys = st.integers(0, 40).map(lambda number: keccak(bytes([number])))
changes = st.dictionaries(keys, st.sampled_from([b"", b"\x01", b"x" * 40, b"y" * 33]), max_size=25)


@settings(max_examples=60, deadline=None)
@given(st.lists(changes, max_size=6))
def test_updates_give_the_root_of_a_fresh_trie_and_keep_old_ones(blocks):
    nodes, root, content, roots = {}, EMPTY_TRIE_ROOT, {}, []
    for block in blocks:
        root, fresh = update(root, block, nodes.__getitem__)
        nodes.update(fresh)
        content = {k: v for k, v in (content | block).items() if v}
        plain = HexaryTrie({})
        for key, value in content.items():
            plain[key] = value
        assert root == plain.root_hash
        roots.append((root, content))
    for old, expected in roots:
        for number in range(41):
            key = keccak(bytes([number]))
            assert lookup(old, key, nodes.__getitem__) == expected.get(key)
            proof = prove(old, key, nodes.__getitem__)
            assert verify_proof(old, key, proof) == expected.get(key)


short_keys = st.lists(st.sampled_from([b"\x00", b"\x01", b"\x10", b"\xff"]), max_size=4).map(
    b"".join
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(short_keys, st.sampled_from([b"", b"v", b"x" * 40]), max_size=20))
def test_a_key_may_begin_another(content):
    """State keys never do; Ethereum's TrieTests and whoever builds a trie of names may."""
    root, nodes = update(EMPTY_TRIE_ROOT, content, {}.__getitem__)
    plain = HexaryTrie({})
    for key, value in content.items():
        plain[key] = value
    assert root == plain.root_hash
    for key, value in content.items():
        assert lookup(root, key, nodes.__getitem__) == (value or None)


def test_an_update_leaves_only_nodes_that_the_new_root_reaches():
    block = {keccak(bytes([number])): b"v" * 40 for number in range(200)}
    root, fresh = update(EMPTY_TRIE_ROOT, block, {}.__getitem__)
    reached = {node for key in block for node in prove(root, key, fresh.__getitem__)}
    assert set(fresh.values()) == reached


def test_an_absent_key_is_proven_absent():
    root, nodes = update(EMPTY_TRIE_ROOT, {keccak(b"a"): b"1" * 40}, {}.__getitem__)
    proof = prove(root, keccak(b"b"), nodes.__getitem__)
    assert verify_proof(root, keccak(b"b"), proof) is None
    assert verify_proof(EMPTY_TRIE_ROOT, keccak(b"b"), ()) is None
    with pytest.raises(InvalidProof):
        verify_proof(root, keccak(b"b"), ())
