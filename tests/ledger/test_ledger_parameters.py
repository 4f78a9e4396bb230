"""Parameters by vote: block h has those of the contract after block h - W - 1 (rule 8)."""

import io

import msgspec
import pytest

from ledger.codec import InvalidEncoding
from ledger.epoch_chain import BrokenChain, EpochChain
from ledger.gate import CHANGED_AT_SLOT, GATE_CONTRACT, contract_parameters, parameter_slot
from ledger.genesis import InvalidGenesis
from ledger.keyvalue import MemoryStore
from ledger.parameters import VOTED, Parameters, decode_parameters, encode_parameters
from ledger.pin import Pin
from ledger.reasons import Reason
from ledger.recovery import RecoveredValidator, recovery_of, sign_recovery
from ledger.snapshot.export import export_snapshot
from ledger.snapshot.restore import read_snapshot
from ledger.store import BlockStore
from ledger.store_check import check_store
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, keccak

TO = Address(b"\x11" * 20)
BEFORE = Parameters(chain_id=1).gas_limit
AFTER = 5_500_000
RECOVERY_KEYS = [
    KeySigner(STANDARD, keccak(b"test key of " + name)) for name in (b"recovery", b"recovery 2")
]


def vote(world, signed, chain, *, nonce=0, **voted):
    """A block in which the contract takes other values, as its own code would write them."""
    slots = {CHANGED_AT_SLOT: chain.head.number + 1}
    slots |= {parameter_slot(name): value for name, value in voted.items()}
    batch = [
        signed(world.admin, nonce=nonce + n, to=GATE_CONTRACT, data=world.gate_write(*word))
        for n, word in enumerate(slots.items())
    ]
    return world.extend(chain, *batch).number


def grow(world, chain, number):
    while chain.head.number < number:
        world.extend(chain)


def copied(world, chain):
    """Another node of the group, from the blocks alone."""
    other = world.chain(genesis=chain.genesis)
    for number in range(1, chain.head.number + 1):
        other.import_block(chain.block(number), chain.certificate(number))
    return other


def linked(chain):
    found = EpochChain(chain.genesis)
    for boundary in chain.epoch_boundaries(1, 99):
        parts = (boundary.header, boundary.record, boundary.certificate)
        if boundary.recovery is None:
            found.extend(*parts, boundary.next_validators, boundary.next_parameters)
        else:
            found.recover(*parts, boundary.recovery)
    return found


def certified(chain, number):
    return chain.header(number), chain.record(number), chain.certificate(number)


def test_a_vote_is_in_force_w_plus_1_blocks_later_and_opens_an_epoch(world, signed):
    kv = MemoryStore()
    chain = world.chain(kv)
    window = chain.parameters.window_blocks
    grow(world, chain, 2)
    changed_at = vote(world, signed, chain, gas_limit=AFTER)
    opens = changed_at + window + 1
    assert chain.validators_for(opens - 1)[0] == 0
    assert chain.validators_for(opens) == (1, world.set)
    assert [chain.parameters_for(n).gas_limit for n in (opens - 1, opens)] == [BEFORE, AFTER]
    with pytest.raises(LookupError):
        chain.parameters_for(opens + 1)
    chain = world.chain(kv, chain.genesis)  # what was voted survives a restart
    grow(world, chain, opens + 1)
    limits = [chain.header(n).gas_limit for n in (changed_at + 1, opens - 1, opens, opens + 1)]
    assert limits == [BEFORE, BEFORE, AFTER, AFTER]
    assert [chain.record(n).epoch for n in (opens - 1, opens)] == [0, 1]
    genesis = chain.genesis.parameters
    in_force = msgspec.structs.replace(genesis, gas_limit=AFTER)
    assert chain.record(opens - 1).parameters_hash == genesis.hash(STANDARD)
    assert chain.record(opens).parameters_hash == in_force.hash(STANDARD)
    assert chain.parameters == in_force
    assert copied(world, chain).head == chain.head


