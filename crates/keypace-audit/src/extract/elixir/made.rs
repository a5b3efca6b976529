//! Lists of a command's words that stand for themselves: `&["DEL", &1]`, which another call sends with its like.
//! Must not judge, and must not touch lists that a call is given as they stand.

use super::super::children::values;
use super::super::grammar::CallParts;
use super::field_text;
use crate::extract::MADE;
use crate::syntax::Node;

/// Commands of keys, which are made where their keys are known. Others are left to be lists, as options are.
const OF_KEYS: &[&str] = &["DEL", "KEYS", "MGET", "UNLINK"];

/// The list as a call without a receiver, where it begins with such a word and is made for later.
pub(super) fn command<'t>(list: &Node<'t>) -> Option<CallParts<'t>> {
    let args = values(list);
    let name = head(args.first()?)?;
    (is_told(&name) && is_for_later(list)).then(|| made(name, args))
}

/// The same of two lists: `["DEL"] ++ keys`. One that gets a name is a list still, and a command where that is sent.
pub(super) fn joined<'t>(
    whole: &Node<'t>,
    left: &Node<'t>,
    right: &Node<'t>,
) -> Option<CallParts<'t>> {
    let mut args = Some(values(left)).filter(|_| left.kind() == "list")?;
    let name = head(args.first()?)?;
    let named = field_text(&whole.parent()?, "operator").as_deref() == Some("=");
    if named || !is_told(&name) || !is_for_later(whole) {
        return None;
    }
    match right.kind().as_ref() {
        "list" => args.extend(values(right)),
        _ => args.push(right.clone()),
    }
    Some(made(name, args))
}

fn made<'t>(name: Node<'t>, args: Vec<Node<'t>>) -> CallParts<'t> {
    CallParts {
        receiver: None,
        name,
        text: MADE.to_owned(),
        constructs: false,
        args,
        piped: None,
    }
}

/// Such a word, or the attribute that is named after it: `"DEL"`, `@del`.
fn is_told(name: &Node<'_>) -> bool {
    let word = name.text();
    match name.kind().as_ref() {
        "string" => OF_KEYS.contains(&word.trim_matches('"')),
        "unary_operator" => {
            let plain = word.strip_prefix('@').map(str::to_uppercase);
            plain.is_some_and(|plain| OF_KEYS.contains(&plain.as_str()))
        }
        _ => false,
    }
}

/// What stands first, also before a tail: `["DEL" | keys]`.
fn head<'t>(first: &Node<'t>) -> Option<Node<'t>> {
    if first.kind() == "binary_operator" && field_text(first, "operator").as_deref() == Some("|") {
        return first.field("left");
    }
    Some(first.clone())
}

/// The value of a function, a clause or a name, or one of a list that is.
fn is_for_later(list: &Node<'_>) -> bool {
    let Some(around) = list.parent() else {
        return false;
    };
    match around.kind().as_ref() {
        "unary_operator" | "do_block" | "body" | "else_block" => true,
        "block" => is_for_later(&around),
        "pair" => field_text(&around, "key").is_some_and(|key| key.trim() == "do:"),
        "binary_operator" => {
            let right = around
                .field("right")
                .is_some_and(|right| right.node_id() == list.node_id());
            match field_text(&around, "operator").as_deref() {
                Some("=") => right,
                // `[["DEL", key] | commands]`
                Some("|") => !right && is_for_later(&around),
                // `commands ++ [["DEL", key]]`
                Some("++") => holds_lists(list) && is_for_later(&around),
                _ => false,
            }
        }
        "list" => is_for_later(&around),
        _ => false,
    }
}

/// A list of commands, and not one.
fn holds_lists(list: &Node<'_>) -> bool {
    values(list)
        .first()
        .is_some_and(|first| first.kind() == "list")
}
