"""Chains: certified blocks, overlays, epochs, import, proofs, reopening and damage."""

import dataclasses

import msgspec
import pytest

from ledger.block import Block, InvalidBlock, decode_block, encode_block
from ledger.certificate import InvalidCertificate
from ledger.chain import Divergence
from ledger.engine import Message
from ledger.gate import GATE_CONTRACT, VALIDATORS_SLOT
from ledger.genesis import Allocation
from ledger.keyvalue import CorruptStore, LevelDB, MemoryStore
from ledger.logs import InvalidFilter, LogFilter
from ledger.proposal import null_request, propose
from ledger.reasons import Reason
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.trie import InvalidProof
from ledger.validators import ValidatorSet
from ledger.values import ZERO_ADDRESS, Address, keccak, to_hex

TO = Address(b"\x11" * 20)
TARGET = Address(b"\x7a" * 20)


def pay(world, signed, nonce, value=1):
    return signed(world.member, nonce=nonce, to=TO, value=value)


def test_blocks_are_produced_reopened_and_imported(world, signed, tmp_path):
    first = world.chain(LevelDB(tmp_path / "one"))
    window = first.parameters.window_blocks
    for nonce in range(20 + window):
        world.extend(first, pay(world, signed, nonce))
    head = first.head
    assert head.number == 20 + window
    first.close()
    world.chains.clear()
    first = world.chain(LevelDB(tmp_path / "one"))
    assert first.head == head
    second = world.chain()
    for number in range(1, head.number + 1):
        data = encode_block(first.block(number))
        second.import_block(decode_block(STANDARD, data), first.certificate(number))
    assert second.head == head
    assert second.account(TO).balance == head.number
    for number in (0, 7, head.number):
        assert second.header(number) == first.header(number)
        assert second.number_of(first.header(number).hash) == number
        account = first.state_at(number).account(TO)
        assert (account.balance if account else 0) == number
    assert first.number_of(keccak(b"nothing")) is None
    with pytest.raises(LookupError):
        first.header(head.number + 1)


def test_the_next_block_executes_on_an_overlay(world, signed):
    chain, plain = world.chain(), world.chain()
    one = chain.execute(world.proposal(chain, [pay(world, signed, 0)]))
    two = chain.execute(world.proposal(chain, [pay(world, signed, 1)], parent=one), one)
    three = chain.execute(world.proposal(chain, [pay(world, signed, 2)], parent=two), two)
    assert chain.head.number == 0
    for executed in (one, two, three):
        chain.commit(executed, world.certify(chain, executed))
    for nonce in range(3):
        world.extend(plain, pay(world, signed, nonce))
    assert chain.head.hash == plain.head.hash
    four = chain.execute(world.proposal(chain, [], parent=three), three)
    assert four.number == 4, "a parent that was committed meanwhile is fine"


def test_code_sees_the_hashes_of_stored_and_of_waiting_ancestors(world, signed):
    # Logs the hashes of blocks 0 to number - 1, one after another in memory.
    code = "5f5b80408160051b5260010180431160015760051b5fa000"
    world.extra_alloc[to_hex(TARGET)] = Allocation(nonce=1, code="0x" + code)
    chain = world.chain()
    for nonce in range(3):
        world.extend(chain, pay(world, signed, nonce))
    hashes, parent = [chain.header(number).hash for number in range(4)], None
    for nonce in range(3, 6):
        ask = signed(world.member, nonce=nonce, to=TARGET)
        parent = chain.execute(world.proposal(chain, [ask], parent=parent), parent)
        [receipt] = parent.result.receipts
        [log] = receipt.logs
        assert log.data == b"".join(hashes)
        hashes.append(parent.hash)
    assert chain.head.number == 3, "three blocks wait for their certificates"


def test_only_a_certified_successor_is_committed(world, signed):
    chain = world.chain()
    one = chain.execute(world.proposal(chain, [pay(world, signed, 0)]))
    other = chain.execute(world.proposal(chain, []))
    two = chain.execute(world.proposal(chain, [], parent=one), one)
    with pytest.raises(InvalidCertificate):
        chain.commit(one, world.certify(chain, one, world.validators[:2]))
    with pytest.raises(InvalidCertificate):
        chain.commit(one, world.certify(chain, other))
    strangers = [world.member, *world.validators[:2]]
    with pytest.raises(InvalidCertificate):
        chain.commit(one, world.certify(chain, one, strangers))
    with pytest.raises(InvalidBlock):
        chain.commit(two, world.certify(chain, two))
    assert chain.head.number == 0
    certificate = world.certify(chain, one)
    chain.commit(one, certificate)
    chain.commit(one, certificate)
    with pytest.raises(InvalidBlock):
        chain.commit(other, world.certify(chain, other))


