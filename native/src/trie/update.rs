//! An incremental Merkle-Patricia update (yellow paper, appendix D): set and delete keys under a
//! root, reading only the nodes on their ways, and collect the nodes that are new.

use std::sync::Arc;

use rayon::prelude::*;
use revm::primitives::{B256, keccak256};

use super::rlp::{self, Malformed};

/// The root of a trie with nothing in it.
pub const EMPTY_ROOT: B256 =
    revm::primitives::b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/// Tries with fewer changes are hashed on one thread.
const PARALLEL_CHANGES_MIN: usize = 256;

/// What a reader of nodes may fail with, next to a damaged node.
pub trait ReadFailure: From<Malformed> {}
impl<T: From<Malformed>> ReadFailure for T {}

/// Gives the RLP of the node with a hash.
pub type Read<'a, E> = dyn FnMut(&B256) -> Result<Arc<[u8]>, E> + 'a;
type Nibbles = Vec<u8>;
type Fresh = Vec<(B256, Vec<u8>)>;

/// How a parent names a node: its encoding if below 32 bytes, else its hash as a string.
type Reference = Vec<u8>;

enum Node {
    Empty,
    /// Known by its reference only.
    Unread(Reference),
    Leaf(Nibbles, Vec<u8>),
    Extension(Nibbles, Box<Node>),
    Branch(Box<[Node; 16]>, Vec<u8>),
}

/// The root after the changes (an empty value deletes), and the new nodes.
///
/// `changes` are pairs of key and value; a later one of the same key wins.
pub fn update<E: ReadFailure>(
    root: B256,
    changes: &[(B256, Vec<u8>)],
    read: &mut Read<'_, E>,
) -> Result<(B256, Fresh), E> {
    let mut top = if root == EMPTY_ROOT {
        Node::Empty
    } else {
        Node::Unread(reference_of_hash(&root))
    };
    for (key, value) in changes {
        let path = nibbles(key.as_slice());
        top = if value.is_empty() {
            delete(top, &path, read)?
        } else {
            insert(top, &path, value.clone(), read)?
        };
    }
    let mut fresh = Vec::new();
    let found = match top {
        Node::Empty => EMPTY_ROOT,
        Node::Unread(reference) => hash_of_reference(&reference)?,
        changed => {
            let data = encode(&changed, &mut fresh, changes.len() >= PARALLEL_CHANGES_MIN);
            let hash = keccak256(&data);
            fresh.push((hash, data));
            hash
        }
    };
    Ok((found, fresh))
}

