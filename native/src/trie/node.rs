//! Nodes of a trie in memory, as far as they are read: their encoding taken apart, and nothing of
//! what may be done with them.

use revm::primitives::B256;

use super::rlp::{self, Malformed};

/// The root of a trie with nothing in it.
pub const EMPTY_ROOT: B256 =
    revm::primitives::b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/// What a packed path has at most: its flag, and two nibbles a byte.
const PACKED_BYTES_MAX: usize = 33;

pub type Nibbles = Vec<u8>;

/// How a parent names a node: its encoding if below 32 bytes, else its hash as a string.
#[derive(Clone)]
pub struct Reference {
    length: u8,
    data: [u8; 33],
}

impl Reference {
    /// What stands for a node that is not there: the empty string.
    pub const NONE: Reference = Reference {
        length: 1,
        data: [0x80; 33],
    };

    /// Of an encoding that is a parent's word for its child.
    pub fn new(encoding: &[u8]) -> Result<Self, Malformed> {
        let mut data = [0; 33];
        let place = data.get_mut(..encoding.len()).ok_or(Malformed)?;
        place.copy_from_slice(encoding);
        Ok(Reference {
            length: encoding.len() as u8,
            data,
        })
    }

    pub fn of_hash(hash: &B256) -> Self {
        let mut data = [0xa0; 33];
        data[1..].copy_from_slice(hash.as_slice());
        Reference { length: 33, data }
    }

    pub fn encoding(&self) -> &[u8] {
        &self.data[..usize::from(self.length)]
    }

    pub fn hash(&self) -> Result<B256, Malformed> {
        match self.encoding().split_first() {
            Some((0xa0, hash)) if hash.len() == 32 => Ok(B256::from_slice(hash)),
            _ => Err(Malformed),
        }
    }

    /// The node itself, where it is so short that it stands in its parent.
    pub fn embedded(&self) -> Option<&[u8]> {
        let encoding = self.encoding();
        (encoding[0] >= 0xc0).then_some(encoding)
    }
}

pub enum Node {
    Empty,
    /// Known by its reference only.
    Unread(Reference),
    Leaf(Nibbles, Vec<u8>),
    Extension(Nibbles, Box<Node>),
    Branch(Box<[Node; 16]>, Vec<u8>),
}

impl Node {
    /// The top of the trie with a root.
    pub fn of_root(root: B256) -> Self {
        if root == EMPTY_ROOT {
            Node::Empty
        } else {
            Node::Unread(Reference::of_hash(&root))
        }
    }

    /// Takes an encoding apart; the nodes below stay unread.
    pub fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let (outer, rest) = rlp::split(data)?;
        if !outer.is_list || !rest.is_empty() {
            return Err(Malformed);
        }
        let (first, rest) = rlp::split(outer.payload)?;
        let (second, rest) = rlp::split(rest)?;
        if rest.is_empty() {
            let (path, is_leaf) = unpack(first.payload)?;
            if is_leaf {
                return Ok(Node::Leaf(path, second.payload.to_vec()));
            }
            let child = Node::Unread(Reference::new(second.raw)?);
            return Ok(Node::Extension(path, Box::new(child)));
        }
        let mut children = no_children();
        let mut left = outer.payload;
        for child in children.iter_mut() {
            let (item, rest) = rlp::split(left)?;
            if !item.payload.is_empty() {
                *child = Node::Unread(Reference::new(item.raw)?);
            }
            left = rest;
        }
        let (here, rest) = rlp::split(left)?;
        if !rest.is_empty() {
            return Err(Malformed);
        }
        Ok(Node::Branch(children, here.payload.to_vec()))
    }
}

pub fn no_children() -> Box<[Node; 16]> {
    Box::new([const { Node::Empty }; 16])
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
    let mut path = Vec::with_capacity(2 * key.len());
    for byte in key {
        path.extend_from_slice(&[byte >> 4, byte & 15]);
    }
    path
}

/// The path that a leaf or an extension holds, and whether it is a leaf.
pub fn unpack(packed: &[u8]) -> Result<(Nibbles, bool), Malformed> {
    let (first, rest) = packed.split_first().ok_or(Malformed)?;
    if *first >= 0x40 || packed.len() > PACKED_BYTES_MAX {
        return Err(Malformed);
    }
    let mut path = Vec::with_capacity(2 * packed.len());
    if first & 0x10 != 0 {
        path.push(first & 15);
    }
    for byte in rest {
        path.extend_from_slice(&[byte >> 4, byte & 15]);
    }
    Ok((path, *first >= 0x20))
}

/// Appends a path as a leaf or an extension holds it.
pub fn put_path(out: &mut Vec<u8>, path: &[u8], is_leaf: bool) {
    let mut packed = [0; PACKED_BYTES_MAX];
    let (odd, pairs) = path.split_at(path.len() % 2);
    packed[0] = if is_leaf { 0x20 } else { 0 };
    if let [nibble] = odd {
        packed[0] |= 0x10 | nibble;
    }
    for (byte, pair) in packed[1..].iter_mut().zip(pairs.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    rlp::put_string(out, &packed[..1 + pairs.len() / 2]);
}
