//! A circuit's program: it fills in a witness from inputs and finds the first constraint that does
//! not hold by that.
//!
//! The same as `zkp/filling.py`, from its plan. Values stand in slots: first the wires, of which
//! the first is the constant 1, then combinations of them. What a plan says is checked when it is
//! read, so that running it cannot fail.

use alloy_primitives::U256;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};

use super::field::{ELEMENT_BYTES, decode_scalars_little, numbers};
use super::points::Invalid;
use super::zkey::WIRES_MAX;

const STEPS_MAX: usize = 1 << 25;
const TERMS_MAX: usize = 1 << 28;

/// What fills in a slot. But for the first, the value of two others, as `zkp/hints.py` says.
#[derive(Clone, Copy)]
enum Verb {
    Sum,
    Product,
    Ratio,
    Quotient,
    Remainder,
    Digit,
    Equal,
    Excess,
}

const VERBS: [Verb; 8] = [
    Verb::Sum,
    Verb::Product,
    Verb::Ratio,
    Verb::Quotient,
    Verb::Remainder,
    Verb::Digit,
    Verb::Equal,
    Verb::Excess,
];

/// `left` and `right` are slots; of a sum they are where its terms begin and end.
struct Step {
    verb: Verb,
    slot: usize,
    left: usize,
    right: usize,
}

/// A slot and the place of its coefficient: circuits have far fewer of these than terms.
struct Term {
    slot: u32,
    coefficient: u32,
}

/// How many wires and slots there are, and where inputs stand.
#[derive(Clone, Copy)]
pub struct Shape {
    pub wires: usize,
    pub slots: usize,
    pub first_input: usize,
    pub inputs: usize,
}

pub struct Program {
    shape: Shape,
    coefficients: Vec<Fr>,
    terms: Vec<Term>,
    steps: Vec<Step>,
    rows: Vec<[u32; 3]>,
}

/// A plan: terms of (slot, place of the coefficient), steps of (verb, slot, left, right), and the
/// slots of each row's sides, all as numbers of four bytes; coefficients and numbers little-endian.
pub fn decode_program(
    shape: Shape,
    coefficients: &[u8],
    terms: &[u8],
    steps: &[u8],
    rows: &[u8],
) -> Result<Program, Invalid> {
    let coefficients = decode_scalars_little(coefficients, TERMS_MAX)?;
    let steps = numbers::<4>(steps, STEPS_MAX)?;
    check_shape(shape, steps.len())?;
    let below = |value: u32, end: usize, what: &str| match (value as usize) < end {
        true => Ok(value as usize),
        false => Err(Invalid(format!("{what} {value}: expected one below {end}"))),
    };
    let slot = |value| below(value, shape.slots, "slot");
    let terms = numbers::<2>(terms, TERMS_MAX)?.map(|[used, coefficient]| {
        slot(used)?;
        below(coefficient, coefficients.len(), "coefficient")?;
        Ok::<_, Invalid>(Term {
            slot: used,
            coefficient,
        })
    });
    let terms: Vec<Term> = terms.collect::<Result<_, _>>()?;
    let steps = steps.map(|[verb, filled, left, right]| {
        let verb = VERBS[below(verb, VERBS.len(), "verb")?];
        let (left, right) = match verb {
            Verb::Sum => {
                let end = below(right, terms.len() + 1, "end of a sum")?;
                (below(left, end + 1, "start of a sum")?, end)
            }
            _ => (slot(left)?, slot(right)?),
        };
        Ok::<_, Invalid>(Step {
            verb,
            slot: slot(filled)?,
            left,
            right,
        })
    });
    let steps = steps.collect::<Result<_, _>>()?;
    let rows: Vec<[u32; 3]> = numbers::<3>(rows, WIRES_MAX as usize)?.collect();
    for side in rows.iter().flatten() {
        slot(*side)?;
    }
    Ok(Program {
        shape,
        coefficients,
        terms,
        steps,
        rows,
    })
}

/// Every slot that is no wire has a step, so what is allocated is bounded by what was given.
fn check_shape(shape: Shape, steps: usize) -> Result<(), Invalid> {
    let fits = (1..=WIRES_MAX as usize).contains(&shape.wires)
        && shape.slots >= shape.wires
        && shape.slots - shape.wires <= steps
        && shape.first_input >= 1
        && shape.first_input <= shape.wires
        && shape.inputs <= shape.wires - shape.first_input;
    fits.then_some(()).ok_or_else(|| {
        Invalid(format!(
            "{} inputs from {} on, {} wires, {} slots, {steps} steps: expected inputs among at \
             most {WIRES_MAX} wires, and a step for each other slot",
            shape.inputs, shape.first_input, shape.wires, shape.slots
        ))
    })
}

impl Program {
    /// The wires, and which of the rows is the first that does not hold.
    pub fn fill(&self, inputs: &[Fr]) -> Result<(Vec<Fr>, Option<usize>), Invalid> {
        let shape = self.shape;
        if inputs.len() != shape.inputs {
            return Err(Invalid(format!(
                "{} inputs: expected {}",
                inputs.len(),
                shape.inputs
            )));
        }
        let mut values = vec![Fr::ZERO; shape.slots];
        values[0] = Fr::ONE;
        values[shape.first_input..][..shape.inputs].copy_from_slice(inputs);
        for step in &self.steps {
            values[step.slot] = self.value(step, &values);
        }
        let broken = self.rows.iter().position(|row| {
            let [a, b, c] = row.map(|side| values[side as usize]);
            a * b != c
        });
        values.truncate(shape.wires);
        Ok((values, broken))
    }

    fn value(&self, step: &Step, values: &[Fr]) -> Fr {
        let operands = || (values[step.left], values[step.right]);
        match step.verb {
            Verb::Sum => self.terms[step.left..step.right]
                .iter()
                .map(|term| {
                    self.coefficients[term.coefficient as usize] * values[term.slot as usize]
                })
                .sum(),
            Verb::Product => values[step.left] * values[step.right],
            verb => hint(verb, operands()),
        }
    }
}

fn hint(verb: Verb, (left, right): (Fr, Fr)) -> Fr {
    match verb {
        Verb::Sum | Verb::Product => unreachable!("no hints"),
        Verb::Ratio => right.inverse().map_or(Fr::ZERO, |inverse| left * inverse),
        Verb::Quotient => element(integer(left) / integer(right).max(U256::from(1))),
        Verb::Remainder => element(integer(left) % integer(right).max(U256::from(1))),
        Verb::Digit => match usize::try_from(integer(right)) {
            Ok(place) => Fr::from(integer(left).bit(place)),
            Err(_) => Fr::ZERO,
        },
        Verb::Equal => Fr::from(left == right),
        Verb::Excess => match left.into_bigint() > right.into_bigint() {
            true => left - right,
            false => Fr::ZERO,
        },
    }
}

fn integer(element: Fr) -> U256 {
    U256::from_limbs(element.into_bigint().0)
}

/// Of a number that is not above one that was an element.
fn element(integer: U256) -> Fr {
    Fr::from_bigint(BigInt(integer.into_limbs())).expect("below r")
}

/// Elements as a witness file holds them: 32 bytes each, least significant first.
pub fn encode_little(values: &[Fr]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() * ELEMENT_BYTES);
    for value in values {
        for limb in value.into_bigint().0 {
            out.extend(limb.to_le_bytes());
        }
    }
    out
}
