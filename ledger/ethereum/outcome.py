"""What came of a case, and whether that is what the suite says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.codec import encode
from ledger.ethereum.case import Case
from ledger.receipts import Log
from ledger.values import Hash32, keccak, to_hex

ANCESTORS = 256


@dataclass(frozen=True)
class Outcome:
    """The state root and the logs afterwards, or in words why the transaction was refused."""

    root: Hash32
    logs: Sequence[Log] = ()
    refusal: str | None = None


class Runner(Protocol):
    """An engine under Ethereum's own rules."""

    @property
    def name(self) -> str:
        """The engine's name."""

    def run(self, case: Case) -> Outcome:
        """Run the case's transaction on its state."""


def fault(case: Case, outcome: Outcome) -> str | None:
    """What is wrong with an outcome, in a sentence; None if it is the suite's."""
    if case.refusal is None and outcome.refusal is not None:
        return f"expected the transaction to run, it was refused: {outcome.refusal}"
    if case.refusal is not None and outcome.refusal is None:
        return f"expected a refusal ({case.refusal}), the transaction ran"
    if outcome.root != case.root:
        return f"expected state root {to_hex(case.root)}, got {to_hex(outcome.root)}"
    logs_hash = hash_logs(outcome.logs)
    if logs_hash != case.logs_hash:
        return f"expected hash of logs {to_hex(case.logs_hash)}, got {to_hex(logs_hash)}"
    return None


def hash_logs(logs: Sequence[Log]) -> Hash32:
    """Keccak-256 of the RLP of a transaction's logs."""
    return keccak(encode([[log.address, list(log.topics), log.data] for log in logs]))


def ancestor_hash(number: int) -> Hash32:
    """The block hash that the suites give to a block before the test's."""
    return keccak(str(number).encode())
