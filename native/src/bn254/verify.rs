//! The Groth16 verifier: e(A, B) = e(alpha, beta) · e(inputs, gamma) · e(C, delta).

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ff::{BigInt, PrimeField};

use super::msm::sum_of_multiples;
use super::points::{G1_BYTES, G2_BYTES, Invalid, decode_g1, decode_g1_row, decode_g2, finite};

pub const PUBLICS_MAX: u32 = 1 << 10;

type G2Prepared = <Bn254 as Pairing>::G2Prepared;

/// What a verifier needs, as far as it can be computed ahead of a proof; `ic` has one point for the
/// constant and one per public input.
pub struct VerifyingKey {
    alpha_beta: PairingOutput<Bn254>,
    gamma: G2Prepared,
    delta: G2Prepared,
    ic: Vec<G1Affine>,
}

impl VerifyingKey {
    /// The points must have been checked.
    pub fn new(
        alpha1: G1Affine,
        beta2: G2Affine,
        gamma2: G2Affine,
        delta2: G2Affine,
        ic: Vec<G1Affine>,
    ) -> Self {
        assert!(!ic.is_empty(), "one point for the constant");
        Self {
            alpha_beta: Bn254::pairing(alpha1, beta2),
            gamma: gamma2.into(),
            delta: delta2.into(),
            ic,
        }
    }

    /// How many public inputs a statement has.
    pub fn publics(&self) -> usize {
        self.ic.len() - 1
    }
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
    let mut points = twisted
        .chunks_exact(G2_BYTES)
        .map(|bytes| finite(decode_g2(bytes)?));
    let mut next = || points.next().expect("three points of G2");
    let (beta2, gamma2, delta2) = (next()?, next()?, next()?);
    let alpha1 = finite(decode_g1(alpha1)?)?;
    Ok(VerifyingKey::new(alpha1, beta2, gamma2, delta2, ic))
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

/// The public inputs in the exponent: the first IC point, and each other one times its input.
pub fn sum_of_inputs(ic: &[G1Affine], publics: &[Fr]) -> G1Affine {
    let mut factors = vec![BigInt::from(1u64)];
    factors.extend(publics.iter().map(|value| value.into_bigint()));
    sum_of_multiples(ic, &factors).into_affine()
}

/// Whether the proof shows the statement with these public inputs, each of them below r.
pub fn verify(key: &VerifyingKey, proof: &Proof, publics: &[Fr]) -> bool {
    if publics.len() != key.publics() {
        return false;
    }
    let inputs = sum_of_inputs(&key.ic, publics);
    let product = Bn254::multi_miller_loop(
        [proof.a, -inputs, -proof.c],
        [proof.b.into(), key.gamma.clone(), key.delta.clone()],
    );
    Bn254::final_exponentiation(product) == Some(key.alpha_beta)
}
