//! Commands that are put together by calls one after the other: `client.B().Get().Key(k).Build()`, `cmd("GET").arg(k)`.
//! Must not know which command it is.

use crate::facts::{Call, CallId, Expr, Facts, Usage};
use crate::language::Language;
use crate::limits;

/// The call that ends a builder's chain, and the call itself where nothing is built.
pub(crate) fn last(facts: &Facts, id: CallId) -> CallId {
    let mut at = id;
    if !facts
        .calls
        .get(id.0)
        .is_some_and(|call| begins(facts, call))
    {
        return id;
    }
    for _ in 0..limits::MAX_FLOW_STEPS {
        let Usage::Receiver(next) = facts.calls[at.0].usage else {
            break;
        };
        at = next;
        if matches!(facts.calls[at.0].name.as_str(), "Build" | "Cache") {
            break;
        }
    }
    at
}

/// Where the text of a command ends with all that it is given.
pub(crate) fn end(facts: &Facts, id: CallId) -> usize {
    let mut at = last(facts, id);
    if facts.language == Language::Rust {
        for _ in 0..limits::MAX_FLOW_STEPS {
            match facts.calls[at.0].usage {
                Usage::Receiver(next) if facts.calls[next.0].name == "arg" => at = next,
                _ => break,
            }
        }
    }
    facts.calls[at.0].span.end
}

/// Whether a method says something of a command that is being built, and is none of its own: `.Type("hash")`, `.Keys(k)`.
pub(super) fn is_step(facts: &Facts, call: &Call) -> bool {
    let mut at = call.receiver.as_ref();
    for depth in 0..limits::MAX_FLOW_STEPS {
        let Some(Expr::Call(id)) = at else {
            return false;
        };
        let inner = &facts.calls[id.0];
        if is_builder(facts, inner) {
            return depth > 0;
        }
        at = inner.receiver.as_ref();
    }
    false
}

/// Whether what a call answers is that of the built command it is given: `client.Do(ctx, built)`.
pub(crate) fn sent<'f>(facts: &Facts, call: &'f Call) -> Option<&'f Expr> {
    let sends = facts.language == Language::Go && matches!(call.name.as_str(), "Do" | "DoCache");
    let [context, built @ Expr::Path(_), ..] = call.args.as_slice() else {
        return None;
    };
    (sends && super::argument::is_context(facts, context)).then_some(built)
}

/// Whether a built command is kept for later, with others: `cmds = append(cmds, client.B().Get().Key(k).Build())`.
pub(crate) fn is_kept(facts: &Facts, id: CallId) -> bool {
    let last = last(facts, id);
    match facts.calls[last.0].usage {
        Usage::Argument(next) if last != id => facts.calls[next.0].name == "append",
        _ => false,
    }
}

/// rueidis's and valkey-go's `B().Smembers()`.
fn begins(facts: &Facts, call: &Call) -> bool {
    matches!(&call.receiver, Some(Expr::Call(id)) if is_builder(facts, &facts.calls[id.0]))
}

fn is_builder(facts: &Facts, call: &Call) -> bool {
    facts.language == Language::Go && call.name == "B" && call.args.is_empty()
}
