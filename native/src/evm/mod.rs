//! Execution over revm for Python: `Engine` with `execute_block`, `call` and `trace`.
//!
//! `ledger/native.py` says what the tuples are; nothing here decides what is valid or what a block
//! means, the rules are those of `ledger/`.

mod block;
mod cache;
mod commitment;
pub mod convert;
mod ethereum;
mod gate;
mod machine;
mod precompiles;
mod state;
mod tracer;
mod transaction;
mod validity;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use revm::primitives::Log;

use block::{Ground, Outcome};
use cache::{FlatState, NodeCache};
use commitment::Writes;
use convert::{address_bytes, int_from_word};
use precompiles::OwnTable;
use state::State;
use transaction::{Environment, Transaction};

use crate::trie::hash_from;

/// Runs batches and messages; holds the precompiles that Python handed over, and the caches.
#[pyclass(frozen)]
struct Engine {
    own: OwnTable,
    nodes: Arc<Mutex<NodeCache>>,
    flat: Mutex<Option<FlatState>>,
    /// Of the last block: seconds for taking in, executing, the root, and handing out.
    profile: Mutex<[f64; 4]>,
}

#[pymethods]
impl Engine {
    /// `precompiles` are `(address, gas, run, name)`, the name that of one in this crate or None;
    /// `malformed` is what `run` raises for bad input.
    #[new]
    fn new(
        precompiles: Vec<precompiles::Entry>,
        malformed: Py<PyAny>,
        node_cache_bytes_max: usize,
    ) -> PyResult<Self> {
        Ok(Engine {
            own: OwnTable::from_python(precompiles, malformed)?,
            nodes: Arc::new(Mutex::new(NodeCache::new(node_cache_bytes_max))),
            flat: Mutex::new(None),
            profile: Mutex::new([0.0; 4]),
        })
    }

    /// `([reason | (success, gas_used, logs, created)], writes)`.
    fn execute_block<'py>(
        &self,
        py: Python<'py>,
        env: &Bound<'py, PyTuple>,
        batch: Vec<Bound<'py, PyAny>>,
        reader: Bound<'py, PyAny>,
        gated: bool,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyTuple>)> {
        let start = Instant::now();
        let env = Environment::from_python(env)?;
        let batch = transactions(&batch)?;
        let taken_in = start.elapsed();
        let root = hash_from(reader.getattr("root")?.extract::<&[u8]>()?)?;
        let known = self.flat.lock().expect("no thread panics with it").take();
        let read = known.filter(|flat| flat.root == root).unwrap_or_default();
        let state = State::new(reader.unbind(), env.ancestor_hash.clone_ref(py), read);
        let ground = Ground {
            env: &env,
            own: &self.own,
            gated,
        };
        let executed = py.detach(|| block::execute(&ground, &batch, state, root, &self.nodes))?;
        *self.flat.lock().expect("no thread panics with it") = executed.flat;
        let found = PyList::empty(py);
        for outcome in executed.outcomes {
            match outcome {
                Ok(outcome) => found.append(receipt(py, &outcome)?)?,
                Err(reason) => found.append(reason)?,
            }
        }
        let writes = writes_to_python(py, &executed.writes)?;
        let worked = executed.execution + executed.commitment;
        let handed_out = start.elapsed() - taken_in - worked;
        *self.profile.lock().expect("no thread panics with it") = [
            taken_in.as_secs_f64(),
            executed.execution.as_secs_f64(),
            executed.commitment.as_secs_f64(),
            handed_out.as_secs_f64(),
        ];
        Ok((found, writes))
    }

    /// Seconds that the last block took: taking in, executing, the root, handing out.
    fn profile(&self) -> [f64; 4] {
        *self.profile.lock().expect("no thread panics with it")
    }

    /// `(output, gas_used, error, reverted)`.
    fn call<'py>(
        &self,
        py: Python<'py>,
        env: &Bound<'py, PyTuple>,
        message: &Bound<'py, PyAny>,
        reader: Py<PyAny>,
        gated: bool,
    ) -> PyResult<(Bound<'py, PyBytes>, u64, Option<String>, bool)> {
        let env = Environment::from_python(env)?;
        let message = Transaction::from_python(message)?;
        let state = State::new(
            reader,
            env.ancestor_hash.clone_ref(py),
            FlatState::default(),
        );
        let ground = Ground {
            env: &env,
            own: &self.own,
            gated,
        };
        let outcome = py.detach(|| block::call(&ground, &message, state))?;
        let output = PyBytes::new(py, &outcome.output);
        Ok((output, outcome.gas_used, outcome.error, outcome.reverted))
    }

    /// The call tree of the batch's last transaction, None if it is dropped.
    fn trace<'py>(
        &self,
        py: Python<'py>,
        env: &Bound<'py, PyTuple>,
        batch: Vec<Bound<'py, PyAny>>,
        reader: Py<PyAny>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let env = Environment::from_python(env)?;
        let batch = transactions(&batch)?;
        let state = State::new(
            reader,
            env.ancestor_hash.clone_ref(py),
            FlatState::default(),
        );
        let ground = Ground {
            env: &env,
            own: &self.own,
            gated: true,
        };
        let frame = py.detach(|| block::trace(&ground, &batch, state))?;
        frame.map(|frame| frame.to_python(py)).transpose()
    }
}

fn transactions(batch: &[Bound<'_, PyAny>]) -> PyResult<Vec<Transaction>> {
    batch.iter().map(Transaction::from_python).collect()
}

fn receipt<'py>(py: Python<'py>, outcome: &Outcome) -> PyResult<Bound<'py, PyTuple>> {
    let logs = logs_to_python(py, &outcome.logs)?;
    let created = outcome.created.map(|address| address_bytes(py, address));
    (outcome.success, outcome.gas_used, logs, created).into_pyobject(py)
}

/// `[(address, topics, data)]`.
fn logs_to_python<'py>(py: Python<'py>, logs: &[Log]) -> PyResult<Bound<'py, PyList>> {
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

/// `(root, accounts, storage, codes, cleared, nodes)`; an account is None or `(nonce, balance,
/// storage_root, code_hash)`.
fn writes_to_python<'py>(py: Python<'py>, writes: &Writes) -> PyResult<Bound<'py, PyTuple>> {
    let accounts = PyList::empty(py);
    for (address, account) in &writes.accounts {
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
    let storage = PyDict::new(py);
    for (address, slots) in &writes.storage {
        let values = PyDict::new(py);
        for (slot, value) in slots {
            values.set_item(int_from_word(py, *slot)?, int_from_word(py, *value)?)?;
        }
        storage.set_item(address_bytes(py, *address), values)?;
    }
    let codes = PyDict::new(py);
    for (hash, code) in &writes.codes {
        codes.set_item(PyBytes::new(py, hash.as_slice()), PyBytes::new(py, code))?;
    }
    let cleared = PyList::empty(py);
    for address in &writes.cleared {
        cleared.append(address_bytes(py, *address))?;
    }
    let nodes = PyDict::new(py);
    for (hash, node) in &writes.nodes {
        nodes.set_item(PyBytes::new(py, hash.as_slice()), PyBytes::new(py, node))?;
    }
    let root = PyBytes::new(py, writes.root.as_slice());
    (root, accounts, storage, codes, cleared, nodes).into_pyobject(py)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    ethereum::register(module)
}
