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
mod lists;
mod machine;
mod precompiles;
mod results;
mod state;
mod tracer;
mod transaction;
mod validity;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use block::Ground;
use cache::{FlatState, NodeCache};
use lists::Place;
use precompiles::OwnTable;
use results::{Results, logs_to_python};
use state::State;
use transaction::{Environment, Transaction};

use crate::trie::hash_from;

/// Runs batches and messages; holds the precompiles that Python handed over, and the caches.
#[pyclass(frozen)]
struct Engine {
    own: OwnTable,
    nodes: Arc<Mutex<NodeCache>>,
    flat: Mutex<Option<FlatState>>,
    /// Of the last block: seconds for taking in, executing, and the roots.
    profile: Mutex<[f64; 3]>,
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
            profile: Mutex::new([0.0; 3]),
        })
    }

    /// Runs a batch; `places` are index and bytes of each of its entries, for the header's lists.
    fn execute_block<'py>(
        &self,
        py: Python<'py>,
        env: &Bound<'py, PyTuple>,
        batch: Vec<Bound<'py, PyAny>>,
        places: Vec<(u64, PyBackedBytes)>,
        reader: Bound<'py, PyAny>,
        gated: bool,
    ) -> PyResult<Results> {
        let start = Instant::now();
        let env = Environment::from_python(env)?;
        let batch = transactions(&batch)?;
        let places: Vec<_> = places
            .into_iter()
            .map(|(index, raw)| Place { index, raw })
            .collect();
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
        let nodes = &self.nodes;
        let executed =
            py.detach(|| block::execute(&ground, &batch, &places, state, root, nodes))?;
        *self.flat.lock().expect("no thread panics with it") = executed.flat;
        *self.profile.lock().expect("no thread panics with it") = [
            taken_in.as_secs_f64(),
            executed.execution.as_secs_f64(),
            executed.commitment.as_secs_f64(),
        ];
        Ok(Results {
            outcomes: executed.outcomes,
            lists: executed.lists,
            writes: executed.writes,
        })
    }

    /// Seconds that the last block took: taking in, executing, the roots.
    fn profile(&self) -> [f64; 3] {
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

    /// The call tree of the batch's last transaction, None if it is dropped; `OverflowError` for
    /// one of more than `bytes_max`.
    fn trace<'py>(
        &self,
        py: Python<'py>,
        env: &Bound<'py, PyTuple>,
        batch: Vec<Bound<'py, PyAny>>,
        reader: Py<PyAny>,
        bytes_max: usize,
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
        let frame = py.detach(|| block::trace(&ground, &batch, state, bytes_max))?;
        frame.map(|frame| frame.to_python(py)).transpose()
    }
}

fn transactions(batch: &[Bound<'_, PyAny>]) -> PyResult<Vec<Transaction>> {
    batch.iter().map(Transaction::from_python).collect()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add_class::<Results>()?;
    ethereum::register(module)
}
