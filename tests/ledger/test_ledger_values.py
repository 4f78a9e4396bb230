"""Values that are signed and hashed: round trips, bindings, and what verification refuses."""

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from ledger.certificate import (
    Certificate,
    InvalidCertificate,
    certificate_of,
    checkpoint_digest,
    decode_certificate,
    encode_certificate,
    verify_certificate,
)
from ledger.codec import InvalidEncoding, decode, encode
from ledger.header import Header, decode_header, encode_header, first_difference
from ledger.parameters import InvalidParameters, Parameters
from ledger.proposal import decode_proposal, encode_proposal, null_request, propose
from ledger.record import Record, decode_record, encode_record
from ledger.suite import (
    CURVE_ORDER,
    STANDARD,
    InvalidKey,
    InvalidSignature,
    KeySigner,
    suite_named,
)
from ledger.validators import InvalidValidators, ValidatorSet
from ledger.values import (
    InvalidValue,
    address_from_hex,
    checksum_address,
    hash_from_hex,
    keccak,
    to_hex,
)

GROUP = keccak(b"group")
SIGNERS = sorted(
    (KeySigner(STANDARD, keccak(bytes([n]))) for n in range(1, 8)), key=lambda s: s.address
)
words = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**64 - 1)


def make_header(**changes):
    fields = {
        "parent_hash": keccak(b"parent"),
        "coinbase": SIGNERS[0].address,
        "state_root": keccak(b"state"),
        "transactions_root": keccak(b"transactions"),
        "receipts_root": keccak(b"receipts"),
        "logs_bloom": bytes(255) + b"\x01",
        "number": 7,
        "gas_limit": 30_000_000,
        "gas_used": 21_000,
        "timestamp": 1_700_000_000,
        "extra_data": keccak(b"record"),
    }
    return Header(**(fields | changes))


def test_a_header_hash_is_ethereums():
    """py-evm and web3 compute the same hash from the same fields."""
    header = make_header()
    fields = rlp.decode(encode_header(header))
    assert len(fields) == 20
    from eth.vm.forks.cancun.headers import CancunBlockHeader

    other = CancunBlockHeader(
        difficulty=0,
        block_number=header.number,
        gas_limit=header.gas_limit,
        timestamp=header.timestamp,
        coinbase=header.coinbase,
        parent_hash=header.parent_hash,
        state_root=header.state_root,
        transaction_root=header.transactions_root,
        receipt_root=header.receipts_root,
        bloom=int.from_bytes(header.logs_bloom),
        gas_used=header.gas_used,
        extra_data=header.extra_data,
        mix_hash=header.prev_randao,
        nonce=header.nonce,
        base_fee_per_gas=0,
        withdrawals_root=header.withdrawals_root,
        blob_gas_used=0,
        excess_blob_gas=0,
        parent_beacon_block_root=header.parent_beacon_block_root,
    )
    assert other.hash == header.hash == Web3.keccak(encode_header(header))
    assert decode_header(encode_header(header)) == header


def test_the_first_difference_of_headers_is_named():
    assert first_difference(make_header(), make_header()) is None
    assert first_difference(make_header(), make_header(gas_used=5, timestamp=6)) == "gas_used"


@given(numbers, numbers, numbers, words, words)
def test_records_and_proposals_round_trip(epoch, number, time_ms, one, two):
    record = Record(epoch, number, SIGNERS[0].address, time_ms, one, two, one, two)
    assert decode_record(encode_record(record)) == record
    proposal = propose(
        STANDARD,
        group=one,
        epoch=epoch,
        sequence=number,
        origin_view=3,
        proposer=SIGNERS[1].address,
        timestamp_ms=time_ms,
        transactions=(one, b"", two),
    )
    assert decode_proposal(STANDARD, encode_proposal(proposal)) == proposal
    null = null_request(STANDARD, group=one, epoch=epoch, sequence=number)
    assert decode_proposal(STANDARD, encode_proposal(null)) == null
    assert null.digest != proposal.digest


def test_a_digest_binds_every_field():
    fields = {
        "group": GROUP,
        "epoch": 1,
        "sequence": 2,
        "origin_view": 3,
        "proposer": SIGNERS[0].address,
        "timestamp_ms": 4,
        "transactions": (b"a", b"b"),
    }
    others = {
        "group": keccak(b"other"),
        "epoch": 2,
        "sequence": 3,
        "origin_view": 4,
        "proposer": SIGNERS[1].address,
        "timestamp_ms": 5,
        "transactions": (b"b", b"a"),
    }
    digests = {propose(STANDARD, **fields).digest}
    digests |= {propose(STANDARD, **(fields | {name: others[name]})).digest for name in fields}
    assert len(digests) == len(fields) + 1


def test_a_null_request_carries_nothing():
    null = decode(
        encode_proposal(null_request(STANDARD, group=GROUP, epoch=0, sequence=9)), bytes_max=500
    )
    for index, value in ((4, 1), (5, SIGNERS[0].address), (6, 1), (7, [b"x"])):
        with pytest.raises(InvalidEncoding, match="null request"):
            decode_proposal(STANDARD, encode([*null[:index], value, *null[index + 1 :]]))


def test_another_record_version_is_refused():
    fields = decode(
        encode_record(Record(0, 0, SIGNERS[0].address, 0, GROUP, GROUP, GROUP, GROUP)),
        bytes_max=500,
    )
    with pytest.raises(InvalidEncoding, match="version"):
        decode_record(encode([2, *fields[1:]]))


