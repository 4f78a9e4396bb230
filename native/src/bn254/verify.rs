//! The Groth16 verifier: e(A, B) = e(alpha, beta) · e(inputs, gamma) · e(C, delta).

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::{BigInt, PrimeField};

use super::msm::sum_of_multiples;
use super::pairing::product_is_one;
use super::points::{G1_BYTES, G2_BYTES, Invalid, decode_g1, decode_g1_row, decode_g2, finite};

pub const PUBLICS_MAX: u32 = 1 << 10;

/// What a verifier needs; `ic` has one point for the constant and one per public input.
pub struct VerifyingKey {
    pub alpha1: G1Affine,
    pub beta2: G2Affine,
    pub gamma2: G2Affine,
    pub delta2: G2Affine,
    pub ic: Vec<G1Affine>,
}

/// Three points: A and C of G1, B of G2.
pub struct Proof {
    pub a: G1Affine,
    pub b: G2Affine,
    pub c: G1Affine,
}

pub const PROOF_BYTES: usize = 2 * G1_BYTES + G2_BYTES;
const KEY_BYTES: usize = G1_BYTES + 3 * G2_BYTES;

/// alpha, beta, gamma, delta, then the IC points.
pub fn decode_key(bytes: &[u8]) -> Result<VerifyingKey, Invalid> {
    let (head, ic) = bytes
        .split_at_checked(KEY_BYTES)
        .ok_or_else(|| Invalid::new("a verification key is cut short"))?;
    let (alpha1, twisted) = head.split_at(G1_BYTES);
    let ic = decode_g1_row(ic, PUBLICS_MAX as usize + 1)?;
    if ic.is_empty() {
        return Err(Invalid::new("expected at least one IC point"));
    }
    Ok(VerifyingKey {
        alpha1: finite(decode_g1(alpha1)?)?,
        beta2: finite(decode_g2(&twisted[..G2_BYTES])?)?,
        gamma2: finite(decode_g2(&twisted[G2_BYTES..2 * G2_BYTES])?)?,
        delta2: finite(decode_g2(&twisted[2 * G2_BYTES..])?)?,
        ic,
    })
}

/// A, B, C.
pub fn decode_proof(bytes: &[u8]) -> Result<Proof, Invalid> {
    if bytes.len() != PROOF_BYTES {
        return Err(Invalid(format!(
            "a proof of {} bytes: expected {PROOF_BYTES}",
            bytes.len()
        )));
    }
    let (a, rest) = bytes.split_at(G1_BYTES);
    let (b, c) = rest.split_at(G2_BYTES);
    Ok(Proof {
        a: finite(decode_g1(a)?)?,
        b: finite(decode_g2(b)?)?,
        c: finite(decode_g1(c)?)?,
    })
}

/// Whether the proof shows the statement with these public inputs, each of them below r.
pub fn verify(key: &VerifyingKey, proof: &Proof, publics: &[Fr]) -> bool {
    if publics.len() + 1 != key.ic.len() {
        return false;
    }
    let mut factors = vec![BigInt::from(1u64)];
    factors.extend(publics.iter().map(|value| value.into_bigint()));
    let inputs = sum_of_multiples(&key.ic, &factors).into_affine();
    product_is_one(
        &[-proof.a, key.alpha1, inputs, proof.c],
        &[proof.b, key.beta2, key.gamma2, key.delta2],
    )
}
