//! iden3's binary container (`.zkey`): a magic word, a version, numbered sections with lengths.

use ark_ff::{BigInt, PrimeField};

use super::field::{ELEMENT_BYTES, decode_word_little};
use super::points::Invalid;

const SECTIONS_MAX: u32 = 16;

/// Takes little-endian values off the front of a section.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    data: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn take(&mut self, size: usize) -> Result<&'a [u8], Invalid> {
        let left = self.data.len();
        let (front, rest) = self.data.split_at_checked(size).ok_or_else(|| {
            Invalid(format!(
                "expected {size} more bytes, {left} are left: file cut short?"
            ))
        })?;
        self.data = rest;
        Ok(front)
    }

    pub fn number(&mut self) -> Result<u32, Invalid> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    /// A count of at most `maximum`, refused before anything is allocated for it.
    pub fn count(&mut self, maximum: u32, what: &str) -> Result<usize, Invalid> {
        let value = self.number()?;
        if value > maximum {
            return Err(Invalid(format!(
                "{value} {what}: expected at most {maximum}"
            )));
        }
        Ok(value as usize)
    }

    pub fn word(&mut self) -> Result<BigInt<4>, Invalid> {
        Ok(decode_word_little(self.take(ELEMENT_BYTES)?))
    }

    /// A field's size and prime, which must be BN254's.
    pub fn expect_prime<F: PrimeField<BigInt = BigInt<4>>>(&mut self) -> Result<(), Invalid> {
        if self.number()? as usize != ELEMENT_BYTES || self.word()? != F::MODULUS {
            return Err(Invalid::new(
                "expected the curve BN254 (bn128), got another field",
            ));
        }
        Ok(())
    }

    pub fn end(&self, what: &str) -> Result<(), Invalid> {
        match self.data.len() {
            0 => Ok(()),
            left => Err(Invalid(format!(
                "{what}: {left} bytes more than it declares"
            ))),
        }
    }
}

/// The sections 1 to `N` of a file, all of which must stand there once.
pub fn read_sections<'a, const N: usize>(
    data: &'a [u8],
    magic: &[u8; 4],
    version: u32,
) -> Result<[Reader<'a>; N], Invalid> {
    let mut reader = Reader { data };
    if reader.take(magic.len())? != magic || reader.number()? != version {
        return Err(Invalid(format!(
            "expected a .{} file of version {version}",
            String::from_utf8_lossy(magic)
        )));
    }
    let mut found: [Option<Reader<'a>>; N] = [None; N];
    let mut seen = [false; SECTIONS_MAX as usize + 1];
    for _ in 0..reader.count(SECTIONS_MAX, "sections")? {
        let number = reader.count(SECTIONS_MAX, "as a section's number")?;
        let size = reader.take(8)?;
        let size = u64::from_le_bytes(size.try_into().expect("eight bytes"));
        let size = usize::try_from(size).map_err(|_| Invalid::new("a section is too long"))?;
        if std::mem::replace(&mut seen[number], true) {
            return Err(Invalid(format!("section {number} stands twice")));
        }
        let data = reader.take(size)?;
        if (1..=N).contains(&number) {
            found[number - 1] = Some(Reader { data });
        }
    }
    reader.end("the file")?;
    if let Some(missing) = found.iter().position(Option::is_none) {
        return Err(Invalid(format!("section {} is missing", missing + 1)));
    }
    Ok(found.map(|section| section.expect("checked above")))
}
