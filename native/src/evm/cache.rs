//! What stays between blocks: trie nodes by their hash, and the flat state under one root. Both name
//! their content, so they cannot be stale; both are bounded.

use std::sync::Arc;

use revm::primitives::map::{AddressMap, B256Map};
use revm::primitives::{Address, B256, HashMap, U256};

use super::state::Cell;

/// Trie nodes in two generations: when the young one is full, the old one is forgotten.
pub struct NodeCache {
    young: B256Map<Arc<[u8]>>,
    old: B256Map<Arc<[u8]>>,
    young_bytes: usize,
    young_bytes_max: usize,
}

impl NodeCache {
    pub fn new(bytes_max: usize) -> Self {
        NodeCache {
            young: B256Map::default(),
            old: B256Map::default(),
            young_bytes: 0,
            young_bytes_max: bytes_max / 2,
        }
    }

    pub fn get(&mut self, hash: &B256) -> Option<Arc<[u8]>> {
        if let Some(node) = self.young.get(hash) {
            return Some(node.clone());
        }
        let node = self.old.remove(hash)?;
        self.put(*hash, node.clone());
        Some(node)
    }

    pub fn put(&mut self, hash: B256, node: Arc<[u8]>) {
        if self.young_bytes >= self.young_bytes_max {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += node.len() + ENTRY_BYTES;
        self.young.insert(hash, node);
    }
}

/// About what a table's entry takes beside a node's own bytes.
const ENTRY_BYTES: usize = 96;

/// Accounts and slots of the state under `root`, as far as they were read.
#[derive(Default)]
pub struct FlatState {
    pub root: B256,
    pub accounts: AddressMap<Option<Cell>>,
    pub slots: HashMap<(Address, U256), U256>,
}

impl FlatState {
    pub fn entries(&self) -> usize {
        self.accounts.len() + self.slots.len()
    }
}
