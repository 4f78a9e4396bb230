//! One transaction under Ethereum's own rules: mainnet's validity, fees and blobs, with no gate and no
//! precompiles of ours. For Ethereum's test suites; a ledger's blocks never come this way.

use std::marker::PhantomData;
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use revm::context::result::{EVMError, HaltReason, InvalidTransaction};
use revm::context::{ContextTr, JournalTr, Transaction as _, TransactionType, TxEnv};
use revm::handler::{EvmTr, Handler, validation};
use revm::primitives::{B256, Log};

use super::block::raised;
use super::cache::{FlatState, NodeCache};
use super::commitment::{CommitFailure, commit};
use super::logs_to_python;
use super::machine::{Failure, Machine};
use super::precompiles::OwnTable;
use super::state::State;
use super::transaction::{Environment, Transaction};
use crate::trie::hash_from;

/// EIP-4844's limit of Cancun.
const BLOBS_MAX: u64 = 6;
/// The state of a test case is small.
const NODE_CACHE_BYTES_MAX: usize = 1024 * 1024;

/// What an accepted transaction left behind.
struct Applied {
    logs: Vec<Log>,
    root: B256,
}

/// revm's own order of checks, payments and execution, on the machine that ledgers run on.
struct Mainnet<'a>(PhantomData<&'a ()>);

impl<'a> Handler for Mainnet<'a> {
    type Evm = Machine<'a, ()>;
    type Error = Failure;
    type HaltReason = HaltReason;

    /// revm leaves it to whoever decodes a blob transaction that it has a recipient.
    fn validate_env(&self, evm: &mut Self::Evm) -> Result<(), Failure> {
        let tx = evm.ctx_ref().tx();
        if tx.tx_type() == TransactionType::Eip4844 && tx.kind().is_create() {
            return Err(InvalidTransaction::BlobCreateTransaction.into());
        }
        validation::validate_env(evm.ctx())
    }
}

fn apply(
    env: &Environment,
    tx: TxEnv,
    own: &OwnTable,
    mut state: State,
    root: B256,
) -> Result<Result<Applied, InvalidTransaction>, PyErr> {
    let mut machine = Machine::new(env, &mut state, own, false, ());
    machine.inner.ctx.cfg.max_blobs_per_tx = Some(BLOBS_MAX);
    machine.inner.ctx.tx = tx;
    let result = match Mainnet(PhantomData).run(&mut machine) {
        Ok(result) => result,
        Err(EVMError::Transaction(reason)) => return Ok(Err(reason)),
        Err(failure) => return Err(raised(machine, failure)),
    };
    let changes = machine.inner.ctx.journaled_state.finalize();
    if let Err(failure) = machine.state().commit(changes) {
        return Err(raised(machine, failure.into()));
    }
    drop(machine);
    let nodes = Mutex::new(NodeCache::new(NODE_CACHE_BYTES_MAX));
    match commit(&mut state, root, &nodes) {
        Ok(writes) => Ok(Ok(Applied {
            logs: result.into_logs(),
            root: writes.root,
        })),
        Err(CommitFailure::Raised(error)) => Err(error),
        Err(CommitFailure::Reader(_)) => Err(state.raised.expect("the reader raised")),
    }
}

/// `(logs, root)` of the state after a transaction; or a string, why it is refused.
///
/// `fields` are those of `Transaction` with the most that a unit of gas may cost as its price, then
/// `type, most priority fee, most blob fee, blob hashes`. Chain ids are not compared.
#[pyfunction]
fn run_on_ethereum<'py>(
    py: Python<'py>,
    env: &Bound<'py, PyTuple>,
    fields: &Bound<'py, PyTuple>,
    reader: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let env = Environment::from_python(env)?;
    let tx = tx_from_python(fields, env.chain_id)?;
    let root = hash_from(reader.getattr("root")?.extract::<&[u8]>()?)?;
    let read = FlatState::default();
    let state = State::new(reader.unbind(), env.ancestor_hash.clone_ref(py), read);
    let own = OwnTable::from_python(Vec::new(), py.None())?;
    match py.detach(|| apply(&env, tx, &own, state, root))? {
        Ok(applied) => {
            let root = PyBytes::new(py, applied.root.as_slice());
            let answer = (logs_to_python(py, &applied.logs)?, root).into_pyobject(py)?;
            Ok(answer.into_any())
        }
        Err(reason) => Ok(reason.to_string().into_pyobject(py)?.into_any()),
    }
}

fn tx_from_python(fields: &Bound<'_, PyTuple>, chain_id: u64) -> PyResult<TxEnv> {
    let tx = Transaction::from_python(fields)?.to_revm(chain_id);
    let tx_type = fields.get_item(8)?.extract()?;
    let has_priority_fee = tx_type >= u8::from(TransactionType::Eip1559);
    let mut blob_hashes = Vec::new();
    for hash in fields.get_item(11)?.try_iter()? {
        blob_hashes.push(hash_from(hash?.extract::<&[u8]>()?)?);
    }
    Ok(TxEnv {
        tx_type,
        gas_priority_fee: has_priority_fee
            .then(|| fields.get_item(9)?.extract())
            .transpose()?,
        max_fee_per_blob_gas: fields.get_item(10)?.extract()?,
        blob_hashes,
        ..tx
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_on_ethereum, module)?)
}
