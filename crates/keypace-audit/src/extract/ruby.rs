//! Ruby's nodes.
//! Must not walk or judge.

mod blocks;
mod strings;

use self::blocks::{block, lambda, sent, sent_to, yielded};
use self::strings::pieces;
use super::children::{defaulted, field_text, filled, first, of_kind, only, span, text, values};
use super::grammar::{BindParts, CallParts, ClassParts, FunctionParts, Grammar, Role, TextPiece};
use crate::facts::{Import, Param};
use crate::limits::MAX_DEPTH_NODES;
use crate::syntax::{Node, around};

/// Ruby.
pub(super) struct Ruby;

impl Grammar for Ruby {
    fn role<'t>(&self, node: &Node<'t>) -> Role<'t> {
        match node.kind().as_ref() {
            "comment" => Role::Comment,
            "alias" | "undef" | "heredoc_body" => Role::Skip,
            "program" => Role::Block,
            "body_statement"
            | "block_body"
            | "then"
            | "else"
            | "begin"
            | "do"
            | "ensure"
            | "parenthesized_statements" => Role::Sequence(statements(node)),
            "identifier" | "constant" | "instance_variable" | "class_variable"
            | "global_variable" | "self" | "scope_resolution" => {
                path(node).map_or(Role::Plain, Role::Path)
            }
            "call" => call(node),
            "subshell" => Role::Call(CallParts {
                receiver: None,
                name: node.clone(),
                text: "system".to_owned(),
                constructs: false,
                args: values(node),
                piped: None,
            }),
            "string_content" if node.parent().is_some_and(|own| own.kind() == "subshell") => {
                Role::Text(vec![TextPiece::Plain(text(node), node.clone())])
            }
            "method" | "singleton_method" => function(node),
            "lambda" => lambda(node),
            "block" | "do_block" => block(node),
            "class" | "module" => class(node),
            "assignment" | "operator_assignment" => Role::Bind(vec![BindParts {
                targets: node
                    .field("left")
                    .map(|left| targets(&left))
                    .unwrap_or_default(),
                declared: None,
                value: node.field("right"),
            }]),
            "for" => each(node),
            "while" | "until" | "while_modifier" | "until_modifier" => Role::While {
                condition: node.field("condition"),
                body: node.field("body").into_iter().collect(),
            },
            "if" | "unless" | "elsif" | "conditional" | "if_modifier" | "unless_modifier"
            | "rescue_modifier" => choice(
                node.field("condition").into_iter().collect(),
                [
                    node.field("consequence"),
                    node.field("body"),
                    node.field("alternative"),
                    node.field("handler"),
                ],
            ),
            "case" | "case_match" => cases(node),
            "return" | "next" => returned(node),
            "simple_symbol" if around(node).0.ends_with('&') => sent_to(node),
            "string" | "bare_string" | "bare_symbol" | "delimited_symbol" | "simple_symbol"
            | "heredoc_beginning" => Role::Text(pieces(node)),
            "chained_string" => Role::Concat(values(node)),
            "binary" => binary(node),
            "optional_parameter" | "keyword_parameter" => defaulted(node, "name", "value"),
            "yield" => yielded(node),
            "integer" | "float" => Role::Number,
            "array" | "string_array" | "symbol_array" | "right_assignment_list" => {
                Role::List(values(node))
            }
            "hash" => Role::Map(values(node).iter().filter_map(pair).collect()),
            "pair" => pair(node).map_or(Role::Plain, |(key, value)| Role::Named(key, value)),
            "splat_argument" | "hash_splat_argument" => {
                first(node).map_or(Role::Plain, Role::Spread)
            }
            "block_argument" => match first(node) {
                Some(named) if named.kind() == "simple_symbol" => sent(named),
                Some(given) => Role::Through(given),
                None => Role::Plain,
            },
            // Named by `sent_to` only: what `&:name` is sent to.
            "&" => Role::Path(vec![text(node)]),
            "element_reference" => index(node),
            _ => Role::Plain,
        }
    }
}

/// What runs one after the other; what stands beside (rescue, the text of a heredoc) is left out.
fn statements<'t>(node: &Node<'t>) -> Vec<Node<'t>> {
    let beside = |child: &Node<'_>| {
        matches!(
            child.kind().as_ref(),
            "rescue" | "ensure" | "heredoc_body" | "empty_statement"
        ) || (child.kind() == "else" && node.kind() != "case")
    };
    values(node)
        .into_iter()
        .filter(|child| !beside(child))
        .collect()
}

