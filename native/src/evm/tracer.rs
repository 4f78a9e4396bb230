//! The call tree of a transaction, in the shape of geth's callTracer.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use revm::Inspector;
use revm::context_interface::CreateScheme;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InstructionResult,
    InterpreterResult,
};
use revm::primitives::{Address, Bytes, U256, hex};

use super::machine::Ctx;

/// One frame with those below it.
#[derive(Default)]
pub struct Frame {
    kind: &'static str,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    pub gas: u64,
    pub gas_used: u64,
    input: Bytes,
    output: Bytes,
    error: Option<&'static str>,
    calls: Vec<Frame>,
}

/// Frames that are open, the innermost last, and the outermost once it is closed.
#[derive(Default)]
pub struct CallTracer {
    open: Vec<Frame>,
    pub root: Option<Frame>,
}

impl CallTracer {
    fn close(&mut self, result: &InterpreterResult) {
        let mut frame = self.open.pop().expect("every frame that ends has begun");
        frame.gas_used = result.gas.total_gas_spent();
        if result.result.is_ok() || result.result == InstructionResult::Revert {
            frame.output = result.output.clone();
        } else {
            frame.gas_used = frame.gas;
        }
        frame.error = error_words(result.result);
        match self.open.last_mut() {
            None => self.root = Some(frame),
            // What lacked depth, balance or a free address was never entered: no frame.
            Some(_) if is_not_made(result.result) => {}
            Some(parent) => parent.calls.push(frame),
        }
    }
}

fn is_not_made(result: InstructionResult) -> bool {
    use InstructionResult as R;
    matches!(result, R::CallTooDeep | R::OutOfFunds | R::CreateCollision)
}

/// A few words for a failed frame, as Ethereum's nodes say them; None for one that did not fail.
pub fn error_words(result: InstructionResult) -> Option<&'static str> {
    use InstructionResult as R;
    match result {
        R::Stop | R::Return | R::SelfDestruct | R::Suspend => None,
        R::Revert => Some("execution reverted"),
        R::OutOfGas
        | R::MemoryOOG
        | R::MemoryLimitOOG
        | R::PrecompileOOG
        | R::InvalidOperandOOG
        | R::ReentrancySentryOOG => Some("out of gas"),
        R::OpcodeNotFound | R::InvalidFEOpcode | R::NotActivated => Some("invalid opcode"),
        R::InvalidJump => Some("invalid jump destination"),
        R::StackUnderflow => Some("stack underflow"),
        R::StackOverflow => Some("stack overflow"),
        R::StateChangeDuringStaticCall | R::CallNotAllowedInsideStatic => Some("write protection"),
        R::CreateCollision => Some("contract address collision"),
        R::CreateContractSizeLimit => Some("max code size exceeded"),
        R::CreateInitCodeSizeLimit => Some("max initcode size exceeded"),
        R::CreateContractStartingWithEF => Some("invalid code: must not begin with 0xef"),
        R::OutOfOffset => Some("return data out of bounds"),
        R::PrecompileError => Some("invalid input of a precompile"),
        _ => Some("execution failed"),
    }
}

impl<'a> Inspector<Ctx<'a>, EthInterpreter> for CallTracer {
    fn call(&mut self, context: &mut Ctx<'a>, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let (kind, from, to, value) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.caller, inputs.target_address, true),
            CallScheme::CallCode => ("CALLCODE", inputs.caller, inputs.bytecode_address, true),
            CallScheme::DelegateCall => (
                "DELEGATECALL",
                inputs.target_address,
                inputs.bytecode_address,
                false,
            ),
            CallScheme::StaticCall => ("STATICCALL", inputs.caller, inputs.target_address, true),
        };
        self.open.push(Frame {
            kind,
            from,
            to: Some(to),
            value: value.then(|| inputs.value.get()),
            gas: inputs.gas_limit,
            input: inputs.input.bytes(context),
            ..Frame::default()
        });
        None
    }

    fn call_end(&mut self, _: &mut Ctx<'a>, _: &CallInputs, outcome: &mut CallOutcome) {
        self.close(&outcome.result);
    }

    fn create(
        &mut self,
        context: &mut Ctx<'a>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        let nonce = context
            .journaled_state
            .inner
            .state
            .get(&inputs.caller())
            .map_or(0, |account| account.info.nonce);
        self.open.push(Frame {
            kind: match inputs.scheme() {
                CreateScheme::Create2 { .. } => "CREATE2",
                _ => "CREATE",
            },
            from: inputs.caller(),
            to: Some(inputs.created_address(nonce)),
            value: Some(inputs.value()),
            gas: inputs.gas_limit(),
            input: inputs.init_code().clone(),
            ..Frame::default()
        });
        None
    }

    fn create_end(&mut self, _: &mut Ctx<'a>, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.close(&outcome.result);
    }
}

impl Frame {
    pub fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tree = PyDict::new(py);
        tree.set_item("type", self.kind)?;
        tree.set_item("from", hex::encode_prefixed(self.from))?;
        if let Some(to) = self.to {
            tree.set_item("to", hex::encode_prefixed(to))?;
        }
        if let Some(value) = self.value {
            tree.set_item("value", format!("{value:#x}"))?;
        }
        tree.set_item("gas", format!("{:#x}", self.gas))?;
        tree.set_item("gasUsed", format!("{:#x}", self.gas_used))?;
        tree.set_item("input", hex::encode_prefixed(&self.input))?;
        if !self.output.is_empty() {
            tree.set_item("output", hex::encode_prefixed(&self.output))?;
        }
        if let Some(error) = self.error {
            tree.set_item("error", error)?;
        }
        if !self.calls.is_empty() {
            let calls = PyList::empty(py);
            for call in &self.calls {
                calls.append(call.to_python(py)?)?;
            }
            tree.set_item("calls", calls)?;
        }
        Ok(tree)
    }
}
