//! The names that an Elixir pattern binds.
//! Must not know what is matched.

use super::super::children::{field_text, first, of_kind, text, values};
use crate::facts::Param;
use crate::syntax::Node;

/// Where names stand in a pattern, as in `Binding::targets`: `{:ok, [cursor, keys]}` is `cursor, keys`.
pub(super) fn targets(pattern: &Node<'_>) -> Vec<Vec<String>> {
    let leaf = |node: &Node<'_>| {
        let name = names(node).into_iter().next();
        name.into_iter().collect::<Vec<_>>()
    };
    match pattern.kind().as_ref() {
        "tuple" => {
            let mut items = values(pattern);
            if items.first().is_some_and(|tag| tag.kind() == "atom") {
                items.remove(0);
            }
            match items.as_slice() {
                [only] => targets(only),
                items => items.iter().map(leaf).collect(),
            }
        }
        "list" => match (rest_of(pattern), values(pattern).as_slice()) {
            (Some(rest), _) => vec![leaf(&rest)],
            // A pipeline's answer: `[[cursor, keys]]`.
            (None, [only]) if only.kind() == "list" => targets(only),
            (None, items) => items.iter().map(leaf).collect(),
        },
        "map" => names(pattern).into_iter().map(|name| vec![name]).collect(),
        _ => vec![leaf(pattern)],
    }
}

/// All names of a pattern, in order.
pub(super) fn names(pattern: &Node<'_>) -> Vec<String> {
    pattern
        .dfs()
        .filter(|leaf| leaf.kind() == "identifier" && !leaf.text().starts_with('_'))
        .filter(|leaf| !is_pinned(leaf))
        .map(|leaf| text(&leaf))
        .collect()
}

/// `^x` compares; `@x` and `x.y` read.
fn is_pinned(leaf: &Node<'_>) -> bool {
    leaf.parent()
        .is_some_and(|parent| matches!(parent.kind().as_ref(), "unary_operator" | "dot" | "struct"))
}

/// The patterns of a clause, without its guard.
pub(super) fn head<'t>(clause: &Node<'t>) -> Option<Node<'t>> {
    unguarded(clause.field("left")?)
}

/// What stands before `when`.
pub(super) fn unguarded<'t>(node: Node<'t>) -> Option<Node<'t>> {
    if node.kind() == "binary_operator" && field_text(&node, "operator").as_deref() == Some("when")
    {
        return node.field("left");
    }
    Some(node)
}

/// One parameter for each pattern, so that places are those of a call's arguments; further names stand last.
pub(super) fn params(patterns: &[Node<'_>]) -> Vec<Param> {
    let mut params = Vec::new();
    let mut further = Vec::new();
    for pattern in patterns {
        let operator = field_text(pattern, "operator");
        let sides = (pattern.field("left"), pattern.field("right"));
        let (name, rest) = match (operator.as_deref(), sides) {
            (Some("\\\\"), (Some(left), _)) => (main_name(&left), Vec::new()),
            (Some("="), (Some(left), Some(right))) if right.kind() == "identifier" => {
                (main_name(&right), names(&left))
            }
            (Some("="), (Some(left), Some(right))) => (main_name(&left), names(&right)),
            _ => match rest_of(pattern) {
                // Of `[key | rest]` the rest is the list.
                Some(rest) if !main_name(&rest).is_empty() => {
                    let name = main_name(&rest);
                    let mut others = names(pattern);
                    others.retain(|other| *other != name);
                    (name, others)
                }
                _ => {
                    let mut names = names(pattern).into_iter();
                    (names.next().unwrap_or_default(), names.collect())
                }
            },
        };
        params.push(Param {
            name,
            declared: struct_of(pattern),
        });
        further.extend(rest);
    }
    params.extend(further.into_iter().map(|name| Param {
        name,
        declared: None,
    }));
    params
}

/// What is left of a list without its first: `rest` of `[key | rest]`.
fn rest_of<'t>(pattern: &Node<'t>) -> Option<Node<'t>> {
    let [only] = <[_; 1]>::try_from(values(pattern)).ok()?;
    let apart = pattern.kind() == "list" && field_text(&only, "operator").as_deref() == Some("|");
    only.field("right").filter(|_| apart)
}

fn main_name(pattern: &Node<'_>) -> String {
    names(pattern).into_iter().next().unwrap_or_default()
}

/// `%Redis.Conn{} = conn`
fn struct_of(pattern: &Node<'_>) -> Option<String> {
    let map = match pattern.kind().as_ref() {
        "map" => pattern.clone(),
        _ => of_kind(pattern, "map")?,
    };
    let named = of_kind(&map, "struct")?;
    Some(text(&first(&named)?))
}
