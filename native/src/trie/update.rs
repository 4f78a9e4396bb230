//! An incremental Merkle-Patricia update (yellow paper, appendix D): set and delete keys under a
//! root, reading only the nodes on their ways, and collect the nodes that are new. Changes go down
//! the trie together, and the branches near the root share them out to all cores.

use std::sync::Arc;

use rayon::prelude::*;
use revm::primitives::{B256, keccak256};

use super::rlp::{self, Malformed};

/// The root of a trie with nothing in it.
pub const EMPTY_ROOT: B256 =
    revm::primitives::b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/// Fewer changes, or entries of a list, than these are not worth another thread.
const PARALLEL_CHANGES_MIN: usize = 64;
/// Branches down to this depth are hashed by several threads.
const PARALLEL_DEPTH: usize = 2;

/// What a reader of nodes may fail with, next to a damaged node.
pub trait ReadFailure: From<Malformed> + Send {}
impl<T: From<Malformed> + Send> ReadFailure for T {}

/// Gives the RLP of the node with a hash.
pub type Read<'a, E> = dyn Fn(&B256) -> Result<Arc<[u8]>, E> + Sync + 'a;
type Nibbles = Vec<u8>;
/// New nodes with their hashes.
pub type Fresh = Vec<(B256, Arc<[u8]>)>;

/// How a parent names a node: its encoding if below 32 bytes, else its hash as a string.
#[derive(Clone)]
struct Reference {
    length: u8,
    data: [u8; 33],
}

impl Reference {
    fn new(encoding: &[u8]) -> Result<Self, Malformed> {
        let mut data = [0; 33];
        let place = data.get_mut(..encoding.len()).ok_or(Malformed)?;
        place.copy_from_slice(encoding);
        Ok(Reference {
            length: encoding.len() as u8,
            data,
        })
    }

    fn of_hash(hash: &B256) -> Self {
        let mut data = [0xa0; 33];
        data[1..].copy_from_slice(hash.as_slice());
        Reference { length: 33, data }
    }

    fn encoding(&self) -> &[u8] {
        &self.data[..usize::from(self.length)]
    }

    fn hash(&self) -> Result<B256, Malformed> {
        match self.encoding().split_first() {
            Some((0xa0, hash)) if hash.len() == 32 => Ok(B256::from_slice(hash)),
            _ => Err(Malformed),
        }
    }
}

enum Node {
    Empty,
    /// Known by its reference only.
    Unread(Reference),
    Leaf(Nibbles, Vec<u8>),
    Extension(Nibbles, Box<Node>),
    Branch(Box<[Node; 16]>, Vec<u8>),
}

/// What a key is set to; an empty value deletes.
struct Change<'a> {
    path: [u8; 64],
    value: &'a [u8],
}

