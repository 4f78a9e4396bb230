"""Voted upgrades: a system contract's code, a protocol version, each at a block's start."""

import pytest

from ledger.gate import (
    AGREEMENTS_CONTRACT,
    GATE_CONTRACT,
    UPGRADE_SLOT,
    contract_parameters,
)
from ledger.keyvalue import MemoryStore
from ledger.parameters import Parameters
from ledger.protocol import PRESENT, Build, BuildTooOld
from ledger.store_check import check_store
from ledger.suite import STANDARD
from ledger.upgrade import scheduled_upgrade
from ledger.values import Address, keccak
from tests.ledger.test_ledger_parameters import certified, copied, grow, linked, recover

NEW_CODE = bytes.fromhex("60075f5260205ff3")
"""Answers 7 to everything."""
CARRIED = bytes.fromhex("67") + NEW_CODE + bytes.fromhex("5f5260086018f3")
"""Creation code that leaves NEW_CODE."""
NEWER = Build(2, 0b1)


def write(world, signed, chain, slots, nonce=0):
    batch = [
        signed(world.admin, nonce=nonce + n, to=GATE_CONTRACT, data=world.gate_write(*word))
        for n, word in enumerate(slots.items())
    ]
    return world.extend(chain, *batch).number


def schedule_code(world, signed, chain, at, target=AGREEMENTS_CONTRACT, nonce=0):
    """What the gate holds once a replacement is voted; the code comes with a carrier."""
    created = signed(world.author, nonce=0, data=CARRIED, gas=200_000)
    world.extend(chain, created)
    carrier = chain.receipt(keccak(created)).contract_address
    assert chain.latest_state().code(carrier) == NEW_CODE
    words = (at, int.from_bytes(target), int.from_bytes(keccak(NEW_CODE)), 0, 0)
    slots = {UPGRADE_SLOT + index: word for index, word in enumerate(words)}
    return write(world, signed, chain, slots, nonce)


def schedule_version(world, signed, chain, at, version=2, features=0, nonce=0):
    words = (at, 0, 0, version, features)
    slots = {UPGRADE_SLOT + index: word for index, word in enumerate(words) if word}
    return write(world, signed, chain, slots, nonce)


def newer(world, kv=None, genesis=None, build=NEWER):
    """A chain of a build that knows more than this one."""
    chain = world.chain(kv, genesis)
    chain.build = build
    return chain


def test_code_is_replaced_at_the_blocks_start_and_storage_stays(world, signed):
    kv = MemoryStore()
    chain = world.chain(kv)
    schedule_code(world, signed, chain, 5, target=GATE_CONTRACT)
    grow(world, chain, 3)
    chain = world.chain(kv, chain.genesis)  # what is scheduled survives a restart
    data = world.gate_write(900, 1)
    last = signed(world.admin, nonce=5, to=GATE_CONTRACT, data=data)
    first = signed(world.admin, nonce=6, to=GATE_CONTRACT, data=world.gate_write(901, 1))
    world.extend(chain, last)
    permissions = chain.permission(world.member.address)
    world.extend(chain, first)
    state = chain.latest_state()
    assert state.code(GATE_CONTRACT) == NEW_CODE
    # The old code wrote in block 4; in block 5 the new one ran from the first transaction on.
    assert [state.storage(GATE_CONTRACT, slot) for slot in (900, 901)] == [1, 0]
    assert chain.permission(world.member.address) == permissions
    assert scheduled_upgrade(state) is None
    assert chain.state_at(4).code(GATE_CONTRACT) != NEW_CODE
    assert chain.trace(keccak(first))["output"] == "0x" + (7).to_bytes(32).hex()
    grow(world, chain, 8)
    assert copied(world, chain).head == chain.head
    check_store(chain._store, STANDARD, window_blocks=chain.parameters.window_blocks)


def test_a_free_system_address_can_receive_code(world, signed):
    chain = world.chain()
    target = Address((0x7050).to_bytes(20))
    schedule_code(world, signed, chain, 4, target=target)
    grow(world, chain, 4)
    assert chain.account(target).nonce == 1
    assert chain.latest_state().code(target) == NEW_CODE
    assert copied(world, chain).head == chain.head


