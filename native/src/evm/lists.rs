//! What a block's transactions and receipts come to: the header's roots and bloom, and the list that
//! a store keeps; in the encodings of `ledger/receipts.py` and `ledger/store.py`.

use pyo3::pybacked::PyBackedBytes;
use rayon::prelude::*;
use revm::primitives::{Address, B256, HashMap, Log, keccak256};

use super::block::Outcome;
use super::validity::Reason;
use crate::trie::rlp;
use crate::trie::write::ordered_root;

const BLOOM_BYTES: usize = 256;
/// The first byte of a legacy transaction is a list's; that of the others is their type.
const LIST: u8 = 0xc0;

/// Where an entry stands in the agreed batch, its bytes and its sender.
pub struct Place {
    pub index: u64,
    pub raw: PyBackedBytes,
    pub sender: Address,
}

/// The header's fields, and the RLP of `[[index, sender, receipt]]`.
pub struct Lists {
    pub transactions_root: B256,
    pub receipts_root: B256,
    pub logs_bloom: [u8; BLOOM_BYTES],
    pub gas_used: u64,
    pub included: Vec<u8>,
}

/// One included transaction as the lists need it.
struct Entry<'a> {
    place: &'a Place,
    outcome: &'a Outcome,
    cumulative_gas_used: u64,
}

impl Entry<'_> {
    fn kind(&self) -> u8 {
        self.place
            .raw
            .first()
            .copied()
            .filter(|first| *first < LIST)
            .unwrap_or_default()
    }
}

/// Of a batch's outcomes; the three lists are one another's kind and come in step.
pub fn lists(places: &[Place], outcomes: &[Result<Outcome, Reason>]) -> Lists {
    let mut gas_used = 0;
    let mut entries = Vec::with_capacity(places.len());
    for (place, outcome) in places.iter().zip(outcomes) {
        if let Ok(outcome) = outcome {
            gas_used += outcome.gas_used;
            entries.push(Entry {
                place,
                outcome,
                cumulative_gas_used: gas_used,
            });
        }
    }
    let (transactions_root, (receipts_root, logs_bloom, included)) = rayon::join(
        || {
            ordered_root(
                &entries
                    .iter()
                    .map(|entry| &entry.place.raw)
                    .collect::<Vec<_>>(),
            )
        },
        || receipts(&entries),
    );
    Lists {
        transactions_root,
        receipts_root,
        logs_bloom,
        gas_used,
        included,
    }
}

fn receipts(entries: &[Entry<'_>]) -> (B256, [u8; BLOOM_BYTES], Vec<u8>) {
    let bits = bloom_bits(entries);
    let encoded: Vec<_> = entries
        .par_iter()
        .map(|entry| {
            let logs = encode_logs(&entry.outcome.logs);
            let bloom = bloom(&entry.outcome.logs, &bits);
            (receipt(entry, &bloom, &logs), bloom, kept(entry, &logs))
        })
        .collect();
    let mut union = [0; BLOOM_BYTES];
    let mut included = Vec::new();
    for (_, bloom, kept) in &encoded {
        for (byte, own) in union.iter_mut().zip(bloom) {
            *byte |= own;
        }
        included.extend_from_slice(kept);
    }
    let values: Vec<_> = encoded.into_iter().map(|(value, ..)| value).collect();
    (ordered_root(&values), union, rlp::as_list(&included))
}

/// The value of the receipts trie (EIP-658, EIP-2718).
fn receipt(entry: &Entry<'_>, bloom: &[u8], logs: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(BLOOM_BYTES + 16 + logs.len());
    rlp::put_number(&mut payload, entry.outcome.success.into());
    rlp::put_number(&mut payload, entry.cumulative_gas_used);
    rlp::put_string(&mut payload, bloom);
    payload.extend_from_slice(logs);
    let mut value = Vec::with_capacity(payload.len() + 5);
    if entry.kind() != 0 {
        value.push(entry.kind());
    }
    rlp::put_list(&mut value, &payload);
    value
}

/// `[index, sender, [type, status, cumulative gas, gas, created, logs]]`.
fn kept(entry: &Entry<'_>, logs: &[u8]) -> Vec<u8> {
    let mut receipt = Vec::with_capacity(48 + logs.len());
    rlp::put_number(&mut receipt, entry.kind().into());
    rlp::put_number(&mut receipt, entry.outcome.success.into());
    rlp::put_number(&mut receipt, entry.cumulative_gas_used);
    rlp::put_number(&mut receipt, entry.outcome.gas_used);
    let created = entry.outcome.created;
    rlp::put_string(&mut receipt, created.as_ref().map_or(&[], |at| &at[..]));
    receipt.extend_from_slice(logs);
    let mut payload = Vec::with_capacity(receipt.len() + 40);
    rlp::put_number(&mut payload, entry.place.index);
    rlp::put_string(&mut payload, entry.place.sender.as_slice());
    rlp::put_list(&mut payload, &receipt);
    rlp::as_list(&payload)
}

fn encode_logs(logs: &[Log]) -> Vec<u8> {
    let mut payload = Vec::new();
    for log in logs {
        let mut topics = Vec::with_capacity(4 * 33);
        for topic in log.data.topics() {
            rlp::put_string(&mut topics, topic.as_slice());
        }
        let mut fields = Vec::with_capacity(topics.len() + log.data.data.len() + 40);
        rlp::put_string(&mut fields, log.address.as_slice());
        rlp::put_list(&mut fields, &topics);
        rlp::put_string(&mut fields, &log.data.data);
        rlp::put_list(&mut payload, &fields);
    }
    rlp::as_list(&payload)
}

/// What a bloom filter holds of a log.
fn bloom_entries(log: &Log) -> impl Iterator<Item = &[u8]> {
    let topics = log.data.topics().iter().map(|topic| topic.as_slice());
    std::iter::once(log.address.as_slice()).chain(topics)
}

/// The three bits of every address and topic (yellow paper, 4.3.1): blocks repeat most of them.
fn bloom_bits<'a>(entries: &[Entry<'a>]) -> HashMap<&'a [u8], [usize; 3]> {
    let mut bits = HashMap::default();
    for log in entries.iter().flat_map(|entry| &entry.outcome.logs) {
        for item in bloom_entries(log) {
            bits.entry(item).or_insert_with(|| {
                let digest = keccak256(item);
                [0, 2, 4].map(|at| usize::from(digest[at] & 7) << 8 | usize::from(digest[at + 1]))
            });
        }
    }
    bits
}

fn bloom(logs: &[Log], bits: &HashMap<&[u8], [usize; 3]>) -> [u8; BLOOM_BYTES] {
    let mut bloom = [0; BLOOM_BYTES];
    for item in logs.iter().flat_map(bloom_entries) {
        for bit in bits[item] {
            bloom[BLOOM_BYTES - 1 - bit / 8] |= 1 << (bit % 8);
        }
    }
    bloom
}