/// The names of a chain without arguments, where it is one.
fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node.clone();
    for _ in 0..MAX_DEPTH_NODES {
        let kind = at.kind();
        match kind.as_ref() {
            "identifier" | "constant" => names.push(text(&at)),
            "global_variable" => names.push(at.text().trim_start_matches('$').to_owned()),
            "self" => names.push("self".to_owned()),
            "instance_variable" | "class_variable" => {
                names.push(at.text().trim_start_matches('@').to_owned());
                names.push("self".to_owned());
            }
            "scope_resolution" => {
                names.push(field_text(&at, "name")?);
                if let Some(scope) = at.field("scope") {
                    at = scope;
                    continue;
                }
            }
            "call" if is_bare(&at) => {
                names.push(field_text(&at, "method")?);
                at = at.field("receiver")?;
                continue;
            }
            _ => return None,
        }
        names.reverse();
        return Some(names);
    }
    None
}

/// `a.b`: a call that reads like a member. What constructs, enumerates, asks or changes is a call and nothing else.
fn is_bare(call: &Node<'_>) -> bool {
    let Some(method) = call.field("method") else {
        return false;
    };
    let name = method.text();
    matches!(method.kind().as_ref(), "identifier" | "constant")
        && call.field("receiver").is_some()
        && call.field("arguments").is_none()
        && call.field("block").is_none()
        && name != "new"
        && !name.contains("each")
        && !name.ends_with(['?', '!'])
}

fn call<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(method) = node.field("method") else {
        return Role::Plain;
    };
    let name = method.text().trim_end_matches(['?', '!']).to_owned();
    let receiver = node.field("receiver");
    let block = node.field("block");
    let mut args: Vec<_> = node
        .field("arguments")
        .map(|list| values(&list))
        .unwrap_or_default();
    args.retain(|arg| arg.kind() != "heredoc_body");
    if let Some(role) = special(node, receiver.as_ref(), &name, &args, block.as_ref()) {
        return role;
    }
    args.extend(block);
    let parts = CallParts {
        constructs: name == "new" && receiver.is_some(),
        receiver,
        name: method,
        text: name,
        args,
        piped: None,
    };
    if is_bare(node) {
        Role::Getter(parts)
    } else {
        Role::Call(parts)
    }
}

/// Calls that are words of the language.
fn special<'t>(
    node: &Node<'t>,
    receiver: Option<&Node<'t>>,
    name: &str,
    args: &[Node<'t>],
    block: Option<&Node<'t>>,
) -> Option<Role<'t>> {
    match (receiver, name) {
        (None, "require" | "require_relative" | "load" | "gem") => {
            let module = of_kind(args.first()?, "string_content")?;
            Some(Role::Import(vec![Import {
                module: text(&module),
                names: Vec::new(),
                span: span(node),
            }]))
        }
        (None, "loop") => Some(Role::While {
            condition: None,
            body: block?.field("body").into_iter().collect(),
        }),
        (None, "lambda" | "proc") => Some(Role::Through(block?.clone())),
        (None, "format" | "sprintf") => {
            let template = args.first().filter(|arg| arg.kind() == "string")?;
            filled(pieces(template), '%', args[1..].to_vec()).map(Role::Text)
        }
        (Some(receiver), "freeze" | "itself" | "dup") if args.is_empty() && block.is_none() => {
            Some(Role::Through(receiver.clone()))
        }
        // Sorbet's casts.
        (Some(receiver), "let" | "must" | "cast" | "unsafe") if receiver.text() == "T" => {
            Some(Role::Through(args.first()?.clone()))
        }
        (Some(of), "public_send" | "__send__" | "send") => {
            let name = args.first().filter(|arg| arg.kind() == "simple_symbol")?;
            Some(Role::Call(CallParts {
                receiver: Some(of.clone()),
                text: name.text().trim_matches([':', '!', '?']).to_owned(),
                name: name.clone(),
                constructs: false,
                args: args[1..].iter().chain(block).cloned().collect(),
                piped: None,
            }))
        }
        _ => None,
    }
}

fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node.field("parameters");
    Role::Function(FunctionParts {
        // A call is known without its mark as well.
        name: field_text(node, "name").map(|name| name.trim_end_matches(['?', '!']).to_owned()),
        params: list.as_ref().map(params).unwrap_or_default(),
        inside: list.into_iter().chain(node.field("body")).collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

fn params(list: &Node<'_>) -> Vec<Param> {
    let mut named = Vec::new();
    for param in list.named_children() {
        let names = match param.kind().as_ref() {
            "identifier" => vec![text(&param)],
            "destructured_parameter" => param
                .dfs()
                .filter(|leaf| leaf.kind() == "identifier")
                .map(|leaf| text(&leaf))
                .collect(),
            _ => field_text(&param, "name").into_iter().collect(),
        };
        named.extend(names.into_iter().map(|name| Param {
            name,
            declared: None,
        }));
    }
    named
}

fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let base = |node: &Node<'_>| match node.kind().as_ref() {
        "element_reference" => field_text(node, "object"),
        "call" => field_text(node, "receiver"),
        _ => Some(text(node)),
    };
    let mut bases: Vec<String> = node
        .field("superclass")
        .and_then(|superclass| base(&first(&superclass)?))
        .into_iter()
        .collect();
    let body = node.field("body");
    for mixin in body.iter().flat_map(values) {
        let is_mixin = mixin.kind() == "call"
            && field_text(&mixin, "method")
                .is_some_and(|method| matches!(method.as_str(), "include" | "extend" | "prepend"));
        if is_mixin && let Some(list) = mixin.field("arguments") {
            bases.extend(values(&list).iter().filter_map(base));
        }
    }
    Role::Class(ClassParts {
        name: field_text(node, "name").unwrap_or_default(),
        bases,
        fields: Vec::new(),
        inside: body.into_iter().collect(),
    })
}

