//! Transactions of types 0, 1 and 2 from their bytes, with hashes and senders; many on all cores.
//!
//! What is not well-formed is left to `ledger/transactions.py`, which names the fault.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use rayon::prelude::*;
use revm::precompile::crypto;
use revm::primitives::{B256, U256, keccak256, uint};

use crate::evm::convert::int_from_word;
use crate::trie::rlp::{self, Item, Malformed};

/// `DECODABLE_BYTES_MAX` of `ledger/transactions.py`.
const BYTES_MAX: usize = 1024 * 1024;
const CURVE_ORDER: U256 =
    uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);
const HALF_CURVE_ORDER: U256 =
    uint!(0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0_U256);

/// An access list's address and slots.
type Entry<'a> = (&'a [u8], Vec<U256>);

struct Decoded<'a> {
    kind: u8,
    chain_id: Option<u64>,
    nonce: u64,
    fees: [U256; 2],
    gas: u64,
    to: &'a [u8],
    value: U256,
    data: &'a [u8],
    access_list: Vec<Entry<'a>>,
    v: u64,
    y_parity: u8,
    r: U256,
    s: U256,
    hash: B256,
    sender: Option<[u8; 20]>,
}

fn decode(raw: &[u8]) -> Result<Decoded<'_>, Malformed> {
    if raw.len() > BYTES_MAX {
        return Err(Malformed);
    }
    let mut decoded = match *raw.first().ok_or(Malformed)? {
        0xc0.. => decode_legacy(raw)?,
        kind @ 1..=2 => decode_typed(kind, &raw[1..])?,
        _ => return Err(Malformed),
    };
    decoded.hash = keccak256(raw);
    Ok(decoded)
}

fn decode_legacy(raw: &[u8]) -> Result<Decoded<'_>, Malformed> {
    let items = rlp::strict_list(raw)?;
    let [nonce, price, gas, to, value, data, v, r, s] = items.as_slice() else {
        return Err(Malformed);
    };
    let price = word(price)?;
    let v = number(v)?;
    let (chain_id, y_parity) = match v {
        27 | 28 => (None, v - 27),
        35.. => (Some((v - 35) / 2), (v - 35) % 2),
        _ => return Err(Malformed),
    };
    let mut signed = body(&items[..6]);
    if let Some(chain_id) = chain_id {
        rlp::put_string(&mut signed, &U256::from(chain_id).to_be_bytes_trimmed_vec());
        signed.extend([0x80, 0x80]);
    }
    let digest = keccak256(rlp::as_list(&signed));
    let fields = Decoded {
        kind: 0,
        chain_id,
        nonce: number(nonce)?,
        fees: [price, price],
        gas: number(gas)?,
        to: recipient(to)?,
        value: word(value)?,
        data: string(data)?,
        access_list: Vec::new(),
        v,
        y_parity: y_parity as u8,
        r: word(r)?,
        s: word(s)?,
        hash: B256::ZERO,
        sender: None,
    };
    recovered(fields, digest)
}

fn decode_typed(kind: u8, payload: &[u8]) -> Result<Decoded<'_>, Malformed> {
    let items = rlp::strict_list(payload)?;
    let fees = usize::from(kind);
    if items.len() != 10 + fees {
        return Err(Malformed);
    }
    let [gas, to, value, data, access_list, y_parity, r, s] = &items[2 + fees..] else {
        return Err(Malformed);
    };
    let y_parity = number(y_parity)?;
    if y_parity > 1 {
        return Err(Malformed);
    }
    let mut signed = vec![kind];
    signed.extend(rlp::as_list(&body(&items[..7 + fees])));
    let fields = Decoded {
        kind,
        chain_id: Some(number(&items[0])?),
        nonce: number(&items[1])?,
        fees: [word(&items[2])?, word(&items[1 + fees])?],
        gas: number(gas)?,
        to: recipient(to)?,
        value: word(value)?,
        data: string(data)?,
        access_list: entries(access_list)?,
        v: y_parity,
        y_parity: y_parity as u8,
        r: word(r)?,
        s: word(s)?,
        hash: B256::ZERO,
        sender: None,
    };
    recovered(fields, keccak256(signed))
}

