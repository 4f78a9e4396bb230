"""BN254 (alt_bn128) on plain integers: both groups, many points at a time, and the pairing.

Points are affine tuples and None is the identity. Sums of many points share one field inversion,
which makes affine coordinates cheaper here than projective ones.
"""