def test_a_transaction_is_held_to_the_limit_of_its_own_block(world, signed):
    chain = world.chain()
    changed_at = vote(world, signed, chain, gas_limit=AFTER)
    opens = changed_at + chain.parameters.window_blocks + 1
    grow(world, chain, opens - 2)
    large = [signed(world.member, nonce=n, to=TO, value=1, gas=AFTER + 1) for n in range(2)]
    world.extend(chain, large[0])
    world.extend(chain, large[1])
    assert chain.transaction_status(keccak(large[0])).status == "executed"
    assert chain.transaction_status(keccak(large[1])).reason is Reason.GAS_TOO_HIGH
    assert chain.trace(keccak(large[0]))["gas"] == hex(AFTER + 1)
    assert copied(world, chain).head == chain.head


def test_blocks_that_wait_for_their_certificates_carry_the_vote(world, signed):
    chain = world.chain()
    window = chain.parameters.window_blocks
    data = world.gate_write(parameter_slot("gas_limit"), AFTER)
    batch = [signed(world.admin, nonce=0, to=GATE_CONTRACT, data=data)]
    parent = chain.execute(world.proposal(chain, batch))
    assert chain.parameters_for(window + 2).gas_limit == AFTER
    for _ in range(window):
        parent = chain.execute(world.proposal(chain, [], parent), parent)
    assert chain.parameters_for(window + 1).gas_limit == BEFORE
    last = chain.execute(world.proposal(chain, [], parent), parent)
    assert (last.number, last.header.gas_limit, last.record.epoch) == (window + 2, AFTER, 1)


def test_the_epoch_chain_holds_each_header_to_its_epochs_parameters(world, signed):
    chain = world.chain()
    opens = vote(world, signed, chain, gas_limit=AFTER) + chain.parameters.window_blocks + 1
    grow(world, chain, opens + 1)
    epochs = linked(chain)
    assert (epochs.last.number, epochs.last.first_block) == (1, opens)
    assert epochs.verify(*certified(chain, opens)).epoch.parameters.gas_limit == AFTER
    assert epochs.verify(*certified(chain, opens - 1)).epoch.parameters.gas_limit == BEFORE
    boundary = certified(chain, opens - 1)
    liar = EpochChain(chain.genesis)
    with pytest.raises(BrokenChain, match="are not the validators"):
        liar.extend(*boundary, world.set)  # an epoch in which nothing changes
    liar.extend(*boundary, world.set, chain.parameters.with_voted({"gas_limit": AFTER + 1}))
    with pytest.raises(BrokenChain, match="its parameters are not those of epoch 1") as caught:
        liar.verify(*certified(chain, opens))
    assert caught.value.what == "parameters"
    early = EpochChain(chain.genesis)
    early.extend(*certified(chain, opens - 2), world.set, chain.parameters)
    with pytest.raises(BrokenChain, match="not of epoch 0"):
        early.verify(*boundary)


@pytest.mark.parametrize("blocks", [3, 6, 7, 9])
def test_a_snapshot_brings_what_is_in_force_and_what_is_pending(world, signed, blocks):
    """Voted in block 2, with W = 4 in force from block 7 on."""
    kv = MemoryStore()
    chain = world.chain(kv)
    grow(world, chain, 1)
    vote(world, signed, chain, gas_limit=AFTER, heartbeat_ms=2_500)
    grow(world, chain, blocks)
    target = io.BytesIO()
    export_snapshot(chain, chain._store, target.write, lambda _: None)
    pin = Pin(chain.head.number, chain.head.hash)
    data = io.BytesIO(target.getvalue())
    restored, _ = read_snapshot(chain.genesis, data.read, pin, lambda _: None)
    copy_kv = MemoryStore()
    world.chain(copy_kv, chain.genesis)
    BlockStore(copy_kv, STANDARD).restore(restored)
    copy = world.chain(copy_kv, chain.genesis)
    window = chain.parameters.window_blocks
    for number in range(blocks, blocks + window + 2):
        assert copy.parameters_for(number) == chain.parameters_for(number)
    for number in range(blocks + 1, blocks + window + 3):
        world.extend(chain)
        copy.import_block(chain.block(number), chain.certificate(number))
    assert copy.head == chain.head
    assert copy.epoch_boundaries(0, 9) == chain.epoch_boundaries(0, 9)
    check_store(copy._store, STANDARD, window_blocks=window)


