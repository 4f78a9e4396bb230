//! Products of pairings, compared with one.

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ff::One;

/// Whether the product of e(g1, g2) over both rows is one; points must have been checked.
pub fn product_is_one(left: &[G1Affine], right: &[G2Affine]) -> bool {
    assert_eq!(left.len(), right.len(), "pairs");
    let product = Bn254::multi_miller_loop(left, right);
    // The Miller loop of checked points is never zero, so the power exists.
    Bn254::final_exponentiation(product).is_some_and(|value| value.0.is_one())
}
