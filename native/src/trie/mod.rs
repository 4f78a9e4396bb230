//! Tries for Python: `trie_update`, `trie_prove` and `ordered_root` as `ledger/trie.py` has them.

pub mod fetch;
pub mod node;
mod prove;
pub mod rlp;
pub mod update;
pub mod write;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use revm::primitives::B256;

use node::Node;
use rlp::Malformed;

/// What Python's node reader raised, or a node that is none.
pub struct NodeFailure(pub PyErr);

impl From<Malformed> for NodeFailure {
    fn from(_: Malformed) -> Self {
        NodeFailure(PyValueError::new_err(
            "a trie node is malformed: the store is damaged",
        ))
    }
}

/// 32 bytes from Python.
pub fn hash_from(data: &[u8]) -> PyResult<B256> {
    B256::try_from(data)
        .map_err(|_| PyValueError::new_err(format!("expected 32 bytes, got {}", data.len())))
}

/// `(root, {hash: node})` after setting keys under `root`; an empty value deletes its key.
///
/// `node(hash)` gives a node's RLP; what it raises passes through.
#[pyfunction]
fn trie_update<'py>(
    py: Python<'py>,
    root: &[u8],
    changes: Vec<(Vec<u8>, Vec<u8>)>,
    node: Py<PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
    let root = hash_from(root)?;
    let changes = changes
        .into_iter()
        .map(|(key, value)| Ok((hash_from(&key)?, value)))
        .collect::<PyResult<Vec<_>>>()?;
    let (root, fresh) = py
        .detach(|| {
            let read = |hash: &B256| {
                Python::attach(|py| {
                    let found = node.call1(py, (PyBytes::new(py, hash.as_slice()),))?;
                    Ok(std::sync::Arc::from(found.extract::<&[u8]>(py)?))
                })
                .map_err(NodeFailure)
            };
            update::update(Node::of_root(root), &changes, &read)
        })
        .map_err(|failure| failure.0)?;
    let nodes = PyDict::new(py);
    for (hash, data) in fresh {
        nodes.set_item(PyBytes::new(py, hash.as_slice()), PyBytes::new(py, &data))?;
    }
    Ok((PyBytes::new(py, root.as_slice()), nodes))
}

/// Root of the trie of RLP(index) to value.
#[pyfunction]
fn ordered_root<'py>(py: Python<'py>, values: Vec<Vec<u8>>) -> Bound<'py, PyBytes> {
    let root = py.detach(|| write::ordered_root(&values));
    PyBytes::new(py, root.as_slice())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(trie_update, module)?)?;
    module.add_function(wrap_pyfunction!(prove::trie_prove, module)?)?;
    module.add_function(wrap_pyfunction!(ordered_root, module)?)
}
