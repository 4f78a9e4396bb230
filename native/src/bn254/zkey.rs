//! `.zkey` files: Groth16 proving keys as snarkjs keeps them.
//!
//! Coordinates are little-endian in Montgomery form (times 2^256), which is how arkworks holds them
//! too; the identity is all zeros. Coefficients are stored times 2^512. Every point is checked for
//! its curve, those of the verifying key for their subgroup, every count before anything is
//! allocated.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, PrimeField};
use rayon::prelude::*;

use super::fft::{DOMAIN_MAX, domain};
use super::field::{ELEMENT_BYTES, decode_word_little};
use super::points::{G1_BYTES, G2_BYTES, Invalid, check_g2, check_twist, finite};
use super::sections::{Reader, read_sections};
use super::verify::{PUBLICS_MAX, VerifyingKey};

pub const WIRES_MAX: u32 = 1 << 24;
const COEFFICIENTS_MAX: u32 = 1 << 28;
const GROTH16: u32 = 1;
const ENTRY_BYTES: usize = 3 * 4 + ELEMENT_BYTES;

/// An entry of matrix A or B.
pub struct Entry {
    pub row: u32,
    pub wire: u32,
    pub value: Fr,
}

/// The points that are not the identity, with the places where they stand.
pub struct Terms<A> {
    pub places: Vec<u32>,
    pub points: Vec<A>,
}

/// What a prover needs. `c` counts from the first wire that is not public.
pub struct ProvingKey {
    pub verifying: VerifyingKey,
    pub alpha1: G1Affine,
    pub beta1: G1Affine,
    pub beta2: G2Affine,
    pub delta1: G1Affine,
    pub delta2: G2Affine,
    pub wires: usize,
    pub domain: usize,
    pub matrices: [Vec<Entry>; 2],
    pub a: Terms<G1Affine>,
    pub b1: Terms<G1Affine>,
    pub b2: Terms<G2Affine>,
    pub c: Terms<G1Affine>,
    pub h: Terms<G1Affine>,
}

/// The key in a file.
pub fn decode_zkey(data: &[u8]) -> Result<ProvingKey, Invalid> {
    let [mut protocol, mut header, ic, coefficients, a, b1, b2, c, h] =
        read_sections(data, b"zkey", 1)?;
    if protocol.number()? != GROTH16 {
        return Err(Invalid::new(
            "expected a Groth16 key, got one of another protocol",
        ));
    }
    protocol.end("the protocol's section")?;
    header.expect_prime::<Fq>()?;
    header.expect_prime::<Fr>()?;
    let wires = header.count(WIRES_MAX, "wires")?;
    let publics = header.count(PUBLICS_MAX, "public signals")?;
    let rows = header.count(DOMAIN_MAX, "rows")?;
    domain(rows)?;
    if publics >= wires {
        return Err(Invalid(format!(
            "{publics} of {wires} wires are public: not a key"
        )));
    }
    let next_g1 = |header: &mut Reader<'_>| finite(g1(header.take(G1_BYTES)?)?);
    let next_g2 = |header: &mut Reader<'_>| finite(check_g2(g2(header.take(G2_BYTES)?)?)?);
    let (alpha1, beta1) = (next_g1(&mut header)?, next_g1(&mut header)?);
    let (beta2, gamma2) = (next_g2(&mut header)?, next_g2(&mut header)?);
    let (delta1, delta2) = (next_g1(&mut header)?, next_g2(&mut header)?);
    header.end("the header")?;
    Ok(ProvingKey {
        verifying: VerifyingKey::new(alpha1, beta2, gamma2, delta2, g1_row(ic, publics + 1)?),
        alpha1,
        beta1,
        beta2,
        delta1,
        delta2,
        wires,
        domain: rows,
        matrices: decode_entries(coefficients, rows, wires)?,
        a: terms(g1_row(a, wires)?),
        b1: terms(g1_row(b1, wires)?),
        b2: terms(g2_row(b2, wires)?),
        c: terms(g1_row(c, wires - publics - 1)?),
        h: terms(g1_row(h, rows)?),
    })
}

