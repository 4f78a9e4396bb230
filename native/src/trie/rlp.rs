//! RLP as far as a trie needs it: items of a list, and writing strings and lists.
//!
//! What is read comes from the node's own store, so a fault in it is damage, not an attack.

/// A node that is no RLP, or no trie node.
#[derive(Debug)]
pub struct Malformed;

/// One item: its payload, and its whole encoding.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    pub is_list: bool,
    pub payload: &'a [u8],
    pub raw: &'a [u8],
}

/// The first item of `data` and what follows it.
pub fn split(data: &[u8]) -> Result<(Item<'_>, &[u8]), Malformed> {
    let first = *data.first().ok_or(Malformed)?;
    let (is_list, start, length) = match first {
        0..=0x7f => (false, 0, 1),
        0x80..=0xb7 => (false, 1, usize::from(first - 0x80)),
        0xb8..=0xbf => long(data, usize::from(first - 0xb7), false)?,
        0xc0..=0xf7 => (true, 1, usize::from(first - 0xc0)),
        0xf8..=0xff => long(data, usize::from(first - 0xf7), true)?,
    };
    let end = start.checked_add(length).ok_or(Malformed)?;
    let payload = data.get(start..end).ok_or(Malformed)?;
    let item = Item {
        is_list,
        payload,
        raw: &data[..end],
    };
    Ok((item, &data[end..]))
}

fn long(data: &[u8], size: usize, is_list: bool) -> Result<(bool, usize, usize), Malformed> {
    if size > 4 {
        return Err(Malformed);
    }
    let digits = data.get(1..1 + size).ok_or(Malformed)?;
    let length = digits
        .iter()
        .fold(0usize, |sum, digit| sum << 8 | usize::from(*digit));
    Ok((is_list, 1 + size, length))
}

/// The items of a list that fills `data`.
pub fn list(data: &[u8]) -> Result<Vec<Item<'_>>, Malformed> {
    let (outer, rest) = split(data)?;
    if !outer.is_list || !rest.is_empty() {
        return Err(Malformed);
    }
    let mut items = Vec::with_capacity(17);
    let mut left = outer.payload;
    while !left.is_empty() {
        let (item, rest) = split(left)?;
        items.push(item);
        left = rest;
    }
    Ok(items)
}

/// Appends a string's encoding.
pub fn put_string(out: &mut Vec<u8>, data: &[u8]) {
    if data.len() == 1 && data[0] < 0x80 {
        out.push(data[0]);
        return;
    }
    put_header(out, 0x80, data.len());
    out.extend_from_slice(data);
}

/// Appends the header of a string (offset 0x80) or a list (0xc0) of so many bytes.
pub fn put_header(out: &mut Vec<u8>, offset: u8, length: usize) {
    if length < 56 {
        out.push(offset + length as u8);
        return;
    }
    let digits = length.to_be_bytes();
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    out.push(offset + 55 + (digits.len() - leading) as u8);
    out.extend_from_slice(&digits[leading..]);
}

/// Appends a number's encoding.
pub fn put_number(out: &mut Vec<u8>, number: u64) {
    let digits = number.to_be_bytes();
    put_string(out, &digits[number.leading_zeros() as usize / 8..]);
}

/// Appends a payload as a list.
pub fn put_list(out: &mut Vec<u8>, payload: &[u8]) {
    put_header(out, 0xc0, payload.len());
    out.extend_from_slice(payload);
}

/// A payload as a list.
pub fn as_list(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 9);
    put_list(&mut out, payload);
    out
}

/// The items of a list that fills `data`, every length in its one canonical form.
pub fn strict_list(data: &[u8]) -> Result<Vec<Item<'_>>, Malformed> {
    let (outer, rest) = split(data)?;
    if !rest.is_empty() || !is_canonical(&outer) {
        return Err(Malformed);
    }
    strict_items(&outer)
}

/// The items of a list, every length in its one canonical form.
pub fn strict_items<'a>(item: &Item<'a>) -> Result<Vec<Item<'a>>, Malformed> {
    if !item.is_list {
        return Err(Malformed);
    }
    let mut items = Vec::new();
    let mut left = item.payload;
    while !left.is_empty() {
        let (item, rest) = split(left)?;
        if !is_canonical(&item) {
            return Err(Malformed);
        }
        items.push(item);
        left = rest;
    }
    Ok(items)
}

fn is_canonical(item: &Item<'_>) -> bool {
    let mut header = Vec::with_capacity(9);
    if item.is_list {
        put_header(&mut header, 0xc0, item.payload.len());
    } else if item.payload.len() != 1 || item.payload[0] >= 0x80 {
        put_header(&mut header, 0x80, item.payload.len());
    }
    item.raw[..item.raw.len() - item.payload.len()] == header
}
