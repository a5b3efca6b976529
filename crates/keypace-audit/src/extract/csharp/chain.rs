//! C#'s chains of names, with dots and question marks, and what stands before a call.
//! Must not walk or judge.

use crate::extract::children::{field_text, last, of_kind};
use crate::extract::grammar::Role;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// The names of a chain, where it is one.
pub(super) fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        at = match at.kind().as_ref() {
            "identifier" | "predefined_type" => {
                names.push(at.text().trim_start_matches('@').to_owned());
                names.reverse();
                return Some(names);
            }
            "this" | "base" | "this_expression" | "base_expression" => {
                names.push("self".to_owned());
                names.reverse();
                return Some(names);
            }
            "member_access_expression" => {
                names.push(plain_name(&at.field("name")?)?.text().into_owned());
                at.field("expression")?
            }
            "qualified_name" => {
                names.push(field_text(&at, "name")?);
                at.field("qualifier")?
            }
            "conditional_access_expression" => {
                names.extend(bound_names(&last(&at)?)?);
                at.field("condition")?
            }
            _ => return None,
        };
    }
    None
}

/// The names after `?`, the last first: `.b`, `.b.c`.
fn bound_names(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        names.push(plain_name(&at.field("name")?)?.text().into_owned());
        match at.kind().as_ref() {
            "member_binding_expression" => return Some(names),
            "member_access_expression" => at = at.field("expression")?,
            _ => return None,
        }
    }
    None
}

/// A name's node without type arguments.
fn plain_name<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    match node.kind().as_ref() {
        "identifier" => Some(node.clone()),
        "generic_name" => of_kind(node, "identifier"),
        _ => None,
    }
}

pub(super) fn member<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match node.kind().as_ref() {
        "member_access_expression" => {
            let name = node.field("name").and_then(|name| plain_name(&name));
            match (node.field("expression"), name) {
                (Some(of), Some(name)) => Role::Member {
                    of,
                    name: name.text().into_owned(),
                },
                _ => Role::Plain,
            }
        }
        // `f()?.X`; what is called after `?.` is found below it.
        "conditional_access_expression" => {
            let inner = last(node);
            let name = inner
                .as_ref()
                .filter(|inner| inner.kind() == "member_binding_expression")
                .and_then(|inner| plain_name(&inner.field("name")?));
            match (node.field("condition"), name, inner) {
                (Some(of), Some(name), _) => Role::Member {
                    of,
                    name: name.text().into_owned(),
                },
                (_, None, Some(inner)) => Role::Through(inner),
                _ => Role::Plain,
            }
        }
        _ => Role::Plain,
    }
}

/// What is called: the receiver, and the node of the name.
pub(super) fn callee<'t>(node: &Node<'t>) -> Option<(Option<Node<'t>>, Node<'t>)> {
    match node.kind().as_ref() {
        "identifier" | "generic_name" => Some((None, plain_name(node)?)),
        "member_access_expression" => Some((
            Some(node.field("expression")?),
            plain_name(&node.field("name")?)?,
        )),
        // `db?.Keys(x)`
        "conditional_access_expression" => {
            let after = last(node)?;
            let name = plain_name(&after.field("name")?)?;
            (after.kind() == "member_binding_expression")
                .then_some((Some(node.field("condition")?), name))
        }
        // `.Keys(x)`, where the grammar hangs the call below the question mark.
        "member_binding_expression" => {
            let around = node
                .ancestors()
                .find(|around| around.kind() == "conditional_access_expression")?;
            Some((around.field("condition"), plain_name(&node.field("name")?)?))
        }
        _ => None,
    }
}

/// A method that is handed over by its name: `keys.Select(Load)`, `keys.ForEach(cache.Remove)`.
pub(super) fn method_group<'t>(argument: &Node<'t>, value: &Node<'t>) -> Option<Role<'t>> {
    const HANDED: &[&str] = &["Select", "SelectMany", "ForEach", "ConvertAll"];
    let (of, name) = match value.kind().as_ref() {
        "identifier" => (None, value.clone()),
        "member_access_expression" => (
            value.field("expression"),
            plain_name(&value.field("name")?)?,
        ),
        _ => return None,
    };
    let list = argument.parent()?;
    let (_, called) = callee(&list.parent()?.field("function")?)?;
    let alone = list.named_children().count() == 1;
    let handed = alone
        && HANDED.contains(&called.text().as_ref())
        && name.text().starts_with(char::is_uppercase);
    handed.then_some(Role::Reference { of, name })
}
