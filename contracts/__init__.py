"""Contract sources in Vyper, and the Python that compiles them and speaks to them.

Encoding and decoding only: nothing here opens a connection or reads a chain by itself.
"""
