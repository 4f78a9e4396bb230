"""Recovery certificates: form, signers, replays, and a chain that is cut back and goes on."""

import dataclasses
import io

import pytest

from ledger.block import decode_block, encode_block
from ledger.certificate import InvalidCertificate
from ledger.chain import InvalidBlock, NeedsCut
from ledger.codec import InvalidEncoding
from ledger.epoch_chain import BrokenChain, EpochChain
from ledger.gate import (
    CHANGED_AT_SLOT,
    CONSENSUS_KEYS_SLOT,
    GATE_CONTRACT,
    ORGANISATION_COUNT_SLOT,
    ORGANISATIONS_SLOT,
    VALIDATORS_SLOT,
    contract_validators,
    map_slot,
)
from ledger.genesis import Organisation
from ledger.keyvalue import MemoryStore
from ledger.native import NativeEngine, is_available
from ledger.participants import admitted_nodes, key_holder, node_name_word
from ledger.pin import Pin
from ledger.pyevm import PyEvmEngine
from ledger.reasons import Reason
from ledger.recovery import (
    InvalidRecovery,
    RecoveredValidator,
    admit,
    decode_recovery,
    encode_recovery,
    recovery_of,
    sign_recovery,
    verify_recovery,
)
from ledger.recovery_file import load_recovery, parse_recovery, recovery_json
from ledger.snapshot.export import export_snapshot
from ledger.snapshot.restore import read_snapshot
from ledger.store import BlockStore
from ledger.store_check import check_store
from ledger.suite import STANDARD, KeySigner
from ledger.validators import ValidatorSet
from ledger.values import Address, keccak, to_hex

TO = Address(b"\x11" * 20)
OTHER = Address(b"\x12" * 20)
TAX, MARKET = (
    KeySigner(STANDARD, keccak(b"test key of " + n)) for n in (b"recovery", b"recovery 2")
)
NEW = [KeySigner(STANDARD, keccak(b"new validator %d" % i)) for i in range(3)]


def named_slots() -> dict[int, int]:
    """The organisations as the accounts contract names them."""
    return {
        ORGANISATION_COUNT_SLOT: 2,
        map_slot(ORGANISATIONS_SLOT, 1): node_name_word("tax"),
        map_slot(ORGANISATIONS_SLOT, 2): node_name_word("market"),
    }


@pytest.fixture(autouse=True)
def organisations(request: pytest.FixtureRequest) -> None:
    if "world" in request.fixturenames:
        request.getfixturevalue("world").extra_slots.update(named_slots())


def pay(world, signed, nonce, to=TO):
    return signed(world.member, nonce=nonce, to=to, value=1)


def grown(world, signed, blocks, kv=None):
    chain = world.chain(kv)
    for nonce in range(blocks):
        world.extend(chain, pay(world, signed, nonce))
    return chain


def members(world, kept=1):
    keys = [*world.validators[:kept], *NEW]
    return [
        RecoveredValidator(key.address, f"{'tax' if i < 2 else 'market'}/new{i}")
        for i, key in enumerate(keys)
    ]


def certificate(world, chain, number, *, epoch=5, counter=1, signers=(TAX, MARKET), **changes):
    fields = {
        "number": number,
        "block_hash": chain.header(number).hash,
        "epoch": epoch,
        "counter": counter,
        "members": members(world),
    }
    recovery = recovery_of(chain.group, **(fields | changes))
    for signer in signers:
        recovery = sign_recovery(chain.genesis, recovery, signer)
    return recovery


def follow(world, chain, recovery):
    """The new set's keys certify from now on."""
    world.validators = [*world.validators[:1], *NEW]
    return chain.adopt(recovery, may_cut=True)


# The certificate


