"""Which waiting transactions stand in open proposals, kept up with what the replica says is open.

Only a translation from proposals to transaction hashes, remembered by digest.
"""

from __future__ import annotations

from ledger.engine import DecodeBatch
from ledger.proposal import Proposal
from ledger.transactions import InvalidTransaction
from ledger.values import Hash32, keccak
from node.pool import Pool


class OrderedTransactions:
    """Tells the pool what not to propose again, and gets back what was given up."""

    def __init__(self, pool: Pool, decode: DecodeBatch) -> None:
        self._pool = pool
        self._decode = decode
        self._hashes: dict[Hash32, tuple[Hash32, ...]] = {}

    def follow(self, proposals: tuple[Proposal, ...]) -> None:
        """The open proposals are now these."""
        digests = {proposal.digest for proposal in proposals}
        if digests == self._hashes.keys():
            return
        known = self._hashes
        self._hashes = {
            proposal.digest: known.get(proposal.digest) or self._hashes_of(proposal)
            for proposal in proposals
        }
        self._pool.set_ordered(key for hashes in self._hashes.values() for key in hashes)

    def _hashes_of(self, proposal: Proposal) -> tuple[Hash32, ...]:
        batch = proposal.transactions
        return tuple(
            keccak(raw) if isinstance(decoded, InvalidTransaction) else decoded.hash
            for raw, decoded in zip(batch, self._decode(batch), strict=True)
        )
