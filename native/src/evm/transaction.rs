//! What Python hands over: a block's environment, and well-formed transactions with their senders.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use revm::context::{BlockEnv, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::context_interface::transaction::{AccessList, AccessListItem};
use revm::primitives::{Address, B256, Bytes, TxKind, U256};

use super::convert::{address_from, word_from_int};
use crate::transactions::decode;
use crate::trie::hash_from;
use crate::trie::rlp::Malformed;

/// EIP-4844's constant of Cancun.
const BLOB_FEE_FRACTION: u64 = 3_338_477;

/// `(number, timestamp, coinbase, gas_limit, chain_id, ancestor_hash, base_fee, prev_randao,
/// excess_blob_gas)`. A ledger's last three are zero; Ethereum's vectors set them.
pub struct Environment {
    pub block: BlockEnv,
    pub chain_id: u64,
    pub ancestor_hash: Py<PyAny>,
}

impl Environment {
    pub fn from_python(env: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let block = BlockEnv {
            number: U256::from(env.get_item(0)?.extract::<u64>()?),
            timestamp: U256::from(env.get_item(1)?.extract::<u64>()?),
            beneficiary: address_from(env.get_item(2)?.extract::<&[u8]>()?)?,
            gas_limit: env.get_item(3)?.extract()?,
            basefee: env.get_item(6)?.extract()?,
            difficulty: U256::ZERO,
            prevrandao: Some(hash_from(env.get_item(7)?.extract::<&[u8]>()?)?),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(
                env.get_item(8)?.extract()?,
                BLOB_FEE_FRACTION,
            )),
            slot_num: 0,
        };
        Ok(Environment {
            block,
            chain_id: env.get_item(4)?.extract()?,
            ancestor_hash: env.get_item(5)?.unbind(),
        })
    }
}

/// What runs. From Python `(sender, nonce, gas, to, value, data, access_list, gas_price)`; the price is
/// zero but in Ethereum's vectors, and never charged.
pub struct Transaction {
    pub sender: Address,
    pub nonce: u64,
    pub gas: u64,
    pub to: Option<Address>,
    pub value: U256,
    pub data: Bytes,
    pub access_list: Vec<(Address, Vec<B256>)>,
    pub gas_price: u128,
}

impl Transaction {
    /// A ledger's transaction of a known sender.
    pub fn from_raw(raw: &[u8], sender: Address) -> Result<Self, Malformed> {
        let fields = decode(raw)?;
        let access_list = fields.access_list.iter().map(|(address, slots)| {
            let slots = slots.iter().map(|slot| B256::from(*slot)).collect();
            (Address::from_slice(address), slots)
        });
        Ok(Transaction {
            sender,
            nonce: fields.nonce,
            gas: fields.gas,
            to: (!fields.to.is_empty()).then(|| Address::from_slice(fields.to)),
            value: fields.value,
            data: Bytes::copy_from_slice(fields.data),
            access_list: access_list.collect(),
            gas_price: fields.fees[1].try_into().map_err(|_| Malformed)?,
        })
    }

    pub fn from_python(fields: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fields = fields.cast::<PyTuple>()?;
        let to = fields.get_item(3)?;
        let mut access_list = Vec::new();
        for entry in fields.get_item(6)?.try_iter()? {
            let entry = entry?;
            let address = address_from(entry.get_item(0)?.extract::<&[u8]>()?)?;
            let mut slots = Vec::new();
            for slot in entry.get_item(1)?.try_iter()? {
                slots.push(B256::from(word_from_int(&slot?)?));
            }
            access_list.push((address, slots));
        }
        Ok(Transaction {
            sender: address_from(fields.get_item(0)?.extract::<&[u8]>()?)?,
            nonce: fields.get_item(1)?.extract()?,
            gas: fields.get_item(2)?.extract()?,
            to: if to.is_none() {
                None
            } else {
                Some(address_from(to.extract::<&[u8]>()?)?)
            },
            value: word_from_int(&fields.get_item(4)?)?,
            data: Bytes::copy_from_slice(fields.get_item(5)?.extract::<&[u8]>()?),
            access_list,
            gas_price: fields.get_item(7)?.extract()?,
        })
    }

    pub fn to_revm(&self, chain_id: u64) -> TxEnv {
        let access_list = self
            .access_list
            .iter()
            .map(|(address, slots)| AccessListItem {
                address: *address,
                storage_keys: slots.clone(),
            });
        TxEnv {
            tx_type: 1,
            caller: self.sender,
            gas_limit: self.gas,
            gas_price: self.gas_price,
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            data: self.data.clone(),
            nonce: self.nonce,
            chain_id: Some(chain_id),
            access_list: AccessList(access_list.collect()),
            ..TxEnv::default()
        }
    }
}
