"""The individual equity transfer (自然人股权转让) between a tax bureau and a registrar.

Everything here runs outside the node: tax rules, encodings, openings, the steps, the evidence.
What replicas enforce is the contract's business, not this package's.
"""
