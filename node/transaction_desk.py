"""Where one group's transactions come in, wait, spread and leave: pool, journal, gossip, clocks.

It tells the replica what could execute next and never what to do about it. All calls are on the
event loop; events go to the driver's inbox through `put`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog

from consensus.events import Event, RequestGone, RequestWaiting
from ledger.chain import Chain
from ledger.codec import InvalidEncoding
from ledger.gate import SystemGate
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.reasons import Reason
from ledger.transactions import InvalidTransaction
from ledger.values import Address, Hash32, keccak
from node.admission import Admission, CheckedTransaction
from node.form_checks import ChecksClosed, Form, FormChecks
from node.gossip import decode_gossip, encode_gossip
from node.group_network import Channel, GroupNetwork
from node.journal import Journal, JournalClosed, Refusal
from node.metrics import Metrics
from node.ordered import OrderedTransactions
from node.pool import RETURNING, BlockOutcome, Pool, PoolLimits
from node.rare_lines import RareLines
from node.rpc.view import NewPending, Unavailable
from node.subscriptions import Subscriptions
from node.transaction_memory import TransactionMemory

GOSSIP_DELAY_MS = 5
FORWARDED_COUNT_MAX = 256
"""Of one sender at a time; the clock of the next one forwards the rest."""

Answer = Hash32 | InvalidTransaction | Unavailable
"""What became of one submitted transaction: its hash once it is kept, or why it is not."""


class TransactionDesk:
    """One group's transactions on this node."""

    def __init__(
        self,
        *,
        name: str,
        chain: Chain,
        memory: TransactionMemory,
        network: GroupNetwork,
        journal: Journal,
        limits: PoolLimits,
        metrics: Metrics,
        subscriptions: Subscriptions,
        put: Callable[[Iterable[Event]], None],
    ) -> None:
        self._name = name
        self._chain = chain
        self._memory = memory
        self._network = network
        self._journal = journal
        self._metrics = metrics
        self._measure = metrics.stages.measure
        self._subscriptions = subscriptions
        self._put = put
        self._admission = Admission(
            lambda: chain.parameters,
            SystemGate(),
            chain.latest_state,
            memory.decode,
            metrics.stages,
        )
        self._parameters = chain.parameters
        self._forms = FormChecks(self._admission.check_forms, memory.holds, name)
        self.pool = Pool(limits, self._admission.nonce_of)
        self._ordered = OrderedTransactions(self.pool, memory.decode)
        self._waiting: dict[Address, Hash32] = {}
        """Transactions whose request clocks run, one a sender at most."""
        self._returned: dict[Hash32, bytes] = {}
        """What void blocks held: kept with them in the store, so not in the journal."""
        self._gossip: list[bytes] = []
        self._gossip_timer: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger("transactions").bind(group=name)
        self._rare = RareLines(self._log, "peer")

    # -- in ---------------------------------------------------------------------------------------

    async def submit(self, raws: Sequence[bytes]) -> list[Answer]:
        """Check, pool and journal transactions; returns once those taken are synced.

        The answers are in the order of `raws`; one of two equal transactions is as good as both.
        """
        try:
            forms = await self._forms.check(raws)
        except ChecksClosed as error:
            return [Unavailable(str(error))] * len(raws)
        kept: dict[Hash32, bytes] = {}
        fresh: list[bytes] = []
        with self._measure("pool"):
            answers = [
                self._answer(raw, form, kept, fresh) for raw, form in zip(raws, forms, strict=True)
            ]
            self._announce()
        if not kept:
            return answers
        try:
            await self._journal.add(kept.items())
        except (JournalClosed, OSError) as error:
            lost = Unavailable(f"the transaction is not kept here: {error}")
            return [one if isinstance(one, InvalidTransaction) else lost for one in answers]
        self._spread(fresh)
        return answers

    def _answer(
        self, raw: bytes, form: Form, kept: dict[Hash32, bytes], fresh: list[bytes]
    ) -> Answer:
        """Take one of a batch; what is to be journaled and what is new here are added to."""
        try:
            is_new = self._take(form)
        except InvalidTransaction as error:
            self._count_refused(str(error.code))
            return error
        assert not isinstance(form, InvalidTransaction)
        transaction_hash = form[0].hash
        kept[transaction_hash] = raw
        if is_new:
            fresh.append(raw)
        return transaction_hash

    def restore(self) -> None:
        """After a start: acknowledged transactions come back, or their fate is settled."""
        waiting = []
        for key, raw in list(self._journal.transactions.items()):
            transaction_hash = Hash32(key)
            found = self._chain.transaction_status(transaction_hash)
            if found is not None and found.reason not in RETURNING:
                self._journal.settle([transaction_hash])  # executed, or dropped for good
            else:
                waiting.append((transaction_hash, raw))
        waiting += self._return_void({transaction_hash for transaction_hash, _ in waiting})
        forms = self._admission.check_forms([raw for _, raw in waiting])
        for (transaction_hash, _), form in zip(waiting, forms, strict=True):
            try:
                self._take(form, is_kept=True)
            except InvalidTransaction as error:
                self._refuse(transaction_hash, Refusal(str(error.code), error.message))
        if len(self.pool):
            self._log.info("journal.restored", transactions=len(self.pool))

    def _return_void(self, known: set[Hash32]) -> list[tuple[Hash32, bytes]]:
        """The transactions of void blocks come back, unless the new branch has settled them."""
        for block in self._chain.void_blocks():
            for raw in block.proposal.transactions:
                transaction_hash = keccak(raw)
                found = self._chain.transaction_status(transaction_hash)
                is_settled = found is not None and found.reason not in RETURNING
                if not is_settled and transaction_hash not in known:
                    self._returned[transaction_hash] = raw
        return list(self._returned.items())

    def on_gossip(self, peer: str, payload: bytes) -> Awaitable[None] | None:
        """Take what a member's pool sends; what is not acceptable here is counted.

        The answer, if any, is done when the transactions are taken: until then the peer waits.
        """
        try:
            with self._measure("gossip"):
                raws = decode_gossip(payload)
        except InvalidEncoding as error:
            self._metrics.frames_dropped.labels("invalid gossip").inc()
            self._rare.warning("gossip.malformed", peer=peer, error=str(error))
            return None
        return asyncio.ensure_future(self._take_gossip(raws))

    async def _take_gossip(self, raws: Sequence[bytes]) -> None:
        try:
            forms = await self._forms.check(raws)
        except ChecksClosed:
            return
        with self._measure("pool"):
            for form in forms:
                self._take_gossiped(form)
            self._announce()

    def _take_gossiped(self, form: Form) -> None:
        try:
            self._take(form)
        except InvalidTransaction as error:
            if error.code is not Reason.NONCE_USED:  # what is executed comes late, as expected
                self._count_refused(str(error.code))

    async def prepare_batch(self, proposal: Proposal) -> None:
        """Have a proposal's transactions decoded, so that `check_batch` is quick."""
        if not self._memory.holds(proposal.transactions):
            with contextlib.suppress(ChecksClosed):
                await self._forms.check(proposal.transactions)

    def check_batch(self, proposal: Proposal, parameters: Parameters) -> None:
        """Check a PRE-PREPARE's batch under its epoch's parameters; raises `InvalidBatch`. Its
        transactions enter the pool, so that they are not lost if the proposal is given up."""
        for transaction, sender in self._admission.check_batch(proposal, parameters):
            if transaction.nonce < self._admission.nonce_of(sender):
                continue
            try:
                self._add((transaction, sender))
            except InvalidTransaction:
                continue  # no place here: whoever acknowledged it keeps it
        self._announce()

    def _take(self, form: Form, *, is_kept: bool = False) -> bool:
        """Into the pool; False if it waits there already. Raises `InvalidTransaction`.

        is_kept: it is in the journal already, acknowledged.
        """
        if isinstance(form, InvalidTransaction):
            raise form
        if form[0].hash in self.pool:
            return False
        self._admission.admit(*form)
        return self._add(form, is_kept=is_kept)

    def _add(self, checked: CheckedTransaction, *, is_kept: bool = False) -> bool:
        is_new = self.pool.add(*checked, is_kept=is_kept)
        if is_new:
            self._subscriptions.tell(NewPending(checked[0].hash))
        return is_new

    def _announce(self) -> None:
        """Tell the replica what could execute next now; wakes the proposer in any case."""
        self._put(tuple(self.request_changes()))

    # -- between ----------------------------------------------------------------------------------

    def follow(self, proposals: tuple[Proposal, ...]) -> None:
        """The open proposals are now these: what they hold is not proposed again."""
        self._ordered.follow(proposals)

    def request_changes(self) -> Iterable[Event]:
        """What could execute next now and could not before, and the other way round."""
        started = []
        for sender in self.pool.take_changed():
            entry = self.pool.executable(sender)
            known = self._waiting.get(sender)
            if known == (entry and entry.hash):
                continue
            if known is not None:
                del self._waiting[sender]
                yield RequestGone(known)
            if entry is not None:
                self._waiting[sender] = entry.hash
                started.append(entry)
        for entry in sorted(started, key=lambda entry: entry.arrival):
            yield RequestWaiting(entry.hash, self.pool.older_than(entry))

    def forward(self, transaction_hash: Hash32, peer: str) -> None:
        """Send a transaction to one member once more: half of its time is over.

        What follows it goes with it. Whoever had no room for the first one when it was gossiped
        took none of these.
        """
        run = self.pool.run_from(transaction_hash, FORWARDED_COUNT_MAX)
        if run:
            self._send([transaction.raw for transaction in run], {peer})

    def greet(self, peer: str) -> None:
        """A member came: give it what was acknowledged here and is not final."""
        self._send([*self._journal.transactions.values(), *self._returned.values()], {peer})

    def _spread(self, raws: Sequence[bytes]) -> None:
        self._gossip += raws
        if self._gossip and self._gossip_timer is None:
            self._gossip_timer = asyncio.get_running_loop().call_later(
                GOSSIP_DELAY_MS / 1000, self._send_gossip
            )

    def _send_gossip(self) -> None:
        raws, self._gossip, self._gossip_timer = self._gossip, [], None
        with self._measure("gossip"):
            self._send(raws, self._network.connected())

    def _send(self, raws: Iterable[bytes], peers: Iterable[str]) -> None:
        for payload in encode_gossip(raws):
            for peer in peers:
                self._network.send(peer, Channel.GOSSIP, payload)

    # -- out --------------------------------------------------------------------------------------

    def apply_block(self, outcome: BlockOutcome) -> None:
        """A block is stored: what it holds is settled, what it dropped for good has a reason."""
        self._admission.follow(outcome)
        self._journal.settle(outcome.included)
        for transaction_hash in outcome.included if self._returned else ():
            self._returned.pop(transaction_hash, None)
        self._metrics.transactions_included.labels(self._name).inc(len(outcome.included))
        for transaction_hash, refusal in self.pool.apply_block(outcome):
            found = self._chain.transaction_status(transaction_hash)
            if found is not None and found.status == "executed":
                self._journal.settle([transaction_hash])  # by a later block that is stored already
            else:
                self._refuse(transaction_hash, refusal)
        parameters, before = self._chain.parameters, self._parameters
        self._parameters = parameters
        if outcome.is_gate_changed or parameters != before:
            self._drop_hopeless()

    def _drop_hopeless(self) -> None:
        """Who lost a permission has nothing waiting, nor does what the limits leave no room for: a
        primary would not take it, and the clock of what cannot be executed must not run."""
        for sender, transaction in list(self.pool.transactions()):
            try:
                self._admission.check_waiting(transaction, sender)
            except InvalidTransaction as error:
                self.pool.drop(transaction.hash)
                self._refuse(transaction.hash, Refusal(str(error.code), error.message))

    def status(self, transaction_hash: Hash32) -> Mapping[str, Any] | None:
        """`{status, block, reason}`, None for a transaction that this node does not know."""
        found = self._chain.transaction_status(transaction_hash)
        if found is not None and found.status == "executed":
            return _status("executed", block=found.number)
        if transaction_hash in self.pool:
            is_ordered = self.pool.is_ordered(transaction_hash)
            return _status("ordered" if is_ordered else "pending")
        if found is not None:
            return _status("dropped", block=found.number, reason=str(found.reason))
        refusal = self.pool.refusal(transaction_hash)
        refusal = refusal or self._journal.refusals.get(transaction_hash)
        return None if refusal is None else _status("dropped", reason=refusal.reason)

    async def close(self) -> None:
        """Take in and spread nothing any more."""
        if self._gossip_timer is not None:
            self._gossip_timer.cancel()
        await self._forms.close()

    def _refuse(self, transaction_hash: Hash32, refusal: Refusal) -> None:
        self.pool.remember_refusal(transaction_hash, refusal)
        self._journal.refuse(transaction_hash, refusal.reason, refusal.message)
        self._count_refused(refusal.reason)

    def _count_refused(self, reason: str) -> None:
        self._metrics.transactions_refused.labels(self._name, reason).inc()


def _status(status: str, *, block: int | None = None, reason: str | None = None) -> dict[str, Any]:
    return {"status": status, "block": block, "reason": reason}
