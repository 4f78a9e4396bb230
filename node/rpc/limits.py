"""Every bound of the RPC server, by name and unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Defaults suit a department's node; tests make them small."""

    request_bytes_max: int = 10 * 1024 * 1024
    response_bytes_max: int = 25 * 1024 * 1024
    batch_items_max: int = 1000
    requests_in_flight_max: int = 256
    calls_in_flight_max: int = 2
    estimate_calls_max: int = 24
    filters_max: int = 1024
    filter_idle_s_max: int = 300
    filter_pending_max: int = 10_000
    fee_history_blocks_max: int = 1024
    proof_slots_max: int = 1024
    connections_max: int = 256
    subscriptions_per_connection_max: int = 64
    notifications_queued_max: int = 4096
    envelope_bytes_max: int = 1024 * 1024
    pool_page_max: int = 1000
