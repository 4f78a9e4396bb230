//! What Python sees of this module. Input that is not what it should be raises `ValueError`; the
//! interpreter lock is released while curves are computed.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::PrimeField;
use ark_poly::EvaluationDomain;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::combine::{Term, combinations};
use super::fft::{DOMAIN_MAX, domain};
use super::field::{decode_scalar, decode_scalars, decode_scalars_little, encode_element, numbers};
use super::msm::sum_of_multiples;
use super::points::{Invalid, decode_g1_row, decode_g2_row, encode_g1, encode_g2};
use super::program::{Program, Shape, decode_program, encode_little};
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

    /// A, B, C; None if the witness, which is little-endian, does not satisfy the circuit. `r` and
    /// `s` blind the proof.
    fn prove<'py>(
        &self,
        py: Python<'py>,
        witness: &[u8],
        r: &[u8],
        s: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let proof = py.detach(|| {
            let values = decode_scalars_little(witness, self.key.wires)?;
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

/// A circuit's program, from `zkp.filling.Plan`.
#[pyclass(frozen, module = "quorate_native")]
struct WitnessProgram {
    program: Program,
}

#[pymethods]
impl WitnessProgram {
    /// `shape` is how many wires and slots there are, the first input, and how many inputs.
    #[new]
    fn new(
        py: Python<'_>,
        shape: (usize, usize, usize, usize),
        coefficients: &[u8],
        terms: &[u8],
        steps: &[u8],
        rows: &[u8],
    ) -> PyResult<Self> {
        let (wires, slots, first_input, inputs) = shape;
        let shape = Shape {
            wires,
            slots,
            first_input,
            inputs,
        };
        let program = py.detach(|| decode_program(shape, coefficients, terms, steps, rows))?;
        Ok(Self { program })
    }

    /// The witness, and the place of the first row that it breaks; everything little-endian.
    fn fill<'py>(
        &self,
        py: Python<'py>,
        inputs: &[u8],
    ) -> PyResult<(Bound<'py, PyBytes>, Option<usize>)> {
        let (packed, broken) = py.detach(|| -> Result<_, Invalid> {
            let inputs = decode_scalars_little(inputs, TERMS_MAX)?;
            let (values, broken) = self.program.fill(&inputs)?;
            Ok((encode_little(&values), broken))
        })?;
        Ok((PyBytes::new(py, &packed), broken))
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
            sum_of_multiples(&points, &factors(scalars, points.len())?).into_affine();
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
            sum_of_multiples(&points, &factors(scalars, points.len())?).into_affine();
        let mut out = Vec::new();
        encode_g2(sum, &mut out);
        Ok(out)
    })
}

fn factors(scalars: &[u8], count: usize) -> Result<Vec<ark_ff::BigInt<4>>, Invalid> {
    let row = decode_scalars(scalars, count)?;
    if row.len() != count {
        return Err(Invalid(format!("{} scalars for {count} points", row.len())));
    }
    Ok(row.iter().map(|scalar| scalar.into_bigint()).collect())
}

/// For each list of terms the sum of scalar · point over a row of G1. `places`, one a term, and
/// `lengths`, one a list, are numbers of four bytes, least significant first.
#[pyfunction]
fn g1_combinations<'py>(
    py: Python<'py>,
    points: &[u8],
    places: &[u8],
    scalars: &[u8],
    lengths: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || {
        let points = decode_g1_row(points, TERMS_MAX)?;
        let sums = combinations(&points, &terms(places, scalars)?, &single(lengths)?)?;
        let mut out = Vec::new();
        sums.into_iter().for_each(|sum| encode_g1(sum, &mut out));
        Ok(out)
    })
}

/// The same over a row of G2.
#[pyfunction]
fn g2_combinations<'py>(
    py: Python<'py>,
    points: &[u8],
    places: &[u8],
    scalars: &[u8],
    lengths: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    detached(py, || {
        let points = decode_g2_row(points, TERMS_MAX)?;
        let sums = combinations(&points, &terms(places, scalars)?, &single(lengths)?)?;
        let mut out = Vec::new();
        sums.into_iter().for_each(|sum| encode_g2(sum, &mut out));
        Ok(out)
    })
}

fn terms(places: &[u8], scalars: &[u8]) -> Result<Vec<Term>, Invalid> {
    let places = single(places)?;
    let factors = factors(scalars, places.len())?;
    Ok(places.into_iter().zip(factors).collect())
}

fn single(bytes: &[u8]) -> Result<Vec<u32>, Invalid> {
    let rows = numbers::<1>(bytes, TERMS_MAX)?;
    Ok(rows.map(|[number]| number).collect())
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
    module.add_class::<WitnessProgram>()?;
    for function in [
        wrap_pyfunction!(g1_sum_of_multiples, module)?,
        wrap_pyfunction!(g2_sum_of_multiples, module)?,
        wrap_pyfunction!(g1_combinations, module)?,
        wrap_pyfunction!(g2_combinations, module)?,
        wrap_pyfunction!(fft, module)?,
        wrap_pyfunction!(ecadd, module)?,
        wrap_pyfunction!(ecmul, module)?,
        wrap_pyfunction!(ecpairing, module)?,
    ] {
        module.add_function(function)?;
    }
    Ok(())
}
