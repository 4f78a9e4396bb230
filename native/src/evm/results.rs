//! What a block came to, for Python to take as much of as it needs: the values of `BlockResult` and
//! `Writes`, and the pairs that a store puts down for them.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use revm::primitives::{Log, U256};

use super::block::Outcome;
use super::commitment::{Writes, account_leaf};
use super::convert::{address_bytes, address_from, int_from_word};
use super::lists::Lists;
use super::validity::Reason;

/// An executed block.
#[pyclass(frozen)]
pub struct Results {
    pub outcomes: Vec<Result<Outcome, Reason>>,
    pub lists: Lists,
    pub writes: Writes,
}

/// A prefix and a key.
fn key<'py>(py: Python<'py>, prefix: &[u8], parts: [&[u8]; 2]) -> Bound<'py, PyBytes> {
    let mut joined = Vec::with_capacity(prefix.len() + 52);
    joined.extend_from_slice(prefix);
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    PyBytes::new(py, &joined)
}

#[pymethods]
impl Results {
    /// For each of the batch the reason why it was dropped, or None.
    fn reasons(&self) -> Vec<Option<Reason>> {
        self.outcomes
            .iter()
            .map(|outcome| outcome.as_ref().err().copied())
            .collect()
    }

    /// `(success, gas_used, logs, created)` of each transaction that was not dropped.
    fn receipts<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let included = self.outcomes.iter().flatten();
        included.map(|outcome| receipt(py, outcome)).collect()
    }

    /// `(transactions_root, receipts_root, logs_bloom, gas_used)`.
    fn header_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (
            PyBytes::new(py, self.lists.transactions_root.as_slice()),
            PyBytes::new(py, self.lists.receipts_root.as_slice()),
            PyBytes::new(py, &self.lists.logs_bloom),
            self.lists.gas_used,
        )
            .into_pyobject(py)
    }

    /// The RLP of `[[index, sender, receipt]]` as a store keeps it.
    fn included<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lists.included)
    }

    fn root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.writes.root.as_slice())
    }

    /// `[(address, None | (nonce, balance, storage_root, code_hash))]`.
    fn accounts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let accounts = PyList::empty(py);
        for (address, account) in &self.writes.accounts {
            let fields = match account {
                None => None,
                Some(cell) => Some((
                    cell.nonce,
                    int_from_word(py, cell.balance)?,
                    PyBytes::new(py, cell.storage_root.as_slice()),
                    PyBytes::new(py, cell.code_hash.as_slice()),
                )),
            };
            accounts.append((address_bytes(py, *address), fields))?;
        }
        Ok(accounts)
    }

    /// `{address: {slot: value}}`.
    fn storage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let storage = PyDict::new(py);
        for (address, slots) in &self.writes.storage {
            let values = PyDict::new(py);
            for (slot, value) in slots {
                values.set_item(int_from_word(py, *slot)?, int_from_word(py, *value)?)?;
            }
            storage.set_item(address_bytes(py, *address), values)?;
        }
        Ok(storage)
    }

    /// The slots of an account that are written.
    fn changed_slots<'py>(
        &self,
        py: Python<'py>,
        address: &[u8],
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let slots = self.writes.storage.get(&address_from(address)?);
        let slots = slots.into_iter().flatten();
        slots.map(|(slot, _)| int_from_word(py, *slot)).collect()
    }

    /// `{hash: code}`.
    fn codes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let codes = PyDict::new(py);
        for (hash, code) in &self.writes.codes {
            codes.set_item(PyBytes::new(py, hash.as_slice()), PyBytes::new(py, code))?;
        }
        Ok(codes)
    }

    /// Addresses whose storage is wiped first.
    fn cleared<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let cleared = self.writes.cleared.iter();
        cleared.map(|address| address_bytes(py, *address)).collect()
    }

    /// `{hash: node}`.
    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let nodes = PyDict::new(py);
        for (hash, node) in &self.writes.nodes {
            nodes.set_item(PyBytes::new(py, hash.as_slice()), PyBytes::new(py, node))?;
        }
        Ok(nodes)
    }

    /// What a store puts down under its prefixes: accounts, slots, code and trie nodes; None deletes.
    fn pairs<'py>(
        &self,
        py: Python<'py>,
        account: &[u8],
        slot: &[u8],
        code: &[u8],
        node: &[u8],
    ) -> PyResult<Bound<'py, PyDict>> {
        let pairs = PyDict::new(py);
        for (address, cell) in &self.writes.accounts {
            let value = cell
                .as_ref()
                .map(|cell| PyBytes::new(py, &account_leaf(cell)));
            pairs.set_item(key(py, account, [&address[..], &[]]), value)?;
        }
        for (address, slots) in &self.writes.storage {
            for (place, value) in slots {
                let place = place.to_be_bytes::<32>();
                let value = (*value != U256::ZERO)
                    .then(|| PyBytes::new(py, &value.to_be_bytes_trimmed_vec()));
                pairs.set_item(key(py, slot, [&address[..], &place]), value)?;
            }
        }
        for (hash, data) in &self.writes.codes {
            pairs.set_item(key(py, code, [&hash[..], &[]]), PyBytes::new(py, data))?;
        }
        for (hash, data) in &self.writes.nodes {
            pairs.set_item(key(py, node, [&hash[..], &[]]), PyBytes::new(py, data))?;
        }
        Ok(pairs)
    }
}

fn receipt<'py>(py: Python<'py>, outcome: &Outcome) -> PyResult<Bound<'py, PyTuple>> {
    let logs = logs_to_python(py, &outcome.logs)?;
    let created = outcome.created.map(|address| address_bytes(py, address));
    (outcome.success, outcome.gas_used, logs, created).into_pyobject(py)
}

/// `[(address, topics, data)]`.
pub fn logs_to_python<'py>(py: Python<'py>, logs: &[Log]) -> PyResult<Bound<'py, PyList>> {
    let found = PyList::empty(py);
    for log in logs {
        let topics = log
            .data
            .topics()
            .iter()
            .map(|topic| PyBytes::new(py, topic.as_slice()));
        let topics = PyTuple::new(py, topics.collect::<Vec<_>>())?;
        let data = PyBytes::new(py, &log.data.data);
        found.append((address_bytes(py, log.address), topics, data))?;
    }
    Ok(found)
}
