//! Cursors that a script gives back: `return redis.call('HSCAN', KEYS[1], ARGV[1])`, called by a client.
//! Must not judge what the script does by itself.

use std::collections::HashSet;

use super::{RULE, compared, narrows};
use crate::facts::{Call, CallId, Expr, Facts, Span, Usage};
use crate::receiver::argument;
use crate::receiver::shape::Sure;
use crate::report::Confidence;
use crate::rules::scene::{Scene, Sink};

/// How far behind the beginning of a binding the script's own text may stand.
const MAX_BEFORE_TEXT_BYTES: usize = 160;

/// How many calls a script's answer passes through before it has a name: `eval(...).block()`.
const MAX_ANSWER_STEPS: usize = 4;

/// What a script's step of a scan was given to.
struct Answer<'f> {
    call: &'f Call,
    targets: &'f [Vec<String>],
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    let texts = scene.facts.texts.iter();
    let scripts: Vec<Span> = texts
        .filter(|text| gives_step(&text.text))
        .map(|text| text.span)
        .collect();
    if scripts.is_empty() {
        return;
    }
    let answers = answers(scene, &scripts);
    if answers.is_empty() {
        return;
    }
    for call in &scene.facts.calls {
        if !narrows(scene.language, call)
            || compared::tells_end_only(scene.language, scene.text, call.span)
        {
            continue;
        }
        let root = scene.origins.root(call.function);
        let mut near = answers
            .iter()
            .filter(|own| scene.origins.root(own.call.function) == root);
        let narrowed = near.find(|own| {
            let mut given = call.args.iter().chain(&call.receiver);
            given.any(|arg| is_first(scene, own, arg, call.span))
        });
        let Some(answer) = narrowed else { continue };
        let asked = answer.call;
        let receiver = asked.receiver.as_ref();
        let known = receiver.and_then(|own| scene.origins.known(own, asked.function, asked.class));
        let confidence = if known.is_some_and(|known| known.sure >= Sure::Named) {
            Confidence::High
        } else {
            Confidence::Medium
        };
        let message = format!("{} can't hold every cursor of SCAN", call.name);
        sink.at(scene, &RULE, call, confidence, RULE.severity, message);
    }
}

/// Whether a text is a script that gives back what one step of a scan answered.
fn gives_step(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let calls = ["redis.call(", "redis.pcall(", "server.call("];
    let mut given = calls.iter().flat_map(|call| {
        lower
            .match_indices(call)
            .filter(|(at, _)| lower[..*at].trim_end().ends_with("return"))
            .map(|(at, found)| &lower[at + found.len()..])
    });
    given.any(|rest| {
        let word = rest.trim_start_matches(['"', '\'', '\\', ' ']);
        let word: String = word.chars().take_while(char::is_ascii_alphabetic).collect();
        matches!(word.as_str(), "scan" | "hscan" | "sscan" | "zscan")
    })
}

/// The calls that are given a script, or a name that holds one, and give their answer to a name.
fn answers<'s>(scene: &'s Scene<'_>, scripts: &[Span]) -> Vec<Answer<'s>> {
    let facts = scene.facts;
    let names = names(scene, scripts);
    let holds = |arg: &Expr| match arg {
        Expr::Path(path) => path.last().is_some_and(|last| names.contains(last)),
        Expr::Text(_) => argument::shape(arg).is_some_and(|text| gives_step(&text)),
        _ => false,
    };
    let given = facts
        .calls
        .iter()
        .filter(|call| call.args.iter().chain(&call.receiver).any(holds));
    given
        .filter_map(|call| {
            let targets = targets(facts, call)?;
            Some(Answer { call, targets })
        })
        .collect()
}

/// The names of scripts, and of what is made of one.
fn names<'s>(scene: &'s Scene<'_>, scripts: &[Span]) -> HashSet<&'s String> {
    let facts = scene.facts;
    let holds = |span: Span| {
        scripts.iter().any(|text| {
            span.start <= text.start
                && text.end <= span.end
                && text.start - span.start <= MAX_BEFORE_TEXT_BYTES
        })
    };
    let direct = facts.bindings.iter().filter(|own| holds(own.span));
    let mut names: HashSet<&String> = direct
        .filter_map(|own| own.targets.first()?.last())
        .collect();
    let made = |id: CallId| {
        let mut args = facts.calls[id.0].args.iter();
        args.any(|arg| matches!(arg, Expr::Path(path) if path.last().is_some_and(|last| names.contains(last))))
    };
    let made: Vec<&String> = facts
        .bindings
        .iter()
        .filter(|own| matches!(own.value, Expr::Call(id) if made(id)))
        .filter_map(|own| own.targets.first()?.last())
        .collect();
    names.extend(made);
    names
}

/// The names that a call's answer is given to.
fn targets<'f>(facts: &'f Facts, call: &'f Call) -> Option<&'f [Vec<String>]> {
    let mut at = call;
    for _ in 0..MAX_ANSWER_STEPS {
        match &at.usage {
            Usage::Bound(targets) => return Some(targets),
            Usage::Receiver(next) | Usage::Argument(next) => at = &facts.calls[next.0],
            _ => return None,
        }
    }
    None
}

/// The cursor of an answer: its first part, by its place or by the name that it was given.
fn is_first(scene: &Scene<'_>, answer: &Answer<'_>, expr: &Expr, taken: Span) -> bool {
    let of_answer =
        |expr: &Expr| matches!(expr, Expr::Path(path) if answer.targets.last() == Some(path));
    let root = scene.origins.root(answer.call.function);
    match expr {
        Expr::Path(path) if answer.targets.len() > 1 => answer.targets.first() == Some(path),
        Expr::Path(path) => scene.origins.bindings_of(path).iter().any(|own| {
            scene.origins.root(own.function) == root
                && matches!(&own.value, Expr::Index(inner, false) if of_answer(inner))
                && scene.source(own.span).contains("[0]")
        }),
        Expr::Index(inner, false) => of_answer(inner) && scene.source(taken).contains("[0]"),
        Expr::Call(id) => {
            let call = &scene.facts.calls[id.0];
            let gets = matches!(
                call.name.as_str(),
                "get" | "first" | "getFirst" | "toString" | "ToString" | "to_s" | "String" | "str"
            );
            let first = call.args.is_empty()
                || matches!(call.args.as_slice(), [Expr::Number(at)] if at == "0");
            gets && call
                .receiver
                .iter()
                .any(|own| first && of_answer(own) || is_first(scene, answer, own, taken))
                || call
                    .args
                    .iter()
                    .any(|own| is_first(scene, answer, own, taken))
        }
        _ => false,
    }
}
