//! Rust's macros: their arguments are tokens, of which some are read as what they stand for.
//! Must not expand a macro.

use super::{TRANSPARENT, path, pieces};
use crate::extract::children::{filled, of_kind, text, values};
use crate::extract::grammar::{CallParts, Role};
use crate::syntax::{Node, around};

/// Macros that make a text from a template, or a list; the others' tokens are looked through.
pub(super) fn invocation<'t>(node: &Node<'t>) -> Role<'t> {
    let name = node
        .field("macro")
        .and_then(|name| path(&name)?.pop())
        .unwrap_or_default();
    let Some(tree) = of_kind(node, "token_tree") else {
        return Role::Plain;
    };
    let held = values(&tree);
    match name.as_str() {
        "format" | "concat" | "format_args" => match held.split_first() {
            Some((template, fill)) if template.kind().ends_with("string_literal") => {
                filled(pieces(template), '{', fill.to_vec()).map_or(Role::Plain, Role::Text)
            }
            _ => Role::Plain,
        },
        "vec" | "cmd" if held.iter().all(is_whole_token) => Role::List(held),
        _ => Role::Plain,
    }
}

/// A token that is an expression by itself.
fn is_whole_token(token: &Node<'_>) -> bool {
    let (_, after) = around(token);
    let alone = after.trim_start().starts_with([',', ']', ')', '}']);
    alone
        && matches!(
            token.kind().as_ref(),
            "string_literal" | "raw_string_literal" | "identifier" | "integer_literal"
        )
}

/// In a macro there are tokens only. `con.keys("a*")` among them is a call all the same.
pub(super) fn tokens<'t>(node: &Node<'t>) -> Role<'t> {
    let is =
        |node: &Option<Node<'_>>, kind: &str| node.as_ref().is_some_and(|node| node.kind() == kind);
    // Asking for what is before a token walks over all that are: not for what is no call, or hands its receiver on.
    let (before, _) = around(node);
    let word = before.trim_end();
    let method = word.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    if !node.text().starts_with('(')
        || !method.trim_end().ends_with('.')
        || TRANSPARENT.binary_search(&&word[method.len()..]).is_ok()
    {
        return Role::Plain;
    }
    let name = node.prev();
    let dot = name.as_ref().and_then(Node::prev);
    let receiver = dot.as_ref().and_then(Node::prev);
    if !is(&name, "identifier") || !is(&dot, ".") {
        return Role::Plain;
    }
    let receiver = receiver.and_then(begin_of_chain);
    let (Some(name), true) = (name, is(&receiver, "identifier") || is(&receiver, "self")) else {
        return Role::Plain;
    };
    Role::Call(CallParts {
        receiver,
        text: text(&name),
        name,
        constructs: false,
        args: values(node),
        piped: None,
    })
}

/// The `con` of `con.clone().get(key)`, among tokens.
fn begin_of_chain<'t>(before: Node<'t>) -> Option<Node<'t>> {
    if before.kind() != "token_tree" {
        return Some(before);
    }
    let method = before.prev()?;
    let dot = method.prev().filter(|dot| dot.kind() == ".")?;
    let same = TRANSPARENT.binary_search(&method.text().as_ref()).is_ok();
    dot.prev().filter(|_| same)
}
