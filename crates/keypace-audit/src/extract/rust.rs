//! Rust's nodes.
//! Must not walk or judge.

mod item;
mod macros;

use super::children::{field_text, first, only, text, values};
use super::grammar::{BindParts, CallParts, FunctionParts, Grammar, Role, Subject, TextPiece};
use super::literal::read_escapes;
use crate::facts::Param;
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::Node;

/// Rust.
pub(super) struct Rust;

impl Grammar for Rust {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "line_comment" | "block_comment" => Role::Comment,
            "type_arguments"
            | "type_parameters"
            | "where_clause"
            | "macro_definition"
            | "attribute_item"
            | "inner_attribute_item"
            | "visibility_modifier"
            | "tuple_pattern"
            | "tuple_struct_pattern"
            | "struct_pattern"
            | "slice_pattern" => Role::Skip,
            "use_declaration" | "extern_crate_declaration" => Role::Import(item::imports(node)),
            "struct_item" | "union_item" | "trait_item" | "impl_item" => item::class(node),
            "function_item" | "function_signature_item" => item::function(node),
            "closure_expression" => closure(node),
            "block" => block(node),
            "expression_statement" => statement(node),
            "let_declaration" | "let_condition" | "const_item" | "static_item" => bind(node),
            "assignment_expression" | "compound_assignment_expr" => Role::Bind(vec![BindParts {
                targets: node
                    .field("left")
                    .map(|left| targets(&left))
                    .unwrap_or_default(),
                declared: None,
                value: node.field("right"),
            }]),
            "identifier"
            | "type_identifier"
            | "self"
            | "scoped_identifier"
            | "scoped_type_identifier"
            | "field_expression" => member(node),
            "call_expression" => call(node),
            "struct_expression" => construction(node),
            "macro_invocation" => macros::invocation(node),
            "token_tree" => macros::tokens(node),
            "await_expression"
            | "try_expression"
            | "parenthesized_expression"
            | "reference_expression"
            | "type_cast_expression"
            | "unsafe_block"
            | "async_block"
            | "else_clause" => inner(node).map_or(Role::Plain, Role::Through),
            "unary_expression" if node.text().starts_with('*') => {
                first(node).map_or(Role::Plain, Role::Through)
            }
            "return_expression" => Role::Return(first(node)),
            "if_expression" => Role::Choice {
                subject: None,
                before: node.field("condition").into_iter().collect(),
                values: node
                    .field("consequence")
                    .into_iter()
                    .chain(node.field("alternative"))
                    .collect(),
            },
            "match_expression" => matches(node),
            "for_expression" => each(node),
            "while_expression" | "loop_expression" => Role::While {
                condition: node.field("condition"),
                body: node.field("body").into_iter().collect(),
            },
            "string_literal" | "raw_string_literal" => Role::Text(pieces(node)),
            "binary_expression" if field_text(node, "operator").as_deref() == Some("+") => {
                Role::Concat(values(node))
            }
            "integer_literal" | "float_literal" => Role::Number,
            "array_expression" | "tuple_expression" => Role::List(values(node)),
            "base_field_initializer" => first(node).map_or(Role::Plain, Role::Spread),
            "field_initializer" => match (field_text(node, "field"), node.field("value")) {
                (Some(field), Some(value)) => Role::Named(field, value),
                _ => Role::Plain,
            },
            "shorthand_field_initializer" => {
                first(node).map_or(Role::Plain, |value| Role::Named(text(node), value))
            }
            "index_expression" => index(node),
            _ => Role::Plain,
        }
    }
}

/// The expression in a wrapper: its value where that has a name, else its last child.
fn inner<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.field("value").or_else(|| values(node).pop())
}

/// One that ends in a statement has no value.
fn block<'t>(node: &Node<'t>) -> Role<'t> {
    let list = values(node);
    let ends =
        |last: &Node<'_>| last.kind() != "expression_statement" || !last.text().ends_with(';');
    if list.last().is_some_and(ends) {
        Role::Sequence(list)
    } else {
        Role::Plain
    }
}

/// One without a semicolon that ends a block is the block's value.
fn statement<'t>(node: &Node<'t>) -> Role<'t> {
    match only(node) {
        Some(inner) if node.text().ends_with(';') => Role::Statement(inner),
        Some(inner) => Role::Through(inner),
        None => Role::Plain,
    }
}