def test_a_certificate_survives_its_codecs(world, signed, tmp_path):
    recovery = certificate(world, grown(world, signed, 2), 2)
    assert decode_recovery(encode_recovery(recovery)) == recovery
    assert parse_recovery(recovery_json(recovery)) == recovery
    (tmp_path / "one.json").write_bytes(recovery_json(recovery))
    assert load_recovery(tmp_path / "one.json") == recovery
    assert recovery.organisations == ("market", "tax")
    data = encode_recovery(recovery)
    for end in range(0, len(data), 7):
        with pytest.raises(InvalidEncoding):
            decode_recovery(data[:end])
    for text in (b"", b"{}", b"[]", b"\xff", recovery_json(recovery).replace(b'"epoch"', b'"era"')):
        with pytest.raises(InvalidRecovery, match="not a recovery certificate"):
            parse_recovery(text)


def test_only_enough_distinct_organisations_of_this_group_recover_it(world, signed):
    chain = grown(world, signed, 2)
    good = certificate(world, chain, 2)
    verify_recovery(chain.genesis, chain.group, good)
    alone = dataclasses.replace(good, signatures=good.signatures[:1])
    twice = dataclasses.replace(good, signatures=good.signatures[:1] * 2)
    other_text = dataclasses.replace(good, epoch=6)
    stranger = dataclasses.replace(good, signatures=(("police", good.signatures[0][1]),))
    swapped = dataclasses.replace(
        good,
        signatures=tuple(
            (n, s) for (n, _), (_, s) in zip(good.signatures, good.signatures[::-1], strict=True)
        ),
    )
    other_group = certificate(world, chain, 2)
    for wrong, sentence in (
        (alone, "1 of 2 organisations signed it, this group asks for 2"),
        (twice, "market stands twice among the signers"),
        (other_text, "over another text"),
        (stranger, "'police' signed it"),
        (swapped, "is by 0x"),
        (dataclasses.replace(other_group, group=keccak(b"another")), "it is for the group"),
    ):
        with pytest.raises(InvalidRecovery, match=sentence):
            verify_recovery(chain.genesis, chain.group, wrong)
        with pytest.raises(InvalidRecovery, match=sentence):
            chain.adopt(wrong, may_cut=True)
    with pytest.raises(InvalidRecovery, match="market stands twice among the signers"):
        parse_recovery(
            recovery_json(good).replace(b'"organisation": "tax"', b'"organisation": "market"')
        )
    with pytest.raises(InvalidRecovery, match="no organisation's recovery key"):
        sign_recovery(chain.genesis, good, world.member)
    assert chain.recoveries == ()


def test_two_organisations_with_one_key_count_once(world, signed):
    same = to_hex(TAX.address)
    genesis = world.genesis(
        organisations=[Organisation(name=n, recovery_key=same) for n in ("tax", "market")]
    )
    chain = world.chain(genesis=genesis)
    world.extend(chain)
    recovery = certificate(world, chain, 1, signers=())
    signature = TAX.sign(recovery.digest(STANDARD))
    both = dataclasses.replace(recovery, signatures=(("market", signature), ("tax", signature)))
    with pytest.raises(InvalidRecovery, match="1 of 2"):
        verify_recovery(genesis, chain.group, both)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"number": 0}, "block 0"),
        ({"epoch": 0}, "epoch and counter"),
        ({"counter": 0}, "epoch and counter"),
        ({"members": []}, "distinct validators"),
        ({"members": [RecoveredValidator(TAX.address, "tax")]}, "org/name"),
        ({"members": [RecoveredValidator(TAX.address, "tax/" + "x" * 33)]}, "org/name"),
        ({"members": [RecoveredValidator(TAX.address, "tax/a")] * 2}, "distinct validators"),
        (
            {"members": [RecoveredValidator(k.address, "tax/a") for k in (TAX, MARKET)]},
            "a node stands twice",
        ),
    ],
)
def test_statements_without_sense_are_not_made(changes, sentence):
    fields = {
        "number": 3,
        "block_hash": keccak(b"3"),
        "epoch": 1,
        "counter": 1,
        "members": [RecoveredValidator(TAX.address, "tax/a")],
    }
    with pytest.raises(InvalidRecovery, match=sentence):
        recovery_of(keccak(b"group"), **(fields | changes))


