"""Ethereum's own rules over our engines, for its test suites: mainnet's validity, fees and blobs.

Pure functions over values. A ledger's blocks never come this way: no gate, no list of ours.
"""
