"""Evidence of a receipt for a contract in another group, as one piece of RLP.

For verifiers: everything in the answer proves itself from an anchor of this group.
"""

from __future__ import annotations

from typing import Any

from ledger.evidence import InvalidEvidence, encode_evidence
from ledger.values import Hash32
from node.evidence import evidence_for

from .context import Context
from .errors import invalid_parameters
from .principal import Principal
from .quorate_methods import EPOCH, OBJECT_OR_NULL
from .registry import Parameter as P
from .registry import Registry, optional
from .values import HASH, data

methods = Registry()


@methods.method(
    "quorate_getEvidence",
    P("transactionHash", HASH),
    optional("from", EPOCH, 0),
    summary="Evidence of a transaction's receipt for another group that knows the validators of "
    "epoch `from`: the receipt's proof, its certified block, and what leads to its validators",
    result=OBJECT_OR_NULL,
)
async def get_evidence(
    principal: Principal, context: Context, transaction_hash: bytes, start: int
) -> dict[str, Any] | None:
    chain = context.group.chain

    def read() -> dict[str, Any] | None:
        try:
            evidence = evidence_for(chain, Hash32(transaction_hash), start)
        except InvalidEvidence as problem:
            raise invalid_parameters(str(problem)) from problem
        if evidence is None:
            return None
        return {
            "number": evidence.block.header.number,
            "epoch": evidence.block.record.epoch,
            "index": evidence.index,
            "evidence": data(encode_evidence(evidence)),
        }

    return await context.read(read)
