"""Early checks: a transaction before it may wait in the pool, a batch before it is voted on.

Both come from `ledger.validity`; execution checks again on the state of its turn. What stands
here decides what this node spends room and votes on, never what a block means.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.gate import Gate
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.reasons import Reason
from ledger.state import StateReader
from ledger.transactions import InvalidTransaction, Transaction
from ledger.validity import check_form, check_state
from ledger.values import Address, Hash32
from node.stages import Stages

NONCE_AHEAD_MAX = 1_024
"""How far a nonce may lie above the account's: what lies further is refused as a gap."""

CheckedTransaction = tuple[Transaction, Address]


class InvalidBatch(ValueError):
    """A PRE-PREPARE's batch that no honest primary proposes; the message says why."""


class Admission:
    """The checks of one group. `latest_state` reads the stable state, `decode` remembers."""

    def __init__(
        self,
        parameters: Parameters,
        gate: Gate,
        latest_state: Callable[[], StateReader],
        decode: Callable[[bytes], Transaction],
        stages: Stages,
    ) -> None:
        self._stages = stages
        self._decode = decode
        self._parameters = parameters
        self._gate = gate
        self._latest_state = latest_state

    def examine(self, raw: bytes) -> CheckedTransaction:
        """The transaction and its sender if it may wait; raises `InvalidTransaction`."""
        with self._stages.measure("decode"):
            transaction = self._decode(raw)
        with self._stages.measure("recover"):
            sender = check_form(transaction, self._parameters)
        state = self._latest_state()
        account = state.account(sender)
        nonce = 0 if account is None else account.nonce
        try:
            check_state(
                transaction,
                sender,
                account,
                self._gate.permission(state, sender),
                self._parameters.gas_limit,
            )
        except InvalidTransaction as error:
            if error.code is not Reason.NONCE_GAP or transaction.nonce > nonce + NONCE_AHEAD_MAX:
                raise
        return transaction, sender

    def nonce_of(self, sender: Address) -> int:
        """An account's nonce in the stable state."""
        account = self._latest_state().account(sender)
        return 0 if account is None else account.nonce

    def check_batch(self, proposal: Proposal) -> tuple[CheckedTransaction, ...]:
        """The batch's transactions with their senders; raises `InvalidBatch`."""
        with self._stages.measure("recover"):
            return self._check_batch(proposal)

    def _check_batch(self, proposal: Proposal) -> tuple[CheckedTransaction, ...]:
        parameters = self._parameters
        batch = proposal.transactions
        if len(batch) > parameters.batch_transactions_max:
            raise InvalidBatch(
                f"expected at most {parameters.batch_transactions_max} transactions, "
                f"got {len(batch)}"
            )
        size_bytes = sum(map(len, batch))
        if size_bytes > parameters.batch_bytes_max:
            raise InvalidBatch(
                f"expected at most {parameters.batch_bytes_max} bytes, got {size_bytes}"
            )
        checked: list[CheckedTransaction] = []
        hashes: set[Hash32] = set()
        gas = 0
        for raw in batch:
            try:
                transaction = self._decode(raw)
                sender = check_form(transaction, parameters)
            except InvalidTransaction as error:
                raise InvalidBatch(f"transaction {len(checked)}: {error}") from error
            checked.append((transaction, sender))
            hashes.add(transaction.hash)
            gas += transaction.gas
        if len(hashes) != len(batch):
            raise InvalidBatch("a transaction stands twice in the batch")
        if gas > parameters.gas_limit:
            raise InvalidBatch(f"expected at most {parameters.gas_limit} gas in sum, got {gas}")
        return tuple(checked)
