"""Zero-knowledge proofs: circuits in Python, R1CS, Groth16 over BN254, snarkjs's file formats.

Nothing here knows of ledgers, contracts or networks: statements go in as numbers, and keys,
proofs and public signals come out in the formats that circom and snarkjs read and write.
"""
