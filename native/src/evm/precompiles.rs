//! Ethereum's precompiles of Cancun and those of ours that the composition root hands over, each
//! as functions of Python's or by the name of one that this crate has.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use revm::context_interface::ContextTr;
use revm::handler::{EthPrecompiles, PrecompileProvider};
use revm::interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, AddressSet, Bytes, HashMap, address};

use super::convert::address_from;
use crate::bn254::{OwnPrecompile, own_precompile};

const MODEXP: Address = address!("0000000000000000000000000000000000000005");

/// What stands at an address of ours: the gas for an input, then the output.
enum Own {
    Python { gas: Py<PyAny>, run: Py<PyAny> },
    Crate(&'static OwnPrecompile),
}

/// The table by address, and the exception for input that is none.
pub struct OwnTable {
    entries: HashMap<Address, Own>,
    malformed: Py<PyAny>,
}

impl OwnTable {
    /// Entries are `(address, gas, run, name)`; a name is of a precompile of this crate, which
    /// then stands there in the place of the two functions.
    pub fn from_python(entries: Vec<Entry>, malformed: Py<PyAny>) -> PyResult<Self> {
        let mut table = HashMap::default();
        for (address, gas, run, name) in entries {
            let own = match name {
                None => Own::Python { gas, run },
                Some(name) => Own::Crate(own_precompile(&name).ok_or_else(|| {
                    PyValueError::new_err(format!("this crate has no precompile {name:?}"))
                })?),
            };
            table.insert(address_from(&address)?, own);
        }
        Ok(OwnTable {
            entries: table,
            malformed,
        })
    }
}

pub type Entry = (Vec<u8>, Py<PyAny>, Py<PyAny>, Option<String>);

/// Cancun's table with ours beside it; all of them are warm from the start.
pub struct Table<'a> {
    ethereum: EthPrecompiles,
    own: &'a OwnTable,
    warm: AddressSet,
    pub raised: Option<PyErr>,
}

impl<'a> Table<'a> {
    pub fn new(own: &'a OwnTable) -> Self {
        let ethereum = EthPrecompiles::new(SpecId::CANCUN);
        let mut warm = ethereum.warm_addresses().clone();
        warm.extend(own.entries.keys().copied());
        Table {
            ethereum,
            own,
            warm,
            raised: None,
        }
    }

    fn run_own(&self, own: &Own, data: &[u8], gas_limit: u64) -> PyResult<InterpreterResult> {
        match own {
            Own::Python { gas, run } => self.run_python(gas, run, data, gas_limit),
            Own::Crate(own) => {
                let mut gas = Gas::new(gas_limit);
                if !gas.record_regular_cost((own.gas)(data)) {
                    return Ok(failed(InstructionResult::PrecompileOOG, gas));
                }
                Ok(match (own.run)(data) {
                    Ok(output) => returned(output, gas),
                    Err(_) => failed(InstructionResult::PrecompileError, gas),
                })
            }
        }
    }

    fn run_python(
        &self,
        price: &Py<PyAny>,
        run: &Py<PyAny>,
        data: &[u8],
        gas_limit: u64,
    ) -> PyResult<InterpreterResult> {
        let mut gas = Gas::new(gas_limit);
        Python::attach(|py| {
            let data = PyBytes::new(py, data);
            // An amount that is no u64 is more than any limit.
            let cost = price
                .call1(py, (&data,))?
                .extract::<u64>(py)
                .unwrap_or(u64::MAX);
            if !gas.record_regular_cost(cost) {
                return Ok(failed(InstructionResult::PrecompileOOG, gas));
            }
            match run.call1(py, (&data,)) {
                Ok(output) => Ok(returned(output.extract::<Vec<u8>>(py)?, gas)),
                Err(error) if error.is_instance(py, self.own.malformed.bind(py)) => {
                    Ok(failed(InstructionResult::PrecompileError, gas))
                }
                Err(error) => Err(error),
            }
        })
    }
}

fn returned(output: Vec<u8>, gas: Gas) -> InterpreterResult {
    InterpreterResult::new(InstructionResult::Return, Bytes::from(output), gas)
}

/// Too little gas, or input that is none: the frame loses all it had.
fn failed(result: InstructionResult, mut gas: Gas) -> InterpreterResult {
    gas.spend_all();
    InterpreterResult::new(result, Bytes::new(), gas)
}

impl<CTX: ContextTr> PrecompileProvider<CTX> for Table<'_> {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _: <CTX::Cfg as revm::context_interface::Cfg>::Spec) -> bool {
        false
    }

    fn run(
        &mut self,
        context: &mut CTX,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let Some(own) = self.own.entries.get(&inputs.bytecode_address) else {
            let mut found = self.ethereum.run(context, inputs)?;
            if let Some(result) = &mut found
                && inputs.bytecode_address == MODEXP
                && result.result == InstructionResult::PrecompileError
            {
                // revm refuses sizes beyond its own numbers; by EIP-2565 they are just too dear.
                result.result = InstructionResult::PrecompileOOG;
            }
            return Ok(found);
        };
        let data = inputs.input.bytes(context);
        match self.run_own(own, &data, inputs.gas_limit) {
            Ok(result) => Ok(Some(result)),
            Err(error) => {
                self.raised = Some(error);
                Err("a precompile of ours raised".to_string())
            }
        }
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.warm
    }
}
