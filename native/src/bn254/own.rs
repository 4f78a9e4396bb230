//! The precompiles of ours, bytes to bytes with their gas: the same as `zkp/own_precompiles.py`,
//! which says what the words are.

use ark_bn254::{Bn254, Fr, G2Affine};
use ark_ec::pairing::Pairing;

use super::field::{ELEMENT_BYTES, decode_scalars, encode_element};
use super::pairing::product_is_one;
use super::points::{G1_BYTES, G2_BYTES, Invalid, decode_g1, decode_g1_row, decode_g2, finite};
use super::poseidon::{INPUTS_MAX, INPUTS_MIN, poseidon};
use super::verify::{PROOF_BYTES, decode_proof, sum_of_inputs};

const POSEIDON_PRODUCT_GAS: u64 = 60;
const GROTH16_PUBLICS_MAX: usize = 64;
const GROTH16_GAS: u64 = 60_000;
const GROTH16_PUBLIC_GAS: u64 = 600;
const KEY_BYTES: usize = G1_BYTES + 3 * G2_BYTES;
const FIXED_BYTES: usize = KEY_BYTES + G1_BYTES + PROOF_BYTES;
const PUBLIC_BYTES: usize = G1_BYTES + ELEMENT_BYTES;

/// A precompile: the gas for an input, then the output.
pub struct OwnPrecompile {
    pub gas: fn(&[u8]) -> u64,
    pub run: fn(&[u8]) -> Result<Vec<u8>, Invalid>,
}

/// The precompile of this name, as Python's tables call it.
pub fn own_precompile(name: &str) -> Option<&'static OwnPrecompile> {
    match name {
        "poseidon" => Some(&OwnPrecompile {
            gas: poseidon_gas,
            run: poseidon_call,
        }),
        "groth16_verify" => Some(&OwnPrecompile {
            gas: groth16_verify_gas,
            run: groth16_verify_call,
        }),
        _ => None,
    }
}

fn poseidon_gas(data: &[u8]) -> u64 {
    POSEIDON_PRODUCT_GAS * (words_begun(data) as u64 + 1).pow(2)
}

fn poseidon_call(data: &[u8]) -> Result<Vec<u8>, Invalid> {
    let inputs = decode_scalars(data, INPUTS_MAX)?;
    if inputs.len() < INPUTS_MIN {
        return Err(Invalid(format!(
            "expected {INPUTS_MIN} to {INPUTS_MAX} words, got {}",
            inputs.len()
        )));
    }
    let mut word = Vec::with_capacity(ELEMENT_BYTES);
    encode_element(poseidon(&inputs), &mut word);
    Ok(word)
}

fn groth16_verify_gas(data: &[u8]) -> u64 {
    let fixed = FIXED_BYTES / ELEMENT_BYTES;
    let publics = words_begun(data).saturating_sub(fixed) / (PUBLIC_BYTES / ELEMENT_BYTES);
    GROTH16_GAS + GROTH16_PUBLIC_GAS * publics as u64
}

fn groth16_verify_call(data: &[u8]) -> Result<Vec<u8>, Invalid> {
    let room = data
        .len()
        .checked_sub(FIXED_BYTES)
        .filter(|room| room.is_multiple_of(PUBLIC_BYTES))
        .map(|room| room / PUBLIC_BYTES)
        .filter(|publics| *publics <= GROTH16_PUBLICS_MAX);
    let publics = room.ok_or_else(|| {
        Invalid(format!(
            "{} bytes: expected {FIXED_BYTES} and {PUBLIC_BYTES} for each of at most \
             {GROTH16_PUBLICS_MAX} public inputs",
            data.len()
        ))
    })?;
    let (key, rest) = data.split_at(KEY_BYTES);
    let (ic, rest) = rest.split_at((publics + 1) * G1_BYTES);
    let (proof, numbers) = rest.split_at(PROOF_BYTES);
    let (alpha, twisted) = key.split_at(G1_BYTES);
    let alpha = finite(decode_g1(alpha)?)?;
    let twisted = twisted
        .chunks_exact(G2_BYTES)
        .map(|bytes| finite(decode_g2(bytes)?))
        .collect::<Result<Vec<G2Affine>, Invalid>>()?;
    let ic = decode_g1_row(ic, publics + 1)?;
    let proof = decode_proof(proof)?;
    let numbers: Vec<Fr> = decode_scalars(numbers, publics)?;
    let inputs = sum_of_inputs(&ic, &numbers);
    let [beta, gamma, delta] = twisted[..] else {
        unreachable!("three points of G2");
    };
    let left: [<Bn254 as Pairing>::G1Affine; 4] = [-proof.a, alpha, inputs, proof.c];
    let holds = product_is_one(&left, &[proof.b, beta, gamma, delta]);
    let mut word = vec![0; ELEMENT_BYTES];
    word[ELEMENT_BYTES - 1] = holds.into();
    Ok(word)
}

fn words_begun(data: &[u8]) -> usize {
    data.len().div_ceil(ELEMENT_BYTES)
}
