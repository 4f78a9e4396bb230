//! revm with our rules: frames of frozen contracts revert with empty data, nothing is deployed over
//! storage (EIP-7610), and a transaction has no fees and was found valid before.

use std::marker::PhantomData;

use revm::Inspector;
use revm::context::result::{EVMError, ExecutionResult, HaltReason};
use revm::context::{BlockEnv, Transaction as _};
use revm::context::{CfgEnv, Context, ContextTr, Evm, FrameStack, Journal, JournalTr, TxEnv};
use revm::context_interface::Block as _;
use revm::context_interface::journaled_state::account::JournaledAccountTr;
use revm::handler::evm::{ContextDbError, FrameInitResult, FrameTr};
use revm::handler::instructions::EthInstructions;
use revm::handler::{EthFrame, EvmTr, FrameInitOrResult, FrameResult, Handler, ItemOrResult};
use revm::inspector::{InspectorEvmTr, InspectorHandler};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_action::FrameInit;
use revm::interpreter::{
    CallOutcome, CreateOutcome, FrameInput, Gas, InitialAndFloorGas, InstructionResult,
    InterpreterResult,
};
use revm::primitives::constants::CALL_STACK_LIMIT;
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Bytes, KECCAK_EMPTY};

use super::gate;
use super::precompiles::{OwnTable, Table};
use super::state::{ReaderRaised, State};
use super::transaction::Environment;
use crate::trie::node::EMPTY_ROOT;

pub type Ctx<'a> = Context<BlockEnv, TxEnv, CfgEnv, &'a mut State, Journal<&'a mut State>, ()>;
type Inner<'a, INSP> = Evm<
    Ctx<'a>,
    INSP,
    EthInstructions<EthInterpreter, Ctx<'a>>,
    Table<'a>,
    EthFrame<EthInterpreter>,
>;
pub type Failure = EVMError<ReaderRaised>;

/// An interpreter over a block's state.
pub struct Machine<'a, INSP> {
    pub inner: Inner<'a, INSP>,
    gated: bool,
}

impl<'a, INSP> Machine<'a, INSP> {
    pub fn new(
        env: &Environment,
        state: &'a mut State,
        own: &'a OwnTable,
        gated: bool,
        inspector: INSP,
    ) -> Self {
        let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN).with_chain_id(env.chain_id);
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let mut ctx: Ctx<'a> = Context::new(state, SpecId::CANCUN);
        ctx.cfg = cfg;
        ctx.block = env.block.clone();
        let inner = Evm {
            ctx,
            inspector,
            instruction: EthInstructions::new_mainnet_with_spec(SpecId::CANCUN),
            precompiles: Table::new(own),
            frame_stack: FrameStack::new_prealloc(8),
        };
        Machine { inner, gated }
    }

    /// The block's state between transactions.
    pub fn state(&mut self) -> &mut State {
        self.inner.ctx.journaled_state.db_mut()
    }

    /// Runs a valid transaction and takes its changes over.
    pub fn run(&mut self, tx: TxEnv) -> Result<ExecutionResult, Failure> {
        self.inner.ctx.tx = tx;
        let result = Rules(PhantomData).run(self)?;
        self.finish()?;
        Ok(result)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let changes = self.inner.ctx.journaled_state.finalize();
        Ok(self.state().commit(changes)?)
    }

    /// The result of a frame that our rules keep from starting; what lacks depth or balance is
    /// left to revm.
    fn refused(&mut self, frame: &FrameInit) -> Result<Option<FrameResult>, ReaderRaised> {
        if frame.depth > CALL_STACK_LIMIT as usize {
            return Ok(None);
        }
        match &frame.frame_input {
            FrameInput::Call(inputs) => {
                if !self.gated || inputs.known_bytecode.1.is_empty() {
                    return Ok(None);
                }
                let journal = &mut self.inner.ctx.journaled_state;
                let caller = journal.load_account(inputs.caller)?;
                if inputs
                    .transfer_value()
                    .is_some_and(|value| value > caller.info.balance)
                {
                    return Ok(None);
                }
                let is_frozen = gate::is_frozen(self.state(), inputs.bytecode_address)?;
                Ok(is_frozen.then(|| {
                    FrameResult::Call(CallOutcome::new(
                        nothing(InstructionResult::Revert, inputs.gas_limit),
                        inputs.return_memory_offset.clone(),
                    ))
                }))
            }
            FrameInput::Create(inputs) => {
                let journal = &mut self.inner.ctx.journaled_state;
                let caller = journal.load_account(inputs.caller())?;
                let nonce = caller.info.nonce;
                if caller.info.balance < inputs.value() || nonce == u64::MAX {
                    return Ok(None);
                }
                let target = inputs.created_address(nonce);
                let taken = self.state().account(target)?.is_some_and(|cell| {
                    cell.storage_root != EMPTY_ROOT
                        && cell.nonce == 0
                        && cell.code_hash == KECCAK_EMPTY
                });
                if !taken {
                    return Ok(None);
                }
                let journal = &mut self.inner.ctx.journaled_state;
                journal.load_account_mut(inputs.caller())?.data.bump_nonce();
                journal.load_account(target)?;
                let result = nothing(InstructionResult::CreateCollision, inputs.gas_limit());
                Ok(Some(FrameResult::Create(CreateOutcome::new(result, None))))
            }
            FrameInput::Empty => Ok(None),
        }
    }
}

