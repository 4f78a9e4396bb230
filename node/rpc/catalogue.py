"""Every method that is served, in one table."""

from __future__ import annotations

from . import (
    block_methods,
    call_methods,
    evidence_methods,
    fee_methods,
    filter_methods,
    log_methods,
    net_methods,
    quorate_methods,
    raw_methods,
    recovery_methods,
    send_methods,
    state_methods,
    subscription_methods,
    trace_methods,
    transaction_methods,
)
from .registry import Registry


def catalogue() -> Registry:
    """A new table of all methods."""
    registry = Registry()
    for module in (
        block_methods,
        call_methods,
        evidence_methods,
        fee_methods,
        filter_methods,
        log_methods,
        net_methods,
        quorate_methods,
        raw_methods,
        recovery_methods,
        send_methods,
        state_methods,
        subscription_methods,
        trace_methods,
        transaction_methods,
    ):
        registry.include(module.methods)
    return registry
