//! Poseidon's public constants, generated as its paper says (eprint 2019/458, appendices E and F):
//! a Grain LFSR seeded by the field and the shape of the permutation.

use ark_bn254::Fr;
use ark_ff::{BigInteger256, Field, PrimeField};

const STATE_BITS: usize = 80;
const TAPS: [usize; 6] = [62, 51, 38, 23, 13, 0];
const DISCARDED_BITS: usize = 160;
const FIELD_BITS: usize = 254;
pub const FULL_ROUNDS: usize = 8;

/// One permutation: what is added to each element in each round, and the mixing matrix by rows.
pub struct Parameters {
    pub partial_rounds: usize,
    pub constants: Vec<Vec<Fr>>,
    pub matrix: Vec<Vec<Fr>>,
}

/// A ring of the last 80 bits.
struct Grain {
    bits: [bool; STATE_BITS],
    oldest: usize,
}

impl Grain {
    /// Seeded with: prime field, x^alpha, the field's bits, width, full and partial rounds, ones.
    fn new(width: usize, partial_rounds: usize) -> Self {
        let fields = [
            (1, 2),
            (0, 4),
            (FIELD_BITS, 12),
            (width, 12),
            (FULL_ROUNDS, 10),
            (partial_rounds, 10),
        ];
        let mut bits = [true; STATE_BITS];
        let mut place = 0;
        for (value, size) in fields {
            for shift in (0..size).rev() {
                bits[place] = value >> shift & 1 == 1;
                place += 1;
            }
        }
        let mut grain = Grain { bits, oldest: 0 };
        for _ in 0..DISCARDED_BITS {
            grain.raw_bit();
        }
        grain
    }

    fn raw_bit(&mut self) -> bool {
        let new = TAPS.iter().fold(false, |sum, tap| {
            sum ^ self.bits[(self.oldest + tap) % STATE_BITS]
        });
        self.bits[self.oldest] = new;
        self.oldest = (self.oldest + 1) % STATE_BITS;
        new
    }

    /// Of each pair of raw bits the second counts if the first is 1.
    fn bit(&mut self) -> bool {
        loop {
            let counts = self.raw_bit();
            let bit = self.raw_bit();
            if counts {
                return bit;
            }
        }
    }

    /// A number of 254 bits, the highest first.
    fn number(&mut self) -> BigInteger256 {
        let mut limbs = [0; 4];
        for place in (0..FIELD_BITS).rev() {
            limbs[place / 64] |= u64::from(self.bit()) << (place % 64);
        }
        BigInteger256::new(limbs)
    }

    /// A number below r, by rejection.
    fn element(&mut self) -> Fr {
        loop {
            if let Some(element) = Fr::from_bigint(self.number()) {
                return element;
            }
        }
    }

    /// Unlike the round constants, the matrix's points are reduced rather than rejected.
    fn reduced(&mut self) -> Fr {
        let number = self.number();
        Fr::from_bigint(number).unwrap_or_else(|| {
            let mut rest = number;
            // Two to the 254th is less than twice r.
            ark_ff::BigInteger::sub_with_borrow(&mut rest, &Fr::MODULUS);
            Fr::from_bigint(rest).expect("a number below 2^254, less r, is below r")
        })
    }
}

/// The parameters of a state of `width` elements with as many partial rounds.
pub fn parameters(width: usize, partial_rounds: usize) -> Parameters {
    let mut grain = Grain::new(width, partial_rounds);
    let mut row = || (0..width).map(|_| grain.element()).collect();
    let constants = (0..FULL_ROUNDS + partial_rounds).map(|_| row()).collect();
    let points: Vec<Fr> = (0..2 * width).map(|_| grain.reduced()).collect();
    let (left, right) = points.split_at(width);
    let inverse = |x: &Fr, y: &Fr| (*x + y).inverse().expect("points of a Cauchy matrix");
    let matrix = left
        .iter()
        .map(|x| right.iter().map(|y| inverse(x, y)).collect())
        .collect();
    Parameters {
        partial_rounds,
        constants,
        matrix,
    }
}