/// The names of a chain, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        let kind = at.kind();
        match kind.as_ref() {
            "identifier" | "self" | "type_identifier" | "crate" | "super" | "metavariable" => {
                let name = text(&at);
                names.push(if name == "Self" {
                    "self".to_owned()
                } else {
                    name
                });
                names.reverse();
                return Some(names);
            }
            "scoped_identifier" | "scoped_type_identifier" => {
                names.push(field_text(&at, "name")?);
                let Some(before) = at.field("path") else {
                    names.reverse();
                    return Some(names);
                };
                at = before;
            }
            "field_expression" => {
                names.push(field_text(&at, "field")?);
                at = at.field("value")?;
            }
            "generic_type" | "generic_type_with_turbofish" => at = at.field("type")?,
            "bracketed_type" | "qualified_type" | "parenthesized_expression" => at = first(&at)?,
            _ => return None,
        }
    }
    None
}

fn member<'t>(node: &Node<'t>) -> Role<'t> {
    if let Some(path) = path(node) {
        return Role::Path(path);
    }
    match (node.field("value"), field_text(node, "field")) {
        (Some(of), Some(name)) => Role::Member { of, name },
        _ => Role::Plain,
    }
}

/// Methods whose result is what they are called on, or what is in it.
const TRANSPARENT: &[&str] = &[
    "as_deref",
    "as_mut",
    "as_ref",
    "borrow",
    "borrow_mut",
    "by_ref",
    "clone",
    "context",
    "expect",
    "inspect_err",
    "map_err",
    "ok",
    "to_owned",
    "unwrap",
    "unwrap_or_default",
    "with_context",
    "wrap_err",
    "wrap_err_with",
];

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(mut callee) = node.field("function") else {
        return Role::Plain;
    };
    if callee.kind() == "generic_function"
        && let Some(function) = callee.field("function")
    {
        callee = function;
    }
    let (receiver, name) = match callee.kind().as_ref() {
        "identifier" => (None, Some(callee)),
        "scoped_identifier" => (callee.field("path"), callee.field("name")),
        "field_expression" => (callee.field("value"), callee.field("field")),
        _ => return Role::Plain,
    };
    let Some(name) = name else {
        return Role::Plain;
    };
    let method = text(&name);
    if let Some(receiver) = &receiver
        && node
            .field("function")
            .is_some_and(|whole| whole.kind() == "field_expression")
        && TRANSPARENT.binary_search(&method.as_str()).is_ok()
    {
        return Role::Through(receiver.clone());
    }
    Role::Call(CallParts {
        // A generic type before `::` is no expression: its name is.
        receiver: receiver.map(|receiver| match receiver.kind().as_ref() {
            "generic_type" => receiver.field("type").unwrap_or(receiver),
            _ => receiver,
        }),
        name,
        text: method,
        constructs: false,
        args: node
            .field("arguments")
            .map(|list| values(&list))
            .unwrap_or_default(),
        piped: None,
    })
}

/// `Options { match_pattern: "a*", ..base }`
fn construction<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(whole) = node.field("name") else {
        return Role::Plain;
    };
    let (receiver, name) = match whole.kind().as_ref() {
        "scoped_type_identifier" => (whole.field("path"), whole.field("name")),
        "generic_type" => (None, whole.field("type")),
        _ => (None, Some(whole.clone())),
    };
    let name = name.unwrap_or(whole);
    Role::Call(CallParts {
        receiver,
        text: text(&name),
        name,
        constructs: true,
        args: node
            .field("body")
            .map(|list| values(&list))
            .unwrap_or_default(),
        piped: None,
    })
}

