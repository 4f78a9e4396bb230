"""Ethereum transactions of types 0, 1 and 2: decoding, hashes and the sender.

Decoding checks form only (EIP-155, 2718, 2930, 1559); what is acceptable is `validity.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from ledger.codec import (
    Encodable,
    InvalidEncoding,
    Item,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.gas import message_gas
from ledger.reasons import Reason
from ledger.suite import CURVE_ORDER, HALF_CURVE_ORDER, InvalidSignature, Suite
from ledger.values import AccessList, Address, Hash32, keccak

DECODABLE_BYTES_MAX = 1024 * 1024
"""Nothing longer is even looked at; a group's parameters bound transactions more narrowly."""
LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2


ReadRest = Callable[[bytes], Mapping[str, Any]]
"""Fields of a well-formed transaction from its bytes."""


class InvalidTransaction(ValueError):
    """A transaction that this ledger refuses: a reason code and what was found."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(f"{code}: {message}. {code.remedy}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Transaction:
    """A decoded transaction; amounts in wei, `to` is None when it deploys.

    Of a legacy or EIP-2930 transaction both fee fields are its gas price. `chain_id` is None for a
    legacy transaction without replay protection.
    """

    type: int
    chain_id: int | None
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas: int
    to: Address | None
    value: int
    data: bytes
    access_list: AccessList
    v: int
    y_parity: int
    r: int
    s: int
    raw: bytes
    _senders: dict[str, Address] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read_in_part(cls, attributes: dict[str, Any], rest: ReadRest) -> Self:
        """One of which a faster decoder read some attributes, `raw` among them.

        The other fields are read when somebody asks for one. `attributes` is the instance's own
        dictionary from now on: the constructor would take a tenth of the time of decoding.
        """
        made = object.__new__(cls)
        attributes["_rest"] = rest
        object.__setattr__(made, "__dict__", attributes)
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            rest = self.__dict__.get("_rest")
            if rest is None or name not in _FIELDS:
                raise AttributeError(f"a transaction has no {name}")
            self.__dict__.update(rest(self.raw))
            return self.__dict__[name]

    @cached_property
    def hash(self) -> Hash32:
        """The transaction hash: keccak-256 of the raw bytes."""
        return keccak(self.raw)

    @cached_property
    def intrinsic_gas(self) -> int:
        """Gas that is spent before the first opcode."""
        return message_gas(self.to, self.data, self.access_list)

    @cached_property
    def signing_digest(self) -> Hash32:
        """What the sender signed (EIP-155 for protected legacy transactions)."""
        body: list[Encodable] = [self.gas, self.to or b"", self.value, self.data]
        if self.type == LEGACY:
            tail: list[Encodable] = [] if self.chain_id is None else [self.chain_id, 0, 0]
            return keccak(encode([self.nonce, self.max_fee_per_gas, *body, *tail]))
        assert self.chain_id is not None
        fees = [self.max_fee_per_gas]
        if self.type == DYNAMIC_FEE:
            fees.insert(0, self.max_priority_fee_per_gas)
        entries: list[Encodable] = [
            [address, [slot.to_bytes(32) for slot in slots]] for address, slots in self.access_list
        ]
        payload = encode([self.chain_id, self.nonce, *fees, *body, entries])
        return keccak(bytes((self.type,)) + payload)


_FIELDS = frozenset(field.name for field in fields(Transaction))


def decode_transaction(raw: bytes) -> Transaction:
    """The transaction that `raw` encodes (EIP-2718); raises InvalidTransaction."""
    if not raw:
        raise InvalidTransaction(Reason.MALFORMED, "expected a transaction, got no bytes")
    if len(raw) > DECODABLE_BYTES_MAX:
        raise InvalidTransaction(
            Reason.TOO_LARGE, f"expected at most {DECODABLE_BYTES_MAX} bytes, got {len(raw)}"
        )
    kind = raw[0]
    if kind not in (ACCESS_LIST, DYNAMIC_FEE) and kind < 0xC0:
        known = Reason.TYPE_NOT_SUPPORTED if kind < 0x80 else Reason.MALFORMED
        raise InvalidTransaction(known, f"type {kind} is not among 0, 1 and 2")
    try:
        if kind >= 0xC0:
            return _decode_legacy(raw)
        return _decode_typed(kind, raw)
    except InvalidEncoding as error:
        raise InvalidTransaction(Reason.MALFORMED, str(error)) from error


def _decode_legacy(raw: bytes) -> Transaction:
    fields = as_list(decode_list(raw, bytes_max=len(raw)), "legacy transaction", length=9)
    v = as_int(fields[6], "v")
    if v in (27, 28):
        chain_id, y_parity = None, v - 27
    elif v >= 35:
        chain_id, y_parity = (v - 35) // 2, (v - 35) % 2
    else:
        raise InvalidEncoding(f"v: expected 27, 28 or chain id * 2 + 35 or 36, got {v}")
    gas_price = as_int(fields[1], "gas price", bits=256)
    return Transaction(
        type=LEGACY,
        chain_id=chain_id,
        nonce=as_int(fields[0], "nonce"),
        max_priority_fee_per_gas=gas_price,
        max_fee_per_gas=gas_price,
        gas=as_int(fields[2], "gas"),
        to=_as_recipient(fields[3]),
        value=as_int(fields[4], "value", bits=256),
        data=as_bytes(fields[5], "data"),
        access_list=(),
        v=v,
        y_parity=y_parity,
        r=_as_signature_part(fields[7], "r", CURVE_ORDER - 1),
        s=_as_signature_part(fields[8], "s", HALF_CURVE_ORDER),
        raw=raw,
    )


def _decode_typed(kind: int, raw: bytes) -> Transaction:
    fees = 2 if kind == DYNAMIC_FEE else 1
    items = decode_list(raw[1:], bytes_max=len(raw))
    fields = as_list(items, f"type {kind} transaction", length=10 + fees)
    chain_id = as_int(fields[0], "chain id")
    nonce = as_int(fields[1], "nonce")
    prices = [as_int(item, "fee", bits=256) for item in fields[2 : 2 + fees]]
    gas, to, value, data, access_list, y_parity, r, s = fields[2 + fees :]
    parity = as_int(y_parity, "y parity", bits=1)
    return Transaction(
        type=kind,
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=prices[0],
        max_fee_per_gas=prices[-1],
        gas=as_int(gas, "gas"),
        to=_as_recipient(to),
        value=as_int(value, "value", bits=256),
        data=as_bytes(data, "data"),
        access_list=_as_access_list(access_list),
        v=parity,
        y_parity=parity,
        r=_as_signature_part(r, "r", CURVE_ORDER - 1),
        s=_as_signature_part(s, "s", HALF_CURVE_ORDER),
        raw=raw,
    )


def _as_recipient(item: Item) -> Address | None:
    return None if item == b"" else as_address(item, "to")


def _as_access_list(item: Item) -> AccessList:
    entries = [as_list(entry, "access list entry", length=2) for entry in as_list(item, "access")]
    return tuple(
        (
            as_address(address, "access list address"),
            tuple(
                int.from_bytes(as_hash(slot, "access list slot"))
                for slot in as_list(slots, "access list slots")
            ),
        )
        for address, slots in entries
    )


def _as_signature_part(item: Item, what: str, most: int) -> int:
    value = as_int(item, what, bits=256)
    if not 1 <= value <= most:
        raise InvalidEncoding(f"{what}: expected 1 to {most:#x}, got {value:#x}")
    return value


def recover_sender(transaction: Transaction, suite: Suite) -> Address:
    """Who signed; raises InvalidTransaction. Computed once and remembered on the value."""
    known = transaction._senders.get(suite.name)
    if known is not None:
        return known
    signature = (
        transaction.r.to_bytes(32) + transaction.s.to_bytes(32) + bytes((transaction.y_parity,))
    )
    try:
        sender = suite.recover(transaction.signing_digest, signature)
    except InvalidSignature as error:
        raise InvalidTransaction(Reason.BAD_SIGNATURE, str(error)) from error
    transaction._senders[suite.name] = sender
    return sender
