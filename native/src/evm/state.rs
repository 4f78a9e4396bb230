//! The state of a block in the making: read once through Python's reader, changed transaction by
//! transaction, and compared with what was read when the block is complete.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use revm::bytecode::Bytecode;
use revm::database_interface::{DBErrorMarker, Database};
use revm::primitives::map::{AddressMap, AddressSet, B256Map, U256Map};
use revm::primitives::{Address, B256, KECCAK_EMPTY, U256};
use revm::state::{AccountInfo, EvmState};

use super::cache::FlatState;
use super::commitment::Writes;
use super::convert::address_bytes;
use crate::trie::hash_from;
use crate::trie::node::EMPTY_ROOT;
use crate::trie::rlp::{self, Malformed};

/// An account as the state trie has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Cell {
    pub nonce: u64,
    pub balance: U256,
    pub storage_root: B256,
    pub code_hash: B256,
}

/// The reader raised; the exception is in `State::raised`.
#[derive(Debug)]
pub struct ReaderRaised;

impl std::fmt::Display for ReaderRaised {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the state reader raised")
    }
}
impl std::error::Error for ReaderRaised {}
impl DBErrorMarker for ReaderRaised {}

/// Accounts, slots and code over a reader. `read` remembers the reader's answers, the
/// tables below what transactions wrote.
pub struct State {
    reader: Py<PyAny>,
    ancestor_hash: Py<PyAny>,
    read: FlatState,
    codes: B256Map<Bytecode>,
    pub accounts: AddressMap<Option<Cell>>,
    pub slots: AddressMap<U256Map<U256>>,
    pub cleared: AddressSet,
    pub deployed: B256Map<Bytecode>,
    pub raised: Option<PyErr>,
}

impl State {
    pub fn new(reader: Py<PyAny>, ancestor_hash: Py<PyAny>, read: FlatState) -> Self {
        State {
            reader,
            ancestor_hash,
            read,
            codes: B256Map::default(),
            accounts: AddressMap::default(),
            slots: AddressMap::default(),
            cleared: AddressSet::default(),
            deployed: B256Map::default(),
            raised: None,
        }
    }

    /// Asks Python, and keeps what it raises.
    fn ask<T>(
        &mut self,
        question: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, ReaderRaised> {
        Python::attach(|py| question(py, self.reader.bind(py))).map_err(|error| {
            self.raised = Some(error);
            ReaderRaised
        })
    }

    /// The account as the block's predecessor left it.
    pub fn account_before(&mut self, address: Address) -> Result<Option<Cell>, ReaderRaised> {
        if let Some(known) = self.read.accounts.get(&address) {
            return Ok(known.clone());
        }
        let found = self.ask(|py, reader| {
            let account = reader.call_method1(
                intern!(py, "encoded_account"),
                (address_bytes(py, address),),
            )?;
            if account.is_none() {
                return Ok(None);
            }
            decoded(account.extract::<&[u8]>()?)
                .map(Some)
                .map_err(|_| PyValueError::new_err("an account is malformed: the store is damaged"))
        })?;
        self.read.accounts.insert(address, found.clone());
        Ok(found)
    }

    /// The account as the block's predecessor left it, if it was read and there was one.
    pub fn read_account(&self, address: &Address) -> Option<&Cell> {
        self.read.accounts.get(address)?.as_ref()
    }

    /// The slot as the block's predecessor left it, if it was read.
    pub fn read_slot(&self, address: Address, slot: U256) -> Option<U256> {
        self.read.slots.get(&(address, slot)).copied()
    }

    /// The account as the last transaction left it.
    pub fn account(&mut self, address: Address) -> Result<Option<Cell>, ReaderRaised> {
        match self.accounts.get(&address) {
            Some(known) => Ok(known.clone()),
            None => self.account_before(address),
        }
    }

    /// The slot as the block's predecessor left it.
    pub fn slot_before(&mut self, address: Address, slot: U256) -> Result<U256, ReaderRaised> {
        if let Some(known) = self.read.slots.get(&(address, slot)) {
            return Ok(*known);
        }
        let found = self.ask(|py, reader| {
            let slot = PyBytes::new(py, &slot.to_be_bytes::<32>());
            let value = reader.call_method1(
                intern!(py, "encoded_slot"),
                (address_bytes(py, address), slot),
            )?;
            U256::try_from_be_slice(value.extract()?)
                .ok_or_else(|| PyValueError::new_err("a slot is malformed: the store is damaged"))
        })?;
        self.read.slots.insert((address, slot), found);
        Ok(found)
    }

    /// The slot as the last transaction left it.
    pub fn slot(&mut self, address: Address, slot: U256) -> Result<U256, ReaderRaised> {
        if let Some(known) = self.slots.get(&address).and_then(|slots| slots.get(&slot)) {
            return Ok(*known);
        }
        if self.cleared.contains(&address) {
            return Ok(U256::ZERO);
        }
        self.slot_before(address, slot)
    }

    /// Takes over what a transaction changed.
    pub fn commit(&mut self, changes: EvmState) -> Result<(), ReaderRaised> {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                self.accounts.insert(address, None);
                self.slots.remove(&address);
                self.cleared.insert(address);
                continue;
            }
            for (slot, value) in &account.storage {
                if value.is_changed() {
                    let slots = self.slots.entry(address).or_default();
                    slots.insert(*slot, value.present_value());
                }
            }
            if account.is_empty() {
                self.accounts.insert(address, None);
                continue;
            }
            let info = account.info;
            if let Some(code) = info.code
                && info.code_hash != KECCAK_EMPTY
                && account.status.contains(revm::state::AccountStatus::Created)
            {
                self.codes.insert(info.code_hash, code.clone());
                self.deployed.insert(info.code_hash, code);
            }
            // The root is the predecessor's until the block is complete.
            let storage_root = self
                .account(address)?
                .map_or(EMPTY_ROOT, |old| old.storage_root);
            self.accounts.insert(
                address,
                Some(Cell {
                    nonce: info.nonce,
                    balance: info.balance,
                    storage_root,
                    code_hash: info.code_hash,
                }),
            );
        }
        Ok(())
    }

    /// What was read, as it stands under the block's root.
    pub fn into_flat(self, writes: &Writes) -> FlatState {
        let mut flat = self.read;
        flat.root = writes.root;
        if !writes.cleared.is_empty() {
            flat.slots
                .retain(|(address, _), _| !writes.cleared.contains(address));
        }
        for (address, account) in &writes.accounts {
            flat.accounts.insert(*address, account.clone());
        }
        for (address, slots) in &writes.storage {
            for (slot, value) in slots {
                flat.slots.insert((*address, *slot), *value);
            }
        }
        flat
    }

    /// The RLP of trie nodes.
    pub fn nodes(&self, hashes: &[B256]) -> PyResult<Vec<Arc<[u8]>>> {
        Python::attach(|py| {
            let wanted = PyList::new(py, hashes.iter().map(|hash| PyBytes::new(py, &hash[..])))?;
            let nodes = self
                .reader
                .bind(py)
                .call_method1(intern!(py, "nodes"), (wanted,))?;
            let nodes = nodes.cast_into::<PyList>()?;
            if nodes.len() != hashes.len() {
                return Err(PyValueError::new_err(
                    "a reader gives each node it is asked for",
                ));
            }
            nodes
                .iter()
                .map(|node| Ok(node.cast::<PyBytes>()?.as_bytes().into()))
                .collect()
        })
    }
}

