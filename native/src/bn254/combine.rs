//! Many sums of multiples over one row of points, as a key's points are over the powers of tau.

use std::ops::Range;

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, BigInteger, PrimeField};
use rayon::prelude::*;

use super::msm::{Curve, sum_of_multiples};
use super::points::Invalid;

/// A point's place in the row, and its factor.
pub type Term = (u32, BigInt<4>);

/// For each list of terms the sum of scalar · point. `lengths` cuts the terms into lists.
pub fn combinations<P: Curve>(
    points: &[Affine<P>],
    terms: &[Term],
    lengths: &[u32],
) -> Result<Vec<Affine<P>>, Invalid> {
    if let Some((place, _)) = terms.iter().find(|(at, _)| *at as usize >= points.len()) {
        let count = points.len();
        return Err(Invalid(format!(
            "point {place}: expected one below {count}"
        )));
    }
    let lists = cut(terms.len(), lengths)?;
    let sums: Vec<Projective<P>> = lists
        .into_par_iter()
        .map(|list| sum(points, &terms[list]))
        .collect();
    Ok(Projective::normalize_batch(&sums))
}

fn cut(count: usize, lengths: &[u32]) -> Result<Vec<Range<usize>>, Invalid> {
    let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    if total != count as u64 {
        return Err(Invalid(format!(
            "lists of {total} terms together: expected {count}"
        )));
    }
    let mut start = 0;
    let lists = lengths.iter().map(|length| {
        let list = start..start + *length as usize;
        start = list.end;
        list
    });
    Ok(lists.collect())
}

fn sum<P: Curve>(points: &[Affine<P>], terms: &[Term]) -> Projective<P> {
    let (points, scalars): (Vec<_>, Vec<_>) = terms
        .iter()
        .map(|(place, scalar)| (points[*place as usize], scalar))
        .filter(|(point, _)| !point.is_zero())
        .map(|(point, scalar)| shortened(point, *scalar))
        .unzip();
    sum_of_multiples(&points, &scalars)
}

/// Small numbers, also negative ones, are what most constraints hold.
fn shortened<P: Curve>(point: Affine<P>, scalar: BigInt<4>) -> (Affine<P>, BigInt<4>) {
    if scalar <= Fr::MODULUS_MINUS_ONE_DIV_TWO {
        return (point, scalar);
    }
    let mut opposite = Fr::MODULUS;
    opposite.sub_with_borrow(&scalar);
    (-point, opposite)
}
