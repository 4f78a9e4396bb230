"""A ceremony between organisations: the ledger says who contributes when, files carry the keys.

Files are exchanged through a folder that all of them reach, each under the hash of its content, so
nobody needs to be trusted with it. What is believed comes from the ledger and is checked again.
"""
