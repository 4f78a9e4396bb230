"""Execution on each engine: order, gas, failures, the gate in every frame, the same twice."""

import hashlib
import threading

import pytest

from ledger.engine import EngineRefusal, MalformedInput, Message, Precompile
from ledger.gate import GATE_CONTRACT, Role, permission_slot, permission_word
from ledger.genesis import Allocation
from ledger.point_evaluation import BLS_MODULUS
from ledger.pyevm import PyEvmEngine, contract_address
from ledger.reasons import Reason
from ledger.values import Address, keccak, to_hex

TO = Address(b"\x11" * 20)
CALLER = Address(b"\xca" * 20)
TARGET = Address(b"\x7a" * 20)
OWN = Address((0x7100).to_bytes(20))

RETURN_TOP = "5f5260205ff3"
"""Returns the word on top of the stack."""


def call_code(kind: str, target: Address) -> str:
    """Calls a target with all gas and returns success * 256 + size of the returned data."""
    push = "73" + target.hex() + "5a"
    arguments = {
        "call": "5f5f5f5f5f",
        "static": "5f5f5f5f",
        "delegate": "5f5f5f5f",
        "code": "5f5f5f5f5f",
    }
    opcode = {"call": "f1", "static": "fa", "delegate": "f4", "code": "f2"}[kind]
    return arguments[kind] + push + opcode + "610100023d01" + RETURN_TOP


def contract(code: str) -> Allocation:
    return Allocation(nonce=1, code="0x" + code)


def ask(chain, to, data=b"", gas=500_000):
    return chain.call(Message(Address(b"\x01" * 20), to, data, gas))


def test_transfers_happen_in_order_and_are_deterministic(world, signed):
    one, two = world.chain(), world.chain()
    batch = [
        signed(world.member, nonce=0, to=world.author.address, value=100),
        signed(world.author, nonce=0, to=TO, value=60),
        signed(world.member, nonce=2, to=TO, value=1),
        signed(world.member, nonce=1, to=TO, value=2),
        signed(world.member, nonce=2, to=TO, value=3),
        signed(world.member, nonce=2, to=TO, value=3),
    ]
    executed = world.extend(one, *batch)
    assert [entry.batch_index for entry in executed.result.included] == [0, 1, 3, 4]
    assert [(e.batch_index, e.reason) for e in executed.result.dropped] == [
        (2, Reason.NONCE_GAP),
        (5, Reason.NONCE_USED),
    ]
    assert one.account(TO).balance == 65
    assert one.account(world.author.address).balance == 40
    assert [r.cumulative_gas_used for r in executed.result.receipts] == [
        21_000 * n for n in (1, 2, 3, 4)
    ]
    assert world.extend(two, *batch).header == executed.header


def test_what_is_dropped_leaves_no_trace(world, signed):
    one, two = world.chain(), world.chain()
    good = signed(world.member, nonce=0, to=TO, value=5)
    bad = [
        signed(world.stranger, nonce=0, to=TO),
        signed(world.frozen, nonce=0, to=TO),
        signed(world.member, nonce=7, to=TO),
        signed(world.author, nonce=0, to=TO, value=1),
    ]
    first = world.extend(one, *bad, good, *bad).header
    second = world.extend(two, good).header
    assert first.state_root == second.state_root
    assert first.receipts_root == second.receipts_root
    assert one.account(world.stranger.address) is None


def test_a_deployment_a_call_and_its_log(world, signed):
    chain = world.chain()
    # Runtime: log1(topic = word 0, no data), then return slot 0 plus one, stored back.
    runtime = "5f355f5fa15f546001018060005560005260206000f3"
    init = bytes.fromhex(f"75{runtime}5f5260166" + "00af3")
    deploy = signed(world.author, nonce=0, data=init, gas=300_000)
    receipt = world.extend(chain, deploy).result.receipts[0]
    address = contract_address(world.author.address, 0)
    assert (receipt.status, receipt.contract_address) == (1, address)
    assert chain.latest_state().code(address).hex() == runtime
    call = signed(world.member, nonce=0, to=address, data=keccak(b"topic"))
    receipt = world.extend(chain, call).result.receipts[0]
    assert [log.topics for log in receipt.logs] == [(keccak(b"topic"),)]
    assert chain.latest_state().storage(address, 0) == 1
    assert int.from_bytes(ask(chain, address).output) == 2
    assert chain.latest_state().storage(address, 0) == 1, "a call changes nothing"


