//! Elixir's nodes. Nearly all is a call there: `def`, `case` and `alias` as well.
//! Must not walk or judge.

mod form;
mod made;
mod pattern;

use self::pattern::targets;
use super::children::{field_text, of_kind, only, text, values};
use super::grammar::{BindParts, CallParts, FunctionParts, Grammar, Role, TextPiece};
use super::literal::read_escapes;
use crate::facts::Param;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// Elixir.
pub(super) struct Elixir;

impl Grammar for Elixir {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "source" => Role::Block,
            "do_block" | "else_block" | "rescue_block" | "catch_block" | "after_block" | "body"
            | "block" => Role::Sequence(statements(node)),
            // An atom names a module of Erlang's or a process.
            "identifier" | "alias" | "atom" => path(node).map_or(Role::Plain, Role::Path),
            "call" => form::role(node),
            "dot" => member(node),
            "binary_operator" => binary(node),
            "unary_operator" => unary(node),
            "anonymous_function" => lambda(node),
            "string" | "charlist" | "quoted_atom" => Role::Text(pieces(node)),
            "sigil" => sigil(node),
            "integer" | "float" => Role::Number,
            "list" | "tuple" | "keywords" => list(node),
            "map" => Role::Map(pairs(node)),
            "pair" => match (field_text(node, "key"), node.field("value")) {
                (Some(key), Some(value)) => Role::Named(key_name(&key), value),
                _ => Role::Plain,
            },
            "access_call" => match (node.field("target"), node.field("key")) {
                (Some(of), Some(key)) => Role::Index {
                    of,
                    slice: key.text().contains(".."),
                    at: vec![key],
                },
                _ => Role::Plain,
            },
            _ => Role::Plain,
        }
    }
}

/// What runs one after the other; `else`, `rescue`, `after` and clauses stand beside.
fn statements<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    values(node)
        .into_iter()
        .filter(|child| !child.kind().ends_with("_block") && child.kind() != "stab_clause")
        .collect()
}

/// The names of a chain without arguments, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut members = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        let mut names: Vec<String> = match at.kind().as_ref() {
            "identifier" if at.text() == "__MODULE__" => vec!["self".to_owned()],
            "identifier" => vec![text(&at)],
            "alias" => at
                .text()
                .split('.')
                .map(|name| name.trim().to_owned())
                .collect(),
            "atom" => vec![at.text().trim_start_matches(':').to_owned()],
            "unary_operator" if field_text(&at, "operator")? == "@" => {
                let name = at
                    .field("operand")
                    .filter(|name| name.kind() == "identifier")?;
                vec!["self".to_owned(), text(&name)]
            }
            "call" if is_member(&at) => {
                at = at.field("target")?;
                continue;
            }
            "dot" => {
                members.push(text(&at.field("right")?));
                at = at.field("left")?;
                continue;
            }
            _ => return None,
        };
        names.extend(members.into_iter().rev());
        return Some(names);
    }
    None
}

/// `a.b` without arguments: a field, unless `a` is a module.
fn is_member(call: &Node<'_>) -> bool {
    let Some(target) = call.field("target").filter(|target| target.kind() == "dot") else {
        return false;
    };
    let module = |left: Node<'_>| matches!(left.kind().as_ref(), "alias" | "atom");
    target.field("right").is_some()
        && of_kind(call, "arguments").is_none()
        && of_kind(call, "do_block").is_none()
        && !target.field("left").is_some_and(module)
}

fn member<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("left"), node.field("right")) {
        (Some(of), Some(name)) if name.kind() == "identifier" => Role::Member {
            of,
            name: text(&name),
        },
        _ => Role::Plain,
    }
}

/// The arguments of a call, keywords each for itself.
fn args<'t>(call: &Node<'t>) -> Vec<Node<'t>> {
    of_kind(call, "arguments")
        .map(|list| unfold(&list))
        .unwrap_or_default()
}

fn unfold<'t>(list: &Node<'t>) -> Vec<Node<'t>> {
    let mut all = Vec::new();
    for value in values(list) {
        if value.kind() == "keywords" {
            all.extend(values(&value));
        } else {
            all.push(value);
        }
    }
    all
}

/// The value of a keyword among arguments: `do: x`.
fn keyword<'t>(args: &[Node<'t>], name: &str) -> Option<Node<'t>> {
    args.iter()
        .filter(|arg| arg.kind() == "pair")
        .find(|pair| field_text(pair, "key").is_some_and(|key| key_name(&key) == name))
        .and_then(|pair| pair.field("value"))
}

fn key_name(key: &str) -> String {
    key.trim()
        .trim_end_matches(':')
        .trim_matches('"')
        .to_owned()
}

/// The parts of a call of a function.
fn parts<'t>(node: &Node<'t>, piped: Option<Node<'t>>) -> Option<CallParts<'t>> {
    let (receiver, name) = match node.kind().as_ref() {
        "identifier" => (None, node.clone()),
        "dot" => (node.field("left"), node.field("right")?),
        "call" => {
            let target = node.field("target")?;
            match target.kind().as_ref() {
                "identifier" => (None, target),
                "dot" => (target.field("left"), target.field("right")?),
                _ => return None,
            }
        }
        _ => return None,
    };
    if name.kind() != "identifier" {
        return None;
    }
    Some(CallParts {
        receiver,
        text: name.text().trim_end_matches(['!', '?']).to_owned(),
        name,
        constructs: false,
        args: args(node),
        piped,
    })
}

