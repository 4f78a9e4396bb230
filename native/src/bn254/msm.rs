//! Sums of many multiples of points: Pippenger's buckets over signed digits, filled by batched
//! affine additions that share one inversion, windows in parallel.
//!
//! Time depends on the scalars. A prover on a machine shared with a stranger should not use this.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Bucket, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, Zero};
use rayon::prelude::*;

use super::inversion::Coordinates;

/// Either group of BN254.
pub trait Curve: SWCurveConfig<BaseField: Coordinates, ScalarField = Fr> {}

impl<P: SWCurveConfig<BaseField: Coordinates, ScalarField = Fr>> Curve for P {}

/// Fewer terms than this are multiplied one by one.
const TERMS_MIN: usize = 8;

/// The sum of scalar · point; both rows have one length.
pub fn sum_of_multiples<P: Curve>(points: &[Affine<P>], scalars: &[BigInt<4>]) -> Projective<P> {
    assert_eq!(points.len(), scalars.len(), "one scalar a point");
    if points.len() < TERMS_MIN {
        let terms = points.iter().zip(scalars);
        return terms.map(|(point, scalar)| point.mul_bigint(scalar)).sum();
    }
    let bits = window_bits(points.len());
    let sums: Vec<Projective<P>> = (0..windows(bits))
        .into_par_iter()
        .map(|window| window_sum(points, scalars, window, bits))
        .collect();
    sums.into_iter()
        .rev()
        .fold(Projective::zero(), |mut total, sum| {
            for _ in 0..bits {
                total.double_in_place();
            }
            total + sum
        })
}

fn windows(bits: usize) -> usize {
    Fr::MODULUS_BIT_SIZE as usize / bits + 1
}

/// The width that needs the fewest products: an addition into a bucket costs about six, each
/// bucket two additions of about twelve in the end, and a window some inversions of 250.
fn window_bits(terms: usize) -> usize {
    (2..=16)
        .min_by_key(|bits| windows(*bits) * (6 * terms + (12 << bits) + 1000))
        .expect("the range is not empty")
}

/// Digit number `window` of a scalar in Booth's recoding, from -2^(bits-1) to 2^(bits-1).
fn digit(scalar: &BigInt<4>, window: usize, bits: usize) -> i32 {
    // The window with the bit below it, which is what the digit below borrowed.
    let (start, width) = match window {
        0 => (0, bits),
        _ => (window * bits - 1, bits + 1),
    };
    let (limb, shift) = (start / 64, start % 64);
    let at = |index: usize| scalar.0.get(index).copied().unwrap_or(0);
    let above = if shift == 0 {
        0
    } else {
        at(limb + 1) << (64 - shift)
    };
    let mut value = ((at(limb) >> shift | above) & ((1 << width) - 1)) as i32;
    if window == 0 {
        value <<= 1;
    }
    let rounded = (value + 1) >> 1;
    if value >> bits == 0 {
        rounded
    } else {
        rounded - (1 << bits)
    }
}

/// The sum of digit · point for one window.
fn window_sum<P: Curve>(
    points: &[Affine<P>],
    scalars: &[BigInt<4>],
    window: usize,
    bits: usize,
) -> Projective<P> {
    let digits: Vec<i32> = scalars
        .iter()
        .map(|scalar| digit(scalar, window, bits))
        .collect();
    let mut buckets = fill(points, &digits, 1 << (bits - 1));
    buckets.sum_up();
    weigh(&buckets)
}

/// Points sorted by bucket: bucket `i` holds `points[starts[i]..starts[i] + lengths[i]]`.
struct Buckets<P: SWCurveConfig> {
    points: Vec<Affine<P>>,
    starts: Vec<usize>,
    lengths: Vec<usize>,
}

/// A counting sort by the digit's size; negative digits bring the opposite point.
fn fill<P: SWCurveConfig>(points: &[Affine<P>], digits: &[i32], count: usize) -> Buckets<P> {
    let mut lengths = vec![0; count];
    for digit in digits.iter().filter(|digit| **digit != 0) {
        lengths[digit.unsigned_abs() as usize - 1] += 1;
    }
    let mut starts = Vec::with_capacity(count);
    let mut total = 0;
    for length in &lengths {
        starts.push(total);
        total += length;
    }
    let mut free = starts.clone();
    let mut sorted = vec![Affine::identity(); total];
    for (point, digit) in points.iter().zip(digits).filter(|(_, digit)| **digit != 0) {
        let place = &mut free[digit.unsigned_abs() as usize - 1];
        sorted[*place] = if *digit < 0 { -*point } else { *point };
        *place += 1;
    }
    Buckets {
        points: sorted,
        starts,
        lengths,
    }
}

impl<P: Curve> Buckets<P> {
    /// Adds neighbours in all buckets, round by round, until each holds one point at most.
    fn sum_up(&mut self) {
        let mut inverses = Vec::with_capacity(self.points.len() / 2);
        while self.lengths.iter().any(|length| *length > 1) {
            inverses.clear();
            for (start, length) in self.starts.iter().zip(&self.lengths) {
                let neighbours = self.points[*start..start + length].chunks_exact(2);
                inverses.extend(neighbours.map(|pair| denominator(&pair[0], &pair[1])));
            }
            P::BaseField::invert_all(&mut inverses);
            let mut inverse = inverses.iter();
            for (start, length) in self.starts.iter().zip(&mut self.lengths) {
                let row = &mut self.points[*start..start + *length];
                let half = row.len() / 2;
                for place in 0..half {
                    let (left, right) = (row[2 * place], row[2 * place + 1]);
                    row[place] = add(left, right, inverse.next().expect("one a pair"));
                }
                if row.len() % 2 == 1 {
                    row[half] = row[row.len() - 1];
                }
                *length = row.len().div_ceil(2);
            }
        }
    }
}

/// What the slope of the line through both points is divided by; zero where there is no slope.
fn denominator<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>) -> P::BaseField {
    if left.is_zero() || right.is_zero() {
        P::BaseField::ZERO
    } else if left.x != right.x {
        right.x - left.x
    } else if left.y == right.y {
        left.y.double()
    } else {
        P::BaseField::ZERO
    }
}

/// The sum of two points of a curve with a = 0, given the denominator's inverse.
fn add<P: SWCurveConfig>(left: Affine<P>, right: Affine<P>, inverse: &P::BaseField) -> Affine<P> {
    if left.is_zero() {
        return right;
    }
    if right.is_zero() {
        return left;
    }
    let numerator = if left.x != right.x {
        right.y - left.y
    } else if left.y == right.y {
        let square = left.x.square();
        square.double() + square
    } else {
        return Affine::identity();
    };
    let slope = numerator * inverse;
    let x = slope.square() - left.x - right.x;
    Affine::new_unchecked(x, slope * (left.x - x) - left.y)
}

/// The sum of (i + 1) · bucket i, by running sums from the last bucket down.
fn weigh<P: SWCurveConfig>(buckets: &Buckets<P>) -> Projective<P> {
    let (mut running, mut total) = (Bucket::<P>::ZERO, Bucket::<P>::ZERO);
    for (start, length) in buckets.starts.iter().zip(&buckets.lengths).rev() {
        if *length == 1 {
            running += buckets.points[*start];
        }
        total += &running;
    }
    total.into()
}
