"""State: accounts, overlays, commitments and the flat form that the store keeps."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commitment import commit
from ledger.genesis import genesis_block
from ledger.keyvalue import MemoryStore
from ledger.state import (
    EMPTY_STATE,
    Account,
    Overlay,
    TrieState,
    Writes,
    decode_account,
    encode_account,
)
from ledger.store import BlockStore, Outcome
from ledger.suite import STANDARD
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, keccak

ADDRESSES = [Address(bytes([n]) * 20) for n in range(1, 6)]

accounts = st.builds(
    Account,
    nonce=st.integers(0, 2**64 - 1),
    balance=st.integers(0, 2**256 - 1),
    storage_root=st.just(EMPTY_TRIE_ROOT),
    code_hash=st.sampled_from([EMPTY_CODE_HASH, keccak(b"code")]),
)
slots = st.dictionaries(st.integers(0, 8), st.integers(0, 3), max_size=6)
blocks = st.lists(
    st.dictionaries(st.sampled_from(ADDRESSES), st.tuples(accounts, slots), max_size=4), max_size=5
)


@given(accounts)
def test_accounts_round_trip(account):
    assert decode_account(encode_account(account)) == account


def written(state, block, cleared=frozenset()):
    return commit(
        state,
        accounts={address: account for address, (account, _) in block.items()},
        storage={address: values for address, (_, values) in block.items()},
        codes={keccak(b"code"): b"code"},
        cleared=cleared,
    )


@settings(max_examples=40, deadline=None)
@given(blocks)
def test_overlays_tries_and_models_agree(changes):
    state, nodes, model, storage = EMPTY_STATE, {}, {}, {}
    for block in changes:
        writes = written(state, block)
        state = Overlay(state, writes)
        nodes |= writes.nodes
        for address, (account, values) in block.items():
            model[address] = account
            storage.setdefault(address, {}).update(values)
    trie = TrieState(state.root, nodes.__getitem__, {keccak(b"code"): b"code"}.__getitem__)
    for reader in (state, trie):
        for address in ADDRESSES:
            found, expected = reader.account(address), model.get(address)
            if expected is None:
                assert found is None
                continue
            assert (found.nonce, found.balance) == (expected.nonce, expected.balance)
            code = b"" if expected.code_hash == EMPTY_CODE_HASH else b"code"
            assert reader.code(address) == code
            for slot in range(9):
                assert reader.storage(address, slot) == storage[address].get(slot, 0)


def test_cleared_storage_is_gone_everywhere(world):
    one, two = ADDRESSES[:2]
    first = written(EMPTY_STATE, {one: (Account(1), {1: 5, 2: 6}), two: (Account(1), {1: 7})})
    store = BlockStore(MemoryStore(), STANDARD)
    block = genesis_block(world.genesis(), first)
    nothing = Outcome((), (), ())
    store.commit(block, nothing, first, None, validators_after=world.set, opens_epoch=True)
    assert store.state.storage(one, 1) == 5
    second = written(store.state, {one: (Account(2), {2: 9})}, frozenset([one]))
    state = Overlay(store.state, second)
    assert [state.storage(one, slot) for slot in (1, 2)] == [0, 9]
    plain = written(EMPTY_STATE, {one: (Account(2), {2: 9}), two: (Account(1), {1: 7})})
    assert second.root == plain.root
    executed = world.chain()
    proposal = executed.execute(world.proposal(executed, []))
    header = type(proposal.header)(**(vars_of(proposal.header) | {"state_root": second.root}))
    after = type(block)(header, proposal.record, proposal.proposal)
    certificate = world.certify(executed, proposal)
    store.commit(after, nothing, second, certificate, validators_after=None, opens_epoch=False)
    assert [store.state.storage(one, slot) for slot in (1, 2)] == [0, 9]
    assert store.state.storage(two, 1) == 7
    assert store.state_at(0).storage(one, 1) == 5


def vars_of(header):
    return {name: getattr(header, name) for name in header.__dataclass_fields__}


def test_an_account_that_goes_leaves_the_trie():
    first = written(EMPTY_STATE, {ADDRESSES[0]: (Account(1), {}), ADDRESSES[1]: (Account(2), {})})
    state = Overlay(EMPTY_STATE, first)
    gone = commit(state, accounts={ADDRESSES[0]: None}, storage={}, codes={}, cleared=frozenset())
    assert gone.root == written(EMPTY_STATE, {ADDRESSES[1]: (Account(2), {})}).root
    assert Overlay(state, gone).account(ADDRESSES[0]) is None
    assert isinstance(gone, Writes)
