"""The parts of the network's load generator: transfers, sending, percentiles, reading metrics."""

import asyncio
import time
from collections import defaultdict

import pytest

from cli.bench import sending
from cli.bench.finality import finality_of, percentile
from cli.bench.job import Job
from cli.bench.profile import OTHER, parse_metrics, profile
from cli.bench.sending import Sender, SendingFailed
from cli.bench.streams import Answer
from cli.bench.workload import TOKEN, Workload, address_of, sender_keys, signed_transfers
from ledger.suite import STANDARD
from ledger.transactions import decode_transaction
from ledger.validity import recover_sender
from node.metrics import Metrics

CHAIN_ID = 77
WORKLOAD = Workload("a seed", senders=7, transactions=30)
TRANSFERS = list(signed_transfers(WORKLOAD, CHAIN_ID))


def job(rate: int | None = None) -> Job:
    urls = {"tax-1": "http://127.0.0.1:1", "market-1": "http://127.0.0.1:2"}
    return Job(WORKLOAD, CHAIN_ID, urls, ("http", "websocket"), rate, "")


def test_every_sender_signs_its_own_unbroken_run_of_nonces() -> None:
    addresses = [address_of(key) for key in sender_keys(WORKLOAD)]
    nonces = defaultdict(list)
    for transfer in TRANSFERS:
        transaction = decode_transaction(transfer.raw)
        assert transaction.hash == transfer.hash
        assert transaction.chain_id == CHAIN_ID
        assert transaction.to == TOKEN
        assert recover_sender(transaction, STANDARD) == addresses[transfer.sender]
        nonces[transfer.sender].append(transaction.nonce)
    assert all(found == list(range(len(found))) for found in nonces.values())
    assert sorted(map(len, nonces.values())) == [4, 4, 4, 4, 4, 5, 5]


def test_another_seed_has_other_accounts() -> None:
    other = Workload("another seed", 7, 30)
    assert not {address_of(key) for key in sender_keys(other)} & {
        address_of(key) for key in sender_keys(WORKLOAD)
    }


class Nodes:
    """Streams that remember what came, and refuse what a script says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refuse=lambda count: None) -> None:
        self.taken: list[tuple[str, float, tuple[int, ...]]] = []
        self._refuse = refuse
        self._count = 0
        monkeypatch.setattr(sending, "open_stream", self._open)

    def _open(self, transport: str, url: str) -> "Nodes._Stream":
        return self._Stream(self, f"{transport} {url}")

    def answer(self, place: str, requests: list[bytes]) -> list[Answer]:
        answers = []
        for number, _ in enumerate(requests):
            self._count += 1
            reason = self._refuse(self._count)
            error = None if reason is None else {"message": "no", "data": {"reason": reason}}
            answers.append(Answer(number, None, error))
        raws = [bytes.fromhex(request.split(b'"0x')[1][:-3].decode()) for request in requests]
        nonces = tuple(decode_transaction(raw).nonce for raw in raws)
        self.taken.append((place, time.monotonic(), nonces))
        return answers

    class _Stream:
        def __init__(self, nodes: "Nodes", place: str) -> None:
            self._nodes, self._place = nodes, place

        async def send(self, requests: list[bytes]) -> list[Answer]:
            await asyncio.sleep(0)
            return self._nodes.answer(self._place, requests)

        async def close(self) -> None:
            pass


class Final:
    """Heads under which everything sent is final at once."""

    final = 10**9


async def test_all_is_sent_by_all_streams_and_each_sender_by_one(monkeypatch) -> None:
    nodes = Nodes(monkeypatch)
    sender = Sender(job(), TRANSFERS, Final())
    await sender.run()
    assert sender.sent.keys() == {transfer.hash for transfer in TRANSFERS}
    assert sum(len(nonces) for _, _, nonces in nodes.taken) == len(TRANSFERS)
    assert len({place for place, _, _ in nodes.taken}) == 4
    # Seven senders on eight lanes: a lane's nonces are one sender's, in their order.
    assert all(nonces == tuple(range(len(nonces))) for _, _, nonces in nodes.taken)


async def test_what_finds_a_pool_full_is_sent_again(monkeypatch) -> None:
    monkeypatch.setattr(sending, "RETRY_S", 0.0)
    nodes = Nodes(monkeypatch, lambda count: "POOL_FULL" if count in (3, 4) else None)
    sender = Sender(job(), TRANSFERS, Final())
    await sender.run()
    assert sender.resent == 2
    assert sum(len(nonces) for _, _, nonces in nodes.taken) == len(TRANSFERS) + 2


async def test_any_other_refusal_ends_the_run(monkeypatch) -> None:
    Nodes(monkeypatch, lambda count: "NO_PERMISSION" if count == 5 else None)
    with pytest.raises(SendingFailed, match="refused a transaction: no"):
        await Sender(job(), TRANSFERS, Final()).run()


async def test_a_rate_is_kept_and_time_counts_from_when_a_batch_was_due(monkeypatch) -> None:
    nodes = Nodes(monkeypatch)
    sender = Sender(job(rate=100), TRANSFERS, Final())
    await sender.run()
    assert 0.1 < sender.sending_s < 1.0  # 30 at 100 a second, and the first batches at once
    first = min(at_s for _, at_s, _ in nodes.taken)
    due = sorted(at_s for at_s, _ in sender.sent.values())
    assert due[0] <= first + 0.05
    assert len(set(due)) > 5


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)]
    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0
    assert percentile([1.0, 9.0], 0.95) == 9.0


def test_finality_is_seen_on_the_node_that_took_the_transaction() -> None:
    early, late = TRANSFERS[:2]
    sent = {early.hash: (10.0, "tax-1"), late.hash: (10.5, "market-1")}
    hashes = {4: ["0x" + early.hash.hex()], 5: ["0x" + late.hash.hex()]}
    seen_s = {"tax-1": {4: 10.2, 5: 99.0}, "market-1": {4: 99.0, 5: 11.0}}
    found = finality_of([early, late], sent, hashes, seen_s)
    assert (found.p50_ms, found.max_ms) == pytest.approx((200.0, 500.0))


def test_a_profile_is_what_the_node_published_and_the_rest() -> None:
    metrics = Metrics()
    before = parse_metrics(metrics.exposition().decode())
    metrics.stages.add("execute", 0.5)
    end = time.process_time() + 0.6
    while time.process_time() < end:
        pass
    after = parse_metrics(metrics.exposition().decode())
    stages, threads = profile(before, after, transactions=1_000)
    assert stages["execute"] == pytest.approx(500.0)
    assert stages["rpc"] == 0.0
    assert 50.0 < stages[OTHER] < 400.0  # of the 0.6 s burnt, 0.5 s are the stage's
    assert threads["loop"] > 300.0
