"""Recovery certificates of the organisations that a node follows, and what they made void here.

For verifiers and operators: everything in the answer proves itself from the genesis document.
"""

from __future__ import annotations

from typing import Any

from ledger.cutting import VoidBlock
from ledger.recovery import encode_recovery
from ledger.validators import ValidatorSet

from .context import Context
from .principal import Principal
from .quorate_methods import OBJECTS, certificate_json
from .reading import Certified
from .registry import Registry
from .values import data

methods = Registry()
VOID_BLOCKS_MAX = 1_024
"""In one answer, the oldest first; all of them stay in the store."""


def _certified_void(block: VoidBlock) -> Certified:
    """A void block as the old set certified it; the set is known by its signers alone."""
    signers, signatures = block.certificate.signers, block.certificate.signatures
    return Certified(block.header, block.record, ValidatorSet.of(signers), signers, signatures)


@methods.method(
    "quorate_getRecoveries",
    summary="Recovery certificates of the organisations that this node follows, ascending, each "
    "with the certified blocks that it made void here",
    result=OBJECTS,
)
async def get_recoveries(principal: Principal, context: Context) -> list[dict[str, Any]]:
    chain = context.group.chain

    def read() -> list[dict[str, Any]]:
        void = chain.void_blocks(VOID_BLOCKS_MAX)
        return [
            {
                "number": recovery.number,
                "hash": data(recovery.block_hash),
                "epoch": recovery.epoch,
                "counter": recovery.counter,
                "organisations": list(recovery.organisations),
                "validators": [
                    {"address": data(entry.address), "node": entry.node}
                    for entry in recovery.members
                ],
                "certificate": data(encode_recovery(recovery)),
                "void": [
                    certificate_json(_certified_void(block))
                    for block in void
                    if block.counter == recovery.counter
                ],
            }
            for recovery in chain.recoveries
        ]

    return await context.read(read)
