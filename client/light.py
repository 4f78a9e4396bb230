"""A light client: it believes the genesis file, signatures and Merkle proofs, and nothing else.

A node's answer is verified or refused. Validator sets are derived from genesis through the
certified blocks at which they changed, never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

import msgspec

from ledger.block import Block
from ledger.certificate import Certificate
from ledger.codec import (
    InvalidEncoding,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
)
from ledger.epoch_chain import BrokenChain, CertifiedHeader, Epoch, EpochChain
from ledger.genesis import Genesis
from ledger.header import Header, decode_header
from ledger.parameters import Parameters, decode_parameters
from ledger.record import Record, decode_record
from ledger.recovery import Recovery, decode_recovery
from ledger.state import Account, decode_account, decode_slot
from ledger.transactions import (
    LEGACY,
    InvalidTransaction,
    Transaction,
    decode_transaction,
    recover_sender,
)
from ledger.trie import InvalidProof, verify_ordered_proof, verify_proof
from ledger.validators import InvalidValidators, ValidatorSet
from ledger.values import (
    EMPTY_CODE_HASH,
    Address,
    Hash32,
    InvalidValue,
    address_from_hex,
    from_hex,
    keccak,
)

from .rpc import Client

P = ParamSpec("P")
T = TypeVar("T")
SIGNERS_MAX = 128
EPOCHS_MAX = 1_024
RECEIPT_BYTES_MAX = 16 * 1024 * 1024


class InvalidAnswer(Exception):
    """A node's answer does not follow from the genesis file: altered, made up, or of another chain.

    `what` is a short code: `form`, `header`, `record`, `certificate`, `validators`, `parameters`,
    `proof`, `genesis`, `missing`.
    """

    def __init__(self, what: str, message: str) -> None:
        super().__init__(message)
        self.what = what


@dataclass(frozen=True)
class ProvenTransaction:
    """A transaction that stands in a certified block."""

    transaction: Transaction
    sender: Address
    index: int
    block: CertifiedHeader


@dataclass(frozen=True)
class ProvenLog:
    """An event inside a proven receipt."""

    address: Address
    topics: tuple[Hash32, ...]
    data: bytes


@dataclass(frozen=True)
class ProvenReceipt:
    """What became of a transaction, under the certified header's receipts root."""

    transaction: ProvenTransaction
    succeeded: bool
    cumulative_gas_used: int
    logs: tuple[ProvenLog, ...]


@dataclass(frozen=True)
class ProvenAccount:
    """An account and words of its storage under a certified header's state root."""

    address: Address
    account: Account
    storage: Mapping[int, int]
    block: CertifiedHeader


