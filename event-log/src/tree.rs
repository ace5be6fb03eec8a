//! The tree over all batches of a partition: one hash stands for every batch, and the way of a single batch to it is
//! short. It is the Merkle tree of RFC 9162, section 2.1; its leaves are the hashes of the batches.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub(crate) type Hash = [u8; 32];

/// A tree that grows leaf by leaf. It keeps one hash per power of two, not the leaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// Roots of the complete subtrees, the largest first.
    peaks: Vec<Hash>,
    leaves: u64,
}

impl Tree {
    /// Adds the next leaf.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let complete = usize::try_from(self.leaves.trailing_ones()).unwrap_or(0);
        let below = self.peaks.split_off(self.peaks.len().saturating_sub(complete));
        self.peaks.push(below.iter().rev().fold(leaf(data), |node, left| parent(left, &node)));
        self.leaves += 1;
    }

    /// The hash over all leaves.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            Some(last) => peaks.fold(*last, |right, left| parent(left, &right)),
            None => Sha256::digest([]).into(),
        }
    }
}

/// Gathers the way of one leaf to the root while all leaves come by.
#[derive(Debug)]
pub(crate) struct PathFinder {
    siblings: Vec<(Range<u64>, Tree)>,
    next: u64,
}

impl PathFinder {
    /// The way of the leaf at `place`, from 0, in a tree of so many leaves.
    pub(crate) fn new(place: u64, leaves: u64) -> Self {
        let siblings = siblings(place, leaves).into_iter().map(|range| (range, Tree::default())).collect();
        Self { siblings, next: 0 }
    }

    /// Takes in the next leaf.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let next = self.next;
        if let Some((_, tree)) = self.siblings.iter_mut().find(|(range, _)| range.contains(&next)) {
            tree.push(data);
        }
        self.next += 1;
    }

    /// The hashes beside the way, from the leaf up.
    pub(crate) fn path(&self) -> Vec<Hash> {
        self.siblings.iter().map(|(_, tree)| tree.root()).collect()
    }
}

/// The root to which `path` leads from the leaf at `place`; none when it cannot be the way of such a leaf.
pub(crate) fn root_of(path: &[Hash], place: u64, leaves: u64, data: &[u8]) -> Option<Hash> {
    let siblings = siblings(place, leaves);
    if place >= leaves || siblings.len() != path.len() {
        return None;
    }
    let steps = siblings.iter().zip(path);
    Some(steps.fold(leaf(data), |node, (range, sibling)| {
        if range.start < place { parent(sibling, &node) } else { parent(&node, sibling) }
    }))
}

/// The leaves below each node that stands beside the way of the leaf at `place`, from the leaf up.
fn siblings(place: u64, leaves: u64) -> Vec<Range<u64>> {
    let (mut from, mut to) = (0, leaves);
    let mut beside = Vec::new();
    while to - from > 1 {
        // The left side is the largest power of two that leaves something to the right.
        let middle = from + (1 << (to - from - 1).ilog2());
        if place < middle {
            beside.push(middle..to);
            to = middle;
        } else {
            beside.push(from..middle);
            from = middle;
        }
    }
    beside.reverse();
    beside
}

fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves and roots that implementations of Certificate Transparency test themselves with.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [(usize, &str); 4] = [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ];

    fn root(leaves: &[&[u8]]) -> Hash {
        let mut tree = Tree::default();
        for leaf in leaves {
            tree.push(leaf);
        }
        tree.root()
    }

    #[test]
    fn the_tree_is_that_of_certificate_transparency() {
        for (count, expected) in ROOTS {
            assert_eq!(crate::hex::text(&root(&LEAVES[..count])), expected, "{count} leaves");
        }
    }

    #[test]
    fn the_way_of_every_leaf_leads_to_the_root_and_no_other_does() {
        for count in 1..=40_u64 {
            let leaves: Vec<[u8; 8]> = (0..count).map(u64::to_be_bytes).collect();
            let all: Vec<&[u8]> = leaves.iter().map(<[u8; 8]>::as_slice).collect();
            for place in 0..count {
                let mut finder = PathFinder::new(place, count);
                for leaf in &all {
                    finder.push(leaf);
                }
                let mut path = finder.path();
                let here = all[usize::try_from(place).unwrap()];
                assert_eq!(root_of(&path, place, count, here), Some(root(&all)), "{place} of {count}");
                assert_ne!(root_of(&path, place, count, b"another"), Some(root(&all)));
                assert_ne!(
                    root_of(&path, (place + 1) % count, count, here),
                    Some(root(&all)).filter(|_| count > 1)
                );
                path.push([0; 32]);
                assert_eq!(root_of(&path, place, count, here), None, "a way that is too long");
            }
        }
        assert_eq!(root_of(&[], 0, 0, b""), None);
    }
}