def test_blocks_that_wait_for_certificates_apply_it_too(world, signed):
    chain = world.chain()
    schedule_code(world, signed, chain, 4)
    parent = None
    for _ in range(2):
        parent = chain.execute(world.proposal(chain, [], parent), parent)
    assert AGREEMENTS_CONTRACT in parent.result.writes.accounts or parent.number != 4
    for number in (3, 4):
        world.extend(chain)
        assert chain.head.number == number
    assert chain.head.hash == parent.hash
    assert chain.latest_state().code(AGREEMENTS_CONTRACT) == NEW_CODE


def test_a_cut_takes_a_replacement_back_and_a_recovery_drops_what_is_scheduled(world, signed):
    kv = MemoryStore()
    chain = world.chain(kv)
    schedule_code(world, signed, chain, 5)
    grow(world, chain, 6)
    assert chain.latest_state().code(AGREEMENTS_CONTRACT) == NEW_CODE
    recover(world, chain, 3)
    assert chain.latest_state().code(AGREEMENTS_CONTRACT) == b""
    grow(world, chain, 8)
    assert chain.latest_state().code(AGREEMENTS_CONTRACT) == b""
    assert scheduled_upgrade(chain.latest_state()) is None
    check_store(chain._store, STANDARD, window_blocks=chain.parameters.window_blocks)


def test_a_version_is_in_force_w_plus_1_blocks_after_it_is_applied(world, signed):
    chain = newer(world)
    window = chain.parameters.window_blocks
    schedule_version(world, signed, chain, 3, features=0b1)
    begins = 3 + window + 1
    grow(world, chain, begins + 1)
    told = [chain.parameters_for(n) for n in (begins - 1, begins)]
    assert [(p.protocol_version, p.features) for p in told] == [(1, 0), (2, 0b1)]
    assert [chain.record(n).epoch for n in (begins - 1, begins)] == [0, 1]
    assert linked(chain).verify(*certified(chain, begins)).epoch.parameters.protocol_version == 2


def test_an_older_build_stops_before_the_block_and_says_why(world, signed):
    chain = newer(world)
    window = chain.parameters.window_blocks
    schedule_version(world, signed, chain, 3)
    begins = 3 + window + 1
    grow(world, chain, begins + 2)
    old = world.chain(genesis=chain.genesis)
    assert old.build == PRESENT
    for number in range(1, begins):
        old.import_block(chain.block(number), chain.certificate(number))
    assert old.head.number == begins - 1
    for attempt in (
        lambda: old.import_block(chain.block(begins), chain.certificate(begins)),
        lambda: old.execute(world.proposal(old, [])),
    ):
        with pytest.raises(BuildTooOld, match=f"block {begins} needs protocol version 2, this"):
            attempt()
    assert old.too_old(begins) is not None
    assert old.too_old(begins - 1) is None
    # Nothing of it is harmed: a newer build goes on from the same store.
    old.build = NEWER
    for number in range(begins, begins + 3):
        old.import_block(chain.block(number), chain.certificate(number))
    assert old.head == chain.head


def test_a_recovery_between_keeps_the_version_that_is_in_force(world, signed):
    chain = newer(world)
    schedule_version(world, signed, chain, 3, features=0b1)
    grow(world, chain, 5)
    recover(world, chain, 4)
    grow(world, chain, 4 + 2 * chain.parameters.window_blocks + 3)
    assert chain.parameters == chain.genesis.parameters
    state = chain.latest_state()
    assert contract_parameters(state, chain.genesis.parameters) == chain.genesis.parameters


@pytest.mark.parametrize(
    ("build", "version", "features", "needed"),
    [
        (Build(1, 0), 1, 0, None),
        (Build(2, 0b11), 1, 0b10, None),
        (Build(1, 0), 2, 0, "protocol version 2"),
        (Build(2, 0b1), 2, 0b110, "protocol feature 1, 2"),
    ],
)
def test_what_a_build_lacks(build, version, features, needed):
    parameters = Parameters(chain_id=1, protocol_version=version, features=features)
    assert build.lacks(parameters) == needed