class LightClient:
    """Verified reading of one group. Remembers validator sets, so later checks are quicker."""

    def __init__(self, genesis: Genesis, client: Client) -> None:
        self.genesis = genesis
        self.client = client
        self.suite = genesis.suite
        self._chain = EpochChain(genesis)
        self.block_0: Block = self._chain.block_0
        self.group_id = self._chain.group

    # -- headers

    def epoch(self, number: int) -> Epoch:
        """An epoch's set, derived from genesis; raises InvalidAnswer."""
        while self._chain.last.number < number:
            self._learn_epochs(number)
        return self._chain.epoch(number)

    def header(self, number: int) -> CertifiedHeader:
        """A verified header; raises InvalidAnswer."""
        return self.verify_certified(self.client.block_certificate(number), number)

    def head(self) -> CertifiedHeader:
        """The node's last stable header, verified. How old it is is for the caller to judge."""
        return self.verify_certified(self.client.block_certificate("latest"), None)

    def verify_certified(self, answer: Any, number: int | None) -> CertifiedHeader:
        """The header that an answer of `quorate_getBlockCertificate` proves.

        `number` is the block that was asked for; None takes whichever the answer is about.
        """
        header, record, certificate = parse_certified(answer)
        if number is not None and header.number != number:
            raise InvalidAnswer(
                "header", f"asked for block {number}, the answer is about {header.number}"
            )
        self.epoch(record.epoch)
        return _linked(lambda: self._chain.verify(header, record, certificate))

    def _learn_epochs(self, number: int) -> None:
        """Take a page of what the node gives towards an epoch: each set vouches for the next."""
        last = self._chain.last
        proof = self.client.epoch_proof(last.number + 1, number)
        if not proof or len(proof) > EPOCHS_MAX:
            raise InvalidAnswer(
                "validators",
                f"expected the blocks that lead from epoch {last.number} to {number}, "
                f"got {len(proof)}",
            )
        for answer in proof:
            header, record, certificate = parse_certified(answer)
            recovery = _recovery(answer)
            if recovery is not None:
                _linked(partial(self._chain.recover, header, record, certificate, recovery))
                continue
            members = _validators(answer, "next_validators")
            parameters = _parameters(answer)
            _linked(partial(self._chain.extend, header, record, certificate, members, parameters))

    @property
    def parameters(self) -> Parameters:
        """Those of the latest epoch learnt so far, as its verified headers have them."""
        return self._chain.last.parameters

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """The organisations' recovery certificates among the epochs learnt so far."""
        return self._chain.recoveries

    def verify_void(self, answer: Any) -> CertifiedHeader:
        """A block of the old branch that a recovery made void, in the shape of a certificate's.

        Raises InvalidAnswer if no set that was proven here signed it.
        """
        header, record, certificate = parse_certified(answer)
        try:
            return _linked(lambda: self._chain.verify_void(header, record, certificate))
        except LookupError as problem:
            raise InvalidAnswer("validators", str(problem)) from problem

    # -- what stands in blocks

    def transaction(self, transaction_hash: Hash32) -> ProvenTransaction:
        """A transaction proven to stand in its block; raises InvalidAnswer."""
        answer = self.client.transaction_proof("0x" + transaction_hash.hex())
        return self.verify_transaction(transaction_hash, answer)

    def verify_transaction(self, transaction_hash: Hash32, answer: Any) -> ProvenTransaction:
        """As `transaction`, for an answer of `quorate_getTransactionProof` at hand."""
        found = _object(answer, f"transaction 0x{transaction_hash.hex()}")
        block = self.verify_certified(found.get("block"), None)
        return self._transaction(transaction_hash, found, block, "proof")

    def receipt(self, transaction_hash: Hash32) -> ProvenReceipt:
        """A receipt proven under its block's header; raises InvalidAnswer."""
        answer = self.client.receipt_proof("0x" + transaction_hash.hex())
        return self.verify_receipt(transaction_hash, answer)

    def verify_receipt(self, transaction_hash: Hash32, answer: Any) -> ProvenReceipt:
        """As `receipt`, for an answer of `quorate_getReceiptProof` at hand."""
        found = _object(answer, f"receipt of 0x{transaction_hash.hex()}")
        block = self.verify_certified(found.get("block"), None)
        transaction = self._transaction(transaction_hash, found, block, "transaction_proof")
        raw = _proven(block.header.receipts_root, transaction.index, found, "proof")
        if raw != _parse(from_hex, str(found.get("receipt"))):
            raise InvalidAnswer("proof", "the proven receipt is another than the one given")
        return _parse(_decode_receipt, raw, transaction)

    def _transaction(
        self, wanted: Hash32, found: Mapping[str, Any], block: CertifiedHeader, proof: str
    ) -> ProvenTransaction:
        index = found.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            raise InvalidAnswer("form", f"expected an index, got {index!r:.40}")
        raw = _proven(block.header.transactions_root, index, found, proof)
        if keccak(raw) != wanted:
            raise InvalidAnswer("proof", "the proven transaction is another than the one asked for")
        transaction = _parse(decode_transaction, raw)
        sender = _parse(recover_sender, transaction, self.suite)
        return ProvenTransaction(transaction, sender, index, block)

    # -- state

    def account(
        self, address: Address, slots: Sequence[int] = (), number: int | None = None
    ) -> ProvenAccount:
        """An account and storage words after a block, the head by default."""
        block = self.head() if number is None else self.header(number)
        answer = self.client.proof("0x" + address.hex(), list(slots), block.header.number)
        return self.verify_account(address, slots, answer, block)

    def verify_account(
        self, address: Address, slots: Sequence[int], answer: Any, block: CertifiedHeader
    ) -> ProvenAccount:
        """As `account`, for an answer of `eth_getProof` at hand."""
        found = _object(answer, f"account 0x{address.hex()}")
        value = _proof(
            lambda: verify_proof(
                block.header.state_root, keccak(address), _nodes(found, "accountProof")
            )
        )
        account = Account() if value is None else _parse(decode_account, value)
        proofs = _list_of(found, "storageProof")
        if len(proofs) != len(slots):
            raise InvalidAnswer("form", f"expected {len(slots)} storage proofs, got {len(proofs)}")
        storage = {
            slot: _slot(account.storage_root, slot, entry)
            for slot, entry in zip(slots, proofs, strict=True)
        }
        return ProvenAccount(address, account, storage, block)

    def code(self, address: Address, number: int | None = None) -> bytes:
        """A contract's code, checked against its proven hash; raises InvalidAnswer."""
        proven = self.account(address, (), number)
        code = self.client.code("0x" + address.hex(), proven.block.header.number)
        expected = proven.account.code_hash
        if (keccak(code) if code else EMPTY_CODE_HASH) != expected:
            raise InvalidAnswer("proof", f"the code of 0x{address.hex()} was altered")
        return code


