"""State tests on the native engine: revm's own checks and payments, our machine, state and trie."""

from ledger.crate import why_missing
from ledger.ethereum.case import Case
from ledger.ethereum.outcome import Outcome, ancestor_hash
from ledger.ethereum.transaction import CHAIN_ID
from ledger.receipts import Log

if why_missing() is None:
    import quorate_native

FEE_BITS = 128
"""revm holds fees in so many bits; a transaction that offers more is refused."""


class NativeRunner:
    """Raises ImportError where the crate is missing or of another version."""

    name = "native"

    def __init__(self) -> None:
        missing = why_missing()
        if missing is not None:
            raise ImportError(missing)
        self._run = quorate_native.run_on_ethereum

    def run(self, case: Case) -> Outcome:
        transaction, block, state = case.transaction, case.block, case.before.state
        refusal = transaction.oversize()
        if refusal is None and max(transaction.max_fee, transaction.max_blob_fee) >> FEE_BITS:
            refusal = f"a fee does not fit {FEE_BITS} bits"
        if refusal is not None:
            return Outcome(state.root, refusal=refusal)
        environment = (
            block.number,
            block.timestamp,
            block.coinbase,
            block.gas_limit,
            CHAIN_ID,
            ancestor_hash,
            block.base_fee,
            block.prev_randao,
            block.excess_blob_gas,
        )
        fields = (
            case.sender,
            transaction.nonce,
            transaction.gas,
            transaction.to,
            transaction.value,
            transaction.data,
            transaction.access_list,
            transaction.max_fee,
            transaction.type,
            transaction.priority_fee,
            transaction.max_blob_fee,
            transaction.blob_hashes,
        )
        answer = self._run(environment, fields, state)
        if isinstance(answer, str):
            return Outcome(state.root, refusal=answer)
        logs, root = answer
        return Outcome(root, [Log(*log) for log in logs])
