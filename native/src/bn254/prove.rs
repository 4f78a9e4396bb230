//! The Groth16 prover. A proof leaves only after it was verified: a proving key does not hold
//! matrix C, so a wrong witness would give a proof that everybody else rejects.

use ark_bn254::{Fr, G1Affine};
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{BigInt, One, PrimeField};
use rayon::join;

use super::msm::{Curve, sum_of_multiples};
use super::points::{Invalid, check_g2};
use super::quotient::quotient_values;
use super::verify::{Proof, verify};
use super::zkey::{ProvingKey, Terms};

/// A proof, blinded by `r` and `s`, which must be uniform and secret. None if it does not verify:
/// the witness does not satisfy the key's circuit.
pub fn prove(key: &ProvingKey, witness: &[Fr], r: Fr, s: Fr) -> Result<Option<Proof>, Invalid> {
    if witness.len() != key.wires {
        return Err(Invalid(format!(
            "{} values for a key of {} wires: key and witness are of different circuits",
            witness.len(),
            key.wires
        )));
    }
    if !witness[0].is_one() {
        return Err(Invalid::new(
            "expected the witness to start with the constant 1",
        ));
    }
    let publics = key.verifying.publics();
    let numbers: Vec<BigInt<4>> = witness.iter().map(|value| value.into_bigint()).collect();
    let ((a, b1), (b2, out)) = join(
        || join(|| weighed(&key.a, &numbers), || weighed(&key.b1, &numbers)),
        || {
            join(
                || weighed(&key.b2, &numbers),
                || remainder(key, witness, &numbers[publics + 1..]),
            )
        },
    );
    let a = a + key.alpha1 + key.delta1 * r;
    let b1 = b1 + key.beta1 + key.delta1 * s;
    let b = b2 + key.beta2 + key.delta2 * s;
    let c = out + a * s + b1 * r - key.delta1 * (r * s);
    let proof = Proof {
        a: a.into_affine(),
        b: b.into_affine(),
        c: c.into_affine(),
    };
    // The verifier takes a decoded proof's points for checked; this one is of the key's.
    let holds = check_g2(proof.b).is_ok() && verify(&key.verifying, &proof, &witness[1..=publics]);
    Ok(holds.then_some(proof))
}

/// The private wires over `c` and the quotient over `h`, in one sum.
fn remainder(key: &ProvingKey, witness: &[Fr], privates: &[BigInt<4>]) -> Projective<G1Config> {
    let quotient = quotient_values(&key.matrices, witness, key.domain);
    let quotient: Vec<BigInt<4>> = quotient.iter().map(|value| value.into_bigint()).collect();
    let points: Vec<G1Affine> = [&key.c.points[..], &key.h.points[..]].concat();
    let scalars = [picked(&key.c, privates), picked(&key.h, &quotient)].concat();
    sum_of_multiples(&points, &scalars)
}

type G1Config = ark_bn254::g1::Config;

fn weighed<P: Curve>(terms: &Terms<Affine<P>>, numbers: &[BigInt<4>]) -> Projective<P> {
    sum_of_multiples(&terms.points, &picked(terms, numbers))
}

/// The numbers at the places where the key has a point.
fn picked<A>(terms: &Terms<A>, numbers: &[BigInt<4>]) -> Vec<BigInt<4>> {
    terms
        .places
        .iter()
        .map(|place| numbers[*place as usize])
        .collect()
}