def test_a_proposal_must_follow(world, signed):
    chain = world.chain()
    good = world.proposal(chain, [])
    for changes in ({"sequence": 2}, {"epoch": 1}, {"group": keccak(b"other")}):
        with pytest.raises(InvalidBlock):
            chain.execute(msgspec.structs.replace(good, **changes))


def test_time_never_goes_back_and_null_requests_stand_still(world):
    chain = world.chain()
    world.extend(chain)
    before = chain.head
    early = propose(
        STANDARD,
        group=chain.group,
        epoch=0,
        sequence=2,
        origin_view=5,
        proposer=world.validators[1].address,
        timestamp_ms=before.record.timestamp_ms - 10,
        transactions=(),
    )
    executed = chain.execute(early)
    assert executed.record.timestamp_ms == before.record.timestamp_ms
    assert executed.record.origin_view == 5
    assert executed.header.coinbase == world.validators[1].address
    null = chain.execute(null_request(STANDARD, group=chain.group, epoch=0, sequence=2))
    assert null.record.timestamp_ms == before.record.timestamp_ms
    assert (null.header.coinbase, null.record.proposer) == (ZERO_ADDRESS, ZERO_ADDRESS)
    assert null.record.origin_view == 0
    assert null.header.timestamp == before.record.timestamp_ms // 1000
    assert null.header.extra_data == null.record.hash


def test_a_changed_list_certifies_from_w_plus_1_on(world, signed):
    genesis = world.genesis()
    chain = world.chain(genesis=genesis)
    window = chain.parameters.window_blocks
    new = KeySigner(STANDARD, keccak(b"new validator"))
    last_place, word = VALIDATORS_SLOT + 4, int.from_bytes(new.address)
    for _ in range(2):
        world.extend(chain)
    data = world.gate_write(last_place, word)
    changed_at = world.extend(chain, signed(world.admin, nonce=0, to=GATE_CONTRACT, data=data))
    old = ValidatorSet.of(signer.address for signer in world.validators)
    leaver = world.validators[-1]
    world.validators.append(new)
    due = ValidatorSet.of([*(s.address for s in world.validators[:3]), new.address])
    opens = changed_at.number + window + 1
    assert chain.validators_for(opens - 1) == (0, old)
    assert chain.validators_for(opens) == (1, due)
    with pytest.raises(LookupError):
        chain.validators_for(opens + 1)
    while chain.head.number < opens + 2:
        world.extend(chain)
    last = chain.record(opens - 1)
    assert last.certifiers_hash == old.hash(STANDARD)
    assert last.next_certifiers_hash == due.hash(STANDARD)
    assert [chain.record(n).epoch for n in (opens - 1, opens, opens + 2)] == [0, 1, 1]
    (boundary,) = chain.epoch_boundaries(0, 9)
    assert boundary.header.number == opens - 1
    assert (boundary.next_epoch, boundary.next_validators) == (1, due)
    executed = chain.execute(world.proposal(chain, []))
    with pytest.raises(InvalidCertificate):
        chain.commit(executed, world.certify(chain, executed, [*world.validators[:2], leaver]))
    other = world.chain(genesis=genesis)
    for number in range(1, chain.head.number + 1):
        other.import_block(chain.block(number), chain.certificate(number))
    assert other.head == chain.head
    assert other.validators_for(opens) == (1, due)


def test_imported_blocks_are_verified(world, signed):
    source, chain = world.chain(), world.chain()
    executed = world.extend(source, pay(world, signed, 0))
    block, certificate = source.block(1), source.certificate(1)
    header, record, proposal = block.header, block.record, block.proposal
    other = world.proposal(source, [pay(world, signed, 1)])
    forged = dataclasses.replace(header, gas_used=1)
    for bad, reason in (
        (Block(header, record, other), InvalidBlock),
        (Block(header, dataclasses.replace(record, epoch=1), proposal), InvalidBlock),
        (Block(forged, record, proposal), InvalidCertificate),
        (Block(dataclasses.replace(header, parent_hash=TO), record, proposal), InvalidBlock),
        (Block(dataclasses.replace(header, number=2), record, proposal), InvalidBlock),
    ):
        with pytest.raises(reason):
            chain.import_block(bad, certificate)
    with pytest.raises(InvalidCertificate):
        chain.import_block(block, world.certify(source, executed, world.validators[:2]))
    assert chain.head.number == 0
    chain.import_block(block, certificate)


