//! From nodes in memory to their encodings and hashes; and the roots of lists, of which nothing else
//! is wanted.

use std::sync::Arc;

use rayon::prelude::*;
use revm::primitives::{B256, keccak256};

use super::node::{EMPTY_ROOT, Node, Reference, nibbles, put_path};
use super::rlp::{self, Malformed};
use super::update::insert;

/// A branch's encoding: its header, 16 hashes, no value.
const BRANCH_BYTES: usize = 3 + 16 * 33 + 1;
/// The header of a string or a list has at most so many bytes.
const HEADER_BYTES_MAX: usize = 9;

/// New nodes with their hashes.
pub type Fresh = Vec<(B256, Arc<[u8]>)>;

/// Encodes nodes from the leaves up, one after the other in one buffer.
pub struct Writer {
    fresh: Option<Fresh>,
    buffer: Vec<u8>,
}

impl Writer {
    /// One that keeps what it encodes.
    pub fn keeping() -> Self {
        Writer::new(true)
    }

    fn new(is_keeping: bool) -> Self {
        Writer {
            fresh: is_keeping.then(Vec::new),
            buffer: Vec::with_capacity(BRANCH_BYTES),
        }
    }

    /// What was encoded, children before their parents.
    pub fn fresh(self) -> Fresh {
        self.fresh.unwrap_or_default()
    }

    /// The hash of a node that was read or made. Branches down to `parallel` levels below share
    /// their children out.
    pub fn root(&mut self, top: Node, parallel: usize) -> B256 {
        self.encode(top, parallel);
        self.hashed()
    }

    fn hashed(&mut self) -> B256 {
        let hash = keccak256(&self.buffer);
        if let Some(fresh) = &mut self.fresh {
            fresh.push((hash, Arc::from(&self.buffer[..])));
        }
        hash
    }

    fn reference(&mut self, node: Node, parallel: usize) -> Reference {
        match node {
            Node::Empty => Reference::NONE,
            Node::Unread(reference) => reference,
            changed => {
                self.encode(changed, parallel);
                if self.buffer.len() < 32 {
                    Reference::new(&self.buffer).expect("33 bytes hold 31")
                } else {
                    Reference::of_hash(&self.hashed())
                }
            }
        }
    }

    /// Leaves the node's encoding in the buffer.
    fn encode(&mut self, node: Node, parallel: usize) {
        match node {
            Node::Empty | Node::Unread(_) => unreachable!("has a reference already"),
            Node::Leaf(path, value) => {
                self.buffer.clear();
                put_leaf(&mut self.buffer, &path, &value);
            }
            Node::Extension(path, child) => {
                let below = self.reference(*child, parallel);
                let mut payload = Vec::with_capacity(path.len() / 2 + 48);
                put_path(&mut payload, &path, false);
                payload.extend_from_slice(below.encoding());
                self.buffer.clear();
                rlp::put_list(&mut self.buffer, &payload);
            }
            Node::Branch(children, here) => {
                let below = self.references(children, parallel);
                let mut last = Vec::with_capacity(HEADER_BYTES_MAX + here.len());
                rlp::put_string(&mut last, &here);
                let length: usize = below.iter().map(|one| one.encoding().len()).sum();
                self.buffer.clear();
                rlp::put_header(&mut self.buffer, 0xc0, length + last.len());
                for one in &below {
                    self.buffer.extend_from_slice(one.encoding());
                }
                self.buffer.extend_from_slice(&last);
            }
        }
    }

    fn references(&mut self, mut children: Box<[Node; 16]>, parallel: usize) -> [Reference; 16] {
        let mut found = [const { Reference::NONE }; 16];
        let taken = |child: &mut Node| std::mem::replace(child, Node::Empty);
        if parallel == 0 {
            for (child, place) in children.iter_mut().zip(&mut found) {
                *place = self.reference(taken(child), 0);
            }
            return found;
        }
        let is_keeping = self.fresh.is_some();
        let below: Vec<_> = children
            .par_iter_mut()
            .zip(&mut found)
            .map(|(child, place)| {
                let mut writer = Writer::new(is_keeping);
                *place = writer.reference(taken(child), parallel - 1);
                writer.fresh()
            })
            .collect();
        if let Some(fresh) = &mut self.fresh {
            fresh.extend(below.into_iter().flatten());
        }
        found
    }
}

/// Appends a leaf's encoding.
pub fn put_leaf(out: &mut Vec<u8>, path: &[u8], value: &[u8]) {
    let mut payload = Vec::with_capacity(path.len() / 2 + value.len() + 16);
    put_path(&mut payload, path, true);
    rlp::put_string(&mut payload, value);
    rlp::put_list(out, &payload);
}

/// The root of the trie of RLP(index) to value, in which keys have several lengths.
pub fn ordered_root<T: AsRef<[u8]>>(values: &[T]) -> B256 {
    let mut top = Node::Empty;
    for (index, value) in values.iter().enumerate() {
        let digits = index.to_be_bytes();
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let mut key = Vec::with_capacity(HEADER_BYTES_MAX);
        rlp::put_string(&mut key, &digits[leading..]);
        let read = &|_: &B256| Err(Malformed);
        top = insert(top, &nibbles(&key), value.as_ref().to_vec(), read)
            .expect("a trie in memory reads nothing");
    }
    match top {
        Node::Empty => EMPTY_ROOT,
        full => Writer::new(false).root(full, 0),
    }
}