def test_a_failure_is_status_0_and_still_counts(world, signed):
    world.extra_alloc[to_hex(TARGET)] = contract("60015f555f5ffd")  # store, then revert
    world.extra_alloc[to_hex(CALLER)] = contract("fe")
    chain = world.chain()
    batch = [
        signed(world.member, nonce=0, to=TARGET, value=9),
        signed(world.member, nonce=1, to=CALLER, gas=60_000),
    ]
    reverted, burnt = world.extend(chain, *batch).result.receipts
    assert (reverted.status, burnt.status) == (0, 0)
    assert 21_000 < reverted.gas_used < 50_000
    assert burnt.gas_used == 60_000
    assert chain.account(world.member.address).nonce == 2
    assert chain.account(world.member.address).balance == 10**18
    assert chain.latest_state().storage(TARGET, 0) == 0


def test_a_slot_that_is_cleared_is_gone_and_refunded(world, signed):
    world.extra_alloc[to_hex(TARGET)] = Allocation(
        nonce=1, code="0x5f355f55", storage={"0x0": "0x5", "0x1": "0x6"}
    )
    chain = world.chain()
    before = chain.latest_state().account(TARGET).storage_root
    receipt = world.extend(chain, signed(world.member, nonce=0, to=TARGET)).result.receipts[0]
    # 21000, PUSH0 CALLDATALOAD PUSH0 = 7, SSTORE 2100 + 2900, less 4800 within a fifth
    assert receipt.gas_used == 21_000 + 7 + 5_000 - 4_800
    assert chain.latest_state().storage(TARGET, 0) == 0
    data = bytes(31) + b"\x05"
    world.extend(chain, signed(world.member, nonce=1, to=TARGET, data=data))
    assert chain.latest_state().account(TARGET).storage_root == before
    assert chain.state_at(1).storage(TARGET, 0) == 0
    assert chain.state_at(0).storage(TARGET, 0) == 5
    assert chain.state_at(0).storage(TARGET, 1) == 6


def test_a_slot_counts_as_it_was_before_each_transaction(world, signed):
    world.extra_alloc[to_hex(TARGET)] = Allocation(
        nonce=1, code="0x5f355f55", storage={"0x0": "0x5"}
    )
    chain = world.chain()
    values = [bytes(32), bytes(31) + b"\x07", bytes(31) + b"\x08"]
    batch = [
        signed(world.member, nonce=nonce, to=TARGET, data=value)
        for nonce, value in enumerate(values)
    ]
    receipts = world.extend(chain, *batch).result.receipts
    data_gas = [32 * 4, 31 * 4 + 16, 31 * 4 + 16]
    used = [r.gas_used - 21_007 - d for r, d in zip(receipts, data_gas, strict=True)]
    assert used == [5_000 - 4_800, 22_100, 5_000]


def test_an_empty_account_that_is_touched_does_not_come_to_be(world, signed):
    chain = world.chain()
    world.extend(chain, signed(world.member, nonce=0, to=TO))
    assert chain.account(TO) is None
    assert chain.account(chain.head.header.coinbase) is None


def test_warmth_and_transient_storage_end_with_the_transaction(world, signed):
    # Returns tload(0) in slot 0 after tstore(0, 1): must be 0 at each start.
    world.extra_alloc[to_hex(TARGET)] = contract("5f5c60010160005560015f5d")
    chain = world.chain()
    batch = [signed(world.member, nonce=n, to=TARGET) for n in range(3)]
    receipts = world.extend(chain, *batch).result.receipts
    assert chain.latest_state().storage(TARGET, 0) == 1
    assert receipts[1].gas_used == receipts[2].gas_used
    assert receipts[0].gas_used - receipts[1].gas_used == 22_100 - 2_200