def test_a_divergent_execution_is_named(world, signed):
    """A quorum certified another state root than ours: this node halts and says where."""
    chain = world.chain()
    executed = chain.execute(world.proposal(chain, [pay(world, signed, 0)]))
    wrong = dataclasses.replace(
        executed, header=dataclasses.replace(executed.header, state_root=keccak(b"wrong"))
    )
    with pytest.raises(Divergence) as caught:
        chain.import_block(wrong.block, world.certify(chain, wrong))
    assert (caught.value.number, caught.value.field) == (1, "state_root")
    assert keccak(b"wrong").hex() in str(caught.value)
    assert chain.head.number == 0


def test_a_divergent_record_is_named(world, signed):
    chain = world.chain()
    executed = chain.execute(world.proposal(chain, []))
    record = dataclasses.replace(executed.record, parameters_hash=keccak(b"other"))
    header = dataclasses.replace(executed.header, extra_data=record.hash)
    wrong = dataclasses.replace(executed, header=header, record=record)
    with pytest.raises(Divergence) as caught:
        chain.import_block(wrong.block, world.certify(chain, wrong))
    assert caught.value.field == "record"


def test_status_receipts_and_drops(world, signed):
    chain = world.chain()
    good, early = pay(world, signed, 0), pay(world, signed, 1)
    world.extend(chain, early, good)
    status = chain.transaction_status(keccak(early))
    assert (status.status, status.number, status.reason) == ("dropped", 1, Reason.NONCE_GAP)
    status = chain.transaction_status(keccak(good))
    assert (status.status, status.number, status.position) == ("executed", 1, 0)
    assert chain.receipt(keccak(good)).status == 1
    assert chain.receipt(keccak(early)) is None
    assert chain.transaction_status(keccak(b"unknown")) is None
    world.extend(chain, early)
    assert chain.transaction_status(keccak(early)).status == "executed"
    found = chain.transaction(keccak(early))
    assert (found.number, found.position, found.sender) == (2, 0, world.member.address)
    assert [entry.batch_index for entry in chain.outcome(1).dropped] == [0]


# Emits one log with topics (word 0, word 1) and data of 32 zero bytes.
LOGGER = "60203560003560205fa2"


def test_logs_are_found_by_address_topics_and_range(world, signed):
    other = Address(b"\x7b" * 20)
    for address in (TARGET, other):
        world.extra_alloc[to_hex(address)] = Allocation(nonce=1, code="0x" + LOGGER)
    chain = world.chain()
    one, two, three = (keccak(bytes([n])) for n in range(3))
    calls = [(TARGET, one, two), (other, one, three), (TARGET, two, one)]
    for nonce, (to, first, second) in enumerate(calls):
        batch = [signed(world.member, nonce=nonce, to=to, data=first + second)]
        world.extend(chain, *batch)
        world.extend(chain)
    last = chain.head.number

    def found(**options):
        return [
            entry.number
            for entry in chain.logs(LogFilter(**({"first": 0, "last": last} | options)))
        ]

    assert found() == [1, 3, 5]
    assert found(addresses=frozenset([TARGET])) == [1, 5]
    assert found(topics=(frozenset([one]),)) == [1, 3]
    assert found(topics=(None, frozenset([one, three]))) == [3, 5]
    assert found(topics=(frozenset([two]), frozenset([two]))) == []
    assert found(topics=(None, None, None)) == []
    assert found(first=2, last=3) == [3]
    (entry,) = chain.logs(LogFilter(5, 5))
    assert (entry.log_index, entry.transaction_index) == (0, 0)
    assert entry.block_hash == chain.header(5).hash
    for bad in (LogFilter(3, 2), LogFilter(0, 10**6), LogFilter(0, 1, topics=(None,) * 5)):
        with pytest.raises(InvalidFilter):
            chain.logs(bad)


