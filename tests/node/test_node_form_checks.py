"""Decoding away from the event loop: what waits is gathered, and everyone gets their own back."""

import asyncio
import threading

import pytest

from ledger.reasons import Reason
from ledger.transactions import InvalidTransaction
from node import form_checks
from node.form_checks import ChecksClosed, FormChecks
from node.transaction_memory import TransactionMemory


class Bench:
    """Checks that note their batches; each waits for the test's permission."""

    def __init__(self, known: set[bytes] = frozenset()) -> None:
        self.batches: list[list[bytes]] = []
        self.may_go = threading.Semaphore(0)
        self.started = threading.Semaphore(0)
        self.checks = FormChecks(self.check, lambda raws: set(raws) <= known, "test")

    def check(self, raws):
        self.batches.append(list(raws))
        if threading.current_thread() is not threading.main_thread():
            self.started.release()
            self.may_go.acquire()
        if b"fault" in raws:
            raise RuntimeError("a bug of ours")
        return [InvalidTransaction(Reason.MALFORMED, raw.decode()) for raw in raws]


def words(forms) -> list[str]:
    return [form.message for form in forms]


async def test_what_comes_during_a_batch_makes_the_next_one() -> None:
    bench = Bench()
    first = asyncio.create_task(bench.checks.check([b"a"]))
    await asyncio.to_thread(bench.started.acquire)
    rest = [asyncio.create_task(bench.checks.check(raws)) for raws in ([b"b", b"c"], [b"d"])]
    await asyncio.sleep(0)
    bench.may_go.release(2)
    assert words(await first) == ["a"]
    assert [words(await each) for each in rest] == [["b", "c"], ["d"]]
    assert bench.batches == [[b"a"], [b"b", b"c", b"d"]]
    await bench.checks.close()


async def test_a_batch_takes_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_checks, "BATCH_COUNT_MAX", 2)
    bench = Bench()
    bench.may_go.release(9)
    await asyncio.gather(*(bench.checks.check([b"%d" % n]) for n in range(5)))
    assert max(map(len, bench.batches)) <= 2
    await bench.checks.close()


async def test_a_fault_reaches_those_of_its_batch_only() -> None:
    bench = Bench()
    bench.may_go.release(2)
    with pytest.raises(RuntimeError, match="bug"):
        await bench.checks.check([b"fault"])
    assert words(await bench.checks.check([b"a"])) == ["a"]
    await bench.checks.close()


async def test_what_is_remembered_needs_no_thread() -> None:
    bench = Bench(known={b"a"})
    assert words(await bench.checks.check([b"a"])) == ["a"]  # else it would wait for permission
    await bench.checks.close()


async def test_closing_tells_those_who_wait() -> None:
    bench = Bench()
    first = asyncio.create_task(bench.checks.check([b"a"]))
    await asyncio.to_thread(bench.started.acquire)
    second = asyncio.create_task(bench.checks.check([b"b"]))
    await asyncio.sleep(0)
    closing = asyncio.create_task(bench.checks.close())
    with pytest.raises(ChecksClosed):
        await second
    bench.may_go.release()
    assert words(await first) == ["a"]
    await closing
    with pytest.raises(ChecksClosed):
        await bench.checks.check([b"c"])


def test_the_memory_decodes_each_transaction_once_and_is_bounded() -> None:
    asked: list[list[bytes]] = []

    class Decoded:
        """Stands for a transaction: the memory looks at nothing in it."""

    def decode(batch):
        asked.append(list(batch))
        bad = InvalidTransaction(Reason.MALFORMED, "no transaction")
        return [bad if raw == b"bad" else Decoded() for raw in batch]

    memory = TransactionMemory(decode, count_max=3)
    one, two, again = memory.decode([b"1", b"2", b"1"])
    assert one is again
    assert asked == [[b"1", b"2"]]
    assert memory.decode([b"2", b"bad", b"3"])[0] is two
    assert asked[1:] == [[b"bad", b"3"]]
    assert memory.holds([b"1", b"2", b"3"])
    assert not memory.holds([b"bad"])  # nobody else's memory is spent on it
    memory.decode([b"4"])
    assert not memory.holds([b"1"])
    assert memory.holds([b"2", b"3", b"4"])
