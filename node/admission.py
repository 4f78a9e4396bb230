"""Early checks: a transaction before it may wait in the pool, a batch before it is voted on.

Both come from `ledger.validity`; execution checks again on the state of its turn. What stands
here decides what this node spends room and votes on, never what a block means.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from ledger.engine import DecodeBatch
from ledger.gate import Gate, Permission
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.state import Account, StateReader
from ledger.transactions import InvalidTransaction, Transaction
from ledger.validity import check_form, check_limits, check_permission, check_state
from ledger.values import Address
from node.pool import BlockOutcome
from node.stages import Stages

NONCE_AHEAD_MAX = 1_024
"""How far a nonce may lie above the account's: what lies further is refused as a gap."""

SENDERS_COUNT_MAX = 65_536
"""Accounts of which nonce, balance and permission are remembered."""

CheckedTransaction = tuple[Transaction, Address]


class InvalidBatch(ValueError):
    """A PRE-PREPARE's batch that no honest primary proposes; the message says why."""


class Admission:
    """The checks of one group. `parameters` are those of the block after the stable one,
    `latest_state` reads the state after it, `decode` remembers.

    What a check read of an account is remembered; `follow` has to be told of each stable block.
    """

    def __init__(
        self,
        parameters: Callable[[], Parameters],
        gate: Gate,
        latest_state: Callable[[], StateReader],
        decode: DecodeBatch,
        stages: Stages,
    ) -> None:
        self._stages = stages
        self._decode = decode
        self._parameters = parameters
        self._gate = gate
        self._latest_state = latest_state
        self._senders: OrderedDict[Address, tuple[Account, Permission]] = OrderedDict()

    def check_forms(self, raws: Sequence[bytes]) -> list[CheckedTransaction | InvalidTransaction]:
        """Each transaction with its sender, or why it is none. Any thread may call it."""
        return self._check_forms(raws, self._parameters())

    def _check_forms(
        self, raws: Sequence[bytes], parameters: Parameters
    ) -> list[CheckedTransaction | InvalidTransaction]:
        with self._stages.measure("decode"):
            found = self._decode(raws)
        with self._stages.measure("recover"):
            return [self._check_form(decoded, parameters) for decoded in found]

    def _check_form(
        self, decoded: Transaction | InvalidTransaction, parameters: Parameters
    ) -> CheckedTransaction | InvalidTransaction:
        if isinstance(decoded, InvalidTransaction):
            return decoded
        try:
            return decoded, check_form(decoded, parameters)
        except InvalidTransaction as error:
            return error

    def admit(self, transaction: Transaction, sender: Address) -> None:
        """Raises `InvalidTransaction` for what may not wait on the stable state."""
        parameters = self._parameters()
        check_limits(transaction, parameters)  # they may have changed since the form was checked
        account, permission = self._sender(sender)
        if account.nonce < transaction.nonce <= account.nonce + NONCE_AHEAD_MAX:
            # Its predecessors may change all but whether the sender may send.
            check_permission(transaction, sender, permission)
        else:
            check_state(transaction, sender, account, permission, parameters.gas_limit)

    def check_waiting(self, transaction: Transaction, sender: Address) -> None:
        """Raises `InvalidTransaction` for what may not wait any more, its sender's permission or
        the group's limits having changed."""
        check_limits(transaction, self._parameters())
        check_permission(transaction, sender, self._sender(sender)[1])

    def examine(self, raw: bytes) -> CheckedTransaction:
        """The transaction and its sender if it may wait; raises `InvalidTransaction`."""
        [form] = self.check_forms([raw])
        if isinstance(form, InvalidTransaction):
            raise form
        self.admit(*form)
        return form

    def nonce_of(self, sender: Address) -> int:
        """An account's nonce in the stable state."""
        return self._sender(sender)[0].nonce

    def follow(self, outcome: BlockOutcome) -> None:
        """A block is stable: what it changed is known from now on."""
        if outcome.is_gate_changed:
            self._senders.clear()
            return
        for address, account in outcome.accounts.items():
            known = self._senders.get(address)
            # The state may be ahead of the blocks that were told; nonces never go back.
            if known is not None and (account or Account()).nonce >= known[0].nonce:
                self._senders[address] = account or Account(), known[1]

    def _sender(self, sender: Address) -> tuple[Account, Permission]:
        known = self._senders.get(sender)
        if known is None:
            state = self._latest_state()
            known = state.account(sender) or Account(), self._gate.permission(state, sender)
            self._senders[sender] = known
            if len(self._senders) > SENDERS_COUNT_MAX:
                self._senders.popitem(last=False)
        return known

    def check_batch(
        self, proposal: Proposal, parameters: Parameters
    ) -> tuple[CheckedTransaction, ...]:
        """The batch's transactions with their senders; raises `InvalidBatch`.

        parameters: those of the proposal's epoch.
        """
        with self._stages.measure("recover"):
            return self._check_batch(proposal, parameters)

    def _check_batch(
        self, proposal: Proposal, parameters: Parameters
    ) -> tuple[CheckedTransaction, ...]:
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
        for form in self._check_forms(batch, parameters):
            if isinstance(form, InvalidTransaction):
                raise InvalidBatch(f"transaction {len(checked)}: {form}") from form
            checked.append(form)
        if len({transaction.hash for transaction, _ in checked}) != len(batch):
            raise InvalidBatch("a transaction stands twice in the batch")
        gas = sum(transaction.gas for transaction, _ in checked)
        if gas > parameters.gas_limit:
            raise InvalidBatch(f"expected at most {parameters.gas_limit} gas in sum, got {gas}")
        return tuple(checked)
