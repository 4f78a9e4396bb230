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
    match inputs.len() {
        2 => hash::<3>(inputs),
        3 => hash::<4>(inputs),
        4 => hash::<5>(inputs),
        5 => hash::<6>(inputs),
        6 => hash::<7>(inputs),
        _ => unreachable!("2 to 6 inputs"),
    }
}

/// With a state of `WIDTH` elements, so that a row's products are summed before they are reduced.
fn hash<const WIDTH: usize>(inputs: &[Fr]) -> Fr {
    let place = WIDTH - 1 - INPUTS_MIN;
    let made = PARAMETERS[place].get_or_init(|| parameters(WIDTH, PARTIAL_ROUNDS[place]));
    let mut state = [Fr::ZERO; WIDTH];
    state[1..].copy_from_slice(inputs);
    let partial = FULL_ROUNDS / 2..FULL_ROUNDS / 2 + made.partial_rounds;
    for (round, constants) in made.constants.iter().enumerate() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += constant;
        }
        let powered = if partial.contains(&round) { 1 } else { WIDTH };
        for element in &mut state[..powered] {
            *element *= element.square().square();
        }
        state = std::array::from_fn(|row| {
            let row: &[Fr; WIDTH] = made.matrix[row][..].try_into().expect("a square matrix");
            Fr::sum_of_products(row, &state)
        });
    }
    state[0]
}
