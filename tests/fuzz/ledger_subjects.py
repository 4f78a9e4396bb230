"""The ledger's parsers: RLP, transactions, and everything of a block."""

from typing import Any

from ledger.block import Block, decode_block, encode_block
from ledger.certificate import Certificate, decode_certificate, encode_certificate
from ledger.codec import InvalidEncoding, decode, encode
from ledger.evidence import decode_evidence, encode_evidence
from ledger.genesis import (
    Genesis,
    InvalidGenesis,
    decode_genesis,
    encode_genesis,
    genesis_block,
)
from ledger.header import decode_header, encode_header
from ledger.native import NativeEngine, is_available
from ledger.proposal import Proposal, decode_proposal, encode_proposal, null_request, propose
from ledger.reasons import Reason
from ledger.receipts import Log, Receipt, receipt_from_item, receipt_item
from ledger.record import decode_record, encode_record
from ledger.state import (
    Account,
    decode_account,
    decode_slot,
    encode_account,
    encode_slot,
)
from ledger.suite import STANDARD, KeySigner
from ledger.transactions import (
    DYNAMIC_FEE,
    LEGACY,
    InvalidTransaction,
    Transaction,
    decode_transaction,
    recover_sender,
)
from ledger.values import Address, Hash32, keccak
from tests.evidence_source import Source, log_of, receipt_of, signers_named
from tests.fuzz.mutate import of_bytes, of_json, typed_rlp
from tests.fuzz.subject import Finding, Subject
from tests.ledger.conftest import World
from tests.native.programs import CHAIN_ID, signed

_BYTES_MAX = 1 << 20
GIVER = Source(signers_named("a", "b", "c", "d"))
FOLLOWER = GIVER.followed_by(signers_named("b", "c", "d", "e"), last_block=9)
GIVEN = [receipt_of([log_of(n)], gas=n + 1) for n in range(5)]
_KEY = KeySigner(STANDARD, keccak(b"a fuzzed sender"))
HASH = Hash32(b"\x5a" * 32)
ADDRESS = Address(b"\x11" * 20)


def raw_transactions() -> list[bytes]:
    """One of each type and shape."""
    entries = ((ADDRESS, (0, 2**255)), (Address(bytes(20)), ()))
    made = []
    for kind in (0, 1, 2):
        for to, data in ((ADDRESS, b""), (None, bytes(40) + b"\1" * 40)):
            fields = {"nonce": 7, "fee": 0, "gas": 90_000, "to": to, "value": 5, "data": data}
            access = entries if kind else ()
            made.append(signed(_KEY, kind, {"chain_id": CHAIN_ID, "access": access, **fields}))
    return made


def _encode_transaction(transaction: Transaction) -> bytes:
    """From the fields alone, not from the bytes that came."""
    body: list[Any] = [transaction.gas, transaction.to or b"", transaction.value, transaction.data]
    signature: list[Any] = [transaction.v, transaction.r, transaction.s]
    if transaction.type == LEGACY:
        return encode([transaction.nonce, transaction.max_fee_per_gas, *body, *signature])
    fees = [transaction.max_fee_per_gas]
    if transaction.type == DYNAMIC_FEE:
        fees.insert(0, transaction.max_priority_fee_per_gas)
    entries: list[Any] = [
        [address, [slot.to_bytes(32) for slot in slots]]
        for address, slots in transaction.access_list
    ]
    fields = [transaction.chain_id, transaction.nonce, *fees, *body, entries, *signature]
    return bytes((transaction.type,)) + encode(fields)


def _crate_agrees(raw: bytes, value: Transaction | None) -> None:
    """The crate decodes what Python decodes, to equal fields, and recovers the same sender."""
    native = NativeEngine()
    [fields] = native._decode([raw], STANDARD.name)
    if (fields is None) != (value is None):
        raise Finding(f"Python {'takes' if value else 'refuses'} it, the crate does not agree")
    if value is None:
        return
    [other] = native.decode([raw])
    assert isinstance(other, Transaction)
    if other != value or _sender(other) != _sender(value):
        raise Finding(f"the crate reads {other}, Python {value}")


def _sender(transaction: Transaction) -> Address | Reason:
    try:
        return recover_sender(transaction, STANDARD)
    except InvalidTransaction as error:
        return error.code


