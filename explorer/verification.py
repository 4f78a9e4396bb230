"""`verify`: everything a node says of a range of blocks, checked from the genesis file alone.

Each block is fetched whole by every method that shows it. Validator sets come from genesis and the
epochs' boundaries, never from the node; several nodes are held against each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from client.light import InvalidAnswer, LightClient
from client.rpc import Client, NodeUnreachable, RpcFailure, UnexpectedAnswer
from ledger.codec import InvalidEncoding
from ledger.epoch_chain import CertifiedHeader
from ledger.genesis import Genesis
from ledger.proposal import decode_proposal
from ledger.values import InvalidValue, from_hex, keccak, to_hex

from .rebuild import (
    RebuiltTransaction,
    check_block,
    check_logs,
    check_receipts,
    octets,
    same_answer,
)
from .source import HEARTBEATS_LATE_MAX
from .values import Counts, Problem, RecoveryView, Verification, VoidBlockView

PROBLEMS_MAX = 1_000
FUTURE_MS_MAX = 60_000
"""A head this far ahead of our clock is as wrong as one that is too old."""
Progress = Callable[[int, int], None]
"""Called with the block that was checked and the last one."""


def verify(
    clients: Client | Sequence[Client],
    genesis: Genesis,
    *,
    start: int = 0,
    end: int | None = None,
    now_ms: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check blocks `start` to `end` (the head if None) of each node.

    Problems are collected, never raised; a node that cannot be asked is one.
    """
    nodes = [clients] if isinstance(clients, Client) else list(clients)
    assert nodes, "verify needs a node to ask"
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    runs = [_Run(client, LightClient(genesis, client), now_ms) for client in nodes]
    for run in runs:
        run.check(start, end, progress)
    first = max(runs, key=lambda run: -1 if run.head is None else run.head.header.number)
    recoveries = _recoveries(runs)
    problems = [problem for run in runs for problem in run.problems]
    problems += _compare(runs)
    head = first.head
    return Verification(
        group=genesis.name,
        genesis_hash=to_hex(first.light.group_id),
        start=start,
        end=first.end,
        head=-1 if head is None else head.header.number,
        head_time_ms=0 if head is None else head.record.timestamp_ms,
        checked=_sum([run.counts() for run in runs]),
        problems=tuple(problems[:PROBLEMS_MAX]),
        ok=not problems,
        recoveries=recoveries,
    )


