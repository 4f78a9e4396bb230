"""`trace`: from any id to where the item came from and where it went.

An id is a transfer, an attestation, an agreement, an envelope's digest or a transaction. Events
name their sender, receiver and data type; what stands beside them comes from their blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from client.light import InvalidAnswer
from client.rpc import RpcFailure
from contracts.bindings.contract import Event
from contracts.bindings.equity import AlarmCode, EquityTransfer
from ledger.gate import AGREEMENTS_CONTRACT
from ledger.receipts import Log
from ledger.values import Address, Hash32, to_hex

from .events import decode_event, shown_arguments
from .read import NotFound
from .rebuild import number, octets, rebuild_log
from .source import Source
from .values import Party, Step, Trace

ID_BYTES = 16
RELATED_MAX = 256
_SHOWN_APART = frozenset({"sender", "receiver", "data_type"})
Word = bytes
"""An id as a topic holds it: 32 bytes, `bytes16` aligned to the left."""


class InvalidId(ValueError):
    """A text that is no id."""


@dataclass(frozen=True)
class _Found:
    """A log with the event that it is."""

    event: Event
    log: Log
    answer: Mapping[str, Any]

    @property
    def place(self) -> tuple[int, int]:
        """Block and index: the order of a trace."""
        return number(self.answer, "blockNumber"), number(self.answer, "logIndex")


@dataclass
class _Search:
    """Follows ids from event to event; each is looked for once."""

    source: Source
    found: dict[tuple[int, int], _Found] = field(default_factory=dict)
    related: dict[Word, None] = field(default_factory=dict)

    def look(self, word: Word, place: int) -> list[_Found]:
        """Events with the word as topic number `place`, in order."""
        hits = []
        topics: list[Any] = [None] * place + [to_hex(word)]
        for answer in self.source.logs(topics):
            log = rebuild_log(answer)
            event = decode_event(log)
            if event is not None:
                hits.append(_Found(event, log, answer))
        return hits

    def follow(self, root: Word) -> None:
        """All that belongs to an id: what names it, and what stands behind that."""
        self.related[root] = None
        waiting = [hit for place in (1, 2, 3) for hit in self.look(root, place)]
        while waiting:
            hit = waiting.pop()
            self.found[hit.place] = hit
            for word in _behind(hit.event):
                if word not in self.related and len(self.related) < RELATED_MAX:
                    self.related[word] = None
                    waiting += self._own_events(word, hit.event)

    def _own_events(self, word: Word, event: Event) -> list[_Found]:
        named = self.look(word, 1)
        if word == _word(event.arguments.get("transfer")):
            return named
        # An attestation's own life only: other transfers that name it are not of this item.
        own = [hit for hit in named if "transfer" not in hit.event.arguments]
        return own + [hit for hit in self.look(word, 2) if hit.event.name == "Superseded"]

    def add_agreements(self) -> None:
        """The agreement that each contract of the item rests on."""
        contracts = {hit.event.address for hit in self.found.values()} - {AGREEMENTS_CONTRACT}
        for address in sorted(contracts):
            agreement = _agreement(self.source, address)
            if agreement is not None and agreement not in self.related:
                self.related[agreement] = None
                for hit in self.look(agreement, 1):
                    if hit.event.address == AGREEMENTS_CONTRACT:
                        self.found[hit.place] = hit


def trace(source: Source, identifier: str) -> Trace:
    """Every step of an item's life, oldest first; raises InvalidId or NotFound."""
    word, is_short = parse_id(identifier)
    search = _Search(source)
    if not is_short and source.client.transaction(to_hex(word)) is not None:
        _follow_transaction(search, Hash32(word))
    else:
        search.follow(word)
    search.add_agreements()
    if not search.found:
        raise NotFound(
            f"nothing on this chain names {identifier}: check the id and the group "
            f"({source.group}), or whether its transaction is stable yet"
        )
    steps = tuple(_step(source, hit) for _, hit in sorted(search.found.items()))
    return Trace(
        id=identifier,
        group=source.group,
        related=tuple(_shown_word(related) for related in search.related if related != word),
        steps=steps,
        verified=all(step.verified for step in steps),
    )


