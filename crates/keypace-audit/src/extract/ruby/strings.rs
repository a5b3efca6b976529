//! Strings of Ruby: pieces of literals, symbols and heredocs.
//! Must not know calls.

use crate::extract::children::{of_kind, only, text};
use crate::extract::grammar::TextPiece;
use crate::extract::literal::read_escapes;
use crate::syntax::Node;

pub(super) fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    if node.kind() == "simple_symbol" {
        let name = node.text().trim_start_matches(':').to_owned();
        return vec![TextPiece::Plain(name, node.clone())];
    }
    let held = if node.kind() == "heredoc_beginning" {
        heredoc(node)
    } else {
        Some(node.clone())
    };
    let piece = |part: Node<'t>| match part.kind().as_ref() {
        "string_content" | "heredoc_content" => Some(TextPiece::Plain(text(&part), part)),
        "escape_sequence" => Some(TextPiece::Plain(read_escapes(&part.text()), part)),
        "interpolation" => Some(TextPiece::Hole(only(&part).unwrap_or(part))),
        _ => None,
    };
    held.iter()
        .flat_map(|held| held.named_children().filter_map(piece).collect::<Vec<_>>())
        .collect()
}

/// The text of a heredoc: it stands after the line, beside the statement or among the arguments.
pub(super) fn heredoc<'t>(beginning: &Node<'t>) -> Option<Node<'t>> {
    let mark = text(beginning);
    let mark = mark
        .trim_start_matches(['<', '~', '-'])
        .trim_matches(['"', '\'', '`']);
    let is_ours = |body: &Node<'_>| {
        body.kind() == "heredoc_body"
            && of_kind(body, "heredoc_end").is_some_and(|end| end.text().trim() == mark)
    };
    std::iter::once(beginning.clone())
        .chain(beginning.ancestors())
        .find_map(|around| around.next_all().find(is_ours))
}