def test_certificates_ascend_and_replays_are_refused(world, signed):
    chain = grown(world, signed, 9)
    one, two, three = (
        certificate(world, chain, number, epoch=epoch, counter=counter)
        for number, epoch, counter in ((4, 3, 1), (6, 5, 2), (5, 7, 3))
    )
    known = admit((), one, head=9)
    assert admit(known, one, head=9) == known, "the same again says nothing new"
    again = dataclasses.replace(one, block_hash=chain.header(3).hash, number=3, epoch=9)
    with pytest.raises(InvalidRecovery, match="its counter is 1, this chain has followed 1"):
        admit(known, again, head=9)
    known = admit(known, two, head=9)
    assert known == (one, two)
    with pytest.raises(InvalidRecovery, match="its epoch is 5, the last one here is 5"):
        admit(known, dataclasses.replace(three, epoch=5), head=9)
    assert admit(known, three, head=9) == (one, three), "it begins below the second"
    with pytest.raises(InvalidRecovery, match="replay"):
        admit((one, three), two, head=9)
    with pytest.raises(InvalidRecovery, match="overtaken"):
        admit((one, three), two, head=1)
    assert admit((two,), one, head=4) == (one, two), "a node that is still below learns it later"
    with pytest.raises(InvalidRecovery, match="replay"):
        admit((two,), one, head=5)


# The chain


def test_block_h_plus_1_writes_the_set_and_it_certifies(world, signed):
    chain = grown(world, signed, 3)
    window, before = chain.parameters.window_blocks, chain.validators_for(4)[1]
    recovery = certificate(world, chain, 3)
    assert follow(world, chain, recovery)
    assert not chain.adopt(recovery, may_cut=True), "followed already"
    new = ValidatorSet.of(key.address for key in world.validators)
    for number in range(4, 4 + window + 1):
        assert chain.validators_for(number) == (5, new)
    executed = world.extend(chain, pay(world, signed, 3))
    assert executed.record.epoch == 5
    state = chain.latest_state()
    assert contract_validators(state) == new
    assert state.storage(GATE_CONTRACT, CHANGED_AT_SLOT) == 0
    for member in members(world):
        assert key_holder(state, member.address) == (member.node, member.organisation)
        assert member.node in admitted_nodes(state)
    gone = next(a for a in before.members if a not in new)
    entry = map_slot(CONSENSUS_KEYS_SLOT, int.from_bytes(gone))
    assert [state.storage(GATE_CONTRACT, entry + word) for word in (2, 3)] == [0, 1]
    for nonce in range(4, 4 + 2 * window + 2):
        world.extend(chain, pay(world, signed, nonce))
    assert chain.validators_for(chain.head.number + 1) == (5, new)
    (boundary,) = chain.epoch_boundaries(0, 9)
    assert (boundary.next_epoch, boundary.recovery, boundary.header.number) == (5, recovery, 3)
    check_store(chain._store, STANDARD, window_blocks=window)
    traced = chain.trace(chain.transactions(4)[0].transaction.hash)
    assert traced["type"] == "CALL"


@pytest.mark.skipif(not is_available(), reason="quorate_native is not built")
def test_both_engines_come_to_the_same_block(world, signed):
    chain = grown(world, signed, 3)
    other_type = NativeEngine if world.engine_type is PyEvmEngine else PyEvmEngine
    other = world.chain(genesis=chain.genesis, engine=other_type())
    for number in range(1, 4):
        other.import_block(chain.block(number), chain.certificate(number))
    recovery = certificate(world, chain, 3)
    follow(world, chain, recovery)
    other.adopt(recovery, may_cut=False)
    world.extend(chain, pay(world, signed, 3), signed(world.member, nonce=9, to=TO, value=1))
    other.import_block(chain.block(4), chain.certificate(4))
    assert other.head == chain.head
    second = certificate(world, chain, 3, epoch=6, counter=2)
    for each in (chain, other):
        each.adopt(second, may_cut=True)
        check_store(each._store, STANDARD, window_blocks=chain.parameters.window_blocks)
    assert (other.head, other.account(TO)) == (chain.head, chain.account(TO))


