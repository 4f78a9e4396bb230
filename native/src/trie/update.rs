//! An incremental Merkle-Patricia update (yellow paper, appendix D): set and delete keys under a
//! root, reading only the nodes on their ways, and collect the nodes that are new. Changes go down
//! the trie together, and the branches near the root share them out to all cores.

use std::sync::Arc;

use rayon::prelude::*;
use revm::primitives::B256;

use super::node::{EMPTY_ROOT, Node, Reference, no_children, path_of};
use super::rlp::Malformed;
use super::write::{Fresh, Writer};

/// Fewer changes than these are not worth another thread.
const PARALLEL_CHANGES_MIN: usize = 64;
/// Branches down to this depth are hashed by several threads.
const PARALLEL_DEPTH: usize = 2;

/// What a reader of nodes may fail with, next to a damaged node.
pub trait ReadFailure: From<Malformed> + Send {}
impl<T: From<Malformed> + Send> ReadFailure for T {}

/// Gives the RLP of the node with a hash.
pub type Read<'a, E> = dyn Fn(&B256) -> Result<Arc<[u8]>, E> + Sync + 'a;

/// What a key is set to; an empty value deletes.
struct Change<'a> {
    path: [u8; 64],
    value: &'a [u8],
}

/// The root after the changes (an empty value deletes) to the trie below `top`, and the new nodes.
///
/// `changes` are pairs of key and value; a later one of the same key wins.
pub fn update<E: ReadFailure>(
    top: Node,
    changes: &[(B256, Vec<u8>)],
    read: &Read<'_, E>,
) -> Result<(B256, Fresh), E> {
    let mut ordered: Vec<_> = changes.iter().collect();
    ordered.sort_by_key(|(key, _)| key);
    let ordered: Vec<_> = ordered
        .into_iter()
        .map(|(key, value)| Change {
            path: path_of(key),
            value,
        })
        .collect();
    match apply(top, &ordered, 0, read)? {
        Node::Empty => Ok((EMPTY_ROOT, Vec::new())),
        Node::Unread(reference) => Ok((reference.hash()?, Vec::new())),
        changed => {
            let depth = if changes.len() < PARALLEL_CHANGES_MIN {
                0
            } else {
                PARALLEL_DEPTH
            };
            let mut writer = Writer::keeping();
            let root = writer.root(changed, depth);
            Ok((root, writer.fresh()))
        }
    }
}