fn insert<E: ReadFailure>(
    node: Node,
    path: &[u8],
    value: Vec<u8>,
    read: &mut Read<'_, E>,
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

fn delete<E: ReadFailure>(node: Node, path: &[u8], read: &mut Read<'_, E>) -> Result<Node, E> {
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
    read: &mut Read<'_, E>,
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

fn no_children() -> Box<[Node; 16]> {
    Box::new([const { Node::Empty }; 16])
}

fn shared_length(one: &[u8], two: &[u8]) -> usize {
    one.iter().zip(two).take_while(|(a, b)| a == b).count()
}

/// The nibbles of a key, one a byte.
pub fn nibbles(key: &[u8]) -> Nibbles {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

// Reading

fn reference_of_hash(hash: &B256) -> Reference {
    let mut reference = Vec::with_capacity(33);
    rlp::put_string(&mut reference, hash.as_slice());
    reference
}

fn hash_of_reference(reference: &[u8]) -> Result<B256, Malformed> {
    match reference.split_first() {
        Some((0xa0, hash)) if hash.len() == 32 => Ok(B256::from_slice(hash)),
        _ => Err(Malformed),
    }
}

fn resolve<E: ReadFailure>(reference: &[u8], read: &mut Read<'_, E>) -> Result<Node, E> {
    if reference[0] >= 0xc0 {
        return Ok(decode(reference)?);
    }
    let data = read(&hash_of_reference(reference)?)?;
    Ok(decode(&data)?)
}

fn decode(data: &[u8]) -> Result<Node, Malformed> {
    let items = rlp::list(data)?;
    match items.len() {
        2 => {
            let (path, is_leaf) = unpack(items[0].payload)?;
            if is_leaf {
                return Ok(Node::Leaf(path, items[1].payload.to_vec()));
            }
            Ok(Node::Extension(
                path,
                Box::new(Node::Unread(items[1].raw.to_vec())),
            ))
        }
        17 => {
            let mut children = no_children();
            for (child, item) in children.iter_mut().zip(&items) {
                if !item.payload.is_empty() {
                    *child = Node::Unread(item.raw.to_vec());
                }
            }
            Ok(Node::Branch(children, items[16].payload.to_vec()))
        }
        _ => Err(Malformed),
    }
}

fn unpack(packed: &[u8]) -> Result<(Nibbles, bool), Malformed> {
    let first = *packed.first().ok_or(Malformed)?;
    let skipped = if first & 0x10 == 0 { 2 } else { 1 };
    Ok((nibbles(packed)[skipped..].to_vec(), first >= 0x20))
}

// Writing

fn pack(path: &[u8], is_leaf: bool) -> Vec<u8> {
    let flag = if is_leaf { 0x20 } else { 0 };
    let (first, rest) = if path.len() % 2 == 1 {
        (flag | 0x10 | path[0], &path[1..])
    } else {
        (flag, path)
    };
    let mut packed = Vec::with_capacity(1 + rest.len() / 2);
    packed.push(first);
    packed.extend(rest.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    packed
}

/// The encoding of a node that was read or made; nodes below it go to `fresh`.
fn encode(node: &Node, fresh: &mut Fresh, parallel: bool) -> Vec<u8> {
    let mut payload = Vec::with_capacity(96);
    match node {
        Node::Empty | Node::Unread(_) => unreachable!("has a reference already"),
        Node::Leaf(path, value) => {
            rlp::put_string(&mut payload, &pack(path, true));
            rlp::put_string(&mut payload, value);
        }
        Node::Extension(path, child) => {
            rlp::put_string(&mut payload, &pack(path, false));
            payload.extend(reference(child, fresh, parallel));
        }
        Node::Branch(children, here) => {
            payload.reserve(16 * 33);
            if parallel {
                let found: Vec<(Reference, Fresh)> = children
                    .par_iter()
                    .map(|child| {
                        let mut below = Vec::new();
                        (reference(child, &mut below, false), below)
                    })
                    .collect();
                for (reference, below) in found {
                    payload.extend(reference);
                    fresh.extend(below);
                }
            } else {
                for child in children.iter() {
                    payload.extend(reference(child, fresh, false));
                }
            }
            rlp::put_string(&mut payload, here);
        }
    }
    rlp::as_list(&payload)
}

fn reference(node: &Node, fresh: &mut Fresh, parallel: bool) -> Reference {
    match node {
        Node::Empty => vec![0x80],
        Node::Unread(reference) => reference.clone(),
        changed => {
            let data = encode(changed, fresh, parallel);
            if data.len() < 32 {
                return data;
            }
            let hash = keccak256(&data);
            fresh.push((hash, data));
            reference_of_hash(&hash)
        }
    }
}

/// The root of the trie of RLP(index) to value, in which keys have several lengths.
pub fn ordered_root(values: &[Vec<u8>]) -> B256 {
    let mut top = Node::Empty;
    for (index, value) in values.iter().enumerate() {
        let digits = index.to_be_bytes();
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let mut key = Vec::with_capacity(4);
        rlp::put_string(&mut key, &digits[leading..]);
        let read = &mut |_: &B256| Err(Malformed);
        top = insert(top, &nibbles(&key), value.clone(), read)
            .expect("a trie in memory reads nothing");
    }
    match top {
        Node::Empty => EMPTY_ROOT,
        full => keccak256(encode(
            &full,
            &mut Vec::new(),
            values.len() >= PARALLEL_CHANGES_MIN,
        )),
    }
}
