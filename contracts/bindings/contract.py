"""A contract's address and ABI: encodes calls, decodes results, events and revert reasons.

Addresses are 20 bytes, fixed bytes are `bytes`, structs are dictionaries by field name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from contracts.compiler import InvalidArguments
from ledger.values import Address, Hash32, from_hex, keccak

RESULT_BYTES_MAX = 1 << 20
REVERT_REASON_CHARS_MAX = 1024

_ERROR_SELECTOR = keccak(b"Error(string)")[:4]

Abi = Mapping[str, Any]
T = TypeVar("T")
U = TypeVar("U")


class InvalidResult(ValueError):
    """An answer or a log that is not what the ABI promises."""


class LogLike(Protocol):
    """What a log must have to be decoded."""

    @property
    def address(self) -> bytes: ...
    @property
    def topics(self) -> Sequence[bytes]: ...
    @property
    def data(self) -> bytes: ...


class Log(NamedTuple):
    """A log by itself, for who has none of the ledger's."""

    address: Address
    topics: tuple[Hash32, ...]
    data: bytes


@dataclass(frozen=True)
class Event:
    """A decoded log. `position` is its index in the logs that were given."""

    name: str
    address: Address
    arguments: Mapping[str, Any]
    position: int


class Call(NamedTuple):
    """A transaction to be sent: to whom, with what data."""

    to: Address
    data: bytes


@dataclass(frozen=True)
class Query(Generic[T]):
    """A question for `eth_call`, and the way to read its answer."""

    to: Address
    data: bytes
    decode: Callable[[bytes], T]

    def then(self, change: Callable[[T], U]) -> "Query[U]":
        """The same question, its answer changed once more."""
        return Query(self.to, self.data, lambda output: change(self.decode(output)))


@dataclass(frozen=True)
class Contract:
    """One deployed contract."""

    address: Address
    abi: tuple[Abi, ...]

    def encode_call(self, name: str, *arguments: object) -> bytes:
        """Selector and arguments; raises InvalidArguments."""
        method = self._method(name)
        types = [_canonical(item) for item in method["inputs"]]
        if len(types) != len(arguments):
            raise InvalidArguments(
                f"{name} takes {len(types)} arguments ({', '.join(types)}), got {len(arguments)}"
            )
        try:
            return _selector(method)[:4] + encode(types, arguments)
        except (EncodingError, TypeError) as error:
            raise InvalidArguments(f"{name}: {error}") from error

    def decode_result(self, name: str, output: bytes) -> Any:
        """The method's answer: one value, a tuple of several, or None; raises InvalidResult."""
        values = _decode(self._method(name)["outputs"], output, name)
        if len(values) == 1:
            return values[0]
        return tuple(values) or None

    def decode_call(self, data: bytes) -> tuple[str, Mapping[str, Any]]:
        """Method name and arguments by name of a call's data; raises InvalidResult."""
        for item in self.abi:
            if item["type"] == "function" and _selector(item)[:4] == data[:4]:
                values = _decode(item["inputs"], data[4:], item["name"])
                names = [field["name"] for field in item["inputs"]]
                return item["name"], dict(zip(names, values, strict=True))
        raise InvalidResult(f"expected a method of this contract, got selector {data[:4].hex()}")

    def decode_events(self, logs: Iterable[LogLike]) -> list[Event]:
        """Events of this contract among the logs, in their order; those of others are skipped.

        Raises InvalidResult for a log of this contract that its ABI does not explain.
        """
        return [
            self._decode_event(position, log)
            for position, log in enumerate(logs)
            if bytes(log.address) == self.address
        ]

    def call(self, name: str, *arguments: object) -> Call:
        """A transaction's target and data."""
        return Call(self.address, self.encode_call(name, *arguments))

    def query(self, name: str, *arguments: object) -> Query[Any]:
        """A question whose answer is decoded by the ABI."""
        return Query(
            self.address,
            self.encode_call(name, *arguments),
            lambda output: self.decode_result(name, output),
        )

    def event_topic(self, name: str) -> Hash32:
        """First topic of an event's logs."""
        for topic, item in self._events.items():
            if item["name"] == name:
                return topic
        raise InvalidArguments(f"no event {name!r}")

    @cached_property
    def _events(self) -> dict[Hash32, Abi]:
        return {_selector(item): item for item in self.abi if item["type"] == "event"}

    def _method(self, name: str) -> Abi:
        for item in self.abi:
            if item["type"] == "function" and item["name"] == name:
                return item
        raise InvalidArguments(f"no method {name!r}")

    def _decode_event(self, position: int, log: LogLike) -> Event:
        item = self._events.get(Hash32(bytes(log.topics[0]))) if log.topics else None
        if item is None:
            raise InvalidResult(f"log {position} is no event of {self.address.hex()}")
        indexed = [field for field in item["inputs"] if field["indexed"]]
        plain = [field for field in item["inputs"] if not field["indexed"]]
        if len(indexed) != len(log.topics) - 1:
            raise InvalidResult(
                f"{item['name']} has {len(indexed)} indexed fields, the log {len(log.topics) - 1}"
            )
        values = dict(
            zip([f["name"] for f in plain], _decode(plain, log.data, item["name"]), strict=True)
        )
        for field, topic in zip(indexed, log.topics[1:], strict=True):
            values[field["name"]] = _decode([field], topic, item["name"])[0]
        arguments = {field["name"]: values[field["name"]] for field in item["inputs"]}
        return Event(item["name"], self.address, arguments, position)


def log_from_rpc(entry: Mapping[str, Any]) -> Log:
    """A log of Ethereum's JSON-RPC (hex texts); raises InvalidValue."""
    return Log(
        Address(from_hex(entry["address"], size=20)),
        tuple(Hash32(from_hex(topic, size=32)) for topic in entry["topics"]),
        from_hex(entry["data"]),
    )


def decode_revert(output: bytes) -> str:
    """The reason of a revert with `Error(string)`; empty if it has none."""
    if output[:4] != _ERROR_SELECTOR or len(output) > RESULT_BYTES_MAX:
        return ""
    try:
        reason: str = decode(["string"], output[4:])[0]
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ""
    return reason[:REVERT_REASON_CHARS_MAX]


def _canonical(item: Abi) -> str:
    """An ABI type in its canonical form, structs as their fields in brackets."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_canonical, item['components']))}){kind.removeprefix('tuple')}"


def _selector(item: Abi) -> Hash32:
    return keccak(f"{item['name']}({','.join(map(_canonical, item['inputs']))})".encode())


def _decode(items: Sequence[Abi], data: bytes, name: str) -> list[Any]:
    if len(data) > RESULT_BYTES_MAX:
        raise InvalidResult(f"{name}: expected at most {RESULT_BYTES_MAX} bytes, got {len(data)}")
    types = [_canonical(item) for item in items]
    try:
        values = decode(types, data)
    except (DecodingError, UnicodeDecodeError, OverflowError) as error:
        raise InvalidResult(f"{name}: expected ({', '.join(types)}): {error}") from error
    return [_named(item, value) for item, value in zip(items, values, strict=True)]


def _named(item: Abi, value: Any) -> Any:
    kind: str = item["type"]
    if kind.endswith("]"):
        inner = {**item, "type": kind[: kind.rindex("[")]}
        return tuple(_named(inner, element) for element in value)
    if kind == "address":
        return Address(bytes.fromhex(value[2:]))
    if kind == "tuple":
        fields = item["components"]
        return {
            field["name"]: _named(field, element)
            for field, element in zip(fields, value, strict=True)
        }
    return value
