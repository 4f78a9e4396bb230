//! Transactions of types 0, 1 and 2 from their bytes, with hashes and senders; many on all cores.
//!
//! What is not well-formed is left to `ledger/transactions.py`, which names the fault. Python gets at
//! once what every transaction is asked for, and the rest of one's fields when somebody wants them.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
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

/// Gas that is spent before the first opcode, as `ledger/gas.py` has it (EIP-2028, 2930, 3860).
const GAS_TRANSACTION: u64 = 21_000;
const GAS_CREATE: u64 = 32_000;
const GAS_DATA_ZERO: u64 = 4;
const GAS_DATA_NONZERO: u64 = 16;
const GAS_INIT_CODE_WORD: u64 = 2;
const GAS_ACCESS_LIST_ADDRESS: u64 = 2_400;
const GAS_ACCESS_LIST_SLOT: u64 = 1_900;

/// An access list's address and slots.
type Entry<'a> = (&'a [u8], Vec<U256>);

/// A well-formed transaction's fields, and what its sender signed.
pub struct Decoded<'a> {
    kind: u8,
    chain_id: Option<u64>,
    pub nonce: u64,
    /// The most for the proposer and the most in all, in wei for a unit of gas.
    pub fees: [U256; 2],
    pub gas: u64,
    /// 20 bytes, or none of a creation.
    pub to: &'a [u8],
    pub value: U256,
    pub data: &'a [u8],
    pub access_list: Vec<Entry<'a>>,
    v: u64,
    y_parity: u8,
    r: U256,
    s: U256,
    signed: Vec<u8>,
}

impl Decoded<'_> {
    /// Whose key made the signature; None if no key fits it.
    fn sender(&self) -> Option<[u8; 20]> {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&self.r.to_be_bytes::<32>());
        signature[32..].copy_from_slice(&self.s.to_be_bytes::<32>());
        let digest = keccak256(&self.signed);
        let found = crypto().secp256k1_ecrecover(&signature, self.y_parity, &digest.0);
        found
            .ok()
            .map(|word| word[12..].try_into().expect("20 of 32 bytes"))
    }

    fn intrinsic_gas(&self) -> u64 {
        let bytes = self.data.len() as u64;
        let zeros = self.data.iter().filter(|byte| **byte == 0).count() as u64;
        let mut gas = GAS_TRANSACTION + zeros * GAS_DATA_ZERO + (bytes - zeros) * GAS_DATA_NONZERO;
        if self.to.is_empty() {
            gas += GAS_CREATE + bytes.div_ceil(32) * GAS_INIT_CODE_WORD;
        }
        for (_, slots) in &self.access_list {
            gas += GAS_ACCESS_LIST_ADDRESS + GAS_ACCESS_LIST_SLOT * slots.len() as u64;
        }
        gas
    }
}

/// The fields of a transaction of type 0, 1 or 2.
pub fn decode(raw: &[u8]) -> Result<Decoded<'_>, Malformed> {
    if raw.len() > BYTES_MAX {
        return Err(Malformed);
    }
    let decoded = match *raw.first().ok_or(Malformed)? {
        0xc0.. => decode_legacy(raw)?,
        kind @ 1..=2 => decode_typed(kind, &raw[1..])?,
        _ => return Err(Malformed),
    };
    let in_range = !decoded.r.is_zero()
        && decoded.r < CURVE_ORDER
        && !decoded.s.is_zero()
        && decoded.s <= HALF_CURVE_ORDER;
    in_range.then_some(decoded).ok_or(Malformed)
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
    Ok(Decoded {
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
        signed: rlp::as_list(&signed),
    })
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
    Ok(Decoded {
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
        signed,
    })
}

/// The encodings of items, one after the other.
fn body(items: &[Item<'_>]) -> Vec<u8> {
    items.iter().flat_map(|item| item.raw).copied().collect()
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

/// What a transaction is asked for at once.
struct Read<'a> {
    fields: Decoded<'a>,
    hash: B256,
    sender: Option<[u8; 20]>,
}

/// For each of the batch the attributes of a `ledger.transactions.Transaction` that every one is asked
/// for, its sender under `suite` among them if a key fits the signature; or None for what is not
/// well-formed.
#[pyfunction]
fn decode_transactions<'py>(
    py: Python<'py>,
    batch: Vec<Bound<'py, PyBytes>>,
    suite: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let raws: Vec<&[u8]> = batch.iter().map(|raw| raw.as_bytes()).collect();
    let read = |raw| {
        decode(raw).ok().map(|fields| Read {
            hash: keccak256(raw),
            sender: fields.sender(),
            fields,
        })
    };
    let found: Vec<_> = py.detach(|| raws.par_iter().map(|raw| read(raw)).collect());
    let attributes = PyList::empty(py);
    for (read, raw) in found.iter().zip(&batch) {
        match read {
            Some(read) => attributes.append(first_attributes(read, raw, suite)?)?,
            None => attributes.append(py.None())?,
        }
    }
    Ok(attributes)
}

fn first_attributes<'py>(
    read: &Read<'_>,
    raw: &Bound<'py, PyBytes>,
    suite: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = raw.py();
    let fields = &read.fields;
    let to = (!fields.to.is_empty()).then(|| PyBytes::new(py, fields.to));
    let senders = PyDict::new(py);
    if let Some(sender) = read.sender {
        senders.set_item(suite, PyBytes::new(py, &sender))?;
    }
    let [max_priority_fee, max_fee] = fields.fees;
    let found = PyDict::new(py);
    found.set_item(intern!(py, "raw"), raw)?;
    found.set_item(intern!(py, "hash"), PyBytes::new(py, &read.hash[..]))?;
    found.set_item(intern!(py, "chain_id"), fields.chain_id)?;
    found.set_item(intern!(py, "nonce"), fields.nonce)?;
    found.set_item(
        intern!(py, "max_priority_fee_per_gas"),
        int_from_word(py, max_priority_fee)?,
    )?;
    found.set_item(intern!(py, "max_fee_per_gas"), int_from_word(py, max_fee)?)?;
    found.set_item(intern!(py, "gas"), fields.gas)?;
    found.set_item(intern!(py, "to"), to)?;
    found.set_item(intern!(py, "value"), int_from_word(py, fields.value)?)?;
    found.set_item(intern!(py, "intrinsic_gas"), fields.intrinsic_gas())?;
    found.set_item(intern!(py, "_senders"), senders)?;
    Ok(found)
}

/// The fields of a well-formed transaction that are not among its first attributes; `ValueError` for
/// another.
#[pyfunction]
fn transaction_rest<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let fields = decode(raw)
        .map_err(|Malformed| PyValueError::new_err("expected a well-formed transaction"))?;
    let mut access_list = Vec::with_capacity(fields.access_list.len());
    for (address, slots) in &fields.access_list {
        let slots = slots
            .iter()
            .map(|slot| int_from_word(py, *slot))
            .collect::<PyResult<Vec<_>>>()?;
        access_list.push((PyBytes::new(py, address), PyTuple::new(py, slots)?));
    }
    let found = PyDict::new(py);
    found.set_item("type", fields.kind)?;
    found.set_item("data", PyBytes::new(py, fields.data))?;
    found.set_item("access_list", PyTuple::new(py, access_list)?)?;
    found.set_item("v", fields.v)?;
    found.set_item("y_parity", fields.y_parity)?;
    found.set_item("r", int_from_word(py, fields.r)?)?;
    found.set_item("s", int_from_word(py, fields.s)?)?;
    Ok(found)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(decode_transactions, module)?)?;
    module.add_function(wrap_pyfunction!(transaction_rest, module)?)
}
