//! Reading ahead: the nodes on the ways of many keys, a level of the trie at a time, so that a store
//! is asked for many at once. It only saves questions; what is missing here is read when it is met.

use std::ops::Range;
use std::sync::Arc;

use revm::primitives::{B256, HashMap};

use super::rlp::{self, Malformed};
use super::update::{EMPTY_ROOT, path_of, unpack};

/// Trie nodes by their hash.
pub type Nodes = HashMap<B256, Arc<[u8]>>;

/// Answers a question for many nodes, in their order.
pub type Ask<'a, E> = dyn FnMut(&[B256]) -> Result<Vec<Arc<[u8]>>, E> + 'a;

/// A node that is to be read, the keys that lead through it, and how many nibbles of them are used.
struct Step {
    hash: B256,
    keys: Range<usize>,
    depth: usize,
}

/// The nodes that lead to the keys, as far as there are any; `ask` answers for each level at once.
pub fn fetch<'k, E>(
    root: B256,
    keys: impl Iterator<Item = &'k B256>,
    ask: &mut Ask<'_, E>,
) -> Result<Nodes, E> {
    let mut paths: Vec<_> = keys.map(path_of).collect();
    paths.sort_unstable();
    let mut found = Nodes::default();
    let mut level = Vec::new();
    if root != EMPTY_ROOT {
        level.push(Step {
            hash: root,
            keys: 0..paths.len(),
            depth: 0,
        });
    }
    while !level.is_empty() {
        let hashes: Vec<_> = level.iter().map(|step| step.hash).collect();
        let mut next = Vec::with_capacity(level.len());
        for (step, node) in level.iter().zip(ask(&hashes)?) {
            // A damaged node is named by whoever needs it.
            let _: Result<(), Malformed> = follow(&node, step, &paths, &mut next);
            found.insert(step.hash, node);
        }
        level = next;
    }
    Ok(found)
}

/// The nodes right below a node to which keys lead.
fn follow(
    node: &[u8],
    step: &Step,
    paths: &[[u8; 64]],
    next: &mut Vec<Step>,
) -> Result<(), Malformed> {
    let (outer, _) = rlp::split(node)?;
    let (first, rest) = rlp::split(outer.payload)?;
    let (second, rest) = rlp::split(rest)?;
    let mut push = |child: rlp::Item<'_>, keys: Range<usize>, depth: usize| {
        // A child below 32 bytes stands in its parent.
        if !keys.is_empty() && !child.is_list && child.payload.len() == 32 {
            next.push(Step {
                hash: B256::from_slice(child.payload),
                keys,
                depth,
            });
        }
    };
    if rest.is_empty() {
        let (part, is_leaf) = unpack(first.payload)?;
        if !is_leaf {
            let own = &paths[step.keys.clone()];
            let (low, high) = (
                own.partition_point(|path| path[step.depth..] < part[..]),
                own.partition_point(|path| {
                    path[step.depth..] < part[..] || path[step.depth..].starts_with(&part)
                }),
            );
            let keys = step.keys.start + low..step.keys.start + high;
            push(second, keys, step.depth + part.len());
        }
        return Ok(());
    }
    if step.depth >= paths[0].len() {
        return Err(Malformed);
    }
    let mut left = outer.payload;
    let mut start = step.keys.start;
    for nibble in 0..16 {
        let (child, after) = rlp::split(left)?;
        left = after;
        let own = &paths[start..step.keys.end];
        let end = start + own.partition_point(|path| path[step.depth] <= nibble);
        push(child, start..end, step.depth + 1);
        start = end;
    }
    Ok(())
}
