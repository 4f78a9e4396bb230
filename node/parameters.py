"""A group's parameters as status tells them: in force for the next block, and voted but pending.

Telling only; when a vote comes into force is rule 8, kept by `ledger.chain`.
"""

from __future__ import annotations

from typing import Any

from ledger.chain import Chain
from ledger.gate import CHANGED_AT_SLOT, GATE_CONTRACT, contract_parameters
from ledger.parameters import VOTED


def parameters_status(chain: Chain) -> dict[str, Any]:
    """`{in_force: {name: value}, pending: {name: value}, pending_from: block or None}`.

    Those that a vote may change; `pending_from` is the first block under the pending values.
    """
    state, in_force = chain.latest_state(), chain.parameters
    voted = contract_parameters(state, chain.genesis.parameters)
    pending = {
        name: getattr(voted, name)
        for name in VOTED
        if getattr(voted, name) != getattr(in_force, name)
    }
    changed_at = state.storage(GATE_CONTRACT, CHANGED_AT_SLOT)
    return {
        "in_force": {name: getattr(in_force, name) for name in VOTED},
        "pending": pending,
        "pending_from": changed_at + in_force.window_blocks + 1 if pending else None,
    }
