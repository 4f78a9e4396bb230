"""Evidence of a receipt from a chain's store, for another group (`ledger/evidence.py`).

Reads only; whoever takes the evidence verifies it.
"""

from __future__ import annotations

from ledger.certificate import Certificate
from ledger.chain import Chain
from ledger.evidence import CertifiedBlock, Evidence, InvalidEvidence, evidence_of
from ledger.values import Hash32


def evidence_for(chain: Chain, transaction_hash: Hash32, from_epoch: int) -> Evidence | None:
    """Evidence to who knows the validators of `from_epoch`; None for an unknown transaction.

    Raises InvalidEvidence where none can be made.
    """
    proof = chain.receipt_proof(transaction_hash)
    if proof is None:
        return None
    epoch = chain.record(proof.number).epoch
    if from_epoch > epoch:
        raise InvalidEvidence(
            f"the transaction stands in epoch {epoch}: start from that one or an earlier one"
        )
    boundaries = chain.epoch_boundaries(from_epoch + 1, epoch)
    for boundary in boundaries:
        if boundary.recovery is not None:
            raise InvalidEvidence(
                f"the organisations opened epoch {boundary.next_epoch} by a recovery certificate, "
                "which another group cannot check: let it set its anchor anew at that epoch or "
                "later, and start from there"
            )
    # An epoch that changes no validators is of one set with the one before.
    numbers = [
        boundary.header.number
        for boundary in boundaries
        if boundary.record.next_certifiers_hash != boundary.record.certifiers_hash
    ]
    descent = [certified_block_of(chain, number) for number in numbers]
    block = certified_block_of(chain, proof.number)
    return evidence_of(chain.group, descent, block, proof.index, proof.nodes)


def certified_block_of(chain: Chain, number: int) -> CertifiedBlock:
    """A stored block above 0 with the set that signed it."""
    certificate = chain.certificate(number)
    assert isinstance(certificate, Certificate), "every block above 0 is certified"
    _, validators = chain.validators_for(number)
    return CertifiedBlock(chain.header(number), chain.record(number), certificate, validators)