/// The node after changes in the order of their keys, which agree in the first `depth` nibbles.
fn apply<E: ReadFailure>(
    mut node: Node,
    mut changes: &[Change<'_>],
    depth: usize,
    read: &Read<'_, E>,
) -> Result<Node, E> {
    while let Some((first, rest)) = changes.split_first() {
        node = match node {
            Node::Unread(reference) => resolve(&reference, read)?,
            Node::Branch(children, here) if !rest.is_empty() && depth < first.path.len() => {
                return apply_below(children, here, changes, depth, read);
            }
            other => {
                changes = rest;
                let path = &first.path[depth..];
                if first.value.is_empty() {
                    delete(other, path, read)?
                } else {
                    insert(other, path, first.value.to_vec(), read)?
                }
            }
        };
    }
    Ok(node)
}

/// A branch after changes, each of which goes to the child that its nibble at `depth` names.
fn apply_below<E: ReadFailure>(
    mut children: Box<[Node; 16]>,
    here: Vec<u8>,
    changes: &[Change<'_>],
    depth: usize,
    read: &Read<'_, E>,
) -> Result<Node, E> {
    let starts: [usize; 17] = std::array::from_fn(|nibble| {
        changes.partition_point(|change| usize::from(change.path[depth]) < nibble)
    });
    let one = |(nibble, child): (usize, &mut Node)| -> Result<(), E> {
        let own = &changes[starts[nibble]..starts[nibble + 1]];
        if !own.is_empty() {
            *child = apply(std::mem::replace(child, Node::Empty), own, depth + 1, read)?;
        }
        Ok(())
    };
    if changes.len() < PARALLEL_CHANGES_MIN {
        children.iter_mut().enumerate().try_for_each(one)?;
    } else {
        children.par_iter_mut().enumerate().try_for_each(one)?;
    }
    collapsed(children, here, read)
}

pub fn insert<E: ReadFailure>(
    node: Node,
    path: &[u8],
    value: Vec<u8>,
    read: &Read<'_, E>,
) -> Result<Node, E> {
    match node {
        Node::Empty => Ok(Node::Leaf(path.to_vec(), value)),
        Node::Unread(reference) => insert(resolve(&reference, read)?, path, value, read),
        Node::Leaf(part, old) => {
            let shared = shared_length(&part, path);
            if shared == part.len() && shared == path.len() {
                return Ok(Node::Leaf(part, value));
            }
            let mut children = no_children();
            let mut here = Vec::new();
            for (rest, data) in [(&part[shared..], old), (&path[shared..], value)] {
                match rest.split_first() {
                    None => here = data,
                    Some((nibble, rest)) => {
                        children[usize::from(*nibble)] = Node::Leaf(rest.to_vec(), data);
                    }
                }
            }
            Ok(under(&path[..shared], Node::Branch(children, here)))
        }
        Node::Extension(part, child) => {
            let shared = shared_length(&part, path);
            if shared == part.len() {
                let child = insert(*child, &path[shared..], value, read)?;
                return Ok(Node::Extension(part, Box::new(child)));
            }
            let mut children = no_children();
            children[usize::from(part[shared])] = under(&part[shared + 1..], *child);
            let mut here = Vec::new();
            match path[shared..].split_first() {
                None => here = value,
                Some((nibble, rest)) => {
                    children[usize::from(*nibble)] = Node::Leaf(rest.to_vec(), value);
                }
            }
            Ok(under(&path[..shared], Node::Branch(children, here)))
        }
        Node::Branch(mut children, here) => match path.split_first() {
            None => Ok(Node::Branch(children, value)),
            Some((nibble, rest)) => {
                let child = &mut children[usize::from(*nibble)];
                *child = insert(std::mem::replace(child, Node::Empty), rest, value, read)?;
                Ok(Node::Branch(children, here))
            }
        },
    }
}

fn delete<E: ReadFailure>(node: Node, path: &[u8], read: &Read<'_, E>) -> Result<Node, E> {
    match node {
        Node::Empty => Ok(Node::Empty),
        Node::Unread(reference) => delete(resolve(&reference, read)?, path, read),
        Node::Leaf(part, value) if part != path => Ok(Node::Leaf(part, value)),
        Node::Leaf(..) => Ok(Node::Empty),
        Node::Extension(part, child) => {
            if !path.starts_with(&part) {
                return Ok(Node::Extension(part, child));
            }
            let child = delete(*child, &path[part.len()..], read)?;
            Ok(under(&part, child))
        }
        Node::Branch(mut children, mut here) => {
            match path.split_first() {
                None => here = Vec::new(),
                Some((nibble, rest)) => {
                    let child = &mut children[usize::from(*nibble)];
                    *child = delete(std::mem::replace(child, Node::Empty), rest, read)?;
                }
            }
            collapsed(children, here, read)
        }
    }
}

/// A branch, or what takes its place when fewer than two entries are left.
fn collapsed<E: ReadFailure>(
    mut children: Box<[Node; 16]>,
    here: Vec<u8>,
    read: &Read<'_, E>,
) -> Result<Node, E> {
    let mut left = (0..16).filter(|index| !matches!(children[*index], Node::Empty));
    match (left.next(), left.next(), here.is_empty()) {
        (None, _, true) => Ok(Node::Empty),
        (None, _, false) => Ok(Node::Leaf(Vec::new(), here)),
        (Some(only), None, true) => {
            let child = match std::mem::replace(&mut children[only], Node::Empty) {
                // Its kind decides the form: a leaf or an extension takes the nibble in.
                Node::Unread(reference) => resolve(&reference, read)?,
                known => known,
            };
            Ok(under(&[only as u8], child))
        }
        _ => Ok(Node::Branch(children, here)),
    }
}

/// A node reached by further nibbles.
fn under(path: &[u8], node: Node) -> Node {
    if path.is_empty() {
        return node;
    }
    match node {
        Node::Empty => Node::Empty,
        Node::Leaf(part, value) => Node::Leaf([path, &part].concat(), value),
        Node::Extension(part, child) => Node::Extension([path, &part].concat(), child),
        other => Node::Extension(path.to_vec(), Box::new(other)),
    }
}

fn shared_length(one: &[u8], two: &[u8]) -> usize {
    one.iter().zip(two).take_while(|(a, b)| a == b).count()
}

fn resolve<E: ReadFailure>(reference: &Reference, read: &Read<'_, E>) -> Result<Node, E> {
    match reference.embedded() {
        Some(encoding) => Ok(Node::decode(encoding)?),
        None => Ok(Node::decode(&read(&reference.hash()?)?)?),
    }
}