fn binary<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right), Some(operator)) = (
        node.field("left"),
        node.field("right"),
        field_text(node, "operator"),
    ) else {
        return Role::Plain;
    };
    let choice = |before, values| Role::Choice {
        subject: None,
        before,
        values,
    };
    match operator.as_str() {
        "=" | "<-" => Role::Bind(vec![BindParts {
            targets: targets(&left),
            declared: None,
            value: Some(right),
        }]),
        "<>" => Role::Concat(vec![left, right]),
        "++" => match made::joined(node, &left, &right) {
            Some(made) => Role::Call(made),
            None => Role::Join(vec![left, right]),
        },
        "|" => Role::Cons {
            items: vec![left],
            tail: right,
        },
        "||" | "or" => choice(Vec::new(), vec![left, right]),
        "&&" | "and" => choice(vec![left], vec![right]),
        "|>" => form::piped(left, &right),
        _ => Role::Plain,
    }
}

/// Attributes whose text is for people or for types.
const SAID: &[&str] = &[
    "callback",
    "doc",
    "macrocallback",
    "moduledoc",
    "opaque",
    "shortdoc",
    "spec",
    "type",
    "typedoc",
    "typep",
];

fn unary<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(operator), Some(operand)) = (
        field_text(node, "operator"),
        node.field_children("operand").find(Node::is_named),
    ) else {
        return Role::Plain;
    };
    match operator.as_str() {
        "@" if operand.kind() == "identifier" => path(node).map_or(Role::Plain, Role::Path),
        "@" => {
            let name = field_text(&operand, "target").unwrap_or_default();
            if SAID.contains(&name.as_str()) {
                return Role::Skip;
            }
            Role::Bind(vec![BindParts {
                targets: vec![vec!["self".to_owned(), name]],
                declared: None,
                value: args(&operand).into_iter().next(),
            }])
        }
        "&" if operand.kind() == "integer" => Role::Path(vec![text(node)]),
        "&" => match form::referred(&operand) {
            Some((of, name)) => Role::Reference { of, name },
            None => Role::Function(FunctionParts {
                params: vec![Param {
                    name: "&1".to_owned(),
                    declared: None,
                }],
                lambda: true,
                inside: vec![operand],
                returns_last: true,
                ..FunctionParts::default()
            }),
        },
        "^" => Role::Through(operand),
        _ => Role::Plain,
    }
}

/// `fn a, b -> ... end`, with one clause or more.
fn lambda<'t>(node: &Node<'t>) -> Role<'t> {
    let clauses: Vec<_> = node
        .named_children()
        .filter(|child| child.kind() == "stab_clause")
        .collect();
    let params = clauses
        .first()
        .and_then(pattern::head)
        .map(|head| pattern::params(&values(&head)))
        .unwrap_or_default();
    Role::Function(FunctionParts {
        params,
        lambda: true,
        inside: clauses
            .iter()
            .filter_map(|clause| clause.field("right"))
            .collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    let piece = |part: Node<'t>| match part.kind().as_ref() {
        "quoted_content" => Some(TextPiece::Plain(text(&part), part)),
        "escape_sequence" => Some(TextPiece::Plain(read_escapes(&part.text()), part)),
        "interpolation" => Some(TextPiece::Hole(only(&part).unwrap_or(part))),
        _ => None,
    };
    node.named_children().filter_map(piece).collect()
}

fn sigil<'t>(node: &Node<'t>) -> Role<'t> {
    let name = of_kind(node, "sigil_name")
        .map(|name| text(&name))
        .unwrap_or_default();
    match name.as_str() {
        "w" | "W" => Role::Words(pieces(node)),
        "r" | "R" => Role::Plain,
        _ => Role::Text(pieces(node)),
    }
}

/// `[a, b | rest]` has a tail.
fn list<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(made) = made::command(node) {
        return Role::Call(made);
    }
    let mut items = unfold(node);
    let cons = items.last().filter(|last| {
        last.kind() == "binary_operator" && field_text(last, "operator").as_deref() == Some("|")
    });
    let Some((head, tail)) =
        cons.and_then(|cons| Some((cons.field("left")?, cons.field("right")?)))
    else {
        return Role::List(items);
    };
    items.pop();
    items.push(head);
    Role::Cons { items, tail }
}

fn pairs<'t>(map: &Node<'t>) -> Vec<(String, Node<'t>)> {
    let pair = |item: Node<'t>| match item.kind().as_ref() {
        "pair" => Some((key_name(&field_text(&item, "key")?), item.field("value")?)),
        "binary_operator" if field_text(&item, "operator")? == "=>" => {
            let key = item.field("left")?;
            let name = match key.kind().as_ref() {
                "string" => of_kind(&key, "quoted_content").map(|content| text(&content)),
                "atom" => Some(key.text().trim_start_matches(':').to_owned()),
                _ => None,
            };
            Some((name.unwrap_or_default(), item.field("right")?))
        }
        _ => None,
    };
    of_kind(map, "map_content")
        .map(|content| unfold(&content).into_iter().filter_map(pair).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
