//! What every grammar asks of a node's children, and names that are written with types around them.
//! Must not know a language's own nodes.

use super::grammar::{Role, TextPiece};
use super::literal::format_pieces;
use crate::facts::Span;
use crate::syntax::Node;

/// Named children that are not comments.
pub(super) fn values<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    node.named_children()
        .filter(|child| !child.is_extra())
        .collect()
}

/// The first named child that is not a comment.
pub(super) fn first<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.named_children().find(|child| !child.is_extra())
}

/// The last named child that is not a comment.
pub(super) fn last<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    values(node).pop()
}

/// The only named child, where there is one only.
pub(super) fn only<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let [only] = <[_; 1]>::try_from(values(node)).ok()?;
    Some(only)
}

/// The first named child of a kind.
pub(super) fn of_kind<'t>(node: &Node<'t>, kind: &str) -> Option<Node<'t>> {
    node.named_children().find(|child| child.kind() == kind)
}

/// Whether a child without a name is written like this: an operator, a keyword.
pub(super) fn has_token(node: &Node<'_>, token: &str) -> bool {
    node.children()
        .any(|child| !child.is_named() && child.kind() == token)
}

/// A node's text.
pub(super) fn text(node: &Node<'_>) -> String {
    node.text().into_owned()
}

/// A field's text.
pub(super) fn field_text(node: &Node<'_>, field: &str) -> Option<String> {
    node.field(field).map(|field| field.text().into_owned())
}

/// A parameter and its value, by the fields that hold them.
pub(super) fn defaulted<'t>(node: &Node<'t>, name: &str, value: &str) -> Role<'t> {
    match (field_text(node, name), node.field(value)) {
        (Some(name), Some(value)) => Role::Default(name, value),
        _ => Role::Plain,
    }
}

/// Where a node stands.
pub(super) fn span(node: &Node<'_>) -> Span {
    let range = node.range();
    Span {
        start: range.start,
        end: range.end,
    }
}

/// A type's name without arguments, pointers and question marks: `a.B` of `*a.B[K]`, `B` of `B<K>?`.
pub(super) fn bare_type(written: &str) -> String {
    let written = written.trim_start_matches(['*', '&', ' ']);
    let end = written
        .find(['<', '[', '?', '(', '{', ' '])
        .unwrap_or(written.len());
    written.get(..end).unwrap_or_default().to_owned()
}

/// A template and what fills it, as a string with holes: `Sprintf("user:%s:*", id)`. `None` where more is given than the
/// template has places for: then it is no template that we can read.
pub(super) fn filled<'t>(
    pieces: Vec<TextPiece<'t>>,
    mark: char,
    by: Vec<Node<'t>>,
) -> Option<Vec<TextPiece<'t>>> {
    let mut all = Vec::new();
    let mut by = by.into_iter();
    for piece in pieces {
        let TextPiece::Plain(text, node) = piece else {
            all.push(piece);
            continue;
        };
        for part in format_pieces(&text, mark) {
            all.push(match part {
                Some(text) => TextPiece::Plain(text, node.clone()),
                None => TextPiece::Hole(by.next().unwrap_or_else(|| node.clone())),
            });
        }
    }
    by.next().is_none().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::bare_type;

    #[test]
    fn types_are_named_without_what_stands_around_them() {
        for (written, bare) in [
            ("*redis.Client", "redis.Client"),
            ("RedisTemplate<String, Object>", "RedisTemplate"),
            ("Set<K>?", "Set"),
            ("Jedis?", "Jedis"),
            ("Gen[int]", "Gen"),
        ] {
            assert_eq!(bare_type(written), bare);
        }
    }
}
