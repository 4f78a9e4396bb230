//! A·B - C at the odd powers of the root of order 2 · domain, C being A·B row by row.
//!
//! A·B - C vanishes at the even powers, so these values fix it; they weigh the key's `h` points.

use ark_bn254::Fr;
use ark_ff::Zero;
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

use super::fft::{domain, odd_coset};
use super::zkey::Entry;

/// One value for each row of the domain, whose size was checked with the key.
pub fn quotient_values(matrices: &[Vec<Entry>; 2], witness: &[Fr], size: usize) -> Vec<Fr> {
    let plain = domain(size).expect("checked with the key");
    let odd = odd_coset(plain);
    let moved = |mut row: Vec<Fr>| {
        plain.ifft_in_place(&mut row);
        odd.fft_in_place(&mut row);
        row
    };
    let (a, b) = rayon::join(
        || rows(&matrices[0], witness, size),
        || rows(&matrices[1], witness, size),
    );
    let c: Vec<Fr> = a
        .par_iter()
        .zip(&b)
        .map(|(left, right)| left * right)
        .collect();
    let (c, (a, b)) = rayon::join(|| moved(c), || rayon::join(|| moved(a), || moved(b)));
    a.into_par_iter()
        .zip(b)
        .zip(c)
        .map(|((left, right), out)| left * right - out)
        .collect()
}

/// A matrix times the witness.
fn rows(entries: &[Entry], witness: &[Fr], size: usize) -> Vec<Fr> {
    let mut rows = vec![Fr::zero(); size];
    for entry in entries {
        rows[entry.row as usize] += entry.value * witness[entry.wire as usize];
    }
    rows
}
