"""Phase 2 of Groth16 as a ceremony: many make a key, and one honest of them is enough.

After Bowe, Gabizon and Miers (eprint 2017/1050), in the form of snarkjs, whose files these are.
Nothing here knows who takes part or where keys are kept.
"""
