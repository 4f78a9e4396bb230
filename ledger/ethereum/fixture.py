"""GeneralStateTests files as values: a case for each post state of a fork.

The format is that of the public ethereum/tests repository: a state before, one transaction with
lists of data, gas and value, and for each choice of those the root and the logs' hash afterwards.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from ledger.ethereum.case import Block, Case, Holding, Indexes, PreState
from ledger.ethereum.transaction import BLOB, EthereumTransaction
from ledger.suite import PRIVATE_KEY_BYTES, STANDARD, InvalidKey
from ledger.transactions import ACCESS_LIST, DYNAMIC_FEE, LEGACY
from ledger.values import (
    AccessList,
    Hash32,
    InvalidValue,
    address_from_hex,
    from_hex,
    hash_from_hex,
)

GAS_LIMIT_MAX = 2**64 - 1
"""Some tests name a block gas limit beyond what any header holds; it is lowered to this."""
_T = TypeVar("_T")
_HEX_DIGITS = "0123456789abcdefABCDEF"
_BIG = "0x:bigint "
"""How the suites mark a number that is meant not to fit."""


class InvalidFixture(ValueError):
    """A file or a test in it that is none: what was expected and what came."""


class _Access(msgspec.Struct, rename="camel"):
    address: str
    storage_keys: list[str]


class _Transaction(msgspec.Struct, rename="camel"):
    data: list[str]
    gas_limit: list[str]
    value: list[str]
    nonce: str
    to: str
    secret_key: str
    gas_price: str | None = None
    max_fee_per_gas: str | None = None
    max_priority_fee_per_gas: str | None = None
    max_fee_per_blob_gas: str | None = None
    blob_versioned_hashes: list[str] | None = None
    access_lists: list[list[_Access] | None] | None = None


class _Environment(msgspec.Struct, rename="camel"):
    current_coinbase: str
    current_gas_limit: str
    current_number: str
    current_timestamp: str
    current_base_fee: str
    current_random: str
    current_excess_blob_gas: str = "0x00"


class _Indexes(msgspec.Struct):
    data: int
    gas: int
    value: int


class _Post(msgspec.Struct, rename="camel"):
    hash: str
    logs: str
    indexes: _Indexes
    expect_exception: str | None = None


class _Account(msgspec.Struct):
    nonce: str
    balance: str
    code: str
    storage: dict[str, str]


class _Forks(msgspec.Struct):
    post: dict[str, msgspec.Raw]


class _Test(msgspec.Struct):
    env: _Environment
    pre: dict[str, _Account]
    transaction: _Transaction


_TESTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FORKS = msgspec.json.Decoder(_Forks)
_TEST = msgspec.json.Decoder(_Test)
_POSTS = msgspec.json.Decoder(list[_Post])


def read_tests(document: bytes) -> dict[str, bytes]:
    """The tests of a file by name, each still as JSON; raises InvalidFixture."""
    try:
        return {name: bytes(raw) for name, raw in _TESTS.decode(document).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFixture(f"expected a JSON object of tests by name: {error}") from error


def read_cases(name: str, test: bytes, fork: str) -> Iterator[Case]:
    """The cases of a test for one fork, in the file's order; raises InvalidFixture."""
    try:
        posts = _FORKS.decode(test).post.get(fork)
        if posts is None:
            return
        shape = _TEST.decode(test)
        before = PreState({address_from_hex(key): _holding(a) for key, a in shape.pre.items()})
        block = _block(shape.env)
        for post in _POSTS.decode(posts):
            yield Case(
                name=name,
                fork=fork,
                indexes=Indexes(post.indexes.data, post.indexes.gas, post.indexes.value),
                block=block,
                before=before,
                transaction=_transaction(shape.transaction, post.indexes),
                private_key=_key(shape.transaction.secret_key),
                root=hash_from_hex(post.hash),
                logs_hash=hash_from_hex(post.logs),
                refusal=post.expect_exception,
            )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFixture(f"not a state test: {error}") from error
    except (InvalidValue, InvalidKey) as error:
        raise InvalidFixture(f"not a state test: {error}") from error