@dataclass
class _Run:
    """The verification of one node."""

    client: Client
    light: LightClient
    now_ms: int
    head: CertifiedHeader | None = None
    end: int = -1
    problems: list[Problem] = field(default_factory=list)
    hashes: dict[int, bytes] = field(default_factory=dict)
    _previous: CertifiedHeader | None = None
    _transactions: int = 0
    _receipts: int = 0
    _logs: int = 0
    _signatures: int = 0

    def check(self, start: int, end: int | None, progress: Progress | None) -> None:
        """Head first, then block after block."""
        try:
            self._check_head()
        except (InvalidAnswer, RpcFailure, NodeUnreachable) as problem:
            self._report(None, problem)
            if self.head is None:
                return
        assert self.head is not None
        last = self.head.header.number if end is None else end
        if last > self.head.header.number:
            self._note(None, "missing", f"block {last} is asked for, the head is {self.end}")
            last = self.head.header.number
        for number in range(start, last + 1):
            try:
                self._check_block(number)
            except (InvalidAnswer, RpcFailure, NodeUnreachable) as problem:
                self._report(number, problem)
            self.end = number
            if progress is not None:
                progress(number, last)
            if len(self.problems) >= PROBLEMS_MAX:
                self._note(number, "stopped", f"{PROBLEMS_MAX} problems are enough")
                return

    def void_blocks(self) -> Iterator[tuple[int, VoidBlockView]]:
        """What the node kept of blocks that recoveries made void, with the counter of each."""
        if not self.light.recoveries:
            return
        try:
            answers = self.client.recoveries()
        except (RpcFailure, NodeUnreachable) as problem:
            self._report(None, problem)
            return
        for answer in answers:
            for block in _array(answer.get("void"), "recoveries"):
                try:
                    certified = self.light.verify_void(block)
                except InvalidAnswer as problem:
                    self._report(None, problem)
                    continue
                yield (
                    int(answer["counter"]),
                    VoidBlockView(
                        number=certified.header.number,
                        hash=to_hex(certified.header.hash),
                        epoch=certified.epoch.number,
                        signers=len(certified.signers),
                    ),
                )

    def counts(self) -> Counts:
        """What was looked at."""
        return Counts(
            blocks=len(self.hashes),
            transactions=self._transactions,
            receipts=self._receipts,
            logs=self._logs,
            signatures=self._signatures,
            epochs=1 + (0 if self._previous is None else self._previous.epoch.number),
        )

    def _check_head(self) -> None:
        claimed = self.client.block_number()
        self.head = head = self.light.head()
        self.end = head.header.number
        if head.header.number < claimed:
            self._note(
                None,
                "head",
                f"the node says that block {claimed} is stable and proves {head.header.number}",
            )
        elif head.header.number > claimed + 1:  # one block may arrive between two questions
            self._note(
                None, "head", f"the node proves block {head.header.number} and shows {claimed}"
            )
        age_ms = self.now_ms - head.record.timestamp_ms
        heartbeat_ms = head.epoch.parameters.heartbeat_ms
        if age_ms > HEARTBEATS_LATE_MAX * heartbeat_ms:
            self._note(
                head.header.number,
                "stale",
                f"the head is {age_ms / 1000:.0f} s old, over {HEARTBEATS_LATE_MAX} heartbeats of "
                f"{heartbeat_ms / 1000:g} s: the group stands still, or the node hides what is new",
            )
        elif age_ms < -FUTURE_MS_MAX:
            self._note(
                head.header.number,
                "stale",
                f"the head is {-age_ms / 1000:.0f} s ahead of this machine's clock",
            )

    def _check_block(self, number: int) -> None:
        certified = self.light.header(number)
        self._signatures += len(certified.signers)
        self.hashes[number] = certified.header.hash
        self._check_link(certified)
        self._previous = certified
        block_hash = to_hex(certified.header.hash)
        by_number, by_hash, receipts, logs, proposal = self._ask(
            ("eth_getBlockByNumber", [hex(number), True]),
            ("eth_getBlockByHash", [block_hash, True]),
            ("eth_getBlockReceipts", [hex(number)]),
            ("eth_getLogs", [{"blockHash": block_hash}]),
            ("quorate_getProposal", [hex(number)]),
        )
        block = _object(by_number, "eth_getBlockByNumber")
        transactions, faults = check_block(certified.header, block, self.light.suite)
        faults += same_answer("header", block, by_hash)
        receipts = _array(receipts, "eth_getBlockReceipts")
        checked, more = check_receipts(certified.header, transactions, receipts)
        faults += more + check_logs(receipts, _array(logs, "eth_getLogs"))
        faults += self._check_proposal(certified, transactions, _object(proposal, "proposal"))
        faults += self._check_singly(block["transactions"], receipts, transactions)
        self._transactions += len(transactions)
        self._receipts += len(checked)
        self._logs += sum(len(receipt.logs) for receipt in checked)
        for what, message in faults:
            self._note(number, what, message)

    def _check_link(self, certified: CertifiedHeader) -> None:
        before = self._previous
        if before is None or before.header.number != certified.header.number - 1:
            return
        number = certified.header.number
        if certified.header.parent_hash != before.header.hash:
            self._note(number, "header", "its parent is not the block before it")
        if certified.record.timestamp_ms < before.record.timestamp_ms:
            self._note(number, "record", "it is older than its parent")
        recovery = certified.epoch.recovery
        is_recovered = recovery is not None and recovery.number == number - 1
        if before.record.next_certifiers_hash != certified.record.certifiers_hash and (
            not is_recovered
        ):
            self._note(number, "validators", "certified by others than its parent names")

    def _check_proposal(
        self,
        certified: CertifiedHeader,
        transactions: Sequence[RebuiltTransaction],
        answer: Mapping[str, Any],
    ) -> list[tuple[str, str]]:
        """The whole batch: it has the agreed digest, and what is not in the block was dropped."""
        if certified.header.number == 0:  # its record binds the genesis document instead
            return []
        try:
            proposal = decode_proposal(self.light.suite, octets(answer, "proposal"))
        except InvalidEncoding as problem:
            raise InvalidAnswer("proposal", str(problem)) from problem
        if proposal.digest != certified.record.proposal_digest:
            return [("proposal", "the batch shown is not the one that was agreed on")]
        batch = [keccak(raw) for raw in proposal.transactions]
        dropped = {_hash(entry) for entry in _array(answer.get("dropped"), "dropped")}
        included = [entry.transaction.hash for entry in transactions]
        kept = [found for found in batch if found not in dropped]
        if kept != included or len(batch) != len(included) + len(dropped):
            return [("proposal", "what is in the block and what was dropped is not the batch")]
        return []

    def _check_singly(
        self,
        listed: Sequence[Any],
        receipts: Sequence[Any],
        transactions: Sequence[RebuiltTransaction],
    ) -> list[tuple[str, str]]:
        """Each transaction and receipt by its hash: the same as in the block."""
        hashes = [to_hex(entry.transaction.hash) for entry in transactions]
        questions: list[tuple[str, list[Any]]] = []
        for transaction_hash in hashes:
            questions.append(("eth_getTransactionByHash", [transaction_hash]))
            questions.append(("eth_getTransactionReceipt", [transaction_hash]))
        answers = self._ask(*questions)
        faults: list[tuple[str, str]] = []
        for index in range(len(hashes)):
            faults += same_answer("transactions", listed[index], answers[2 * index])
            if index < len(receipts):
                faults += same_answer("receipts", receipts[index], answers[2 * index + 1])
        return faults

    def _ask(self, *questions: tuple[str, list[Any]]) -> list[Any]:
        answers = self.client.batch(questions)
        for answer in answers:
            if isinstance(answer, RpcFailure):
                raise answer
        return answers

    def _report(self, number: int | None, problem: Exception) -> None:
        if isinstance(problem, InvalidAnswer):
            self._note(number, problem.what, str(problem))
        else:
            what = "unreachable" if isinstance(problem, NodeUnreachable) else "refused"
            if isinstance(problem, UnexpectedAnswer):
                what = "form"
            self._note(number, what, str(problem))

    def _note(self, number: int | None, what: str, message: str) -> None:
        self.problems.append(Problem(rpc=self.client.url, block=number, what=what, message=message))