@pytest.mark.parametrize("kind", ["call", "static", "delegate", "code"])
def test_frames_of_a_frozen_contract_revert_with_empty_data(world, kind):
    world.extra_alloc[to_hex(TARGET)] = contract("6001" + RETURN_TOP)
    world.extra_alloc[to_hex(CALLER)] = contract(call_code(kind, TARGET))
    free = world.chain()
    assert int.from_bytes(ask(free, CALLER).output) == 0x120
    world.extra_slots[permission_slot(TARGET)] = 1 << 255
    chain = world.chain()
    nested = ask(chain, CALLER)
    assert nested.success
    assert int.from_bytes(nested.output) == 0
    direct = ask(chain, TARGET)
    assert (direct.success, direct.reverted, direct.output) == (False, True, b"")
    assert direct.gas_used == 21_000


def test_freezing_counts_from_the_next_transaction(world, signed):
    slot = permission_slot(TARGET)
    write = world.gate_write(slot, 1 << 255).hex()
    world.extra_alloc[to_hex(TARGET)] = contract("6001" + RETURN_TOP)
    # Freezes the target by the gate, then calls it in the same transaction.
    freezer = (
        f"7f{write[:64]}5f527f{write[64:]}602052"
        + "5f5f60405f5f73"
        + GATE_CONTRACT.hex()
        + "5af150"
    )
    target = "5f5f5f5f5f73" + TARGET.hex() + "5af15f55"
    world.extra_alloc[to_hex(CALLER)] = contract(freezer + target)
    chain = world.chain()
    first, second = (signed(world.member, nonce=n, to=CALLER, gas=200_000) for n in range(2))
    one = chain.execute(world.proposal(chain, [first]))
    assert one.result.writes.storage[CALLER] == {0: 1}, "not frozen when it began"
    both = world.extend(chain, first, second)
    assert chain.latest_state().storage(GATE_CONTRACT, slot) == 1 << 255
    assert [receipt.status for receipt in both.result.receipts] == [1, 1]
    assert chain.latest_state().storage(CALLER, 0) == 0, "frozen since"
    status = world.extend(chain, signed(world.member, nonce=2, to=TARGET)).result.receipts[0]
    assert (status.status, status.gas_used) == (0, 21_000)


def test_the_gate_itself_is_never_frozen(world):
    world.extra_slots[permission_slot(GATE_CONTRACT)] = 1 << 255
    chain = world.chain()
    assert ask(chain, GATE_CONTRACT, world.gate_write(5, 6)).success


def test_roles_take_effect_between_transactions_of_one_block(world, signed):
    chain = world.chain()
    stranger = world.stranger.address
    word = permission_word(Role.MEMBER, organisation=1)
    grant = world.gate_write(permission_slot(stranger), word)
    use = signed(world.stranger, nonce=0, to=TO)
    batch = [use, signed(world.admin, nonce=0, to=GATE_CONTRACT, data=grant), use]
    result = world.extend(chain, *batch).result
    assert [(e.batch_index, e.reason) for e in result.dropped] == [(0, Reason.NO_PERMISSION)]
    assert [entry.batch_index for entry in result.included] == [1, 2]
    assert chain.permission(stranger).may_send
    assert chain.transaction_status(keccak(use)).status == "executed"


def test_a_regulator_calls_the_gate(world, signed):
    chain = world.chain()
    data = world.gate_write(permission_slot(TO), 1 << 255)
    receipt = world.extend(
        chain, signed(world.regulator, nonce=0, to=GATE_CONTRACT, data=data)
    ).result.receipts[0]
    assert receipt.status == 1
    assert chain.permission(TO).frozen


def test_the_gate_costs_no_gas_and_warms_nothing(world, signed):
    # BALANCE of the sender's own word holder, the gate: cold although the gate was read.
    world.extra_alloc[to_hex(TARGET)] = contract("73" + GATE_CONTRACT.hex() + "3150")
    chain = world.chain()
    receipt = world.extend(chain, signed(world.member, nonce=0, to=TARGET)).result.receipts[0]
    assert receipt.gas_used == 21_000 + 3 + 2_600 + 2


