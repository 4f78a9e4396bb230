//! Ethereum's precompiles of Cancun and those that the composition root hands over.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use revm::context_interface::ContextTr;
use revm::handler::{EthPrecompiles, PrecompileProvider};
use revm::interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, AddressSet, Bytes, HashMap};

/// A function of Python's at an address: the gas for an input, then the output.
pub struct Own {
    pub gas: Py<PyAny>,
    pub run: Py<PyAny>,
}

/// The table by address, and the exception for input that is none.
pub struct OwnTable {
    pub entries: HashMap<Address, Own>,
    pub malformed: Py<PyAny>,
}

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
        let mut gas = Gas::new(gas_limit);
        let out_of_gas = |mut gas: Gas| {
            gas.spend_all();
            Ok(InterpreterResult::new(
                InstructionResult::PrecompileOOG,
                Bytes::new(),
                gas,
            ))
        };
        Python::attach(|py| {
            let data = PyBytes::new(py, data);
            // An amount that is no u64 is more than any limit.
            let cost = own
                .gas
                .call1(py, (&data,))?
                .extract::<u64>(py)
                .unwrap_or(u64::MAX);
            if !gas.record_regular_cost(cost) {
                return out_of_gas(gas);
            }
            match own.run.call1(py, (&data,)) {
                Ok(output) => {
                    let output = Bytes::from(output.extract::<Vec<u8>>(py)?);
                    Ok(InterpreterResult::new(
                        InstructionResult::Return,
                        output,
                        gas,
                    ))
                }
                Err(error) if error.is_instance(py, self.own.malformed.bind(py)) => out_of_gas(gas),
                Err(error) => Err(error),
            }
        })
    }
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
            return self.ethereum.run(context, inputs);
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