def test_a_pending_change_is_cleared(world, signed):
    chain = grown(world, signed, 1)
    number, slot = chain.head.number + 1, VALIDATORS_SLOT + 4
    world.extend(
        chain,
        *(
            signed(world.admin, nonce=n, to=GATE_CONTRACT, data=world.gate_write(*word))
            for n, word in enumerate(
                [(CHANGED_AT_SLOT, number), (slot, int.from_bytes(world.member.address))]
            )
        ),
    )
    window = chain.parameters.window_blocks
    assert chain.validators_for(number + window + 1)[0] == 1
    with pytest.raises(InvalidRecovery, match="its epoch is 1, the last one here is 1"):
        chain.adopt(certificate(world, chain, number, epoch=1), may_cut=True)
    follow(world, chain, certificate(world, chain, number, epoch=2))
    for nonce in range(1, 2 * window + 3):
        world.extend(chain, pay(world, signed, nonce))
    assert chain.head.record.epoch == 2
    assert {chain.record(n).epoch for n in range(number + 1, chain.head.number + 1)} == {2}
    assert len(contract_validators(chain.latest_state())) == 4


def test_a_store_beyond_h_is_cut_back_and_goes_on(world, signed):
    kv, plain = MemoryStore(), grown(world, signed, 3)
    chain = grown(world, signed, 3, kv)
    early = signed(world.member, nonce=9, to=TO, value=1)
    world.extend(chain, pay(world, signed, 3, OTHER), early)
    world.extend(chain, pay(world, signed, 4, OTHER), pay(world, signed, 5, TO), early)
    held = [(chain.header(n), chain.block(n).proposal) for n in (4, 5)]
    lost = [found.transaction.hash for found in chain.transactions(5)]
    assert chain.transaction_status(keccak(early)).reason is Reason.NONCE_GAP
    recovery = certificate(world, chain, 3)
    with pytest.raises(NeedsCut, match="blocks 4 to 5 are void"):
        chain.adopt(recovery, may_cut=False)
    assert (chain.head.number, chain.recoveries) == (5, ())
    follow(world, chain, recovery)
    plain.adopt(recovery, may_cut=False)
    window = chain.parameters.window_blocks
    for found in (chain, world.chain(kv.crash() or kv, chain.genesis)):
        assert found.head == plain.head.__class__(
            plain.head.header, plain.head.record, plain.certificate(3)
        )
        assert found.account(OTHER) is None
        assert found.account(TO) == plain.account(TO)
        assert found.account(world.member.address) == plain.account(world.member.address)
        assert [found.transaction_status(h) for h in (*lost, keccak(early))] == [None] * 3
        assert [found.number_of(header.hash) for header, _ in held] == [None, None]
        assert [(v.header, v.proposal) for v in found.void_blocks()] == held
        assert {v.counter for v in found.void_blocks()} == {1}
        with pytest.raises(LookupError):
            found.header(4)
        check_store(found._store, STANDARD, window_blocks=window)
    for nonce in range(3, 9):
        world.extend(plain, pay(world, signed, nonce))
        block = decode_block(STANDARD, encode_block(plain.block(plain.head.number)))
        found.import_block(block, plain.certificate(block.number))
    assert found.head == plain.head
    check_store(found._store, STANDARD, window_blocks=window)


def test_a_drop_before_h_is_known_again(world, signed):
    chain = world.chain()
    early = signed(world.member, nonce=9, to=TO, value=1)
    for _ in range(4):
        world.extend(chain, early)
    follow(world, chain, certificate(world, chain, 2))
    status = chain.transaction_status(keccak(early))
    assert (status.number, status.reason) == (2, Reason.NONCE_GAP)
    check_store(chain._store, STANDARD, window_blocks=chain.parameters.window_blocks)


class Torn(Exception):
    """The process died."""


