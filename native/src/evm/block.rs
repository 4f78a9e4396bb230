//! A block, a call, a trace: the batch in order, what is valid runs, the rest is dropped.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use pyo3::PyErr;
use pyo3::exceptions::{PyOverflowError, PyRuntimeError};
use revm::context::result::{ExecutionResult, HaltReason};
use revm::primitives::{Address, B256, Bytes, Log};

use super::cache::{FlatState, NodeCache};
use super::commitment::{CommitFailure, Writes, commit};
use super::lists::{Lists, Place, lists};
use super::machine::{Failure, Machine};
use super::precompiles::OwnTable;
use super::state::State;
use super::tracer::{CallTracer, Frame, INVALID_PRECOMPILE_INPUT, error_words};
use super::transaction::{Environment, Transaction};
use super::validity::{Reason, check_state};

/// More accounts and slots than these are forgotten between blocks.
const FLAT_ENTRIES_MAX: usize = 500_000;

/// What a transaction came to.
pub struct Outcome {
    pub success: bool,
    pub reverted: bool,
    pub gas_used: u64,
    pub output: Bytes,
    pub logs: Vec<Log>,
    pub created: Option<Address>,
    pub error: Option<String>,
}

/// A block: each transaction's outcome or the reason why it was dropped, the lists that the header
/// commits to, the writes with the root, and the flat state under it unless that grew too large.
pub struct Executed {
    pub outcomes: Vec<Result<Outcome, Reason>>,
    pub lists: Lists,
    pub writes: Writes,
    pub flat: Option<FlatState>,
    pub execution: Duration,
    pub commitment: Duration,
}

/// Where a batch, a message or a trace runs.
pub struct Ground<'a> {
    pub env: &'a Environment,
    pub own: &'a OwnTable,
    /// Whether the gate's contract and the ledger's checks rule; Ethereum's vectors have neither.
    pub gated: bool,
}

/// Runs the batch and computes the roots, those of the lists beside that of the state.
pub fn execute(
    ground: &Ground<'_>,
    batch: &[Transaction],
    places: &[Place],
    mut state: State,
    root: B256,
    nodes: &Mutex<NodeCache>,
) -> Result<Executed, PyErr> {
    let start = Instant::now();
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut machine = Machine::new(ground.env, &mut state, ground.own, ground.gated, ());
    let mut gas_left = ground.env.block.gas_limit;
    for transaction in batch {
        match step(&mut machine, ground, transaction, gas_left) {
            Ok(Ok(outcome)) => {
                gas_left -= transaction.gas;
                outcomes.push(Ok(outcome));
            }
            Ok(Err(reason)) => outcomes.push(Err(reason)),
            Err(failure) => return Err(raised(machine, failure)),
        }
    }
    drop(machine);
    let execution = start.elapsed();
    let (lists, committed) = rayon::join(
        || lists(places, &outcomes),
        || commit(&mut state, root, nodes),
    );
    let writes = match committed {
        Ok(writes) => writes,
        Err(CommitFailure::Raised(error)) => return Err(error),
        Err(CommitFailure::Reader(_)) => return Err(state.raised.expect("the reader raised")),
    };
    let flat = state.into_flat(&writes);
    let flat = (flat.entries() <= FLAT_ENTRIES_MAX).then_some(flat);
    Ok(Executed {
        outcomes,
        lists,
        writes,
        flat,
        execution,
        commitment: start.elapsed() - execution,
    })
}

fn step(
    machine: &mut Machine<'_, ()>,
    ground: &Ground<'_>,
    transaction: &Transaction,
    gas_left: u64,
) -> Result<Result<Outcome, Reason>, Failure> {
    if ground.gated
        && let Some(reason) = check_state(machine.state(), transaction, gas_left)?
    {
        return Ok(Err(reason));
    }
    let created = created_by(transaction);
    let result = machine.run(transaction.to_revm(ground.env.chain_id))?;
    Ok(Ok(outcome(result, created)))
}

