//! Proofs of keys under one root: the nodes on the way to each, or to where it would be.
//!
//! The keys of one request share the nodes near the root, which are read and taken apart once.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use revm::primitives::{B256, HashMap};

use super::node::{EMPTY_ROOT, nibbles, unpack};
use super::rlp::{Item, Malformed, list};
use super::{NodeFailure, hash_from};

/// A node as far as a walk needs it. An embedded child is a node of its own without a hash.
enum Node {
    Branch(Box<[Child; 16]>),
    Extension(Vec<u8>, Child),
    Leaf(Vec<u8>, Vec<u8>),
}

enum Child {
    None,
    Stored(B256),
    Embedded(Box<Node>),
}

/// Nodes that were read: what they say, and their bytes as Python has them.
struct Reader<'py> {
    py: Python<'py>,
    node: Bound<'py, PyAny>,
    known: HashMap<B256, (Node, Py<PyBytes>)>,
}

impl Reader<'_> {
    fn read(&mut self, hash: B256) -> Result<&(Node, Py<PyBytes>), NodeFailure> {
        if !self.known.contains_key(&hash) {
            let raw = self
                .node
                .call1((PyBytes::new(self.py, hash.as_slice()),))
                .and_then(|raw| Ok(raw.cast_into::<PyBytes>()?))
                .map_err(NodeFailure)?;
            let node = decode(&list(raw.as_bytes())?)?;
            self.known.insert(hash, (node, raw.unbind()));
        }
        Ok(&self.known[&hash])
    }

    /// The value of a key, and the nodes on the way to it.
    fn walk(&mut self, root: B256, key: &B256) -> Result<Walked, NodeFailure> {
        let path = nibbles(&key[..]);
        let py = self.py;
        let (mut used, mut depth, mut next) = (Vec::new(), 0, root);
        loop {
            let (node, raw) = self.read(next)?;
            used.push(raw.clone_ref(py));
            let mut current = node;
            let child = loop {
                let child = match current {
                    Node::Leaf(part, value) => {
                        let found = (part[..] == path[depth..]).then(|| value.clone());
                        return Ok((found, used));
                    }
                    Node::Branch(children) => {
                        // Keys have one length, so none ends at a branch.
                        let nibble = path.get(depth).ok_or(Malformed)?;
                        depth += 1;
                        &children[usize::from(*nibble)]
                    }
                    Node::Extension(part, child) => {
                        if !path[depth..].starts_with(part) {
                            return Ok((None, used));
                        }
                        depth += part.len();
                        child
                    }
                };
                match child {
                    Child::None => return Ok((None, used)),
                    Child::Stored(hash) => break *hash,
                    Child::Embedded(node) => current = node,
                }
            };
            next = child;
        }
    }
}

type Walked = (Option<Vec<u8>>, Vec<Py<PyBytes>>);

fn decode(items: &[Item<'_>]) -> Result<Node, Malformed> {
    if items.len() == 17 {
        let mut children = [const { Child::None }; 16];
        for (place, item) in children.iter_mut().zip(items) {
            *place = decode_child(item)?;
        }
        return Ok(Node::Branch(Box::new(children)));
    }
    let [path, below] = items else {
        return Err(Malformed);
    };
    let (part, is_leaf) = unpack(path.payload)?;
    if is_leaf {
        return Ok(Node::Leaf(part, below.payload.to_vec()));
    }
    Ok(Node::Extension(part, decode_child(below)?))
}

fn decode_child(item: &Item<'_>) -> Result<Child, Malformed> {
    if item.is_list {
        return Ok(Child::Embedded(Box::new(decode(&list(item.raw)?)?)));
    }
    if item.payload.is_empty() {
        return Ok(Child::None);
    }
    Ok(Child::Stored(
        B256::try_from(item.payload).map_err(|_| Malformed)?,
    ))
}

/// For each key its value, None where there is none, and its proof from the root down.
///
/// `node(hash)` gives a node's RLP; what it raises passes through. An empty trie has empty proofs.
#[pyfunction]
pub fn trie_prove<'py>(
    py: Python<'py>,
    root: &[u8],
    keys: Vec<Vec<u8>>,
    node: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let root = hash_from(root)?;
    let mut reader = Reader {
        py,
        node,
        known: HashMap::default(),
    };
    let found = PyList::empty(py);
    for key in keys {
        let key = hash_from(&key)?;
        let (value, nodes) = if root == EMPTY_ROOT {
            (None, Vec::new())
        } else {
            reader.walk(root, &key).map_err(|failure| failure.0)?
        };
        let value = value.map(|value| PyBytes::new(py, &value));
        found.append((value, PyTuple::new(py, nodes)?))?;
    }
    Ok(found)
}
