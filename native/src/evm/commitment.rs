//! From a block's changes to its writes and root, as `ledger/commitment.py` has it: storage tries
//! first, then the state trie.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pyo3::PyErr;
use rayon::prelude::*;
use revm::primitives::map::B256Map;
use revm::primitives::{Address, B256, Bytes, U256, keccak256};

use super::cache::NodeCache;
use super::state::{Cell, ReaderRaised, State};
use crate::trie::NodeFailure;
use crate::trie::fetch::fetch;
use crate::trie::node::EMPTY_ROOT;
use crate::trie::rlp;
use crate::trie::update::update;
use crate::trie::write::Fresh;

/// Accounts, or None where there is none any more, in the order of their addresses.
type Accounts = Vec<(Address, Option<Cell>)>;
/// Slots of each account, in their order.
type Storage = BTreeMap<Address, Vec<(U256, U256)>>;

/// What a block changes, like `ledger.state.Writes`; all in the order of the keys, as a store likes
/// it.
pub struct Writes {
    pub root: B256,
    pub accounts: Accounts,
    pub storage: Storage,
    pub codes: B256Map<Bytes>,
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
    let mut accounts = changed_accounts(state, &storage)?;
    let mut cleared = Vec::new();
    for address in state.cleared.clone() {
        if state.account_before(address)?.is_some() {
            cleared.push(address);
        }
    }
    let source = Source { state, cache };
    let known: Vec<_> = accounts
        .par_iter()
        .map(|(address, _)| {
            let before = source.state.read_account(address);
            (
                keccak256(address),
                before.map_or_else(Vec::new, account_leaf),
            )
        })
        .collect();
    let (below, top) = rayon::join(
        || source.update_storage(&mut accounts, &storage),
        || fetch(root, &known, &mut |hashes| source.nodes(hashes)),
    );
    let mut nodes: Fresh = below?.into_iter().flatten().collect();
    let leaves: Vec<_> = known
        .into_par_iter()
        .zip(&accounts)
        .map(|((key, _), (_, account))| (key, account.as_ref().map_or_else(Vec::new, account_leaf)))
        .collect();
    let (root, fresh) = if leaves.is_empty() {
        (root, Fresh::new())
    } else {
        update(top?, &leaves, &|hash| source.node(hash))?
    };
    nodes.extend(fresh);
    nodes.par_sort_unstable_by_key(|(hash, _)| *hash);
    source.remember(&nodes);
    let mut codes = B256Map::default();
    for cell in accounts.iter().filter_map(|(_, account)| account.as_ref()) {
        if let Some(code) = state.deployed.get(&cell.code_hash) {
            codes.insert(cell.code_hash, code.original_bytes());
        }
    }
    Ok(Writes {
        root,
        accounts,
        storage,
        codes,
        cleared,
        nodes,
    })
}

/// Slots that differ from the predecessor's.
fn changed_slots(state: &mut State) -> Result<Storage, ReaderRaised> {
    let mut changed = Storage::new();
    for (address, slots) in std::mem::take(&mut state.slots) {
        let is_cleared = state.cleared.contains(&address);
        let mut differing = Vec::with_capacity(slots.len());
        for (slot, value) in slots {
            let before = if is_cleared {
                U256::ZERO
            } else {
                state.slot_before(address, slot)?
            };
            if value != before {
                differing.push((slot, value));
            }
        }
        if !differing.is_empty() {
            differing.par_sort_unstable();
            changed.insert(address, differing);
        }
    }
    Ok(changed)
}

/// Accounts that differ from the predecessor's, or whose storage does; with the storage roots that
/// the block found.
fn changed_accounts(state: &mut State, storage: &Storage) -> Result<Accounts, ReaderRaised> {
    let mut written = std::mem::take(&mut state.accounts);
    for address in storage.keys() {
        if !written.contains_key(address) {
            written.insert(*address, state.account_before(*address)?);
        }
    }
    let mut changed = Vec::with_capacity(written.len());
    for (address, mut account) in written {
        let before = state.account_before(address)?;
        if !storage.contains_key(&address) && account == before {
            continue;
        }
        if let Some(cell) = &mut account {
            cell.storage_root = match before {
                Some(before) if !state.cleared.contains(&address) => before.storage_root,
                _ => EMPTY_ROOT,
            };
        }
        changed.push((address, account));
    }
    changed.par_sort_unstable_by_key(|(address, _)| *address);
    Ok(changed)
}

/// A slot's value as the storage trie holds it: zero is nothing.
fn slot_leaf(value: U256) -> Vec<u8> {
    let mut leaf = Vec::new();
    if !value.is_zero() {
        rlp::put_string(&mut leaf, &value.to_be_bytes_trimmed_vec());
    }
    leaf
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

/// Where trie nodes come from: the cache, or else the state's reader.
struct Source<'a> {
    state: &'a State,
    cache: &'a Mutex<NodeCache>,
}

impl Source<'_> {
    /// Gives the accounts the roots of their changed storage; the new nodes of each of its tries.
    fn update_storage(
        &self,
        accounts: &mut Accounts,
        storage: &Storage,
    ) -> Result<Vec<Fresh>, NodeFailure> {
        let changed = accounts.par_iter_mut().filter_map(|(address, account)| {
            let slots = storage.get(address)?;
            account.as_mut().map(|cell| (*address, cell, slots))
        });
        changed
            .map(|(address, cell, slots)| {
                let known: Vec<_> = slots
                    .par_iter()
                    .map(|(slot, _)| {
                        let before = self.state.read_slot(address, *slot).unwrap_or_default();
                        (keccak256(slot.to_be_bytes::<32>()), slot_leaf(before))
                    })
                    .collect();
                let top = fetch(cell.storage_root, &known, &mut |hashes| self.nodes(hashes))?;
                let changes: Vec<_> = known
                    .into_par_iter()
                    .zip(slots)
                    .map(|((key, _), (_, value))| (key, slot_leaf(*value)))
                    .collect();
                let (root, fresh) = update(top, &changes, &|hash| self.node(hash))?;
                cell.storage_root = root;
                Ok(fresh)
            })
            .collect()
    }

    fn node(&self, hash: &B256) -> Result<Arc<[u8]>, NodeFailure> {
        Ok(self.nodes(&[*hash])?.remove(0))
    }

    /// Nodes from the cache, and what it lacks from the reader, in one question. Nobody else asks
    /// meanwhile: two threads would only hand the interpreter's lock to and fro.
    fn nodes(&self, hashes: &[B256]) -> Result<Vec<Arc<[u8]>>, NodeFailure> {
        let mut known = self.cache.lock().expect("no thread panics with the cache");
        let mut found: Vec<_> = hashes.iter().map(|hash| known.get(hash)).collect();
        let missing: Vec<_> = (0..hashes.len())
            .filter(|place| found[*place].is_none())
            .collect();
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|place| hashes[*place]).collect();
            let nodes = self.state.nodes(&wanted).map_err(NodeFailure)?;
            for (place, node) in missing.into_iter().zip(nodes) {
                known.put(hashes[place], node.clone());
                found[place] = Some(node);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn remember(&self, nodes: &Fresh) {
        let mut cached = self.cache.lock().expect("no thread panics with the cache");
        for (hash, node) in nodes {
            cached.put(*hash, node.clone());
        }
    }
}
