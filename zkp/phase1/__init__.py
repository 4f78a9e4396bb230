"""Phase 1 of a Groth16 set-up, one verb a file: contribute, prepare, verify, make a circuit's key.

The powers of tau belong to no circuit. Each contribution multiplies their secrets by its own; one
that was honestly forgotten is enough (Bowe, Gabizon, Miers, eprint 2017/1050). Files and hashes
are snarkjs's, so that either side can go on where the other stopped.
"""
