//! The number-theoretic transform over the scalar field, in natural order, with the roots of unity
//! that snarkjs uses.

use ark_bn254::Fr;
use ark_ff::FftField;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

use super::points::Invalid;

/// The largest domain: a proof needs roots of unity of twice its order, and 2^28 is the last one.
pub const DOMAIN_MAX: u32 = 1 << 24;

/// The roots of unity of an order that is a power of two.
pub fn domain(size: usize) -> Result<Radix2EvaluationDomain<Fr>, Invalid> {
    if !size.is_power_of_two() || size > DOMAIN_MAX as usize {
        return Err(Invalid(format!(
            "{size} values: expected a power of two of at most {DOMAIN_MAX}"
        )));
    }
    Ok(Radix2EvaluationDomain::new(size).expect("the field has such roots"))
}

/// The odd powers of the root of unity of twice the domain's order.
pub fn odd_coset(domain: Radix2EvaluationDomain<Fr>) -> Radix2EvaluationDomain<Fr> {
    let root = Fr::get_root_of_unity(2 * domain.size() as u64).expect("the field has such roots");
    domain.get_coset(root).expect("a root of unity is not zero")
}