/// The result of a message on a state, which stays as it is.
pub fn call(
    ground: &Ground<'_>,
    message: &Transaction,
    mut state: State,
) -> Result<Outcome, PyErr> {
    let mut machine = Machine::new(ground.env, &mut state, ground.own, ground.gated, ());
    match machine.run(message.to_revm(ground.env.chain_id)) {
        Ok(result) => Ok(outcome(result, None)),
        Err(failure) => Err(raised(machine, failure)),
    }
}

/// The call tree of the batch's last transaction; None if it is dropped. Raises `OverflowError` for
/// a tree of more than `bytes_max`.
pub fn trace(
    ground: &Ground<'_>,
    batch: &[Transaction],
    mut state: State,
    bytes_max: usize,
) -> Result<Option<Frame>, PyErr> {
    let mut gas_left = ground.env.block.gas_limit;
    let tracer = CallTracer::new(bytes_max);
    let mut machine = Machine::new(ground.env, &mut state, ground.own, ground.gated, tracer);
    for (index, transaction) in batch.iter().enumerate() {
        let is_last = index + 1 == batch.len();
        match check_state(machine.state(), transaction, gas_left) {
            Ok(None) => gas_left -= transaction.gas,
            Ok(Some(_)) if is_last => return Ok(None),
            Ok(Some(_)) => continue,
            Err(error) => return Err(raised(machine, error.into())),
        }
        let tx = transaction.to_revm(ground.env.chain_id);
        let result = if is_last {
            machine.run_inspected(tx)
        } else {
            machine.run(tx)
        };
        match result {
            Err(failure) => return Err(raised(machine, failure)),
            Ok(_) if is_last && machine.inner.inspector.is_too_large() => {
                return Err(PyOverflowError::new_err(format!(
                    "the tree has more than {bytes_max} bytes"
                )));
            }
            Ok(result) if is_last => {
                let root = machine.inner.inspector.root.take();
                return Ok(root.map(|mut frame| {
                    frame.gas = transaction.gas;
                    frame.gas_used = result.tx_gas_used();
                    frame
                }));
            }
            Ok(_) => {}
        }
    }
    Ok(None)
}

fn created_by(transaction: &Transaction) -> Option<Address> {
    transaction
        .to
        .is_none()
        .then(|| transaction.sender.create(transaction.nonce))
}

fn outcome(result: ExecutionResult, created: Option<Address>) -> Outcome {
    let gas_used = result.tx_gas_used();
    match result {
        ExecutionResult::Success { logs, output, .. } => Outcome {
            success: true,
            reverted: false,
            gas_used,
            output: output.into_data(),
            logs,
            created,
            error: None,
        },
        ExecutionResult::Revert { output, .. } => Outcome {
            success: false,
            reverted: true,
            gas_used,
            output,
            logs: Vec::new(),
            created: None,
            error: Some("execution reverted".to_string()),
        },
        ExecutionResult::Halt { reason, .. } => Outcome {
            success: false,
            reverted: false,
            gas_used,
            output: Bytes::new(),
            logs: Vec::new(),
            created: None,
            error: Some(halt_words(reason)),
        },
    }
}

fn halt_words(reason: HaltReason) -> String {
    match reason {
        HaltReason::PrecompileErrorWithContext(_) => INVALID_PRECOMPILE_INPUT.to_string(),
        reason => error_words(reason.into())
            .unwrap_or("execution failed")
            .to_string(),
    }
}

/// The exception that stands behind a failure of the interpreter.
pub fn raised<INSP>(machine: Machine<'_, INSP>, failure: Failure) -> PyErr {
    let Machine { inner, .. } = machine;
    let own = inner.precompiles.raised;
    let state: &mut State = inner.ctx.journaled_state.database;
    own.or_else(|| state.raised.take())
        .unwrap_or_else(|| PyRuntimeError::new_err(format!("revm refused: {failure}")))
}