def blocks() -> tuple[Genesis, Block, list[Block], list[Certificate]]:
    """A genesis with a few blocks and their certificates."""
    world = World()
    genesis = world.genesis()
    chain = world.chain()
    made, certificates = [], []
    for nonce in range(2):
        batch = [
            signed(
                world.member,
                2,
                {
                    "chain_id": CHAIN_ID,
                    "nonce": nonce,
                    "fee": 0,
                    "gas": 50_000,
                    "to": ADDRESS,
                    "value": 1,
                    "data": b"\1\2",
                    "access": (),
                },
            )
        ]
        executed = world.extend(chain, *batch, b"nonsense")
        made.append(executed.block)
        certificate = chain.certificate(executed.number)
        assert certificate is not None
        certificates.append(certificate)
    chain.close()
    return genesis, genesis_block(genesis), made, certificates


def _receipts() -> list[Receipt]:
    logs = (Log(ADDRESS, (HASH, HASH), b"data"), Log(ADDRESS, (), b""))
    return [Receipt(0, 1, 21_000, (), 21_000), Receipt(2, 0, 2**40, logs, 9, ADDRESS)]


def proposals() -> list[Proposal]:
    """One with transactions, one null request."""
    fields: dict[str, Any] = {"group": HASH, "epoch": 1, "sequence": 9}
    whole = propose(
        STANDARD,
        **fields,
        origin_view=3,
        proposer=ADDRESS,
        timestamp_ms=1_700_000_000_000,
        transactions=(*raw_transactions()[:2], b"x"),
    )
    return [whole, null_request(STANDARD, **fields)]


def subjects() -> list[Subject]:
    """All of them."""
    genesis, first, made, certificates = blocks()
    every = [first, *made]
    refused = (InvalidEncoding,)
    accounts = [Account(), Account(7, 2**200, HASH, HASH)]
    trees = [b"", b"a", [], [b"abc", [b"", [b"x" * 60]], b"y" * 300], [b"\x80"] * 60]
    return [
        Subject(
            "rlp",
            [encode(tree) for tree in trees],  # type: ignore[arg-type]
            lambda data: decode(data, bytes_max=_BYTES_MAX),
            encode,
            refused,
        ),
        Subject(
            "transaction",
            raw_transactions(),
            decode_transaction,
            _encode_transaction,
            (InvalidTransaction,),
            (typed_rlp, of_bytes),
            agrees=_crate_agrees if is_available() else None,
        ),
        Subject(
            "header",
            [encode_header(b.header) for b in every],
            decode_header,
            encode_header,
            refused,
        ),
        Subject(
            "record",
            [encode_record(b.record) for b in every],
            decode_record,
            encode_record,
            refused,
        ),
        Subject(
            "proposal",
            [encode_proposal(p) for p in proposals()],
            lambda data: decode_proposal(STANDARD, data),
            encode_proposal,
            refused,
        ),
        Subject(
            "block",
            [encode_block(b) for b in made],
            lambda data: decode_block(STANDARD, data),
            encode_block,
            refused,
        ),
        Subject(
            "certificate",
            [encode_certificate(c) for c in certificates],
            decode_certificate,
            encode_certificate,
            refused,
        ),
        Subject(
            "evidence",
            [
                encode_evidence(GIVER.evidence(7, GIVEN, 3)),
                encode_evidence(
                    FOLLOWER.evidence(11, GIVEN, 0, descent=[GIVER.block(9, following=FOLLOWER)])
                ),
            ],
            decode_evidence,
            encode_evidence,
            refused,
        ),
        Subject(
            "receipt",
            [encode(receipt_item(r)) for r in _receipts()],
            lambda data: receipt_from_item(decode(data, bytes_max=_BYTES_MAX)),
            lambda receipt: encode(receipt_item(receipt)),
            refused,
        ),
        Subject(
            "account",
            [encode_account(a) for a in accounts],
            decode_account,
            encode_account,
            refused,
        ),
        Subject(
            "slot", [encode_slot(v) for v in (0, 1, 2**256 - 1)], decode_slot, encode_slot, refused
        ),
        Subject(
            "genesis",
            [encode_genesis(genesis)],
            decode_genesis,
            encode_genesis,
            (InvalidGenesis,),
            (of_json, of_bytes),
            canonical=False,
        ),
    ]


__all__ = ["ADDRESS", "HASH", "blocks", "proposals", "raw_transactions", "subjects"]
