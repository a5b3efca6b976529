//! Functions that call themselves, where that is how a language repeats: their bodies are loops, and what they hand to
//! themselves is bound to their parameters.
//! Must not know nodes or Redis.

use crate::facts::{Binding, Call, CallId, Expr, Facts, FunctionId, Loop, LoopId, LoopKind};

/// Adds the loops and bindings.
pub(super) fn unroll(facts: &mut Facts) {
    let owners: Vec<Option<FunctionId>> = (0..facts.functions.len())
        .map(|at| named(facts, FunctionId(at)))
        .collect();
    let owner = |function: Option<FunctionId>| function.and_then(|id| owners[id.0]);
    let mut loops: Vec<Option<LoopId>> = vec![None; facts.functions.len()];
    let mut again = Vec::new();
    for (at, call) in facts.calls.iter().enumerate() {
        let Some(own) = owner(call.function) else {
            continue;
        };
        if !is_to(call, &facts.functions[own.0].name) {
            continue;
        }
        again.push((CallId(at), own));
        if loops[own.0].is_none() {
            loops[own.0] = Some(LoopId(facts.loops.len()));
            facts.loops.push(Loop {
                kind: LoopKind::While,
                gathers: false,
                condition: Vec::new(),
                function: Some(own),
                span: facts.functions[own.0].span,
            });
        }
    }
    let around = |function: Option<FunctionId>| owner(function).and_then(|own| loops[own.0]);
    for call in &mut facts.calls {
        let outer = around(call.function);
        call.loops.splice(0..0, outer);
    }
    for binding in &mut facts.bindings {
        let outer = around(binding.function);
        binding.loops.splice(0..0, outer);
    }
    for (call, own) in again {
        hand_over(facts, call, own);
    }
}

/// The function with a name that a function or lambda stands in.
fn named(facts: &Facts, id: FunctionId) -> Option<FunctionId> {
    let mut at = id;
    // A lambda stands after the function around it, so this ends.
    while facts.functions[at.0].lambda {
        at = facts.functions[at.0].parent?;
    }
    Some(at)
}

fn is_to(call: &Call, name: &str) -> bool {
    let own = match &call.receiver {
        None => true,
        Some(Expr::Path(path)) => path.as_slice() == ["self"],
        Some(_) => false,
    };
    own && !name.is_empty() && call.name == name
}

/// `walk(conn, next, acc ++ keys)` in `walk(conn, cursor, acc)` is `cursor = next` and `acc = acc ++ keys`.
fn hand_over(facts: &mut Facts, id: CallId, own: FunctionId) {
    let call = &facts.calls[id.0];
    let params = &facts.functions[own.0].params;
    let mut bound = Vec::new();
    for (param, arg) in params.iter().zip(&call.args) {
        let same = matches!(arg, Expr::Path(path) if path.as_slice() == [param.name.as_str()]);
        if same || param.name.is_empty() {
            continue;
        }
        bound.push(Binding {
            targets: vec![vec![param.name.clone()]],
            declared: None,
            value: arg.clone(),
            function: call.function,
            class: call.class,
            loops: call.loops.clone(),
            span: call.span,
        });
    }
    facts.bindings.extend(bound);
}