def _recoveries(runs: Sequence[_Run]) -> tuple[RecoveryView, ...]:
    """The certificates that are links of the chain, with what any node kept of the old branch."""
    links = {entry.statement: entry for run in runs for entry in run.light.recoveries}
    void: dict[int, dict[str, VoidBlockView]] = {}
    for run in runs:
        for counter, block in run.void_blocks():
            void.setdefault(counter, {})[block.hash] = block
    return tuple(
        RecoveryView(
            number=entry.number,
            hash=to_hex(entry.block_hash),
            epoch=entry.epoch,
            counter=entry.counter,
            organisations=entry.organisations,
            nodes=tuple(member.node for member in entry.members),
            void=tuple(
                sorted(void.get(entry.counter, {}).values(), key=lambda block: block.number)
            ),
        )
        for entry in sorted(links.values(), key=lambda entry: entry.counter)
    )


def _branch(run: _Run, first: _Run, number: int) -> tuple[str, str]:
    """What two certified hashes of one block are called: branches around a recovery, or a fork."""
    for recovery in (*run.light.recoveries, *first.light.recoveries):
        if recovery.number < number:
            return "branch", (
                f"; recovery certificate {recovery.counter} of "
                f"{', '.join(recovery.organisations)} begins after block {recovery.number}: for "
                "whoever follows it the old set's blocks above that are void"
            )
    return "fork", ""


def _compare(runs: Sequence[_Run]) -> list[Problem]:
    """Blocks that two nodes prove differently: two quorums signed, or keys were lost."""
    problems = []
    for run in runs[1:]:
        for number in sorted(run.hashes.keys() & runs[0].hashes.keys()):
            if run.hashes[number] != runs[0].hashes[number]:
                what, more = _branch(run, runs[0], number)
                problems.append(
                    Problem(
                        rpc=run.client.url,
                        block=number,
                        what=what,
                        message=f"certified here as 0x{run.hashes[number].hex()}, at "
                        f"{runs[0].client.url} as 0x{runs[0].hashes[number].hex()}{more}",
                    )
                )
                break
    return problems


def _sum(counts: Sequence[Counts]) -> Counts:
    """All nodes' counts; epochs are the group's and counted once."""
    sums = {name: sum(getattr(c, name) for c in counts) for name in Counts.__struct_fields__}
    return Counts(**sums | {"epochs": max(count.epochs for count in counts)})


def _hash(entry: Any) -> bytes:
    found = entry.get("hash") if isinstance(entry, Mapping) else None
    try:
        return from_hex(found, size=32)  # type: ignore[arg-type]
    except InvalidValue as problem:
        raise InvalidAnswer("form", f"dropped: {problem}") from problem


def _object(answer: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise InvalidAnswer("missing", f"{what}: the node does not show it")
    return answer


def _array(answer: Any, what: str) -> list[Any]:
    if not isinstance(answer, list):
        raise InvalidAnswer("missing", f"{what}: the node does not show it")
    return answer