fn targets(left: &Node<'_>) -> Vec<Vec<String>> {
    let target = |node: &Node<'_>| match node.kind().as_ref() {
        "rest_assignment" => first(node).and_then(|inner| path(&inner)),
        _ => path(node),
    };
    match left.kind().as_ref() {
        "left_assignment_list" => values(left)
            .iter()
            .map(|name| target(name).unwrap_or_default())
            .collect(),
        _ => vec![target(left).unwrap_or_default()],
    }
}

fn each<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(pattern), Some(value)) = (node.field("pattern"), node.field("value")) else {
        return Role::Plain;
    };
    let leaves = pattern.dfs().filter(|leaf| leaf.kind() == "identifier");
    Role::Each {
        names: leaves.map(|leaf| text(&leaf)).collect(),
        iterable: first(&value).unwrap_or(value),
        body: node.field("body").into_iter().collect(),
    }
}

fn choice<'t, const N: usize>(before: Vec<Node<'t>>, values: [Option<Node<'t>>; N]) -> Role<'t> {
    Role::Choice {
        subject: None,
        before,
        values: values.into_iter().flatten().collect(),
    }
}

fn cases<'t>(node: &Node<'t>) -> Role<'t> {
    let branch = |child: Node<'t>| match child.kind().as_ref() {
        "when" | "in_clause" => child.field("body"),
        "else" => Some(child),
        _ => None,
    };
    Role::Choice {
        subject: None,
        before: node.field("value").into_iter().collect(),
        values: node.named_children().filter_map(branch).collect(),
    }
}

fn returned<'t>(node: &Node<'t>) -> Role<'t> {
    match first(node) {
        None => Role::Return(None),
        Some(list) => only(&list).map_or(Role::Plain, |value| Role::Return(Some(value))),
    }
}

fn binary<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(left), Some(right), Some(operator)) = (
        node.field("left"),
        node.field("right"),
        node.field("operator"),
    ) else {
        return Role::Plain;
    };
    let sign = text(&operator);
    match sign.as_str() {
        "+" => Role::Concat(vec![left, right]),
        "||" | "or" => choice(Vec::new(), [Some(left), Some(right)]),
        "&&" | "and" => choice(vec![left], [Some(right)]),
        "<<" => Role::Call(CallParts {
            receiver: Some(left),
            name: operator,
            text: sign,
            constructs: false,
            args: vec![right],
            piped: None,
        }),
        "%" if left.kind() == "string" => {
            let fill = if right.kind() == "array" {
                values(&right)
            } else {
                vec![right]
            };
            filled(pieces(&left), '%', fill).map_or(Role::Plain, Role::Text)
        }
        _ => Role::Plain,
    }
}

fn pair<'t>(node: &Node<'t>) -> Option<(String, Node<'t>)> {
    let key = node.field("key")?;
    let value = node.field("value")?;
    let name = match key.kind().as_ref() {
        "hash_key_symbol" => text(&key),
        "simple_symbol" => key.text().trim_start_matches(':').to_owned(),
        "string" => only(&key).map(|content| text(&content)).unwrap_or_default(),
        _ => String::new(),
    };
    Some((name, value))
}

fn index<'t>(node: &Node<'t>) -> Role<'t> {
    let Some(of) = node.field("object") else {
        return Role::Plain;
    };
    let at: Vec<_> = values(node)
        .into_iter()
        .filter(|child| child.node_id() != of.node_id())
        .collect();
    let slice = at.len() > 1 || at.iter().any(|index| index.kind() == "range");
    let assigned = node.parent().and_then(|around| around.field("left"));
    let assigned = assigned.is_some_and(|left| left.node_id() == node.node_id());
    // `self[key]` is the class's own method `[]`.
    if of.kind() == "self" && !slice && !assigned {
        return Role::Call(CallParts {
            receiver: Some(of.clone()),
            name: of,
            text: "[]".to_owned(),
            constructs: false,
            args: at,
            piped: None,
        });
    }
    Role::Index { slice, of, at }
}

#[cfg(test)]
mod tests;
