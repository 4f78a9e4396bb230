"""Organisations on the network: their CAs, their nodes' certificates, the membership document."""
