//! What Python cannot do fast, behind the interfaces that Python defines.
//!
//! No policy and no I/O: state comes through a reader object, results go back as values, and the
//! interpreter lock is released while Rust works.
#![deny(unsafe_code)]

mod bn254;
mod evm;
mod transactions;
mod trie;

use mimalloc::MiMalloc;
use pyo3::prelude::*;

/// Tries and receipts are many small pieces that live for a block, on all cores.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What Python sees of this crate, as one number: raise it with every change of a name, an argument
/// or the shape of a result, here, in `ledger/crate.py` and in `zkp/native.py`. An older build is
/// then refused instead of misunderstood.
const INTERFACE: u32 = 9;

#[pymodule]
fn quorate_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("INTERFACE", INTERFACE)?;
    bn254::register(module)?;
    evm::register(module)?;
    transactions::register(module)?;
    trie::register(module)
}
