//! From a block's changes to its writes and root, as `ledger/commitment.py` has it: storage tries
//! first, then the state trie.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pyo3::PyErr;
use rayon::prelude::*;
use revm::primitives::{Address, B256, Bytes, HashMap, U256, keccak256};

use super::cache::NodeCache;
use super::state::{Cell, ReaderRaised, State};
use crate::trie::NodeFailure;
use crate::trie::fetch::fetch;
use crate::trie::rlp;
use crate::trie::update::{EMPTY_ROOT, Fresh, update};

/// What a block changes, like `ledger.state.Writes`; tables are in the order of addresses.
pub struct Writes {
    pub root: B256,
    pub accounts: BTreeMap<Address, Option<Cell>>,
    pub storage: BTreeMap<Address, BTreeMap<U256, U256>>,
    pub codes: HashMap<B256, Bytes>,
    pub cleared: Vec<Address>,
    pub nodes: Fresh,
}

/// Why a block has no root.
pub enum CommitFailure {
    Reader(ReaderRaised),
    Raised(PyErr),
}

impl From<ReaderRaised> for CommitFailure {
    fn from(raised: ReaderRaised) -> Self {
        CommitFailure::Reader(raised)
    }
}

impl From<NodeFailure> for CommitFailure {
    fn from(failure: NodeFailure) -> Self {
        CommitFailure::Raised(failure.0)
    }
}

/// The writes of the transactions that `state` holds, under the root that they found.
pub fn commit(
    state: &mut State,
    root: B256,
    cache: &Mutex<NodeCache>,
) -> Result<Writes, CommitFailure> {
    let storage = changed_slots(state)?;
    let accounts = changed_accounts(state, &storage)?;
    let mut writes = Writes {
        root,
        accounts: BTreeMap::new(),
        storage,
        codes: HashMap::default(),
        cleared: Vec::new(),
        nodes: Vec::new(),
    };
    let mut leaves = Vec::with_capacity(accounts.len());
    for (address, account) in accounts {
        let key = keccak256(address);
        let Some(mut cell) = account else {
            leaves.push((key, Vec::new()));
            writes.accounts.insert(address, None);
            continue;
        };
        let before = if state.cleared.contains(&address) {
            None
        } else {
            state.account_before(address)?
        };
        cell.storage_root = before.map_or(EMPTY_ROOT, |cell| cell.storage_root);
        if let Some(slots) = writes.storage.get(&address) {
            let changes: Vec<_> = slots
                .par_iter()
                .map(|(slot, value)| slot_leaf(*slot, *value))
                .collect();
            cell.storage_root =
                updated(state, cell.storage_root, &changes, cache, &mut writes.nodes)?;
        }
        if let Some(code) = state.deployed.get(&cell.code_hash) {
            writes.codes.insert(cell.code_hash, code.original_bytes());
        }
        leaves.push((key, account_leaf(&cell)));
        writes.accounts.insert(address, Some(cell));
    }
    if !leaves.is_empty() {
        writes.root = updated(state, root, &leaves, cache, &mut writes.nodes)?;
    }
    for address in state.cleared.clone() {
        if state.account_before(address)?.is_some() {
            writes.cleared.push(address);
        }
    }
    Ok(writes)
}

fn changed_slots(
    state: &mut State,
) -> Result<BTreeMap<Address, BTreeMap<U256, U256>>, ReaderRaised> {
    let mut changed: BTreeMap<Address, BTreeMap<U256, U256>> = BTreeMap::new();
    for (address, slots) in std::mem::take(&mut state.slots) {
        let is_cleared = state.cleared.contains(&address);
        for (slot, value) in slots {
            let before = if is_cleared {
                U256::ZERO
            } else {
                state.slot_before(address, slot)?
            };
            if value != before {
                changed.entry(address).or_default().insert(slot, value);
            }
        }
    }
    Ok(changed)
}

/// Accounts that differ from the predecessor's, or whose storage does.
fn changed_accounts(
    state: &mut State,
    storage: &BTreeMap<Address, BTreeMap<U256, U256>>,
) -> Result<BTreeMap<Address, Option<Cell>>, ReaderRaised> {
    let mut changed = BTreeMap::new();
    for (address, account) in std::mem::take(&mut state.accounts) {
        if storage.contains_key(&address) || account != state.account_before(address)? {
            changed.insert(address, account);
        }
    }
    for address in storage.keys() {
        if !changed.contains_key(address) {
            changed.insert(*address, state.account_before(*address)?);
        }
    }
    Ok(changed)
}

fn slot_leaf(slot: U256, value: U256) -> (B256, Vec<u8>) {
    let key = keccak256(slot.to_be_bytes::<32>());
    let mut leaf = Vec::new();
    if !value.is_zero() {
        rlp::put_string(&mut leaf, &value.to_be_bytes_trimmed_vec());
    }
    (key, leaf)
}

/// The account's RLP, as the state trie holds it and the store keeps it.
pub fn account_leaf(cell: &Cell) -> Vec<u8> {
    let mut payload = Vec::with_capacity(110);
    rlp::put_number(&mut payload, cell.nonce);
    rlp::put_string(&mut payload, &cell.balance.to_be_bytes_trimmed_vec());
    rlp::put_string(&mut payload, cell.storage_root.as_slice());
    rlp::put_string(&mut payload, cell.code_hash.as_slice());
    rlp::as_list(&payload)
}

/// The root after the changes; new nodes go to `nodes` and to the cache.
fn updated(
    state: &State,
    root: B256,
    changes: &[(B256, Vec<u8>)],
    cache: &Mutex<NodeCache>,
    nodes: &mut Fresh,
) -> Result<B256, NodeFailure> {
    let cached = || cache.lock().expect("no thread panics with the cache");
    let mut ask = |hashes: &[B256]| known_or_asked(state, hashes, &mut cached());
    let ahead = fetch(root, changes.iter().map(|(key, _)| key), &mut ask)?;
    let read = |hash: &B256| -> Result<Arc<[u8]>, NodeFailure> {
        match ahead.get(hash) {
            Some(node) => Ok(node.clone()),
            None => Ok(known_or_asked(state, &[*hash], &mut cached())?.remove(0)),
        }
    };
    let (root, fresh) = update(root, changes, &read)?;
    let mut cached = cached();
    for (hash, node) in &fresh {
        cached.put(*hash, node.clone());
    }
    nodes.extend(fresh);
    Ok(root)
}

/// Nodes from the cache, and what it lacks from the reader, in one question.
fn known_or_asked(
    state: &State,
    hashes: &[B256],
    cache: &mut NodeCache,
) -> Result<Vec<Arc<[u8]>>, NodeFailure> {
    let mut found: Vec<_> = hashes.iter().map(|hash| cache.get(hash)).collect();
    let missing: Vec<_> = (0..hashes.len())
        .filter(|place| found[*place].is_none())
        .collect();
    if !missing.is_empty() {
        let wanted: Vec<_> = missing.iter().map(|place| hashes[*place]).collect();
        let nodes = state.nodes(&wanted).map_err(NodeFailure)?;
        for (place, node) in missing.into_iter().zip(nodes) {
            cache.put(hashes[place], node.clone());
            found[place] = Some(node);
        }
    }
    Ok(found.into_iter().flatten().collect())
}
