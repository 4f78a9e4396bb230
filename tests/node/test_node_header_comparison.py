"""The first field in which two headers differ, asked of who signed the other one."""

from collections.abc import Container
from dataclasses import replace

from consensus.effects import CompareHeaders
from ledger.header import Header
from ledger.record import Record
from ledger.values import ZERO_ADDRESS, ZERO_HASH, Address, Hash32
from node.asking import Asking
from node.group_network import RequestFailed
from node.header_comparison import HeaderComparison, HeaderMismatch, answer_header
from node.requests import HeaderRequest, decode_request, encode_answer

RECORD = Record(0, 1, ZERO_ADDRESS, 5_000, *(ZERO_HASH,) * 4)
A, B = Address(b"a" * 20), Address(b"b" * 20)


def sealed(record: Record = RECORD, **fields: object) -> tuple[Header, Record]:
    plain = Header(
        parent_hash=ZERO_HASH,
        coinbase=ZERO_ADDRESS,
        state_root=ZERO_HASH,
        transactions_root=ZERO_HASH,
        receipts_root=ZERO_HASH,
        logs_bloom=bytes(256),
        number=7,
        gas_limit=1,
        gas_used=0,
        timestamp=5,
        extra_data=record.hash,
    )
    return replace(plain, **fields), record


class Members:
    """Peers that answer with what they came to; None is away."""

    def __init__(self, **headers: tuple[Header, Record] | None) -> None:
        self.headers = headers
        self.asked: list[str] = []

    def connected(self) -> frozenset[str]:
        return frozenset(self.headers)

    async def request(self, peer: str, payload: bytes, timeout_s: float) -> bytes:
        self.asked.append(peer)
        request = decode_request(payload)
        assert isinstance(request, HeaderRequest)
        if (header := self.headers[peer]) is None:
            raise RequestFailed("away")
        return encode_answer(self.answer(header, request))

    def answer(self, header: tuple[Header, Record], request: HeaderRequest) -> object:
        return answer_header(header, request)


class Liars(Members):
    def answer(self, header: tuple[Header, Record], request: HeaderRequest) -> object:
        other = header[0].hash
        return answer_header(header, HeaderRequest(request.number, other))


async def compared(
    members: Members, ours: tuple[Header, Record], theirs: Hash32, *, silent: Container[str] = ()
) -> list[HeaderMismatch]:
    found: list[HeaderMismatch] = []
    asking = Asking(members, lambda peer: peer not in silent)  # type: ignore[arg-type]
    comparison = HeaderComparison("g", asking, lambda _: ours, {A: "a", B: "b"}.get, found.append)
    await comparison.compare(CompareHeaders(7, ours[0].hash, theirs, (A, B)))
    return found


async def test_the_first_differing_field_is_named_with_both_values() -> None:
    theirs = sealed(gas_used=21_000, timestamp=9)
    assert await compared(Members(a=theirs), sealed(), theirs[0].hash) == [
        HeaderMismatch(7, "a", "gas_used", 0, 21_000)
    ]


async def test_a_difference_in_the_record_is_named_by_the_records_field() -> None:
    theirs = sealed(replace(RECORD, next_certifiers_hash=Hash32(b"1" * 32)))
    [mismatch] = await compared(Members(a=theirs), sealed(), theirs[0].hash)
    assert mismatch.field == "record.next_certifiers_hash"
    assert mismatch.theirs == "0x" + "31" * 32


async def test_another_signer_is_asked_where_one_is_away_or_came_to_something_else() -> None:
    theirs = sealed(gas_used=1)
    for first in (None, sealed(gas_used=2)):
        members = Members(a=first, b=theirs)
        [mismatch] = await compared(members, sealed(), theirs[0].hash)
        assert (mismatch.node, members.asked) == ("b", ["a", "b"])


async def test_only_signers_are_asked_and_those_that_are_heard_first() -> None:
    theirs = sealed(gas_used=1)
    members = Members(a=theirs, b=theirs, observer=theirs)
    [mismatch] = await compared(members, sealed(), theirs[0].hash, silent={"a"})
    assert (mismatch.node, members.asked) == ("b", ["b"])


async def test_an_answer_that_its_hash_does_not_prove_counts_for_nothing() -> None:
    lie = sealed(gas_used=2)
    assert await compared(Liars(a=lie, b=lie), sealed(), sealed(gas_used=1)[0].hash) == []
