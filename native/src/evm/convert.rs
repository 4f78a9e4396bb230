//! Python's values and ours: addresses, 256-bit words.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt};
use revm::primitives::{Address, U256};

static FROM_BYTES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// An address as Python has it.
pub fn address_bytes(py: Python<'_>, address: Address) -> Bound<'_, PyBytes> {
    PyBytes::new(py, address.as_slice())
}

/// 20 bytes from Python.
pub fn address_from(data: &[u8]) -> PyResult<Address> {
    Address::try_from(data)
        .map_err(|_| PyValueError::new_err(format!("expected 20 bytes, got {}", data.len())))
}

/// A Python integer.
pub fn int_from_word(py: Python<'_>, word: U256) -> PyResult<Bound<'_, PyAny>> {
    if let Ok(small) = u64::try_from(word) {
        return Ok(small.into_pyobject(py)?.into_any());
    }
    let from_bytes = FROM_BYTES.get_or_try_init(py, || {
        py.get_type::<PyInt>()
            .getattr("from_bytes")
            .map(Bound::unbind)
    })?;
    from_bytes
        .bind(py)
        .call1((PyBytes::new(py, &word.to_be_bytes::<32>()), "big"))
}

/// The word that a Python integer from 0 to 2**256 - 1 is.
pub fn word_from_int(value: &Bound<'_, PyAny>) -> PyResult<U256> {
    if let Ok(small) = value.extract::<u64>() {
        return Ok(U256::from(small));
    }
    let bytes = value.call_method1("to_bytes", (32, "big"))?;
    Ok(U256::from_be_slice(bytes.extract::<&[u8]>()?))
}