def test_a_factory_may_create(world, signed):
    world.extra_alloc[to_hex(TARGET)] = contract("5f5f5ff05f55")
    chain = world.chain()
    world.extend(chain, signed(world.member, nonce=0, to=TARGET))
    created = Address(chain.latest_state().storage(TARGET, 0).to_bytes(32)[12:])
    assert created == contract_address(TARGET, 1)


def test_creations_of_a_calling_contract_pay_once_for_their_init_code(world):
    world.extra_alloc[to_hex(TARGET)] = contract("60405f5ff0")  # creates from 64 zero bytes
    chain = world.chain()
    used = {chain.call(Message(sender, TARGET, b"", 500_000)).gas_used for sender in (TO, TARGET)}
    assert used == {21_000 + 3 + 2 + 2 + 6 + 32_000 + 2 * 2}


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")
def test_a_contract_destroyed_in_its_own_transaction_is_gone(world, signed):
    chain = world.chain()
    # Stores 1 in slot 0, then destroys itself in favour of the caller.
    raw = signed(world.author, nonce=0, data=bytes.fromhex("60015f5533ff"), gas=200_000)
    receipt = world.extend(chain, raw).result.receipts[0]
    assert receipt.status == 1
    created = contract_address(world.author.address, 0)
    assert chain.account(created) is None
    assert chain.latest_state().storage(created, 0) == 0


def test_environment_of_a_block(world, signed):
    fields = ["41", "42", "43", "44", "45", "46", "48", "4a"]
    code = "".join(f"{op}60{i:02x}55" for i, op in enumerate(fields)) + "6001430340601055"
    world.extra_alloc[to_hex(TARGET)] = contract(code)
    chain = world.chain()
    world.extend(chain)
    executed = world.extend(chain, signed(world.member, nonce=0, to=TARGET, gas=10**6))
    state, header = chain.latest_state(), executed.header
    values = [state.storage(TARGET, i) for i in range(len(fields))]
    assert values == [
        int.from_bytes(header.coinbase),
        header.timestamp,
        2,
        0,
        header.gas_limit,
        chain.parameters.chain_id,
        0,
        1,
    ]
    assert state.storage(TARGET, 16) == int.from_bytes(header.parent_hash)


def test_own_precompiles(world, signed):
    def run(data: bytes) -> bytes:
        if len(data) != 32:
            raise MalformedInput("expected 32 bytes")
        return keccak(data)

    engine = world.engine_type({OWN: Precompile(gas=lambda data: 1_000 + len(data), run=run)})
    chain = world.chain(engine=engine)
    result = ask(chain, OWN, bytes(31) + b"\x01", gas=100_000)
    assert result.output == keccak(bytes(31) + b"\x01")
    assert result.gas_used == 21_000 + 31 * 4 + 16 + 1_032
    assert ask(chain, OWN, b"\x01", gas=100_000).gas_used == 100_000
    assert ask(world.chain(), OWN, b"\x01").output == b"", "another engine has no such table"


