//! Kotlin's elements: `a[b]`, and the calls that it stands for.
//! Must not walk or judge.

use crate::extract::children::{first, last, of_kind, values};
use crate::extract::grammar::{CallParts, Role};
use crate::syntax::Node;

pub(super) fn index<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(of), Some(suffix)) = (first(node), last(node)) else {
        return Role::Plain;
    };
    // Spring's `template.opsForValue()[key]` is its `get`, and `this[key]` the class's own.
    let own = of.kind() == "this_expression" && !is_assigned(node);
    match operations(&of).or_else(|| own.then(|| of.clone())) {
        Some(name) => Role::Call(CallParts {
            receiver: Some(of),
            name,
            text: "get".to_owned(),
            constructs: false,
            args: values(&suffix),
            piped: None,
        }),
        None => Role::Index {
            of,
            slice: false,
            at: values(&suffix),
        },
    }
}

/// Whether an element is given a value.
fn is_assigned(node: &Node<'_>) -> bool {
    let Some(around) = node.parent() else {
        return false;
    };
    around.kind() == "directly_assignable_expression"
        || around.kind() == "assignment"
            && first(&around).is_some_and(|left| left.node_id() == node.node_id())
}

/// The name of `opsForValue()` and its like.
fn operations<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let callee = first(node).filter(|_| node.kind() == "call_expression")?;
    let name = of_kind(&last(&callee)?, "simple_identifier")?;
    name.text().starts_with("opsFor").then_some(name)
}