@pytest.mark.parametrize("is_applied", [False, True])
def test_a_crash_while_cutting_leaves_the_old_branch_or_the_new(world, signed, is_applied):
    class Dying(MemoryStore):
        armed = False

        def write(self, batch, *, sync):
            assert sync or not self.armed, "what is not synced would be lost"
            if self.armed and not is_applied:
                raise Torn
            super().write(batch, sync=sync)
            if self.armed:
                raise Torn

    kv = Dying()
    chain = grown(world, signed, 5, kv)
    recovery = certificate(world, chain, 3)
    old, kv.armed = chain.head, True
    with pytest.raises(Torn):
        chain.adopt(recovery, may_cut=True)
    kv.armed = False
    kv.crash()
    again = world.chain(kv, chain.genesis)
    assert (again.head.number, again.recoveries) == ((3, (recovery,)) if is_applied else (5, ()))
    if not is_applied:
        assert again.head == old
        assert again.void_blocks() == []
    assert follow(world, again, recovery) is not is_applied
    assert again.head.number == 3
    assert [block.number for block in again.void_blocks()] == [4, 5]
    world.extend(again, pay(world, signed, 3))
    check_store(again._store, STANDARD, window_blocks=again.parameters.window_blocks)


def test_a_second_recovery_takes_the_place_of_a_first_one_that_failed(world, signed):
    chain = grown(world, signed, 4)
    follow(world, chain, certificate(world, chain, 3))
    world.extend(chain, pay(world, signed, 3))
    gone = dataclasses.replace(members(world)[1], address=world.stranger.address)
    assert [boundary.next_epoch for boundary in chain.epoch_boundaries(0, 9)] == [5]
    second = certificate(world, chain, 3, epoch=6, counter=2, members=[*members(world)[:1], gone])
    assert chain.adopt(second, may_cut=True)
    assert chain.recoveries == (second,)
    assert [(void.counter, void.number) for void in chain.void_blocks()] == [(1, 4), (2, 4)]
    assert chain.validators_for(4) == (6, second.validators)
    assert chain.epoch_boundaries(0, 9) == [], "epoch 5 was never opened"


def test_refusals_name_what_is_wrong(world, signed):
    chain = grown(world, signed, 5)
    for wrong, sentence in (
        (certificate(world, chain, 3, block_hash=chain.header(2).hash), "names block 3 as 0x"),
        (certificate(world, chain, 3, members=[RecoveredValidator(TAX.address, "army/a")]), "army"),
    ):
        with pytest.raises(InvalidRecovery, match=sentence):
            chain.adopt(wrong, may_cut=True)
    follow(world, chain, certificate(world, chain, 4))
    world.extend(chain, pay(world, signed, 4))
    retired = next(a for a in world.set.members if a not in chain.recoveries[0].validators)
    back = [RecoveredValidator(retired, "tax/back")]
    with pytest.raises(InvalidRecovery, match="never votes again"):
        chain.adopt(certificate(world, chain, 5, epoch=9, counter=2, members=back), may_cut=True)
    with pytest.raises(InvalidRecovery, match="its counter is 1"):
        chain.adopt(certificate(world, chain, 5, epoch=9, counter=1), may_cut=True)
    assert chain.head.number == 5


def test_a_node_below_h_takes_the_old_sets_blocks_up_to_h_only(world, signed):
    source = grown(world, signed, 4)
    old_keys, old_5 = world.validators, source.execute(world.proposal(source, []))
    old_certificate = world.certify(source, old_5)
    recovery = certificate(world, source, 4)
    behind, wrong = world.chain(), world.chain()
    behind.adopt(recovery, may_cut=False)
    wrong.adopt(certificate(world, source, 4, block_hash=keccak(b"else")), may_cut=False)
    for number in range(1, 4):
        for chain in (behind, wrong):
            chain.import_block(source.block(number), source.certificate(number))
    with pytest.raises(InvalidCertificate, match="another branch"):
        wrong.import_block(source.block(4), source.certificate(4))
    behind.import_block(source.block(4), source.certificate(4))
    with pytest.raises((InvalidCertificate, InvalidBlock)):
        behind.import_block(old_5.block, old_certificate)
    follow(world, source, recovery)
    with pytest.raises((InvalidCertificate, InvalidBlock)):
        source.commit(old_5, old_certificate)
    world.extend(source)
    behind.import_block(source.block(5), source.certificate(5))
    assert behind.head == source.head
    assert old_keys != world.validators


# Verification from the genesis file


