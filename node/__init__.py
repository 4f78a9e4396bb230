"""The running node: network, groups, transaction pool, sync, JSON-RPC, metrics.

Everything that touches sockets, clocks, threads or files lives here; what a block means is
`ledger`'s and how replicas agree is `consensus`'s.
"""