/// The account of an RLP, as `ledger/state.py` has it.
fn decoded(data: &[u8]) -> Result<Cell, Malformed> {
    let items = rlp::strict_list(data)?;
    let [nonce, balance, storage_root, code_hash] = items.as_slice() else {
        return Err(Malformed);
    };
    let word = |item: &rlp::Item<'_>| U256::try_from_be_slice(item.payload).ok_or(Malformed);
    let hash = |item: &rlp::Item<'_>| B256::try_from(item.payload).map_err(|_| Malformed);
    Ok(Cell {
        nonce: u64::try_from(word(nonce)?).map_err(|_| Malformed)?,
        balance: word(balance)?,
        storage_root: hash(storage_root)?,
        code_hash: hash(code_hash)?,
    })
}

impl Database for State {
    type Error = ReaderRaised;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReaderRaised> {
        let found = self.account(address)?;
        Ok(found.map(|cell| AccountInfo {
            balance: cell.balance,
            nonce: cell.nonce,
            code_hash: cell.code_hash,
            account_id: None,
            code: (cell.code_hash == KECCAK_EMPTY).then(Bytecode::default),
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, ReaderRaised> {
        if code_hash == KECCAK_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(known) = self.codes.get(&code_hash) {
            return Ok(known.clone());
        }
        let code = self.ask(|py, reader| {
            let arguments = (PyBytes::new(py, code_hash.as_slice()),);
            reader
                .call_method1(intern!(py, "code_by_hash"), arguments)?
                .extract::<Vec<u8>>()
        })?;
        // Every byte string is code before EOF and delegations: nothing here has a meaning of its own.
        let code = Bytecode::new_legacy(code.into());
        self.codes.insert(code_hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReaderRaised> {
        self.slot(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReaderRaised> {
        Python::attach(|py| {
            let answer = self.ancestor_hash.call1(py, (number,))?;
            let bytes: Vec<u8> = answer.extract(py)?;
            if bytes.len() != 32 {
                return Err(PyValueError::new_err("an ancestor's hash has 32 bytes"));
            }
            hash_from(&bytes)
        })
        .map_err(|error| {
            self.raised = Some(error);
            ReaderRaised
        })
    }
}
