//! Finding a node's parts: what several languages' descriptions ask of any node.
//! Must not know a language.

use super::grammar::TextPiece;
use super::literal::format_pieces;
use crate::facts::Span;
use crate::syntax::Node;

/// The text of a node.
pub(super) fn text(node: &Node<'_>) -> String {
    node.text().into_owned()
}

/// The text of a field, where there is one.
pub(super) fn field_text(node: &Node<'_>, field: &str) -> Option<String> {
    node.field(field).map(|part| text(&part))
}

/// Named children that are not comments.
pub(super) fn values<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    node.named_children()
        .filter(|child| !child.kind().contains("comment"))
        .collect()
}

/// The first named child that is not a comment.
pub(super) fn first<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.named_children()
        .find(|child| !child.kind().contains("comment"))
}

/// The first named child of a kind.
pub(super) fn of_kind<'t>(node: &Node<'t>, kind: &str) -> Option<Node<'t>> {
    node.named_children().find(|child| child.kind() == kind)
}

/// The only named child, where there is one only.
pub(super) fn only<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let [only] = <[_; 1]>::try_from(values(node)).ok()?;
    Some(only)
}

/// A node's bytes.
pub(super) fn span(node: &Node<'_>) -> Span {
    let range = node.range();
    Span {
        start: range.start,
        end: range.end,
    }
}

/// A template with its holes: `sprintf("user:%s", id)`. Holes take `fill` in order.
pub(super) fn filled<'t>(
    template: Vec<TextPiece<'t>>,
    mark: char,
    fill: Vec<Node<'t>>,
) -> Vec<TextPiece<'t>> {
    let mut fill = fill.into_iter();
    let mut all = Vec::new();
    for piece in template {
        let TextPiece::Plain(plain, node) = piece else {
            all.push(piece);
            continue;
        };
        for part in format_pieces(&plain, mark) {
            all.push(match part {
                Some(part) => TextPiece::Plain(part, node.clone()),
                // Nothing is below the literal text itself: visiting it adds nothing.
                None => TextPiece::Hole(fill.next().unwrap_or_else(|| node.clone())),
            });
        }
    }
    all
}
