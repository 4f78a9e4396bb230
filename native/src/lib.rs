//! What Python cannot do fast, behind the interfaces that Python defines.
//!
//! No policy and no I/O: state comes through a reader object, results go back as values, and the
//! interpreter lock is released while Rust works.
#![deny(unsafe_code)]

mod bn254;
mod evm;
mod transactions;
mod trie;

use pyo3::prelude::*;

#[pymodule]
fn quorate_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    bn254::register(module)?;
    evm::register(module)?;
    transactions::register(module)?;
    trie::register(module)
}
