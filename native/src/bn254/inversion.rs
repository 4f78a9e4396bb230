//! Inverses of many elements at the price of one inversion; zeros stay zeros.

use ark_bn254::{Fq, Fq2};
use ark_ff::{Field, serial_batch_inversion_and_mul};

/// A field of coordinates.
pub trait Coordinates: Field {
    fn invert_all(row: &mut [Self]);
}

impl Coordinates for Fq {
    fn invert_all(row: &mut [Self]) {
        serial_batch_inversion_and_mul(row, &Fq::ONE);
    }
}

impl Coordinates for Fq2 {
    /// 1 / z is the conjugate over the norm: the many products are those of the smaller field.
    fn invert_all(row: &mut [Self]) {
        let mut norms: Vec<Fq> = row.iter().map(|z| z.c0.square() + z.c1.square()).collect();
        Fq::invert_all(&mut norms);
        for (z, inverse) in row.iter_mut().zip(norms) {
            z.c0 *= inverse;
            z.c1 *= -inverse;
        }
    }
}
