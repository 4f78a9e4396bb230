//! The Poseidon hash over BN254's scalar field with circomlib's parameters: the capacity's element
//! comes first, the result is element 0.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use super::grain::{FULL_ROUNDS, Parameters, parameters};

pub const INPUTS_MIN: usize = 2;
pub const INPUTS_MAX: usize = 6;

/// Partial rounds by the number of inputs, 2 to 6: the values that circomlib fixes.
const PARTIAL_ROUNDS: [usize; INPUTS_MAX - INPUTS_MIN + 1] = [57, 56, 60, 60, 63];

static PARAMETERS: [OnceLock<Parameters>; PARTIAL_ROUNDS.len()] =
    [const { OnceLock::new() }; PARTIAL_ROUNDS.len()];

/// The hash of 2 to 6 elements.
pub fn poseidon(inputs: &[Fr]) -> Fr {
    assert!(
        (INPUTS_MIN..=INPUTS_MAX).contains(&inputs.len()),
        "2 to 6 inputs"
    );
    let place = inputs.len() - INPUTS_MIN;
    let made =
        PARAMETERS[place].get_or_init(|| parameters(inputs.len() + 1, PARTIAL_ROUNDS[place]));
    let mut state = vec![Fr::ZERO];
    state.extend(inputs);
    let partial = FULL_ROUNDS / 2..FULL_ROUNDS / 2 + made.partial_rounds;
    for (round, constants) in made.constants.iter().enumerate() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += constant;
        }
        let powered = if partial.contains(&round) {
            &mut state[..1]
        } else {
            &mut state[..]
        };
        for element in powered {
            *element *= element.square().square();
        }
        state = made
            .matrix
            .iter()
            .map(|row| row.iter().zip(&state).map(|(a, b)| *a * b).sum())
            .collect();
    }
    state[0]
}
