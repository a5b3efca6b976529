//! Ruby's blocks and lambdas, and what calls them.
//! Must not know other nodes.

use super::super::children::values;
use super::super::grammar::{CallParts, FunctionParts, Role};
use super::params;
use crate::facts::Param;
use crate::syntax::Node;

/// `yield x`: a call of the block.
pub(super) fn yielded<'t>(node: &Node<'t>) -> Role<'t> {
    let args = values(node).first().map(values).unwrap_or_default();
    Role::Call(CallParts {
        receiver: None,
        name: node.clone(),
        text: "yield".to_owned(),
        constructs: false,
        args,
        piped: None,
    })
}

/// `->(x) { ... }`
pub(super) fn lambda<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node.field("parameters");
    let body = node
        .field("body")
        .map(|body| body.field("body").unwrap_or(body));
    Role::Function(FunctionParts {
        params: list.as_ref().map(params).unwrap_or_default(),
        lambda: true,
        inside: list.into_iter().chain(body).collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

pub(super) fn block<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node.field("parameters");
    let body = node.field("body");
    let mut named = list.as_ref().map(params).unwrap_or_default();
    if list.is_none()
        && let Some(body) = &body
        && let Some(unnamed) = unnamed_param(&body.text())
    {
        named.push(unnamed);
    }
    Role::Function(FunctionParts {
        params: named,
        lambda: true,
        inside: list.into_iter().chain(body).collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

/// `_1` or `it`, where the body of a block without parameters has it.
fn unnamed_param(body: &str) -> Option<Param> {
    let words = body.split(|c: char| !c.is_alphanumeric() && c != '_');
    let name = words
        .into_iter()
        .find(|word| matches!(*word, "_1" | "it"))?;
    Some(Param {
        name: name.to_owned(),
        declared: None,
    })
}

/// `&:name`: a block that calls the method on what it is given, which is called `&` here.
pub(super) fn sent<'t>(symbol: Node<'t>) -> Role<'t> {
    Role::Function(FunctionParts {
        params: vec![Param {
            name: "&".to_owned(),
            declared: None,
        }],
        lambda: true,
        inside: vec![symbol],
        returns_last: true,
        ..FunctionParts::default()
    })
}

pub(super) fn sent_to<'t>(symbol: &Node<'t>) -> Role<'t> {
    Role::Call(CallParts {
        receiver: symbol.prev(),
        name: symbol.clone(),
        text: symbol.text().trim_matches([':', '!', '?']).to_owned(),
        constructs: false,
        args: Vec::new(),
        piped: None,
    })
}
