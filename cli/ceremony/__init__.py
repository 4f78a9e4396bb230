"""The `quorate zk ceremony` commands."""
