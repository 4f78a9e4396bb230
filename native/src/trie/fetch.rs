//! Reading ahead: the nodes on the ways of many keys, a level of the trie at a time, so that a store
//! is asked for many at once. It only saves questions; what is missing here is read when it is met.

use std::sync::Arc;

use rayon::prelude::*;
use revm::primitives::{B256, keccak256};

use super::node::{Node, path_of};
use super::write::put_leaf;

/// Answers a question for many nodes, in their order.
pub type Ask<'a, E> = dyn FnMut(&[B256]) -> Result<Vec<Arc<[u8]>>, E> + 'a;

/// A key that nodes are wanted for, and its value under the root if that is known.
struct Key<'a> {
    path: [u8; 64],
    value: &'a [u8],
}

/// An unread node, and the keys that lead through it, which agree in the first `depth` nibbles.
struct Step<'a> {
    node: &'a mut Node,
    hash: B256,
    keys: &'a [Key<'a>],
    depth: usize,
}

impl Step<'_> {
    /// Itself, unless the node is the leaf that the one key left makes with its value: then the hash
    /// says so, and nobody needs to read it.
    fn unless_known_leaf(self) -> Option<Self> {
        let [key] = self.keys else {
            return Some(self);
        };
        let path = &key.path[self.depth..];
        let mut leaf = Vec::with_capacity(path.len() / 2 + key.value.len() + 16);
        put_leaf(&mut leaf, path, key.value);
        if key.value.is_empty() || keccak256(&leaf) != self.hash {
            return Some(self);
        }
        *self.node = Node::Leaf(path.to_vec(), key.value.to_vec());
        None
    }
}

/// The trie under a root with the nodes that lead to the keys, as far as there are any; `ask` answers
/// for each level at once.
///
/// `known` are keys, each with the value that it has under the root; empty where that is not known.
pub fn fetch<E>(root: B256, known: &[(B256, Vec<u8>)], ask: &mut Ask<'_, E>) -> Result<Node, E> {
    let mut ordered: Vec<_> = known.iter().collect();
    ordered.sort_unstable();
    let keys: Vec<_> = ordered
        .into_iter()
        .map(|(key, value)| Key {
            path: path_of(key),
            value,
        })
        .collect();
    let mut top = Node::of_root(root);
    let mut level: Vec<_> = unread(&mut top, &keys, 0).into_iter().collect();
    loop {
        level = level
            .into_par_iter()
            .filter_map(Step::unless_known_leaf)
            .collect();
        if level.is_empty() {
            return Ok(top);
        }
        let hashes: Vec<_> = level.iter().map(|step| step.hash).collect();
        let nodes = ask(&hashes)?;
        level = level
            .into_par_iter()
            .zip(nodes)
            .flat_map_iter(|(step, data)| {
                // A damaged node is named by whoever needs it.
                if let Ok(node) = Node::decode(&data) {
                    *step.node = node;
                    below(step.node, step.keys, step.depth)
                } else {
                    Vec::new()
                }
            })
            .collect();
    }
}

/// The node itself, if it is to be read and any key leads to it.
fn unread<'a>(node: &'a mut Node, keys: &'a [Key<'a>], depth: usize) -> Option<Step<'a>> {
    let Node::Unread(reference) = &*node else {
        return None;
    };
    // A child below 32 bytes stands in its parent.
    let hash = reference.hash().ok().filter(|_| !keys.is_empty())?;
    Some(Step {
        node,
        hash,
        keys,
        depth,
    })
}

/// The unread nodes right below a node to which keys lead.
fn below<'a>(node: &'a mut Node, keys: &'a [Key<'a>], depth: usize) -> Vec<Step<'a>> {
    let mut found = Vec::new();
    match node {
        Node::Extension(part, child) => {
            let first = keys.partition_point(|key| key.path[depth..] < part[..]);
            let keys = &keys[first..];
            let count = keys.partition_point(|key| key.path[depth..].starts_with(part));
            found.extend(unread(child, &keys[..count], depth + part.len()));
        }
        // Keys have one length, so none goes on below the last nibble.
        Node::Branch(children, _) if depth < keys[0].path.len() => {
            let mut left = keys;
            for (nibble, child) in children.iter_mut().enumerate() {
                let count = left.partition_point(|key| usize::from(key.path[depth]) <= nibble);
                let (own, rest) = left.split_at(count);
                found.extend(unread(child, own, depth + 1));
                left = rest;
            }
        }
        _ => {}
    }
    found
}
