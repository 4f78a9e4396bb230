//! What Python sees of this module. Input that is not what it should be raises `ValueError`; the
//! interpreter lock is released while curves are computed.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::PrimeField;
use ark_poly::EvaluationDomain;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::fft::{DOMAIN_MAX, domain};
use super::field::{decode_scalar, decode_scalars, encode_element};
use super::msm::sum_of_multiples;
use super::points::{Invalid, decode_g1_row, decode_g2_row, encode_g1, encode_g2};
use super::verify::{PUBLICS_MAX, Proof, VerifyingKey, decode_key, decode_proof, verify};
use super::zkey::{ProvingKey, WIRES_MAX, decode_zkey};
use super::{precompiles, prove};

const TERMS_MAX: usize = WIRES_MAX as usize;

impl From<Invalid> for PyErr {
    fn from(error: Invalid) -> Self {
        PyValueError::new_err(error.0)
    }
}

/// Runs without the interpreter lock and hands the bytes back.
fn detached<'py>(
    py: Python<'py>,
    work: impl FnOnce() -> Result<Vec<u8>, Invalid> + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = py.detach(work)?;
    Ok(PyBytes::new(py, &bytes))
}

/// A Groth16 proving key, read once from a `.zkey` file and kept as curve points.
#[pyclass(frozen, module = "quorate_native")]
struct Groth16ProvingKey {
    key: ProvingKey,
}

#[pymethods]
impl Groth16ProvingKey {
    #[new]
    fn new(py: Python<'_>, zkey: &[u8]) -> PyResult<Self> {
        Ok(Self {
            key: py.detach(|| decode_zkey(zkey))?,
        })
    }

    /// How many values a witness has.
    #[getter]
    fn wires(&self) -> usize {
        self.key.wires
    }

    /// A, B, C; None if the witness does not satisfy the circuit. `r` and `s` blind the proof.
    fn prove<'py>(
        &self,
        py: Python<'py>,
        witness: &[u8],
        r: &[u8],
        s: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let proof = py.detach(|| {
            let values = decode_scalars(witness, self.key.wires)?;
            prove::prove(&self.key, &values, decode_blind(r)?, decode_blind(s)?)
        })?;
        Ok(proof.map(|proof| PyBytes::new(py, &encode_proof(&proof))))
    }
}

fn decode_blind(bytes: &[u8]) -> Result<ark_bn254::Fr, Invalid> {
    match bytes.len() {
        32 => decode_scalar(bytes),
        length => Err(Invalid(format!(
            "a blinding number of {length} bytes: expected 32"
        ))),
    }
}

fn encode_proof(proof: &Proof) -> Vec<u8> {
    let mut out = Vec::new();
    encode_g1(proof.a, &mut out);
    encode_g2(proof.b, &mut out);
    encode_g1(proof.c, &mut out);
    out
}

/// A Groth16 verification key: alpha, beta, gamma, delta, then the IC points.
#[pyclass(frozen, module = "quorate_native")]
struct Groth16VerifyingKey {
    key: VerifyingKey,
}

#[pymethods]
impl Groth16VerifyingKey {
    #[new]
    fn new(py: Python<'_>, points: &[u8]) -> PyResult<Self> {
        Ok(Self {
            key: py.detach(|| decode_key(points))?,
        })
    }

    /// Whether the proof shows the statement. False for a proof's points off curve or subgroup and
    /// for public inputs that are not below r.
    fn verify(&self, py: Python<'_>, proof: &[u8], publics: &[u8]) -> bool {
        py.detach(|| {
            let statement = decode_scalars(publics, PUBLICS_MAX as usize);
            match (decode_proof(proof), statement) {
                (Ok(proof), Ok(statement)) => verify(&self.key, &proof, &statement),
                _ => false,
            }
        })
    }
}

/// The sum of scalar · point over a row of G1.
#[pyfunction]
fn g1_sum_of_multiples<'py>(
    py: Python<'py>,
    points: &[u8],
    scalars: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || {
        let points = decode_g1_row(points, TERMS_MAX)?;
        let sum: G1Affine =
            sum_of_multiples(&points, &numbers(scalars, points.len())?).into_affine();
        let mut out = Vec::new();
        encode_g1(sum, &mut out);
        Ok(out)
    })
}

/// The sum of scalar · point over a row of G2.
#[pyfunction]
fn g2_sum_of_multiples<'py>(
    py: Python<'py>,
    points: &[u8],
    scalars: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || {
        let points = decode_g2_row(points, TERMS_MAX)?;
        let sum: G2Affine =
            sum_of_multiples(&points, &numbers(scalars, points.len())?).into_affine();
        let mut out = Vec::new();
        encode_g2(sum, &mut out);
        Ok(out)
    })
}

fn numbers(scalars: &[u8], count: usize) -> Result<Vec<ark_ff::BigInt<4>>, Invalid> {
    let row = decode_scalars(scalars, count)?;
    if row.len() != count {
        return Err(Invalid(format!("{} scalars for {count} points", row.len())));
    }
    Ok(row.iter().map(|scalar| scalar.into_bigint()).collect())
}

/// Values at all n-th roots of unity from n coefficients; `inverse` for the way back.
#[pyfunction]
#[pyo3(signature = (values, *, inverse = false))]
fn fft<'py>(py: Python<'py>, values: &[u8], inverse: bool) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || {
        let mut row = decode_scalars(values, DOMAIN_MAX as usize)?;
        let roots = domain(row.len())?;
        if inverse {
            roots.ifft_in_place(&mut row);
        } else {
            roots.fft_in_place(&mut row);
        }
        let mut out = Vec::with_capacity(values.len());
        row.into_iter()
            .for_each(|value| encode_element(value, &mut out));
        Ok(out)
    })
}

/// EIP-196, address 6.
#[pyfunction]
fn ecadd<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || precompiles::ecadd(data))
}

/// EIP-196, address 7.
#[pyfunction]
fn ecmul<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || precompiles::ecmul(data))
}

/// EIP-197, address 8.
#[pyfunction]
fn ecpairing<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || precompiles::ecpairing(data))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Groth16ProvingKey>()?;
    module.add_class::<Groth16VerifyingKey>()?;
    for function in [
        wrap_pyfunction!(g1_sum_of_multiples, module)?,
        wrap_pyfunction!(g2_sum_of_multiples, module)?,
        wrap_pyfunction!(fft, module)?,
        wrap_pyfunction!(ecadd, module)?,
        wrap_pyfunction!(ecmul, module)?,
        wrap_pyfunction!(ecpairing, module)?,
    ] {
        module.add_function(function)?;
    }
    Ok(())
}
