# pragma version ==0.4.3
# Whether a quorum of a validator set signed a header, as `ledger/certificate.py` and
# `ledger/record.py` say it. Knows no anchors: which set is due is the caller's to say.

from evidence import reader
from evidence import rlp

# Where the RLP of a header has its receipts root and the number; a header has more than 255 bytes,
# and its difficulty, one byte before the number, is zero.
RECEIPTS_ROOT: constant(uint256) = 156
NUMBER: constant(uint256) = 449
# Where the RLP of a record has its epoch; three hashes of 33 bytes end it.
EPOCH: constant(uint256) = 3
RECORD_TAIL: constant(uint256) = 99
VALIDATOR_BYTES: constant(uint256) = 21
SIGNATURE_BYTES: constant(uint256) = 66
SIGNATURES_MAX: constant(uint256) = 86
# Half of the order of secp256k1's group: a higher s is the copy of a signature (EIP-2).
S_MAX: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)
# RLP of "quorate/checkpoint/1", and the first byte of that of a hash.
TAG: constant(Bytes[21]) = x"9471756f726174652f636865636b706f696e742f31"
HASH: constant(Bytes[1]) = x"a0"

struct Block:
    hash: bytes32
    number: uint256
    timestamp: uint256
    receipts_root: bytes32
    epoch: uint256
    validators_hash: bytes32
    following_hash: bytes32
    vote: bytes32  # what a validator signs


@internal
@pure
def parse(certified: reader.Certified, group: bytes32) -> Block:
    """What header and record say; reverts unless the one binds the other. Checks no signature."""
    header: Bytes[reader.HEADER_BYTES_MAX] = certified.header
    record: Bytes[reader.RECORD_BYTES_MAX] = certified.record
    assert len(header) > NUMBER and slice(header, 0, 1) == x"f9", "expected a block header"
    assert len(record) > RECORD_TAIL and slice(record, 0, 1) == x"f8", "expected a record"
    is_list: bool = False
    start: uint256 = 0
    end: uint256 = 0
    is_list, start, end = rlp.item(header, NUMBER)
    number: uint256 = rlp.number(header, start, end)
    number_item: Bytes[reader.HEADER_BYTES_MAX] = slice(header, NUMBER, end - NUMBER)
    is_list, start, end = rlp.item(header, end)  # gas limit
    is_list, start, end = rlp.item(header, end)  # gas used
    is_list, start, end = rlp.item(header, end)
    timestamp: uint256 = rlp.number(header, start, end)
    assert rlp.word(header, end) == keccak256(record), "record is of another header"
    is_list, start, end = rlp.item(record, EPOCH)
    epoch: uint256 = rlp.number(record, start, end)
    epoch_item: Bytes[reader.RECORD_BYTES_MAX] = slice(record, EPOCH, end - EPOCH)
    hash: bytes32 = keccak256(header)
    voted: Bytes[1_100] = concat(TAG, HASH, group, epoch_item, number_item, HASH, hash)
    size: Bytes[1] = slice(convert(len(voted), bytes32), 31, 1)
    return Block(
        hash=hash,
        number=number,
        timestamp=timestamp,
        receipts_root=rlp.word(header, RECEIPTS_ROOT),
        epoch=epoch,
        validators_hash=rlp.word(record, len(record) - RECORD_TAIL),
        following_hash=rlp.word(record, len(record) - RECORD_TAIL + 33),
        vote=keccak256(concat(x"f8", size, voted)),
    )


@internal
@pure
def check_signatures(certified: reader.Certified, found: Block):
    """Reverts unless a quorum of the validators that the record binds signed the header."""
    validators: Bytes[reader.VALIDATORS_BYTES_MAX] = certified.validators
    signatures: Bytes[reader.SIGNATURES_BYTES_MAX] = certified.signatures
    assert keccak256(validators) == found.validators_hash, "validators are not the record's"
    # 21 bytes for the tag, as many for each validator, and the prefixes of two lists.
    n: uint256 = len(validators) // VALIDATOR_BYTES - 1
    first: uint256 = len(validators) - n * VALIDATOR_BYTES
    count: uint256 = len(signatures) // SIGNATURE_BYTES
    assert len(signatures) == count * SIGNATURE_BYTES, "a signature has 66 bytes"
    assert count >= (n + (n - 1) // 3 + 2) // 2, "fewer signatures than a quorum"
    following: uint256 = 0
    for position: uint256 in range(count, bound=SIGNATURES_MAX):
        at: uint256 = position * SIGNATURE_BYTES
        index: uint256 = convert(slice(signatures, at, 1), uint256)
        assert following <= index and index < n, "validators must ascend, each once"
        following = index + 1
        assert convert(extract32(signatures, at + 33), uint256) <= S_MAX, "signature is a copy"
        signer: address = ecrecover(
            found.vote,
            convert(slice(signatures, at + 65, 1), uint256) + 27,
            convert(extract32(signatures, at + 1), uint256),
            convert(extract32(signatures, at + 33), uint256),
        )
        member: uint160 = convert(
            slice(validators, first + index * VALIDATOR_BYTES + 1, 20), uint160
        )
        assert signer == convert(member, address), "a signature is not its validator's"