@pytest.mark.parametrize(
    ("base", "exponent", "modulus", "gas"),
    [
        ("", "", "02", 200),
        ("03", "05", "64", 200),
        ("03", "", "", 200),
        ("", "02", "0007", 200),
        ("ff" * 64, "ff" * 32, "fe" * 64, 64 * 255 // 3),
        ("02", "01" + "00" * 32, "ff" * 32, 16 * 256 // 3),
    ],
)
def test_modular_exponentiation(world, base, exponent, modulus, gas):
    """EIP-198's arithmetic and EIP-2565's gas, the empty base included."""
    parts = [bytes.fromhex(part) for part in (base, exponent, modulus)]
    data = b"".join(len(part).to_bytes(32) for part in parts) + b"".join(parts)
    numbers = [int.from_bytes(part) for part in parts]
    expected = pow(*numbers).to_bytes(len(parts[2])) if numbers[2] else bytes(len(parts[2]))
    result = ask(world.chain(), Address((5).to_bytes(20)), data)
    assert result.output == expected
    zeros = data.count(0)
    assert result.gas_used == 21_000 + 4 * zeros + 16 * (len(data) - zeros) + gas


def test_modular_exponentiation_of_absurd_sizes_costs_all_gas(world):
    for sizes in ((2**256 - 1, 0, 1), (0, 2**256 - 1, 1), (1, 1, 2**256 - 1)):
        data = b"".join(size.to_bytes(32) for size in sizes)
        result = ask(world.chain(), Address((5).to_bytes(20)), data)
        assert result.gas_used == 500_000
    nothing = b"".join(size.to_bytes(32) for size in (0, 2**256 - 1, 0))
    assert ask(world.chain(), Address((5).to_bytes(20)), nothing).success


def test_point_evaluation(world):
    """The zero polynomial: its commitment and every proof are the point at infinity."""
    infinity = b"\xc0" + bytes(47)
    versioned = b"\x01" + hashlib.sha256(infinity).digest()[1:]
    good = versioned + (5).to_bytes(32) + bytes(32) + infinity + infinity
    chain, address = world.chain(), Address((10).to_bytes(20))
    result = ask(chain, address, good)
    assert int.from_bytes(result.output[:32]) == 4096
    assert int.from_bytes(result.output[32:]) == BLS_MODULUS
    wrong_value = good[:95] + b"\x01" + good[96:]
    for bad in (b"", good[1:], b"\x02" + good[1:], wrong_value, good[:-1] + b"\x01"):
        assert ask(chain, address, bad).gas_used == 500_000


def test_a_thousand_frames_deep_in_a_thread(world):
    # Calls itself with all gas until the depth or the gas ends, counting in slot 0.
    world.extra_alloc[to_hex(TARGET)] = contract("5f5f5f5f5f305af15f54600101" + "5f55")
    chain = world.chain()
    results = []
    thread = threading.Thread(target=lambda: results.append(ask(chain, TARGET, gas=29_000_000)))
    thread.start()
    thread.join()
    assert results
    assert results[0].success


def test_an_engine_that_refuses_what_is_valid_halts(world, signed, monkeypatch):
    from eth.exceptions import InsufficientFunds

    if world.engine_type is not PyEvmEngine:
        pytest.skip("the planted refusal is py-evm's")
    chain = world.chain()

    def refuse(*args, **kwargs):
        raise InsufficientFunds("planted")

    monkeypatch.setattr("ledger.pyevm.GatedComputation.apply_message", refuse)
    raw = signed(world.member, nonce=0, to=TO)
    with pytest.raises(EngineRefusal, match=keccak(raw).hex()):
        chain.execute(world.proposal(chain, [raw]))


def test_a_call_tree(world, signed):
    world.extra_alloc[to_hex(TARGET)] = contract("5f5ffd")
    world.extra_alloc[to_hex(CALLER)] = contract(call_code("delegate", TARGET))
    chain = world.chain()
    batch = [
        signed(world.stranger, nonce=0, to=TO),
        signed(world.member, nonce=0, to=TO, value=1),
        signed(world.member, nonce=1, to=CALLER),
    ]
    world.extend(chain, *batch)
    tree = chain.trace(keccak(batch[2]))
    receipt = chain.receipt(keccak(batch[2]))
    assert (tree["type"], tree["from"]) == ("CALL", to_hex(world.member.address))
    assert tree["gasUsed"] == hex(receipt.gas_used)
    (inner,) = tree["calls"]
    assert (inner["type"], inner["from"], inner["to"]) == (
        "DELEGATECALL",
        to_hex(CALLER),
        to_hex(TARGET),
    )
    assert inner["error"] == "execution reverted"
    with pytest.raises(LookupError):
        chain.trace(keccak(batch[0]))


def test_gas_is_estimated(world):
    # Needs much more gas than it uses: requires 200000 left, else reverts.
    world.extra_alloc[to_hex(TARGET)] = contract("62030d405a10600b57005b5f5ffd")
    chain = world.chain()
    message = Message(Address(b"\x01" * 20), TARGET, b"", 10**7)
    estimate = chain.estimate_gas(message)
    assert 221_000 <= estimate <= 226_000
    assert chain.call(Message(message.sender, TARGET, b"", estimate)).success