def parse_certified(answer: Any) -> tuple[Header, Record, Certificate]:
    """The parts of an answer of `quorate_getBlockCertificate`, not verified."""
    found = _object(answer, "block certificate")

    def parse() -> tuple[Header, Record, Certificate]:
        header = decode_header(from_hex(found["header"]))
        record = decode_record(from_hex(found["record"]))
        signers = _list_of(found, "signers")
        signatures = _list_of(found, "signatures")
        if len(signers) != len(signatures) or len(signers) > SIGNERS_MAX:
            raise InvalidAnswer("form", f"expected at most {SIGNERS_MAX} signers, a signature each")
        certificate = Certificate(
            record.epoch,
            header.number,
            header.hash,
            tuple(address_from_hex(signer) for signer in signers),
            tuple(from_hex(signature) for signature in signatures),
        )
        return header, record, certificate

    return _parse(parse)


def _validators(answer: Any, key: str) -> ValidatorSet:
    found = _object(answer, key)
    return _parse(
        lambda: ValidatorSet.of(address_from_hex(member) for member in _list_of(found, key))
    )


def _parameters(answer: Any) -> Parameters | None:
    """The parameters of the next epoch, None where they stay as they are."""
    found = _object(answer, "next_parameters").get("next_parameters")
    if found is None:
        return None
    return _parse(lambda: decode_parameters(msgspec.json.encode(found)))


def _recovery(answer: Any) -> Recovery | None:
    """The organisations' certificate that opens the next epoch, if the answer has one."""
    found = _object(answer, "recovery").get("recovery")
    return None if found is None else _parse(lambda: decode_recovery(from_hex(found)))


def _decode_receipt(raw: bytes, transaction: ProvenTransaction) -> ProvenReceipt:
    """A consensus-encoded receipt (EIP-658, EIP-2718)."""
    kind = transaction.transaction.type
    if kind != LEGACY:
        if raw[:1] != bytes((kind,)):
            raise InvalidEncoding(f"expected a receipt of type {kind}")
        raw = raw[1:]
    fields = as_list(decode_list(raw, bytes_max=RECEIPT_BYTES_MAX), "receipt", length=4)
    logs = []
    for item in as_list(fields[3], "logs"):
        address, topics, content = as_list(item, "log", length=3)
        logs.append(
            ProvenLog(
                as_address(address, "log address"),
                tuple(as_hash(topic, "log topic") for topic in as_list(topics, "log topics")),
                as_bytes(content, "log data"),
            )
        )
    return ProvenReceipt(
        transaction,
        bool(as_int(fields[0], "status", bits=1)),
        as_int(fields[1], "cumulative gas"),
        tuple(logs),
    )


def _slot(root: Hash32, slot: int, answer: Any) -> int:
    nodes = _nodes(_object(answer, f"slot {slot}"), "proof")
    word = _proof(lambda: verify_proof(root, keccak(slot.to_bytes(32, "big")), nodes))
    return 0 if word is None else _parse(decode_slot, word)


def _proven(root: Hash32, index: int, found: Mapping[str, Any], key: str) -> bytes:
    return _proof(lambda: verify_ordered_proof(root, index, _nodes(found, key)))


def _proof(work: Callable[[], T]) -> T:
    try:
        return work()
    except InvalidProof as problem:
        raise InvalidAnswer("proof", str(problem)) from problem


def _linked(work: Callable[[], T]) -> T:
    try:
        return work()
    except BrokenChain as problem:
        raise InvalidAnswer(problem.what, str(problem)) from problem


def _parse(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    except (InvalidValue, InvalidEncoding, InvalidTransaction, InvalidValidators) as problem:
        raise InvalidAnswer("form", str(problem)) from problem
    except (KeyError, TypeError) as problem:
        raise InvalidAnswer("form", f"a field is missing or malformed: {problem}") from problem


def _object(answer: Any, what: str) -> Mapping[str, Any]:
    if answer is None:
        raise InvalidAnswer("missing", f"{what}: the node says that it does not exist")
    if not isinstance(answer, Mapping):
        raise InvalidAnswer("form", f"{what}: expected an object, got {answer!r:.40}")
    return answer


def _list_of(found: Mapping[str, Any], key: str) -> list[Any]:
    value = found.get(key)
    if not isinstance(value, list):
        raise InvalidAnswer("form", f"{key}: expected an array, got {value!r:.40}")
    return value


def _nodes(found: Mapping[str, Any], key: str) -> list[bytes]:
    return [_parse(from_hex, node) for node in _list_of(found, key)]
