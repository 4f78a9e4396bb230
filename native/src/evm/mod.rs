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

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use rayon::prelude::*;

use block::Ground;
use cache::{FlatState, NodeCache};
use convert::address_from;
use lists::Place;
use precompiles::OwnTable;
use results::{Results, logs_to_python};
use state::State;
use transaction::{Environment, Transaction};

use crate::trie::hash_from;
use crate::trie::rlp::Malformed;

/// Index, bytes and sender of a batch's entry.
type Entry = (u64, PyBackedBytes, PyBackedBytes);

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

    /// Runs a batch of `(index, raw, sender)`, each well-formed.
    fn execute_block<'py>(
        &self,
        py: Python<'py>,
        env: &Bound<'py, PyTuple>,
        batch: Vec<Entry>,
        reader: Bound<'py, PyAny>,
        gated: bool,
    ) -> PyResult<Results> {
        let start = Instant::now();
        let env = Environment::from_python(env)?;
        let places = places(batch)?;
        let batch = py.detach(|| transactions(&places))?;
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
        batch: Vec<Entry>,
        reader: Py<PyAny>,
        bytes_max: usize,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let env = Environment::from_python(env)?;
        let batch = transactions(&places(batch)?)?;
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

fn places(batch: Vec<Entry>) -> PyResult<Vec<Place>> {
    let place = |(index, raw, sender): Entry| {
        let sender = address_from(&sender)?;
        Ok(Place { index, raw, sender })
    };
    batch.into_iter().map(place).collect()
}

fn transactions(places: &[Place]) -> PyResult<Vec<Transaction>> {
    let decoded = places
        .par_iter()
        .map(|place| Transaction::from_raw(&place.raw, place.sender));
    decoded
        .collect::<Result<_, _>>()
        .map_err(|Malformed| PyRuntimeError::new_err("a transaction of the batch is malformed"))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add_class::<Results>()?;
    ethereum::register(module)
}