def linked(chain, known=None):
    found = EpochChain(chain.genesis) if known is None else known
    for boundary in chain.epoch_boundaries(found.last.number + 1, 99):
        parts = (boundary.header, boundary.record, boundary.certificate)
        if boundary.recovery is None:
            found.extend(*parts, boundary.next_validators)
        else:
            found.recover(*parts, boundary.recovery)
    return found


def test_the_epoch_chain_has_the_certificate_as_its_link(world, signed):
    chain = grown(world, signed, 5)
    old = [(chain.header(n), chain.record(n), chain.certificate(n)) for n in range(1, 6)]
    recovery = certificate(world, chain, 3)
    follow(world, chain, recovery)
    world.extend(chain, pay(world, signed, 3))
    epochs = linked(chain)
    assert epochs.recoveries == (recovery,)
    assert (epochs.last.number, epochs.last.first_block) == (5, 4)
    new = (chain.header(4), chain.record(4), chain.certificate(4))
    assert epochs.verify(*new).epoch.recovery == recovery
    assert epochs.verify(*old[2]).header.number == 3
    with pytest.raises(BrokenChain, match="is of the old branch") as caught:
        epochs.verify(*old[3])
    assert caught.value.what == "branch"
    with pytest.raises(BrokenChain, match="its epoch is 5"):
        epochs.recover(*old[2], recovery)
    bare = EpochChain(chain.genesis)
    with pytest.raises(BrokenChain, match="asks for 2"):
        bare.recover(*old[2], dataclasses.replace(recovery, signatures=recovery.signatures[:1]))
    with pytest.raises(BrokenChain, match="names block 3"):
        bare.recover(*old[1], recovery)
    assert bare.recoveries == ()


def test_epochs_that_were_learnt_from_the_old_branch_become_void(world, signed):
    chain = grown(world, signed, 1)
    window, slot = chain.parameters.window_blocks, VALIDATORS_SLOT + 4
    words = [(CHANGED_AT_SLOT, 2), (slot, int.from_bytes(NEW[0].address))]
    batch = [
        signed(world.admin, nonce=n, to=GATE_CONTRACT, data=world.gate_write(*word))
        for n, word in enumerate(words)
    ]
    world.extend(chain, *batch)
    world.validators.append(NEW[0])
    for nonce in range(1, window + 3):
        world.extend(chain, pay(world, signed, nonce))
    known = linked(chain)
    assert known.last.number == 1
    del world.validators[-1]
    follow(world, chain, certificate(world, chain, 3))
    world.extend(chain)
    linked(chain, known)
    assert [epoch.number for epoch in known.void] == [1]
    with pytest.raises(BrokenChain, match="of the old branch"):
        known.epoch(1)


def test_a_snapshot_brings_the_link(world, signed):
    kv = MemoryStore()
    chain = grown(world, signed, 4, kv)
    follow(world, chain, certificate(world, chain, 3))
    for nonce in range(3, 6):
        world.extend(chain, pay(world, signed, nonce))
    target = io.BytesIO()
    export_snapshot(chain, chain._store, target.write, lambda _: None)
    copy_kv = MemoryStore()
    world.chain(copy_kv, chain.genesis)
    copy_kv.crash()
    pin = Pin(chain.head.number, chain.head.hash)
    data = io.BytesIO(target.getvalue())
    restored, _ = read_snapshot(chain.genesis, data.read, pin, lambda _: None)
    store = BlockStore(copy_kv, STANDARD)
    store.restore(restored)
    copy_kv.crash()
    copy = world.chain(copy_kv, chain.genesis)
    assert copy.recoveries == chain.recoveries
    window = chain.parameters.window_blocks
    for number in range(chain.head.number, chain.head.number + window + 2):
        assert copy.validators_for(number) == chain.validators_for(number)
    for nonce in range(6, 9 + window):
        world.extend(chain, pay(world, signed, nonce))
        copy.import_block(chain.block(nonce + 1), chain.certificate(nonce + 1))
    assert copy.head == chain.head
    assert copy.epoch_boundaries(0, 9) == chain.epoch_boundaries(0, 9)
    with pytest.raises(InvalidRecovery, match="a later snapshot"):
        copy.adopt(certificate(world, chain, 2, epoch=7, counter=2), may_cut=True)
