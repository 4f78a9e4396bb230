"""Where two replicas came to different headers: the first field in which they differ.

The other header is asked of those who signed it and proves itself by its hash. What is found is
told to the operator and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import structlog

from consensus.effects import CompareHeaders
from ledger.codec import InvalidEncoding
from ledger.header import Header, decode_header, encode_header, first_difference
from ledger.record import Record, decode_record, encode_record
from ledger.values import Address, Hash32
from node.asking import Asking
from node.group_network import RequestFailed
from node.requests import HeaderAnswer, HeaderRequest

SIGNERS_ASKED_MAX = 3
SHOWN_BYTES_MAX = 32
FieldValue = str | int

_Sealed = tuple[Header, Record]


@dataclass(frozen=True, slots=True)
class HeaderMismatch:
    """Block `number`: `field` is `ours` here and `theirs` at `node`. Bytes as `0x…`."""

    number: int
    node: str
    field: str
    ours: FieldValue
    theirs: FieldValue


class HeaderComparison:
    """Asks, compares, tells. `own` gives this node's header of a block, stored or not."""

    def __init__(
        self,
        group: str,
        asking: Asking,
        own: Callable[[int], _Sealed | None],
        node_of: Callable[[Address], str | None],
        found: Callable[[HeaderMismatch], None],
    ) -> None:
        self._asking = asking
        self._own = own
        self._node_of = node_of
        self._found = found
        self._log = structlog.get_logger("headers").bind(group=group)

    async def compare(self, effect: CompareHeaders) -> None:
        """Find the first field in which `effect.theirs` differs from the own header."""
        ours = self._own(effect.number)
        if ours is None or ours[0].hash != effect.ours:
            return  # caught up from others by now
        nodes = set(map(self._node_of, effect.signers))
        connected = [peer for peer in self._asking.peers() if peer in nodes]
        for node in connected[:SIGNERS_ASKED_MAX]:
            theirs = await self._ask(node, effect.number, effect.theirs)
            if theirs is not None:
                field, *values = first_differing_field(ours, theirs)
                mismatch = HeaderMismatch(effect.number, node, field, *map(_show, values))
                self._found(mismatch)
                return
        self._log.warning("headers.unanswered", number=effect.number, theirs=effect.theirs)

    async def _ask(self, node: str, number: int, wanted: Hash32) -> _Sealed | None:
        try:
            answer = await self._asking.ask(node, HeaderRequest(number, wanted))
            if not isinstance(answer, HeaderAnswer) or not answer.header:
                return None
            header, record = decode_header(answer.header), decode_record(answer.record)
        except (RequestFailed, InvalidEncoding) as error:
            self._log.warning("headers.no_answer", peer=node, number=number, error=str(error))
            return None
        if (header.hash, record.hash) != (wanted, header.extra_data):
            self._log.warning("headers.false_answer", peer=node, number=number)
            return None
        return header, record


def answer_header(sealed: _Sealed | None, request: HeaderRequest) -> HeaderAnswer:
    """The header asked for, if it is the one that this node came to; else nothing."""
    if sealed is None or sealed[0].hash != request.header_hash:
        return HeaderAnswer(b"", b"")
    return HeaderAnswer(encode_header(sealed[0]), encode_record(sealed[1]))


def first_differing_field(ours: _Sealed, theirs: _Sealed) -> tuple[str, object, object]:
    """Its name and both values. A differing `extra_data` is told by the record that it binds."""
    field = first_difference(ours[0], theirs[0])
    assert field is not None, "different hashes come from different headers"
    if field != "extra_data":
        return field, getattr(ours[0], field), getattr(theirs[0], field)
    for entry in fields(Record):
        values = getattr(ours[1], entry.name), getattr(theirs[1], entry.name)
        if values[0] != values[1]:
            return f"record.{entry.name}", *values
    raise AssertionError("different extra_data binds different records")


def _show(value: object) -> FieldValue:
    if isinstance(value, bytes):
        return "0x" + value[:SHOWN_BYTES_MAX].hex() + "…" * (len(value) > SHOWN_BYTES_MAX)
    assert isinstance(value, int)
    return value
