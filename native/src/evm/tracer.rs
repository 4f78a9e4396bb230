//! The call tree of a transaction, in the shape of geth's callTracer.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use revm::Inspector;
use revm::bytecode::opcode::SELFDESTRUCT;
use revm::context_interface::CreateScheme;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{InputsTr, Jumps};
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InstructionResult,
    Interpreter, InterpreterResult,
};
use revm::primitives::{Address, Bytes, Log, U256, hex};

use super::machine::Ctx;

/// One frame with those below it.
#[derive(Default)]
pub struct Frame {
    kind: &'static str,
    /// Whose storage it works on.
    own: Address,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    pub gas: u64,
    pub gas_used: u64,
    input: Bytes,
    output: Bytes,
    error: Option<&'static str>,
    calls: Vec<Frame>,
    /// Each with the number of calls before it.
    logs: Vec<(usize, Log)>,
    /// Beneficiary and balance, where the code came to a SELFDESTRUCT.
    leaving: Option<(Address, U256)>,
    input_bytes: usize,
}

/// What a frame or a log counts beside its own bytes: `ledger/calltrace.py` counts alike.
const ENTRY_BYTES: usize = 256;

/// Frames that are open, the innermost last, and the outermost once it is closed.
pub struct CallTracer {
    open: Vec<Frame>,
    pub root: Option<Frame>,
    bytes: usize,
    bytes_max: usize,
}

impl CallTracer {
    pub fn new(bytes_max: usize) -> Self {
        CallTracer {
            open: Vec::new(),
            root: None,
            bytes: 0,
            bytes_max,
        }
    }

    /// Whether the tree is larger than it may be; inputs and outputs beyond were not kept.
    pub fn is_too_large(&self) -> bool {
        self.bytes > self.bytes_max
    }

    fn open(&mut self, frame: Frame, input: impl FnOnce() -> Bytes, input_bytes: usize) {
        self.bytes += ENTRY_BYTES + input_bytes;
        let input = if self.is_too_large() {
            Bytes::new()
        } else {
            input()
        };
        self.open.push(Frame {
            input,
            input_bytes,
            ..frame
        });
    }

    fn close(&mut self, result: &InterpreterResult) {
        let mut frame = self.open.pop().expect("every frame that ends has begun");
        frame.gas_used = result.gas.total_gas_spent();
        if result.result.is_ok() || result.result == InstructionResult::Revert {
            self.bytes += result.output.len();
            if !self.is_too_large() {
                frame.output = result.output.clone();
            }
        } else {
            frame.gas_used = frame.gas;
        }
        frame.error = error_words(result.result);
        if let Some((target, balance)) = frame.leaving.take().filter(|_| frame.error.is_none()) {
            self.bytes += ENTRY_BYTES;
            let left = Frame {
                kind: "SELFDESTRUCT",
                from: frame.own,
                to: Some(target),
                value: Some(balance),
                ..Frame::default()
            };
            frame.calls.push(left);
        }
        if frame.error.is_some() && frame.kind.starts_with("CREATE") {
            frame.to = None;
        }
        match self.open.last_mut() {
            None => self.root = Some(frame),
            // What lacked depth, balance or a free address was never entered: no frame.
            Some(_) if is_not_made(result.result) => {
                self.bytes -= ENTRY_BYTES + frame.input_bytes;
            }
            Some(parent) => parent.calls.push(frame),
        }
    }
}

fn is_not_made(result: InstructionResult) -> bool {
    use InstructionResult as R;
    matches!(result, R::CallTooDeep | R::OutOfFunds | R::CreateCollision)
}

pub const INVALID_PRECOMPILE_INPUT: &str = "invalid input of a precompile";

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
        // revm calls a DUP of what is not there an overflow.
        R::StackUnderflow | R::StackOverflow => Some("stack underflow or overflow"),
        R::StateChangeDuringStaticCall | R::CallNotAllowedInsideStatic => Some("write protection"),
        R::CreateCollision => Some("contract address collision"),
        R::CreateContractSizeLimit => Some("max code size exceeded"),
        R::CreateInitCodeSizeLimit => Some("max initcode size exceeded"),
        R::CreateContractStartingWithEF => Some("invalid code: must not begin with 0xef"),
        R::OutOfOffset => Some("return data out of bounds"),
        R::PrecompileError => Some(INVALID_PRECOMPILE_INPUT),
        _ => Some("execution failed"),
    }
}

impl<'a> Inspector<Ctx<'a>, EthInterpreter> for CallTracer {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, context: &mut Ctx<'a>) {
        if interpreter.bytecode.opcode() != SELFDESTRUCT {
            return;
        }
        let Ok(beneficiary) = interpreter.stack.peek(0) else {
            return;
        };
        let own = interpreter.input.target_address();
        let state = &context.journaled_state.inner.state;
        let balance = state.get(&own).map_or(U256::ZERO, |own| own.info.balance);
        let frame = self.open.last_mut().expect("code runs in a frame");
        frame.leaving = Some((Address::from_word(beneficiary.into()), balance));
    }

    fn log(&mut self, _: &mut Ctx<'a>, log: Log) {
        self.bytes += ENTRY_BYTES + log.data.data.len();
        if !self.is_too_large() {
            let frame = self.open.last_mut().expect("code runs in a frame");
            frame.logs.push((frame.calls.len(), log));
        }
    }

    fn call(&mut self, context: &mut Ctx<'a>, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let (kind, from, to, value) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.caller, inputs.target_address, true),
            CallScheme::CallCode => ("CALLCODE", inputs.caller, inputs.bytecode_address, true),
            CallScheme::DelegateCall => (
                "DELEGATECALL",
                inputs.target_address,
                inputs.bytecode_address,
                true,
            ),
            CallScheme::StaticCall => ("STATICCALL", inputs.caller, inputs.target_address, false),
        };
        let frame = Frame {
            kind,
            own: inputs.target_address,
            from,
            to: Some(to),
            value: value.then(|| inputs.value.get()),
            gas: inputs.gas_limit,
            ..Frame::default()
        };
        self.open(frame, || inputs.input.bytes(context), inputs.input.len());
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
        let created = inputs.created_address(nonce);
        let frame = Frame {
            kind: match inputs.scheme() {
                CreateScheme::Create2 { .. } => "CREATE2",
                _ => "CREATE",
            },
            own: created,
            from: inputs.caller(),
            to: Some(created),
            value: Some(inputs.value()),
            gas: inputs.gas_limit(),
            ..Frame::default()
        };
        let code = inputs.init_code();
        self.open(frame, || code.clone(), code.len());
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
        if !self.logs.is_empty() {
            let logs = PyList::empty(py);
            for (position, log) in &self.logs {
                let topics = log.data.topics().iter().map(hex::encode_prefixed);
                let entry = PyDict::new(py);
                entry.set_item("address", hex::encode_prefixed(log.address))?;
                entry.set_item("topics", topics.collect::<Vec<_>>())?;
                entry.set_item("data", hex::encode_prefixed(&log.data.data))?;
                entry.set_item("position", format!("{position:#x}"))?;
                logs.append(entry)?;
            }
            tree.set_item("logs", logs)?;
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
