"""The files and texts that snarkjs and circom read and write, byte for byte."""