def test_proofs_verify_and_altered_ones_do_not(world, signed):
    chain = world.chain()
    batch = [pay(world, signed, nonce) for nonce in range(20)]
    header = world.extend(chain, *batch).header
    world.extend(chain, pay(world, signed, 20))
    for raw in (batch[0], batch[13]):
        of_transaction = chain.transaction_proof(keccak(raw))
        of_transaction.verify(header)
        assert of_transaction.raw == raw
        of_receipt = chain.receipt_proof(keccak(raw))
        of_receipt.verify(header)
        for bad in (
            dataclasses.replace(of_transaction, raw=batch[1]),
            dataclasses.replace(of_transaction, number=2),
            dataclasses.replace(of_transaction, index=of_transaction.index + 1),
            dataclasses.replace(of_transaction, nodes=of_transaction.nodes[:-1]),
            dataclasses.replace(of_receipt, encoded=b"\x02" + of_receipt.encoded),
        ):
            with pytest.raises(InvalidProof):
                bad.verify(header)
        with pytest.raises(InvalidProof):
            of_transaction.verify(chain.header(2))
    assert chain.transaction_proof(keccak(b"none")) is None
    slots = [VALIDATORS_SLOT, 10**6]
    proof = chain.proof(GATE_CONTRACT, slots, 1)
    proof.verify(header.state_root)
    assert [slot.value for slot in proof.slots] == [4, 0]
    assert chain.proof(TO, [], 1).account.balance == 20
    assert chain.proof(TO, []).account.balance == 21
    absent = chain.proof(Address(b"\x99" * 20), [1])
    absent.verify(chain.head.header.state_root)
    assert absent.account is None
    for bad in (
        dataclasses.replace(proof, account=None),
        dataclasses.replace(proof, address=TO),
        dataclasses.replace(proof, nodes=proof.nodes[:-1]),
        dataclasses.replace(proof, slots=(dataclasses.replace(proof.slots[0], value=5),)),
        dataclasses.replace(proof, slots=(dataclasses.replace(proof.slots[1], value=5),)),
    ):
        with pytest.raises(InvalidProof):
            bad.verify(header.state_root)


def test_calls_at_old_blocks(world, signed):
    world.extra_alloc[to_hex(TARGET)] = Allocation(nonce=1, code="0x47" + "5f5260205ff3")
    world.extra_alloc[to_hex(TARGET)] = Allocation(
        nonce=1, code="0x73" + TO.hex() + "31" + "5f5260205ff3"
    )
    chain = world.chain()
    for nonce in range(3):
        world.extend(chain, pay(world, signed, nonce))
    message = Message(world.stranger.address, TARGET, b"", 100_000)
    assert [int.from_bytes(chain.call(message, number).output) for number in (0, 1, 3, None)] == [
        0,
        1,
        3,
        3,
    ]


def test_a_crash_between_blocks_leaves_the_last_whole_one(world, signed):
    kv = MemoryStore()
    chain = world.chain(kv)
    world.extend(chain, pay(world, signed, 0))
    chain.execute(world.proposal(chain, [pay(world, signed, 1)]))
    assert kv.unsynced_batches == 0, "a block is one synced batch"
    kv.crash()
    again = world.chain(kv)
    assert again.head.number == 1
    world.extend(again, pay(world, signed, 1))
    assert again.account(TO).balance == 2


def test_a_block_is_one_batch(world, signed):
    class Counting(MemoryStore):
        writes = 0

        def write(self, batch, *, sync):
            assert sync
            self.writes += 1
            super().write(batch, sync=sync)

    kv = Counting()
    chain = world.chain(kv)
    assert kv.writes == 1
    world.extend(chain, pay(world, signed, 0))
    assert kv.writes == 2


@pytest.mark.parametrize("what", ["H", "C", "P", "h", "n", "m/head", "m/format"])
@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_damage_to_the_head_is_found_at_opening(world, signed, what, damage):
    kv = MemoryStore()
    chain = world.chain(kv)
    for nonce in range(3):
        world.extend(chain, pay(world, signed, nonce))
    key = {
        "h": b"h" + chain.head.hash,
        "n": b"n" + chain.head.header.state_root,
        "m/head": b"m/head",
        "m/format": b"m/format",
    }.get(what, what.encode() + (3).to_bytes(8))
    value = kv.get(key)
    altered = None if damage == "missing" else value[:-1] + bytes([value[-1] ^ 1])
    kv.write({key: altered}, sync=True)
    if (what, damage) == ("m/head", "flipped"):
        altered = (2).to_bytes(8) + value[8:]  # block 2 is whole as well, the state is of 3
    with pytest.raises(CorruptStore):
        world.chain(kv)


def test_data_without_a_head_is_corrupt():
    kv = MemoryStore()
    kv.write({b"x": b"y"}, sync=True)
    with pytest.raises(CorruptStore, match="no head"):
        BlockStore(kv, STANDARD)