/// The encodings of items, one after the other.
fn body(items: &[Item<'_>]) -> Vec<u8> {
    items.iter().flat_map(|item| item.raw).copied().collect()
}

fn recovered(mut fields: Decoded<'_>, digest: B256) -> Result<Decoded<'_>, Malformed> {
    let in_range = !fields.r.is_zero()
        && fields.r < CURVE_ORDER
        && !fields.s.is_zero()
        && fields.s <= HALF_CURVE_ORDER;
    if !in_range {
        return Err(Malformed);
    }
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&fields.r.to_be_bytes::<32>());
    signature[32..].copy_from_slice(&fields.s.to_be_bytes::<32>());
    let found = crypto().secp256k1_ecrecover(&signature, fields.y_parity, &digest.0);
    fields.sender = found
        .ok()
        .map(|word| word[12..].try_into().expect("20 of 32 bytes"));
    Ok(fields)
}

fn string<'a>(item: &Item<'a>) -> Result<&'a [u8], Malformed> {
    if item.is_list {
        Err(Malformed)
    } else {
        Ok(item.payload)
    }
}

fn word(item: &Item<'_>) -> Result<U256, Malformed> {
    let digits = string(item)?;
    if digits.len() > 32 || digits.first() == Some(&0) {
        return Err(Malformed);
    }
    Ok(U256::from_be_slice(digits))
}

fn number(item: &Item<'_>) -> Result<u64, Malformed> {
    u64::try_from(word(item)?).map_err(|_| Malformed)
}

fn recipient<'a>(item: &Item<'a>) -> Result<&'a [u8], Malformed> {
    let to = string(item)?;
    if to.is_empty() || to.len() == 20 {
        Ok(to)
    } else {
        Err(Malformed)
    }
}

fn entries<'a>(item: &Item<'a>) -> Result<Vec<Entry<'a>>, Malformed> {
    let mut found = Vec::new();
    for entry in rlp::strict_items(item)? {
        let parts = rlp::strict_items(&entry)?;
        let [address, slots] = parts.as_slice() else {
            return Err(Malformed);
        };
        let mut words = Vec::new();
        for slot in rlp::strict_items(slots)? {
            if slot.is_list || slot.payload.len() != 32 {
                return Err(Malformed);
            }
            words.push(U256::from_be_slice(slot.payload));
        }
        if address.is_list || address.payload.len() != 20 {
            return Err(Malformed);
        }
        found.push((address.payload, words));
    }
    Ok(found)
}

/// For each of the batch its fields in the order of `ledger.transactions.Transaction`, then hash and
/// sender (None if no key fits the signature); or None for what is not well-formed.
#[pyfunction]
fn decode_transactions<'py>(
    py: Python<'py>,
    batch: Vec<Bound<'py, PyBytes>>,
) -> PyResult<Bound<'py, PyList>> {
    let raws: Vec<&[u8]> = batch.iter().map(|raw| raw.as_bytes()).collect();
    let decoded: Vec<_> = py.detach(|| raws.par_iter().map(|raw| decode(raw)).collect());
    let found = PyList::empty(py);
    for fields in decoded {
        match fields {
            Ok(fields) => found.append(to_python(py, &fields)?)?,
            Err(Malformed) => found.append(py.None())?,
        }
    }
    Ok(found)
}

fn to_python<'py>(py: Python<'py>, fields: &Decoded<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let bytes = |data: &[u8]| PyBytes::new(py, data).into_any();
    let int = |value: U256| int_from_word(py, value);
    let mut access_list = Vec::with_capacity(fields.access_list.len());
    for (address, slots) in &fields.access_list {
        let slots = slots
            .iter()
            .map(|slot| int(*slot))
            .collect::<PyResult<Vec<_>>>()?;
        access_list.push((bytes(address), PyTuple::new(py, slots)?).into_pyobject(py)?);
    }
    let none = || py.None().into_bound(py);
    PyTuple::new(
        py,
        [
            int(U256::from(fields.kind))?,
            fields
                .chain_id
                .map_or_else(|| Ok(none()), |id| int(U256::from(id)))?,
            int(U256::from(fields.nonce))?,
            int(fields.fees[0])?,
            int(fields.fees[1])?,
            int(U256::from(fields.gas))?,
            if fields.to.is_empty() {
                none()
            } else {
                bytes(fields.to)
            },
            int(fields.value)?,
            bytes(fields.data),
            PyTuple::new(py, access_list)?.into_any(),
            int(U256::from(fields.v))?,
            int(U256::from(fields.y_parity))?,
            int(fields.r)?,
            int(fields.s)?,
            bytes(fields.hash.as_slice()),
            fields
                .sender
                .as_ref()
                .map_or_else(none, |sender| bytes(sender)),
        ],
    )
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(decode_transactions, module)?)
}
