//! Points from bytes and back, as EIP-196 and EIP-197 write them, checked for curve and subgroup.

use std::fmt;

use ark_bn254::{Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;

use super::field::{ELEMENT_BYTES, decode_coordinate, encode_element, words};

pub const G1_BYTES: usize = 2 * ELEMENT_BYTES;
pub const G2_BYTES: usize = 4 * ELEMENT_BYTES;

/// Input that is not what it should be: what was expected, what came.
#[derive(Debug)]
pub struct Invalid(pub String);

impl Invalid {
    pub fn new(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A point of G1: x, y. The group has prime order, so the curve's equation says all.
pub fn decode_g1(bytes: &[u8]) -> Result<G1Affine, Invalid> {
    let (x, y) = bytes.split_at(ELEMENT_BYTES);
    let point = G1Affine::new_unchecked(decode_coordinate(x)?, decode_coordinate(y)?);
    if !point.is_on_curve() {
        return Err(Invalid::new(
            "expected a point of G1, got one off the curve",
        ));
    }
    Ok(point)
}

/// A point of G2: the imaginary part of x, the real one, then y likewise.
pub fn decode_g2(bytes: &[u8]) -> Result<G2Affine, Invalid> {
    let mut parts = bytes.chunks_exact(ELEMENT_BYTES).map(decode_coordinate);
    let mut next = || parts.next().expect("four coordinates");
    let (x1, x0, y1, y0) = (next()?, next()?, next()?, next()?);
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    check_g2(check_twist(point)?)
}

/// The point, if it lies on the twist, in whichever subgroup.
pub fn check_twist(point: G2Affine) -> Result<G2Affine, Invalid> {
    if !point.is_on_curve() {
        return Err(Invalid::new(
            "expected a point of G2, got one off the curve",
        ));
    }
    Ok(point)
}

/// The point of the twist, if it is in the subgroup of order r.
pub fn check_g2(point: G2Affine) -> Result<G2Affine, Invalid> {
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(Invalid::new(
            "expected a point of G2, got one outside its subgroup",
        ));
    }
    Ok(point)
}

/// The point, if it is not the identity: keys and proofs have none but among the terms of sums.
pub fn finite<A: AffineRepr>(point: A) -> Result<A, Invalid> {
    if point.is_zero() {
        return Err(Invalid::new("a point of a key or a proof is the identity"));
    }
    Ok(point)
}

/// A row of points of G1, at most `count_max`.
pub fn decode_g1_row(bytes: &[u8], count_max: usize) -> Result<Vec<G1Affine>, Invalid> {
    words(bytes, G1_BYTES, count_max)?.map(decode_g1).collect()
}

/// A row of points of G2, at most `count_max`.
pub fn decode_g2_row(bytes: &[u8], count_max: usize) -> Result<Vec<G2Affine>, Invalid> {
    words(bytes, G2_BYTES, count_max)?.map(decode_g2).collect()
}

pub fn encode_g1(point: G1Affine, out: &mut Vec<u8>) {
    // The identity's coordinates are zeros.
    encode_element(point.x, out);
    encode_element(point.y, out);
}

pub fn encode_g2(point: G2Affine, out: &mut Vec<u8>) {
    for coordinate in [point.x, point.y] {
        encode_element(coordinate.c1, out);
        encode_element(coordinate.c0, out);
    }
}