/// The root after the changes (an empty value deletes), and the new nodes.
///
/// `changes` are pairs of key and value; a later one of the same key wins.
pub fn update<E: ReadFailure>(
    root: B256,
    changes: &[(B256, Vec<u8>)],
    read: &Read<'_, E>,
) -> Result<(B256, Fresh), E> {
    let top = if root == EMPTY_ROOT {
        Node::Empty
    } else {
        Node::Unread(Reference::of_hash(&root))
    };
    let mut ordered: Vec<_> = changes
        .iter()
        .map(|(key, value)| Change {
            path: path_of(key),
            value,
        })
        .collect();
    ordered.sort_by_key(|change| change.path);
    match apply(top, &ordered, 0, read)? {
        Node::Empty => Ok((EMPTY_ROOT, Vec::new())),
        Node::Unread(reference) => Ok((reference.hash()?, Vec::new())),
        changed => {
            let mut fresh = Vec::with_capacity(4 * changes.len());
            let depth = if changes.len() < PARALLEL_CHANGES_MIN {
                0
            } else {
                PARALLEL_DEPTH
            };
            let data = encode(&changed, &mut fresh, depth);
            let hash = keccak256(&data);
            fresh.push((hash, data.into()));
            Ok((hash, fresh))
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

fn insert<E: ReadFailure>(
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

fn no_children() -> Box<[Node; 16]> {
    Box::new([const { Node::Empty }; 16])
}

fn shared_length(one: &[u8], two: &[u8]) -> usize {
    one.iter().zip(two).take_while(|(a, b)| a == b).count()
}

/// The nibbles of a hashed key.
pub fn path_of(key: &B256) -> [u8; 64] {
    std::array::from_fn(|index| {
        let byte = key[index / 2];
        if index % 2 == 0 { byte >> 4 } else { byte & 15 }
    })
}

/// The nibbles of a key, one a byte.
pub fn nibbles(key: &[u8]) -> Nibbles {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

// Reading

fn resolve<E: ReadFailure>(reference: &Reference, read: &Read<'_, E>) -> Result<Node, E> {
    let encoding = reference.encoding();
    if encoding[0] >= 0xc0 {
        return Ok(decode(encoding)?);
    }
    let data = read(&reference.hash()?)?;
    Ok(decode(&data)?)
}

fn decode(data: &[u8]) -> Result<Node, Malformed> {
    let (outer, rest) = rlp::split(data)?;
    if !outer.is_list || !rest.is_empty() {
        return Err(Malformed);
    }
    let (first, rest) = rlp::split(outer.payload)?;
    let (second, mut rest) = rlp::split(rest)?;
    if rest.is_empty() {
        let (path, is_leaf) = unpack(first.payload)?;
        if is_leaf {
            return Ok(Node::Leaf(path, second.payload.to_vec()));
        }
        let child = Node::Unread(Reference::new(second.raw)?);
        return Ok(Node::Extension(path, Box::new(child)));
    }
    let mut children = no_children();
    for (place, child) in children.iter_mut().enumerate() {
        let item = match place {
            0 => first,
            1 => second,
            _ => {
                let (item, after) = rlp::split(rest)?;
                rest = after;
                item
            }
        };
        if !item.payload.is_empty() {
            *child = Node::Unread(Reference::new(item.raw)?);
        }
    }
    let (here, rest) = rlp::split(rest)?;
    if !rest.is_empty() {
        return Err(Malformed);
    }
    Ok(Node::Branch(children, here.payload.to_vec()))
}

/// The path that a leaf or an extension holds, and whether it is a leaf.
pub fn unpack(packed: &[u8]) -> Result<(Nibbles, bool), Malformed> {
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

/// The encoding of a node that was read or made; nodes below it go to `fresh`. Branches down to
/// `parallel` levels below share their children out.
fn encode(node: &Node, fresh: &mut Fresh, parallel: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    match node {
        Node::Empty | Node::Unread(_) => unreachable!("has a reference already"),
        Node::Leaf(path, value) => {
            payload.reserve(path.len() / 2 + value.len() + 16);
            rlp::put_string(&mut payload, &pack(path, true));
            rlp::put_string(&mut payload, value);
        }
        Node::Extension(path, child) => {
            rlp::put_string(&mut payload, &pack(path, false));
            put_reference(&mut payload, child, fresh, parallel);
        }
        Node::Branch(children, here) => {
            payload.reserve(16 * 33 + 1 + here.len() + 8);
            if parallel > 0 {
                let found: Vec<(Vec<u8>, Fresh)> = children
                    .par_iter()
                    .map(|child| {
                        let (mut reference, mut below) = (Vec::new(), Vec::new());
                        put_reference(&mut reference, child, &mut below, parallel - 1);
                        (reference, below)
                    })
                    .collect();
                for (reference, below) in found {
                    payload.extend(reference);
                    fresh.extend(below);
                }
            } else {
                for child in children.iter() {
                    put_reference(&mut payload, child, fresh, 0);
                }
            }
            rlp::put_string(&mut payload, here);
        }
    }
    rlp::as_list(&payload)
}

fn put_reference(out: &mut Vec<u8>, node: &Node, fresh: &mut Fresh, parallel: usize) {
    match node {
        Node::Empty => out.push(0x80),
        Node::Unread(reference) => out.extend_from_slice(reference.encoding()),
        changed => {
            let data = encode(changed, fresh, parallel);
            if data.len() < 32 {
                out.extend(data);
                return;
            }
            let hash = keccak256(&data);
            rlp::put_string(out, hash.as_slice());
            fresh.push((hash, data.into()));
        }
    }
}

/// The root of the trie of RLP(index) to value, in which keys have several lengths.
pub fn ordered_root<T: AsRef<[u8]>>(values: &[T]) -> B256 {
    let mut top = Node::Empty;
    for (index, value) in values.iter().enumerate() {
        let digits = index.to_be_bytes();
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let mut key = Vec::with_capacity(4);
        rlp::put_string(&mut key, &digits[leading..]);
        let read = &|_: &B256| Err(Malformed);
        top = insert(top, &nibbles(&key), value.as_ref().to_vec(), read)
            .expect("a trie in memory reads nothing");
    }
    match top {
        Node::Empty => EMPTY_ROOT,
        full => keccak256(encode(&full, &mut Vec::new(), 0)),
    }
}
