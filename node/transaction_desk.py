"""Where one group's transactions come in, wait, spread and leave: pool, journal, gossip, clocks.

It tells the replica what could execute next and never what to do about it. All calls are on the
event loop; events go to the driver's inbox through `put`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from consensus.events import Event, RequestGone, RequestWaiting
from ledger.chain import Chain
from ledger.codec import InvalidEncoding
from ledger.gate import SystemGate
from ledger.proposal import Proposal
from ledger.reasons import Reason
from ledger.transactions import InvalidTransaction, Transaction
from ledger.values import Hash32
from node.admission import Admission, CheckedTransaction
from node.gossip import decode_gossip, encode_gossip
from node.group_network import Channel, GroupNetwork
from node.journal import Journal, JournalClosed, Refusal
from node.metrics import Metrics
from node.ordered import OrderedTransactions
from node.pool import RETURNING, BlockOutcome, Pool, PoolLimits
from node.rpc.view import NewPending, Unavailable
from node.subscriptions import Subscriptions

GOSSIP_DELAY_MS = 5


class TransactionDesk:
    """One group's transactions on this node."""

    def __init__(
        self,
        *,
        name: str,
        chain: Chain,
        decode: Callable[[bytes], Transaction],
        network: GroupNetwork,
        journal: Journal,
        limits: PoolLimits,
        metrics: Metrics,
        subscriptions: Subscriptions,
        put: Callable[[Iterable[Event]], None],
    ) -> None:
        self._name = name
        self._chain = chain
        self._network = network
        self._journal = journal
        self._metrics = metrics
        self._measure = metrics.stages.measure
        self._subscriptions = subscriptions
        self._put = put
        self._admission = Admission(
            chain.parameters, SystemGate(), chain.latest_state, decode, metrics.stages
        )
        self.pool = Pool(limits, self._admission.nonce_of)
        self._ordered = OrderedTransactions(self.pool, decode)
        self._waiting: set[Hash32] = set()
        """Transactions whose request clocks run."""
        self._gossip: list[bytes] = []
        self._gossip_timer: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger("transactions").bind(group=name)

    # -- in ---------------------------------------------------------------------------------------

    async def submit(self, raw: bytes) -> Hash32:
        """Check, pool and journal; returns once the transaction is synced.

        Raises `InvalidTransaction` (its reasons, and the pool's) and `Unavailable`.
        """
        try:
            with self._measure("pool"):
                checked = self._admission.examine(raw)
                is_new = self._add(checked)
        except InvalidTransaction as error:
            self._metrics.transactions_refused.labels(self._name, str(error.code)).inc()
            raise
        transaction_hash = checked[0].hash
        try:
            await self._journal.add(transaction_hash, raw)
        except (JournalClosed, OSError) as error:
            raise Unavailable(f"the transaction is not kept here: {error}") from error
        if is_new:
            self._spread(raw)
        return transaction_hash

    def restore(self) -> None:
        """After a start: acknowledged transactions come back, or their fate is settled."""
        for key, raw in list(self._journal.transactions.items()):
            transaction_hash = Hash32(key)
            found = self._chain.transaction_status(transaction_hash)
            if found is not None and found.reason not in RETURNING:
                self._journal.settle(transaction_hash)  # executed, or dropped for good
                continue
            try:
                transaction, sender = self._admission.examine(raw)
                self.pool.add(transaction, sender, _now_s())
            except InvalidTransaction as error:
                self._refuse(transaction_hash, Refusal(str(error.code), error.message))
        if len(self.pool):
            self._log.info("journal.restored", transactions=len(self.pool))

    def on_gossip(self, peer: str, payload: bytes) -> None:
        """Take what a member's pool sends; what is not acceptable here is counted."""
        try:
            raws = decode_gossip(payload)
        except InvalidEncoding as error:
            self._log.warning("gossip.malformed", peer=peer, error=str(error))
            return
        with self._measure("pool"):
            for raw in raws:
                self._take(raw)

    def _take(self, raw: bytes) -> None:
        try:
            self._add(self._admission.examine(raw))
        except InvalidTransaction as error:
            if error.code is not Reason.NONCE_USED:  # what is executed comes late, as expected
                self._metrics.transactions_refused.labels(self._name, str(error.code)).inc()

    def check_batch(self, proposal: Proposal) -> None:
        """Check a PRE-PREPARE's batch; raises `InvalidBatch`. Its transactions enter the pool, so
        that they are not lost if the proposal is given up."""
        for transaction, sender in self._admission.check_batch(proposal):
            if transaction.nonce < self._admission.nonce_of(sender):
                continue
            try:
                self._add((transaction, sender))
            except InvalidTransaction:
                continue  # no place here: whoever acknowledged it keeps it

    def _add(self, checked: CheckedTransaction) -> bool:
        transaction, sender = checked
        if not self.pool.add(transaction, sender, _now_s()):
            return False
        self._subscriptions.tell(NewPending(transaction.hash))
        events: tuple[Event, ...] = ()
        if transaction.nonce == self.pool.state_nonce(sender):
            self._waiting.add(transaction.hash)
            events = (RequestWaiting(transaction.hash),)
        self._put(events)
        return True

    # -- between ----------------------------------------------------------------------------------

    def follow(self, proposals: tuple[Proposal, ...]) -> None:
        """The open proposals are now these: what they hold is not proposed again."""
        self._ordered.follow(proposals)

    def request_changes(self) -> Iterable[Event]:
        """What could execute next now and could not before, and the other way round."""
        executable = {entry.hash: entry for entry in self.pool.executable_next()}
        for gone in self._waiting - executable.keys():
            yield RequestGone(gone)
        for entry in sorted(executable.values(), key=lambda entry: entry.arrival):
            if entry.hash not in self._waiting:
                yield RequestWaiting(entry.hash)
        self._waiting = set(executable)

    def forward(self, transaction_hash: Hash32, peer: str) -> None:
        """Send a transaction to one member once more: half of its time is over."""
        transaction = self.pool.get(transaction_hash)
        if transaction is not None:
            self._send([transaction.raw], {peer})

    def greet(self, peer: str) -> None:
        """A member came: give it what was acknowledged here and is not final."""
        self._send(self._journal.transactions.values(), {peer})

    def _spread(self, raw: bytes) -> None:
        self._gossip.append(raw)
        if self._gossip_timer is None:
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
        for transaction_hash in outcome.included:
            self._journal.settle(transaction_hash)
        self._metrics.transactions_included.labels(self._name).inc(len(outcome.included))
        for transaction_hash, refusal in self.pool.apply_block(outcome):
            found = self._chain.transaction_status(transaction_hash)
            if found is not None and found.status == "executed":
                self._journal.settle(transaction_hash)  # by a later block that is stored already
            else:
                self._refuse(transaction_hash, refusal)

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

    def close(self) -> None:
        """Spread nothing any more."""
        if self._gossip_timer is not None:
            self._gossip_timer.cancel()

    def _refuse(self, transaction_hash: Hash32, refusal: Refusal) -> None:
        self.pool.remember_refusal(transaction_hash, refusal)
        self._journal.refuse(transaction_hash, refusal.reason, refusal.message)
        self._metrics.transactions_refused.labels(self._name, refusal.reason).inc()


def _status(status: str, *, block: int | None = None, reason: str | None = None) -> dict[str, Any]:
    return {"status": status, "block": block, "reason": reason}


def _now_s() -> float:
    return asyncio.get_running_loop().time()
