//! Nodes that a role named, and how the others are found.
//! Must not visit.

use std::ops::Range;

use crate::syntax::Node;

/// Nodes that a role named, so that the others can be found.
pub(super) struct Named(Vec<(Range<usize>, usize)>);

impl Named {
    pub(super) fn new<'a, 't: 'a>(nodes: impl IntoIterator<Item = &'a Node<'t>>) -> Self {
        let mut list: Vec<_> = nodes
            .into_iter()
            .map(|node| (node.range(), node.node_id()))
            .collect();
        list.sort_by_key(|(range, id)| (range.start, range.end, *id));
        Self(list)
    }

    pub(super) fn inside(&self, node: &Node<'_>) -> &[(Range<usize>, usize)] {
        let range = node.range();
        let from = self
            .0
            .partition_point(|(named, _)| named.start < range.start);
        let to = self.0.partition_point(|(named, _)| named.start < range.end);
        self.0.get(from..to).unwrap_or_default()
    }
}
