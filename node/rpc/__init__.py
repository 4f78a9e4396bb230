"""JSON-RPC over HTTP and WebSocket: Ethereum's methods as specified, and `quorate_` ones of ours.

It reads groups through `view.py` and decides nothing about a ledger.
"""