def parse_id(identifier: str) -> tuple[Word, bool]:
    """An id's topic word, and whether it is one of 16 bytes; raises InvalidId."""
    digits = identifier.strip().lower().removeprefix("0x").replace("-", "")
    if not re.fullmatch(r"[0-9a-f]+", digits) or len(digits) not in (2 * ID_BYTES, 64):
        raise InvalidId(
            f"expected 32 hex digits (a transfer or attestation) or 64 (a hash), "
            f"got {identifier!r:.80}"
        )
    return bytes.fromhex(digits).ljust(32, b"\0"), len(digits) == 2 * ID_BYTES


def _follow_transaction(search: _Search, transaction_hash: Hash32) -> None:
    receipt = search.source.client.receipt(to_hex(transaction_hash))
    if receipt is None:
        raise NotFound(f"{to_hex(transaction_hash)} is not in a stable block yet")
    for answer in receipt.get("logs", []):
        log = rebuild_log(answer)
        event = decode_event(log)
        if event is None:
            continue
        hit = _Found(event, log, answer)
        search.found[hit.place] = hit
        root = _item(event)
        if root is not None:
            search.follow(root)


def _item(event: Event) -> Word | None:
    """The item that an event is about."""
    for name in ("transfer", "attestation", "agreement"):
        word = _word(event.arguments.get(name))
        if word is not None:
            return word
    return None


def _behind(event: Event) -> list[Word]:
    """Ids that an event ties to its item: its transfer, its attestation, the one it replaces."""
    named = ("transfer", "attestation", "replacement")
    words = [_word(event.arguments.get(name)) for name in named]
    return [word for word in words if word is not None]


def _word(value: Any) -> Word | None:
    return value.ljust(32, b"\0") if isinstance(value, bytes) and any(value) else None


def _shown_word(word: Word) -> str:
    return to_hex(word[:ID_BYTES] if not any(word[ID_BYTES:]) else word)


def _agreement(source: Source, address: Address) -> Word | None:
    query = EquityTransfer(address).contract.query("agreement")
    try:
        answer = query.decode(source.client.call(to_hex(address), query.data))
    except (RpcFailure, ValueError):
        return None
    return answer if isinstance(answer, bytes) and len(answer) == 32 else None


def _step(source: Source, hit: _Found) -> Step:
    block, _ = hit.place
    sealed = source.sealed(block)
    transaction_hash = octets(hit.answer, "transactionHash", 32)
    problem = sealed.problem
    if sealed.verified:
        problem = _problem(source, hit, block, Hash32(transaction_hash))
    arguments = hit.event.arguments
    details = {
        name: value
        for name, value in shown_arguments(arguments).items()
        if name not in _SHOWN_APART
    }
    if hit.event.name == "Alarm":
        details["code"] = _alarm(arguments["code"])
    return Step(
        step=hit.event.name,
        sender=_sender(source, arguments.get("sender"), block),
        receiver=_receiver(source, arguments),
        time_ms=sealed.record.timestamp_ms,
        group=source.group,
        data_type=str(shown_arguments(arguments).get("data_type", "")),
        transaction=to_hex(transaction_hash),
        block=block,
        proposer=source.node_party(sealed.record.proposer),
        signers=tuple(source.node_party(signer) for signer in sealed.signers),
        contract=to_hex(hit.event.address),
        details=details,
        verified=sealed.verified and problem is None,
        problem=problem,
    )


def _sender(source: Source, address: Any, block: int) -> Party:
    if not isinstance(address, bytes):
        return Party(address="")
    return source.account_party(Address(address), block)


def _receiver(source: Source, arguments: Mapping[str, Any]) -> str | None:
    """The receiving organisation; a signature under an agreement goes to all of its parties."""
    receiver = arguments.get("receiver")
    return source.organisation(receiver) if isinstance(receiver, int) else None


def _alarm(code: int) -> str:
    try:
        return AlarmCode(code).name
    except ValueError:
        return str(code)


def _problem(source: Source, hit: _Found, block: int, transaction_hash: Hash32) -> str | None:
    """Whether the event stands in a proven receipt of the block that it says."""
    assert source.light is not None
    try:
        proven = source.proven_receipt(transaction_hash)
    except InvalidAnswer as problem:
        return str(problem)
    if proven.transaction.block.header.number != block:
        return f"the event stands in block {proven.transaction.block.header.number}, not {block}"
    if hit.log not in [Log(log.address, log.topics, log.data) for log in proven.logs]:
        return "the event is not in its transaction's proven receipt"
    return None
