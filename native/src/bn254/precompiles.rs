//! The curve precompiles of EIP-196 and EIP-197: bytes to bytes. Gas (EIP-1108) is the engine's to
//! charge.

use ark_bn254::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::PrimeField;

use super::field::ELEMENT_BYTES;
use super::pairing::product_is_one;
use super::points::{G1_BYTES, G2_BYTES, Invalid, decode_g1, decode_g2, encode_g1};

const PAIR_BYTES: usize = G1_BYTES + G2_BYTES;

/// The first `N` bytes; missing ones are zeros, more are ignored.
fn padded<const N: usize>(data: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let length = data.len().min(N);
    bytes[..length].copy_from_slice(&data[..length]);
    bytes
}

/// Address 6: the sum of two points of G1.
pub fn ecadd(data: &[u8]) -> Result<Vec<u8>, Invalid> {
    let data = padded::<{ 2 * G1_BYTES }>(data);
    let (left, right) = data.split_at(G1_BYTES);
    let sum = decode_g1(left)? + decode_g1(right)?;
    Ok(encoded(sum))
}

/// Address 7: a point of G1 times a 256-bit number.
pub fn ecmul(data: &[u8]) -> Result<Vec<u8>, Invalid> {
    let data = padded::<{ G1_BYTES + ELEMENT_BYTES }>(data);
    let (point, scalar) = data.split_at(G1_BYTES);
    let point = decode_g1(point)?;
    Ok(encoded(point * Fr::from_be_bytes_mod_order(scalar)))
}

/// Address 8: 1 as a word if the product of the pairings is one, else 0.
pub fn ecpairing(data: &[u8]) -> Result<Vec<u8>, Invalid> {
    if !data.len().is_multiple_of(PAIR_BYTES) {
        return Err(Invalid(format!(
            "expected a multiple of {PAIR_BYTES} bytes, got {}",
            data.len()
        )));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for pair in data.chunks_exact(PAIR_BYTES) {
        let (g1, g2) = pair.split_at(G1_BYTES);
        let (g1, g2) = (decode_g1(g1)?, decode_g2(g2)?);
        if !g1.is_zero() && !g2.is_zero() {
            left.push(g1);
            right.push(g2);
        }
    }
    let mut word = vec![0; ELEMENT_BYTES];
    word[ELEMENT_BYTES - 1] = product_is_one(&left, &right).into();
    Ok(word)
}

fn encoded(point: ark_bn254::G1Projective) -> Vec<u8> {
    let mut out = Vec::with_capacity(G1_BYTES);
    encode_g1(point.into_affine(), &mut out);
    out
}