@pytest.mark.parametrize(
    ("n", "f", "quorum"),
    [
        (1, 0, 1),
        (2, 0, 2),
        (3, 0, 2),
        (4, 1, 3),
        (5, 1, 4),
        (6, 1, 4),
        (7, 2, 5),
        (10, 3, 7),
        (100, 33, 67),
    ],
)
def test_quorum_arithmetic(n, f, quorum):
    validators = ValidatorSet.of(keccak(bytes([i]))[:20] for i in range(n))
    assert (validators.n, validators.f, validators.quorum) == (n, f, quorum)
    assert 2 * quorum - n > f, "two quorums share a correct replica"
    assert n - f >= quorum, "the correct replicas are a quorum"


def test_validator_sets_are_ordered_and_distinct():
    validators = ValidatorSet.of(signer.address for signer in reversed(SIGNERS))
    assert validators.primary(0) == SIGNERS[0].address
    assert validators.primary(8) == SIGNERS[1].address
    assert validators.index(SIGNERS[2].address) == 2
    with pytest.raises(InvalidValidators):
        ValidatorSet.of([SIGNERS[0].address] * 2)
    with pytest.raises(InvalidValidators):
        ValidatorSet(())
    with pytest.raises(InvalidValidators):
        ValidatorSet((SIGNERS[1].address, SIGNERS[0].address))


FOUR = ValidatorSet.of(signer.address for signer in SIGNERS[:4])
HEADER_HASH = keccak(b"header")


def certificate(signers, **changes):
    fields = {"epoch": 2, "number": 9, "header_hash": HEADER_HASH} | changes
    digest = checkpoint_digest(STANDARD, GROUP, *fields.values())
    return certificate_of(*fields.values(), {s.address: s.sign(digest) for s in signers})


def test_a_quorum_certifies():
    made = certificate(SIGNERS[:3])
    assert decode_certificate(encode_certificate(made)) == made
    verify_certificate(STANDARD, GROUP, FOUR, made)
    verify_certificate(STANDARD, GROUP, FOUR, certificate(SIGNERS[:4]))


def test_certificates_that_prove_nothing_are_refused():
    good = certificate(SIGNERS[:3])
    twice = Certificate(
        2,
        9,
        HEADER_HASH,
        (*good.signers[:2], good.signers[1]),
        (*good.signatures[:2], good.signatures[1]),
    )
    and_again = Certificate(
        2,
        9,
        HEADER_HASH,
        (*good.signers, good.signers[0]),
        (*good.signatures, good.signatures[0]),
    )
    swapped = Certificate(2, 9, HEADER_HASH, good.signers, good.signatures[::-1])
    malleable = good.signatures[0]
    high = (CURVE_ORDER - int.from_bytes(malleable[32:64])).to_bytes(32)
    malleable = malleable[:32] + high + bytes([1 - malleable[64]])
    for bad in (
        certificate(SIGNERS[:2]),
        twice,
        and_again,
        certificate([*SIGNERS[:2], SIGNERS[5]]),
        swapped,
        Certificate(3, 9, HEADER_HASH, good.signers, good.signatures),
        Certificate(2, 10, HEADER_HASH, good.signers, good.signatures),
        Certificate(2, 9, keccak(b"other"), good.signers, good.signatures),
        Certificate(2, 9, HEADER_HASH, good.signers, good.signatures[:2]),
        Certificate(2, 9, HEADER_HASH, good.signers, (malleable, *good.signatures[1:])),
    ):
        with pytest.raises(InvalidCertificate):
            verify_certificate(STANDARD, GROUP, FOUR, bad)
    with pytest.raises(InvalidCertificate):
        verify_certificate(STANDARD, keccak(b"other group"), FOUR, good)


def test_signatures_and_keys():
    signer = SIGNERS[0]
    signature = signer.sign(HEADER_HASH)
    assert STANDARD.recover(HEADER_HASH, signature) == signer.address
    for bad in (signature[:64], signature[:64] + b"\x02", bytes(65)):
        with pytest.raises(InvalidSignature):
            STANDARD.recover(HEADER_HASH, bad)
    for bad in (bytes(32), CURVE_ORDER.to_bytes(32), b"short"):
        with pytest.raises(InvalidKey):
            KeySigner(STANDARD, bad)
    assert "KeySigner(0x" in repr(signer)
    assert keccak(bytes([1])).hex() not in repr([*SIGNERS])
    assert suite_named("standard") is STANDARD
    with pytest.raises(ValueError, match="standard"):
        suite_named("rot13")


def test_parameters_are_bounded_and_hashed():
    parameters = Parameters(chain_id=5).validated()
    assert parameters.hash(STANDARD) == Parameters(chain_id=5).hash(STANDARD)
    assert parameters.hash(STANDARD) != Parameters(chain_id=5, window_blocks=17).hash(STANDARD)
    for changes in (
        {"chain_id": 0},
        {"chain_id": 2**48},
        {"window_blocks": 0},
        {"fork": "frontier"},
        {"gas_limit": 10**12},
        {"view_timeout_ms": 10**7},
    ):
        with pytest.raises(InvalidParameters):
            Parameters(**({"chain_id": 5} | changes)).validated()


def test_texts():
    address = SIGNERS[0].address
    assert address_from_hex(checksum_address(address)) == address
    assert checksum_address(address) == Web3.to_checksum_address(to_hex(address))
    for bad in ("", "0x", "0x1", "12" * 20, "0x" + "1 " * 20, "0x" + "zz" * 20, to_hex(bytes(21))):
        with pytest.raises(InvalidValue):
            address_from_hex(bad)
    assert hash_from_hex(to_hex(HEADER_HASH)) == HEADER_HASH


def test_a_founded_group_loads_whatever_speed_is_measured_later():
    """Its gas limit followed from a slower or faster engine than the one of today."""
    founded = Parameters(chain_id=1, block_execution_ms_max=12_500, gas_limit=30_000_000)
    assert founded.validated() is founded
