"""BN254's curves on plain integers: groups, multi-scalar multiplication and the pairing."""
