//! Field elements from bytes and back. An element has one name: numbers at or above the prime are
//! refused.

use ark_bn254::{Fq, Fr};
use ark_ff::{BigInt, BigInteger, PrimeField};

use super::points::Invalid;

/// Bytes of an element of either field.
pub const ELEMENT_BYTES: usize = 32;
const NUMBER_BYTES: usize = 4;

type Limbs = BigInt<4>;

/// A number of 32 bytes, most significant first.
pub fn decode_word(bytes: &[u8]) -> Limbs {
    assert_eq!(bytes.len(), ELEMENT_BYTES, "a word has 32 bytes");
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_be_bytes(chunk.try_into().expect("chunks of eight"));
    }
    BigInt(limbs)
}

/// A number of 32 bytes, least significant first.
pub fn decode_word_little(bytes: &[u8]) -> Limbs {
    assert_eq!(bytes.len(), ELEMENT_BYTES, "a word has 32 bytes");
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
    }
    BigInt(limbs)
}

/// An element of the scalar field.
pub fn decode_scalar(bytes: &[u8]) -> Result<Fr, Invalid> {
    reduced(decode_word(bytes))
}

/// A row of elements of the scalar field, at most `count_max`.
pub fn decode_scalars(bytes: &[u8], count_max: usize) -> Result<Vec<Fr>, Invalid> {
    words(bytes, ELEMENT_BYTES, count_max)?
        .map(decode_scalar)
        .collect()
}

/// The same with the least significant byte first.
pub fn decode_scalars_little(bytes: &[u8], count_max: usize) -> Result<Vec<Fr>, Invalid> {
    words(bytes, ELEMENT_BYTES, count_max)?
        .map(|word| reduced(decode_word_little(word)))
        .collect()
}

fn reduced(word: Limbs) -> Result<Fr, Invalid> {
    Fr::from_bigint(word)
        .ok_or_else(|| Invalid::new("a scalar is not reduced: expected a number below r"))
}

/// A coordinate.
pub fn decode_coordinate(bytes: &[u8]) -> Result<Fq, Invalid> {
    Fq::from_bigint(decode_word(bytes))
        .ok_or_else(|| Invalid::new("a coordinate is not reduced: expected a number below p"))
}

/// The element's canonical number, most significant byte first.
pub fn encode_element(element: impl PrimeField, out: &mut Vec<u8>) {
    out.extend(element.into_bigint().to_bytes_be());
}

/// Rows of `N` numbers of four bytes, least significant first; at most `count_max` rows.
pub fn numbers<const N: usize>(
    bytes: &[u8],
    count_max: usize,
) -> Result<impl ExactSizeIterator<Item = [u32; N]>, Invalid> {
    let rows = words(bytes, N * NUMBER_BYTES, count_max)?;
    Ok(rows.map(|row| {
        let (row, _) = row.as_chunks::<NUMBER_BYTES>();
        std::array::from_fn(|place| u32::from_le_bytes(row[place]))
    }))
}

/// The input in pieces of `size` bytes; their number is bounded and nothing may be left.
pub fn words(
    bytes: &[u8],
    size: usize,
    count_max: usize,
) -> Result<std::slice::ChunksExact<'_, u8>, Invalid> {
    if !bytes.len().is_multiple_of(size) || bytes.len() / size > count_max {
        return Err(Invalid(format!(
            "{} bytes: expected at most {count_max} pieces of {size} bytes",
            bytes.len()
        )));
    }
    Ok(bytes.chunks_exact(size))
}