def recover(world, chain, number):
    """The organisations open epoch 5 after a block, with the set that there is."""
    recovery = recovery_of(
        chain.group,
        number=number,
        block_hash=chain.header(number).hash,
        epoch=5,
        counter=1,
        members=[
            RecoveredValidator(signer.address, f"tax/node{n}")
            for n, signer in enumerate(world.validators)
        ],
    )
    for key in RECOVERY_KEYS:
        recovery = sign_recovery(chain.genesis, recovery, key)
    assert chain.adopt(recovery, may_cut=True)


@pytest.mark.parametrize("number", [2, 4, 6])
def test_a_recovery_clears_a_pending_vote_and_keeps_what_is_in_force(world, signed, number):
    """Voted in block 2, pending until block 7; voted blocks may be void as well."""
    kv = MemoryStore()
    chain = world.chain(kv)
    grow(world, chain, 1)
    vote(world, signed, chain, gas_limit=AFTER)
    grow(world, chain, 6)
    recover(world, chain, number)
    grow(world, chain, number + 2 * chain.parameters.window_blocks + 3)
    assert {chain.header(n).gas_limit for n in range(1, chain.head.number)} == {BEFORE}
    assert {chain.record(n).epoch for n in range(number + 1, chain.head.number)} == {5}
    state = chain.latest_state()
    assert contract_parameters(state, chain.genesis.parameters) == chain.genesis.parameters
    assert linked(chain).verify(*certified(chain, number + 1)).epoch.recovery is not None
    # A vote after it counts again.
    again = vote(world, signed, chain, nonce=2, gas_limit=AFTER)
    grow(world, chain, again + chain.parameters.window_blocks + 1)
    assert (chain.head.header.gas_limit, chain.head.record.epoch) == (AFTER, 6)
    assert world.chain(kv, chain.genesis).parameters.gas_limit == AFTER
    assert linked(chain).last.parameters.gas_limit == AFTER


def test_a_cut_takes_the_vote_of_a_void_block_back(world, signed):
    kv = MemoryStore()
    chain = world.chain(kv)
    grow(world, chain, 2)
    vote(world, signed, chain, gas_limit=AFTER)
    grow(world, chain, 9)
    assert chain.parameters.gas_limit == AFTER
    recover(world, chain, 2)
    assert chain.parameters.gas_limit == BEFORE
    assert world.chain(kv, chain.genesis).parameters.gas_limit == BEFORE
    grow(world, chain, 12)
    assert {chain.header(n).gas_limit for n in range(1, 13)} == {BEFORE}


def test_values_that_no_group_may_have_are_not_taken():
    genesis = Parameters(chain_id=1)
    assert genesis.with_voted({"gas_limit": 2**255}) == genesis
    assert genesis.with_voted({"view_timeout_ms": genesis.view_timeout_ms_max + 1}) == genesis
    assert genesis.with_voted({"heartbeat_ms": 700}).heartbeat_ms == 700


def test_every_votable_value_is_one_that_a_group_may_have():
    widest = Parameters(chain_id=1, view_timeout_ms_max=3_600_000, batch_bytes_max=7 * 1024 * 1024)
    for name, voted in VOTED.items():
        for value in (voted.least, voted.most):
            changed = {"view_timeout_ms": 1_000, "transaction_bytes_max": 65_536, name: value}
            msgspec.structs.replace(widest, **changed).validated()


def test_parameters_survive_their_codec():
    parameters = Parameters(chain_id=5, heartbeat_ms=700)
    assert decode_parameters(encode_parameters(parameters)) == parameters
    for bad in (b"{}", b"[", bytes(5_000), encode_parameters(parameters).replace(b"700", b"1")):
        with pytest.raises(InvalidEncoding):
            decode_parameters(bad)


def test_genesis_and_its_gate_say_the_same(world):
    world.extra_slots[parameter_slot("gas_limit")] = BEFORE
    world.genesis()
    world.extra_slots[parameter_slot("gas_limit")] = AFTER
    with pytest.raises(InvalidGenesis, match=f"gas_limit is {BEFORE}, in the gate's storage"):
        world.genesis()