impl<'a, INSP: Inspector<Ctx<'a>, EthInterpreter>> Machine<'a, INSP> {
    /// Like `run`, with the inspector looking on.
    pub fn run_inspected(&mut self, tx: TxEnv) -> Result<ExecutionResult, Failure> {
        self.inner.ctx.tx = tx;
        let result = Rules(PhantomData).inspect_run(self)?;
        self.finish()?;
        Ok(result)
    }
}

fn nothing(result: InstructionResult, gas_limit: u64) -> InterpreterResult {
    InterpreterResult::new(result, Bytes::new(), Gas::new(gas_limit))
}

impl<'a, INSP> EvmTr for Machine<'a, INSP> {
    type Context = Ctx<'a>;
    type Instructions = EthInstructions<EthInterpreter, Ctx<'a>>;
    type Precompiles = Table<'a>;
    type Frame = EthFrame<EthInterpreter>;

    fn all(
        &self,
    ) -> (
        &Self::Context,
        &Self::Instructions,
        &Self::Precompiles,
        &FrameStack<Self::Frame>,
    ) {
        self.inner.all()
    }

    fn all_mut(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
    ) {
        self.inner.all_mut()
    }

    fn frame_init(
        &mut self,
        frame: FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        match self.refused(&frame)? {
            Some(result) => Ok(ItemOrResult::Result(result)),
            None => self.inner.frame_init(frame),
        }
    }

    fn frame_run(
        &mut self,
    ) -> Result<FrameInitOrResult<Self::Frame>, ContextDbError<Self::Context>> {
        self.inner.frame_run()
    }

    fn frame_return_result(
        &mut self,
        result: <Self::Frame as FrameTr>::FrameResult,
    ) -> Result<Option<<Self::Frame as FrameTr>::FrameResult>, ContextDbError<Self::Context>> {
        self.inner.frame_return_result(result)
    }
}

impl<'a, INSP: Inspector<Ctx<'a>, EthInterpreter>> InspectorEvmTr for Machine<'a, INSP> {
    type Inspector = INSP;

    fn all_inspector(
        &self,
    ) -> (
        &Self::Context,
        &Self::Instructions,
        &Self::Precompiles,
        &FrameStack<Self::Frame>,
        &Self::Inspector,
    ) {
        self.inner.all_inspector()
    }

    fn all_mut_inspector(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
        &mut Self::Inspector,
    ) {
        self.inner.all_mut_inspector()
    }
}

/// What happens before and after the message: yellow paper, 6.2, without the fees.
struct Rules<'a, INSP>(PhantomData<(&'a (), INSP)>);

impl<'a, INSP> Handler for Rules<'a, INSP> {
    type Evm = Machine<'a, INSP>;
    type Error = Failure;
    type HaltReason = HaltReason;

    /// Nothing: the ledger's own list of checks was run.
    fn validate_env(&self, _: &mut Self::Evm) -> Result<(), Failure> {
        Ok(())
    }

    /// Warms the sender and counts its nonce up; a create's is counted in its frame.
    fn validate_against_state_and_deduct_caller(
        &self,
        evm: &mut Self::Evm,
        _: &mut InitialAndFloorGas,
    ) -> Result<(), Failure> {
        let (_, tx, _, journal, _, _) = evm.inner.ctx.all_mut();
        let mut caller = journal.load_account_with_code_mut(tx.caller())?.data;
        if tx.kind().is_call() {
            caller.bump_nonce();
        }
        Ok(())
    }

    fn reimburse_caller(&self, _: &mut Self::Evm, _: &mut FrameResult) -> Result<(), Failure> {
        Ok(())
    }

    /// The proposer earns nothing, but its account is touched.
    fn reward_beneficiary(&self, evm: &mut Self::Evm, _: &mut FrameResult) -> Result<(), Failure> {
        let beneficiary = evm.inner.ctx.block.beneficiary();
        evm.inner
            .ctx
            .journaled_state
            .load_account_mut(beneficiary)?
            .data
            .touch();
        Ok(())
    }
}

impl<'a, INSP: Inspector<Ctx<'a>, EthInterpreter>> InspectorHandler for Rules<'a, INSP> {
    type IT = EthInterpreter;
}