def _number(text: str, what: str, *, bits: int = 256) -> int:
    """A hex number below 2**bits; an empty one is zero."""
    digits = text.removeprefix(_BIG).removeprefix("0x") or "0"
    if digits.strip(_HEX_DIGITS):
        raise InvalidFixture(f"{what}: expected a hex number, got {text!r:.80}")
    value = int(digits, 16)
    if value >= 1 << bits:
        raise InvalidFixture(f"{what}: expected a number below 2**{bits}, got {text!r:.80}")
    return value


def _wished(text: str, what: str) -> int:
    """A number of the transaction: one that no transaction can hold is a test of its own."""
    return _number(text, what, bits=1024)


def _key(text: str) -> bytes:
    key = from_hex(text, size=PRIVATE_KEY_BYTES)
    STANDARD.address_of(key)
    return key


def _holding(account: _Account) -> Holding:
    return Holding(
        nonce=_number(account.nonce, "nonce", bits=64),
        balance=_number(account.balance, "balance"),
        code=from_hex(account.code),
        storage={
            _number(slot, "slot"): _number(value, "value")
            for slot, value in account.storage.items()
            if _number(value, "value")
        },
    )


def _block(env: _Environment) -> Block:
    return Block(
        number=_number(env.current_number, "currentNumber", bits=63),
        timestamp=_number(env.current_timestamp, "currentTimestamp", bits=64),
        coinbase=address_from_hex(env.current_coinbase),
        gas_limit=min(_number(env.current_gas_limit, "currentGasLimit"), GAS_LIMIT_MAX),
        base_fee=_number(env.current_base_fee, "currentBaseFee", bits=64),
        prev_randao=Hash32(_number(env.current_random, "currentRandom").to_bytes(32)),
        excess_blob_gas=_number(env.current_excess_blob_gas, "currentExcessBlobGas", bits=64),
    )


def _transaction(shape: _Transaction, indexes: _Indexes) -> EthereumTransaction:
    data, gas, value = (
        _choice(choices, index, what)
        for choices, index, what in (
            (shape.data, indexes.data, "data"),
            (shape.gas_limit, indexes.gas, "gasLimit"),
            (shape.value, indexes.value, "value"),
        )
    )
    access = (
        _choice(shape.access_lists, indexes.data, "accessLists") if shape.access_lists else None
    )
    price = shape.gas_price if shape.max_fee_per_gas is None else shape.max_fee_per_gas
    if price is None:
        raise InvalidFixture("transaction: expected gasPrice or maxFeePerGas, got neither")
    priority = shape.max_priority_fee_per_gas
    return EthereumTransaction(
        type=_type(shape, has_access_list=access is not None),
        nonce=_wished(shape.nonce, "nonce"),
        priority_fee=_wished(price if priority is None else priority, "maxPriorityFeePerGas"),
        max_fee=_wished(price, "gasPrice"),
        gas=_wished(gas, "gasLimit"),
        to=address_from_hex(shape.to) if shape.to not in ("", "0x") else None,
        value=_wished(value, "value"),
        data=from_hex(data) if data else b"",
        access_list=_access_list(access or []),
        max_blob_fee=_wished(shape.max_fee_per_blob_gas or "0x", "maxFeePerBlobGas"),
        blob_hashes=tuple(hash_from_hex(text) for text in shape.blob_versioned_hashes or ()),
    )


def _choice(choices: list[_T], index: int, what: str) -> _T:
    if not 0 <= index < len(choices):
        raise InvalidFixture(f"{what}: expected an index below {len(choices)}, got {index}")
    return choices[index]


def _type(shape: _Transaction, *, has_access_list: bool) -> int:
    """The type that the fields that are there call for."""
    if shape.max_fee_per_blob_gas is not None or shape.blob_versioned_hashes is not None:
        return BLOB
    if shape.max_fee_per_gas is not None:
        return DYNAMIC_FEE
    return ACCESS_LIST if has_access_list else LEGACY


def _access_list(entries: list[_Access]) -> AccessList:
    return tuple(
        (
            address_from_hex(entry.address),
            tuple(_number(key, "storageKeys") for key in entry.storage_keys),
        )
        for entry in entries
    )
