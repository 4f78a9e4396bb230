"""The list of validity checks: a case for each reason code, in the pool's check and in a block."""

import pytest

from ledger.gate import GATE_CONTRACT, KEYS_CONTRACT, permission_slot
from ledger.genesis import Allocation
from ledger.reasons import Reason
from ledger.transactions import InvalidTransaction, decode_transaction
from ledger.validity import check_form
from ledger.values import Address, keccak, to_hex

TO = Address(b"\x11" * 20)
FIELD = 2**256 - 2**32 - 977


def cases(world, signed):
    """Reason and raw transaction, each on a fresh chain."""
    big = bytes(140_000)
    yield Reason.TOO_LARGE, signed(world.member, nonce=0, to=TO, data=big, gas=10**7)
    yield Reason.WRONG_CHAIN, signed(world.member, nonce=0, to=TO, chain_id=1)
    yield Reason.FEE_NOT_ZERO, signed(world.member, nonce=0, to=TO, fee=1)
    yield Reason.NONCE_TOO_HIGH, signed(world.member, nonce=2**64 - 1, to=TO)
    code = bytes(49_153)
    yield Reason.INIT_CODE_TOO_LARGE, signed(world.author, nonce=0, data=code, gas=10**7)
    yield Reason.GAS_TOO_LOW, signed(world.member, nonce=0, to=TO, gas=20_999)
    yield Reason.GAS_TOO_HIGH, signed(world.member, nonce=0, to=TO, gas=10**9)
    yield Reason.FROZEN, signed(world.frozen, nonce=0, to=TO)
    yield Reason.NO_PERMISSION, signed(world.stranger, nonce=0, to=TO)
    yield Reason.NO_DEPLOY, signed(world.member, nonce=0, data=b"\x00")
    yield Reason.NOT_THE_GATE, signed(world.regulator, nonce=0, to=TO)
    yield Reason.NOT_THE_GATE, signed(world.regulator, nonce=0, data=b"\x00")
    yield Reason.NOT_THE_GATE, signed(world.system, nonce=0, to=TO)
    yield Reason.NOT_THE_GATE, signed(world.system, nonce=0, data=b"\x00")
    yield Reason.NOT_THE_GATE, signed(world.regulator, nonce=0, to=KEYS_CONTRACT)
    yield Reason.NO_PERMISSION, signed(world.audit, nonce=0, to=GATE_CONTRACT)
    yield Reason.NONCE_GAP, signed(world.member, nonce=1, to=TO)
    yield Reason.BALANCE_TOO_LOW, signed(world.member, nonce=0, to=TO, value=10**18 + 1)
    yield Reason.MALFORMED, b"\xc0"
    yield Reason.TYPE_NOT_SUPPORTED, b"\x03\xc0"


def test_each_reason_is_given_and_leaves_no_trace(world, signed):
    chain = world.chain()
    for reason, raw in cases(world, signed):
        with pytest.raises(InvalidTransaction) as caught:
            chain.check(decode_transaction(raw))
        assert caught.value.code == reason
        executed = chain.execute(world.proposal(chain, [raw]))
        assert [
            (entry.batch_index, entry.hash, entry.reason) for entry in executed.result.dropped
        ] == [(0, keccak(raw), reason)]
        assert executed.result.included == ()
        assert executed.header.state_root == chain.head.header.state_root
        assert executed.result.writes.accounts == {}


def test_a_used_nonce_is_final_and_told_first(world, signed):
    chain = world.chain()
    raw = signed(world.member, nonce=0, to=TO)
    world.extend(chain, raw)
    freeze = permission_slot(world.member.address)
    word = chain.latest_state().storage(GATE_CONTRACT, freeze) | 1 << 255
    world.extend(
        chain,
        signed(world.admin, nonce=0, to=GATE_CONTRACT, data=world.gate_write(freeze, word)),
    )
    with pytest.raises(InvalidTransaction) as caught:
        chain.check(decode_transaction(raw))
    assert caught.value.code == Reason.NONCE_USED
    assert caught.value.code.is_final
    assert [reason for reason in Reason if reason.is_final] == [Reason.NONCE_USED]
    with pytest.raises(InvalidTransaction) as caught:
        chain.check(decode_transaction(signed(world.member, nonce=1, to=TO)))
    assert caught.value.code == Reason.FROZEN


def test_a_bad_signature(world, signed):
    raw = signed(world.member, nonce=0, to=TO)
    transaction = decode_transaction(raw)
    assert check_form(transaction, world.genesis().parameters) == world.member.address
    # An x of no point of the curve: x**3 + 7 is no square.
    r = next(r for r in range(2**255, 2**255 + 20) if pow(r**3 + 7, (FIELD - 1) // 2, FIELD) != 1)
    broken = raw.replace(transaction.r.to_bytes(32), r.to_bytes(32))
    with pytest.raises(InvalidTransaction) as caught:
        check_form(decode_transaction(broken), world.genesis().parameters)
    assert caught.value.code == Reason.BAD_SIGNATURE


def test_a_sender_with_code(world, signed):
    world.extra_alloc[to_hex(world.author.address)] = Allocation(nonce=0, code="0x00")
    chain = world.chain()
    with pytest.raises(InvalidTransaction) as caught:
        chain.check(decode_transaction(signed(world.author, nonce=0, to=TO)))
    assert caught.value.code == Reason.SENDER_HAS_CODE


def test_a_full_block_counts_gas_limits(world, signed):
    chain = world.chain()
    limit = chain.parameters.gas_limit
    batch = [
        signed(world.member, nonce=0, to=TO, gas=limit - 50_000),
        signed(world.admin, nonce=0, to=TO, gas=50_001),
        signed(world.author, nonce=0, to=TO, gas=50_000),
        signed(world.admin, nonce=0, to=TO, gas=21_000),
    ]
    result = world.extend(chain, *batch).result
    assert [entry.batch_index for entry in result.included] == [0, 2]
    assert [(e.batch_index, e.reason) for e in result.dropped] == [
        (1, Reason.BLOCK_FULL),
        (3, Reason.BLOCK_FULL),
    ]
    assert result.receipts[-1].cumulative_gas_used == 42_000


def test_every_reason_has_a_remedy_and_a_test(world, signed):
    tested = {reason for reason, _ in cases(world, signed)}
    tested |= {Reason.NONCE_USED, Reason.BAD_SIGNATURE, Reason.SENDER_HAS_CODE, Reason.BLOCK_FULL}
    assert tested == set(Reason)
    assert all(reason.remedy.endswith(".") for reason in Reason)
