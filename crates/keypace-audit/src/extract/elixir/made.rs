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
    let word = name.text();
    let told = name.kind() == "string" && OF_KEYS.contains(&word.trim_matches('"'));
    (told && is_for_later(list)).then(|| CallParts {
        receiver: None,
        name,
        text: MADE.to_owned(),
        constructs: false,
        args,
        piped: None,
    })
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
        "pair" => field_text(&around, "key").is_some_and(|key| key.trim() == "do:"),
        "binary_operator" => {
            field_text(&around, "operator").as_deref() == Some("=")
                && around
                    .field("right")
                    .is_some_and(|right| right.node_id() == list.node_id())
        }
        "list" => is_for_later(&around),
        _ => false,
    }
}