fn closure<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node
        .field("parameters")
        .map(|list| values(&list))
        .unwrap_or_default();
    let param = |param: &Node<'_>| {
        let pattern = param.field("pattern").unwrap_or_else(|| param.clone());
        let declared = field_text(param, "type");
        names(&pattern).into_iter().map(move |name| Param {
            name,
            declared: declared.clone(),
        })
    };
    Role::Function(FunctionParts {
        params: list.iter().flat_map(param).collect(),
        returns: field_text(node, "return_type"),
        lambda: true,
        inside: node.field("body").into_iter().collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

/// The names that a pattern binds.
pub(super) fn names(pattern: &Node<'_>) -> Vec<String> {
    let is_type = |leaf: &Node<'_>| {
        leaf.parent().is_some_and(|parent| {
            parent.kind() == "scoped_identifier"
                || parent.field("type").map(|named| named.node_id()) == Some(leaf.node_id())
        })
    };
    pattern
        .dfs()
        .filter(|leaf| {
            matches!(
                leaf.kind().as_ref(),
                "identifier" | "shorthand_field_identifier"
            )
        })
        .filter(|leaf| !is_type(leaf))
        .map(|leaf| text(&leaf))
        .collect()
}

/// Where names stand in a pattern: `Ok((cursor, keys))` is `cursor, keys`.
fn targets(pattern: &Node<'_>) -> Vec<Vec<String>> {
    let leaf =
        |node: &Node<'_>| path(node).unwrap_or_else(|| names(node).into_iter().take(1).collect());
    match pattern.kind().as_ref() {
        // Including `_`, which is not a named node.
        "tuple_pattern" | "slice_pattern" | "tuple_expression" => pattern
            .children()
            .filter(|part| part.is_named() || part.text() == "_")
            .map(|part| leaf(&part))
            .collect(),
        "tuple_struct_pattern" => match values(pattern).as_slice() {
            [_, inner] => targets(inner),
            _ => names(pattern).into_iter().map(|name| vec![name]).collect(),
        },
        "match_pattern" => first(pattern)
            .map(|inner| targets(&inner))
            .unwrap_or_default(),
        // `mut` stands before the name, as a node.
        "ref_pattern" | "reference_pattern" | "mut_pattern" => values(pattern)
            .pop()
            .map(|inner| targets(&inner))
            .unwrap_or_default(),
        "struct_pattern" => names(pattern).into_iter().map(|name| vec![name]).collect(),
        "unary_expression" => first(pattern)
            .map(|inner| vec![leaf(&inner)])
            .unwrap_or_default(),
        _ => vec![leaf(pattern)],
    }
}

fn bind<'t>(node: &Node<'t>) -> Role<'t> {
    let pattern = node.field("pattern").or_else(|| node.field("name"));
    Role::Bind(vec![BindParts {
        targets: pattern.map(|pattern| targets(&pattern)).unwrap_or_default(),
        declared: field_text(node, "type"),
        value: node.field("value"),
    }])
}

fn matches<'t>(node: &Node<'t>) -> Role<'t> {
    let arms: Vec<_> = node
        .field("body")
        .iter()
        .flat_map(values)
        .filter(|arm| arm.kind() == "match_arm")
        .collect();
    let Some(value) = node.field("value") else {
        return Role::Plain;
    };
    let bound = |arm: &Node<'_>| {
        let bound = targets(&arm.field("pattern")?);
        bound
            .iter()
            .any(|target| !target.is_empty())
            .then_some(bound)
    };
    Role::Choice {
        subject: Some(Subject {
            value,
            arms: arms.iter().filter_map(bound).collect(),
        }),
        before: Vec::new(),
        values: arms.iter().filter_map(|arm| arm.field("value")).collect(),
    }
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(pattern), Some(iterable)) = (node.field("pattern"), node.field("value")) else {
        return Role::Plain;
    };
    Role::Each {
        names: names(&pattern),
        iterable,
        body: node.field("body").into_iter().collect(),
    }
}

fn pieces<'t>(node: &Node<'t>) -> Vec<TextPiece<'t>> {
    let mut continued = false;
    let mut pieces = Vec::new();
    for part in node.named_children() {
        let plain = match part.kind().as_ref() {
            // A backslash at a line's end takes the white space that follows with it.
            "string_content" if continued => part.text().trim_start().to_owned(),
            "string_content" => text(&part),
            "escape_sequence" => {
                continued = part.text().starts_with("\\\n");
                if !continued {
                    pieces.push(TextPiece::Plain(read_escapes(&part.text()), part));
                }
                continue;
            }
            _ => continue,
        };
        continued = false;
        pieces.push(TextPiece::Plain(plain, part));
    }
    pieces
}

fn index<'t>(node: &Node<'t>) -> Role<'t> {
    let mut parts = values(node).into_iter();
    let Some(of) = parts.next() else {
        return Role::Plain;
    };
    let at: Vec<_> = parts.collect();
    // `keys[..]` is all of it.
    if matches!(at.as_slice(), [all] if all.text() == "..") {
        return Role::Through(of);
    }
    Role::Index {
        of,
        slice: at.iter().any(|index| index.kind() == "range_expression"),
        at,
    }
}

#[cfg(test)]
mod tests;