fn decode_entries(
    mut reader: Reader<'_>,
    rows: usize,
    wires: usize,
) -> Result<[Vec<Entry>; 2], Invalid> {
    let count = reader.count(COEFFICIENTS_MAX, "coefficients")?;
    let body = reader.take(count * ENTRY_BYTES)?;
    reader.end("the coefficients")?;
    // Times 2^512 as a number, so times 2^256 in Montgomery form: one division is left.
    let unform = Fr::new_unchecked(BigInt::from(1u64));
    let mut matrices = [Vec::new(), Vec::new()];
    for piece in body.chunks_exact(ENTRY_BYTES) {
        let index = |at: usize| u32::from_le_bytes(piece[at..at + 4].try_into().expect("four"));
        let (matrix, row, wire) = (index(0), index(4), index(8));
        if matrix > 1 || row as usize >= rows || wire as usize >= wires {
            return Err(Invalid(format!(
                "coefficient of matrix {matrix}, row {row}, wire {wire}: expected less than 2, \
                 {rows}, {wires}"
            )));
        }
        let word = decode_word_little(&piece[12..]);
        if word >= Fr::MODULUS {
            return Err(Invalid::new("a coefficient is not reduced"));
        }
        let value = Fr::new_unchecked(word) * unform;
        matrices[matrix as usize].push(Entry { row, wire, value });
    }
    Ok(matrices)
}

/// A coordinate in Montgomery form.
fn coordinate(bytes: &[u8]) -> Result<Fq, Invalid> {
    let word = decode_word_little(bytes);
    if word >= Fq::MODULUS {
        return Err(Invalid::new(
            "a coordinate is not reduced: expected a number below p",
        ));
    }
    Ok(Fq::new_unchecked(word))
}

fn g1(bytes: &[u8]) -> Result<G1Affine, Invalid> {
    let (x, y) = bytes.split_at(ELEMENT_BYTES);
    let point = G1Affine::new_unchecked(coordinate(x)?, coordinate(y)?);
    if !point.is_on_curve() {
        return Err(Invalid::new("a point is not on G1: the file is damaged"));
    }
    Ok(point)
}

/// On the twist. A row's points are not held to their subgroup, which would take longer than a
/// proof: what they add up to is, before it leaves (`prove`).
fn g2(bytes: &[u8]) -> Result<G2Affine, Invalid> {
    let pair = |bytes: &[u8]| -> Result<Fq2, Invalid> {
        let (real, imaginary) = bytes.split_at(ELEMENT_BYTES);
        Ok(Fq2::new(coordinate(real)?, coordinate(imaginary)?))
    };
    let (x, y) = bytes.split_at(2 * ELEMENT_BYTES);
    check_twist(G2Affine::new_unchecked(pair(x)?, pair(y)?))
}

fn g1_row(mut reader: Reader<'_>, count: usize) -> Result<Vec<G1Affine>, Invalid> {
    let body = reader.take(count * G1_BYTES)?;
    reader.end("a section of points")?;
    body.par_chunks_exact(G1_BYTES).map(g1).collect()
}

fn g2_row(mut reader: Reader<'_>, count: usize) -> Result<Vec<G2Affine>, Invalid> {
    let body = reader.take(count * G2_BYTES)?;
    reader.end("a section of points")?;
    body.par_chunks_exact(G2_BYTES).map(g2).collect()
}

fn terms<A: AffineRepr>(row: Vec<A>) -> Terms<A> {
    let mut terms = Terms {
        places: Vec::new(),
        points: Vec::new(),
    };
    for (place, point) in row
        .into_iter()
        .enumerate()
        .filter(|(_, point)| !point.is_zero())
    {
        terms
            .places
            .push(u32::try_from(place).expect("bounded with the counts"));
        terms.points.push(point);
    }
    terms
}
