//! `scan-without-count`: SCAN in its default steps of ten.
//! Must not judge scans whose options can't be seen.

use super::scene::{Scene, Sink};
use crate::facts::{Expr, Usage};
use crate::language::Language;
use crate::receiver::shape::Sure;
use crate::receiver::verb::Verb;
use crate::receiver::{Command, argument};
use crate::report::Severity;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "scan-without-count",
    severity: Severity::Low,
    title: "SCAN without COUNT takes a round trip for every ten keys",
    why: "The default COUNT is 10. A walk over a million keys is then 100,000 round trips, and takes minutes where a few \
          hundred a step would take seconds at the same cost for the server.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Python => "pass count=500",
        Language::Ruby => "pass count: 500",
        Language::Shell => "pass --count 500",
        _ => "pass COUNT with a few hundred",
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in &scene.commands.all {
        let steps = matches!(command.verb, Verb::Scan | Verb::ScanIter);
        if !steps || is_in_steps_of_its_own(scene, command.verb, scene.call(command).name.as_str())
        {
            continue;
        }
        let Some(counted) = has_count(
            scene.language,
            &command.args,
            command.verb == Verb::ScanIter,
        ) else {
            continue;
        };
        // A method of the project's own, which is told a pattern or a cursor alone, counts for itself or says so there.
        if command.known.sure == Sure::Own
            && matches!(command.args.as_slice(), [Expr::Text(_) | Expr::Path(_)])
        {
            continue;
        }
        if !counted && !is_counted_later(scene, command) && !is_given_rest(scene, command) {
            sink.command(
                scene,
                &RULE,
                command,
                "SCAN goes on in steps of ten keys".to_owned(),
            );
        }
    }
}

/// `let mut cmd = redis::cmd("SCAN"); cmd.arg(0).arg("COUNT").arg(500);`: a command that is a name is told more by it.
fn is_counted_later(scene: &Scene<'_>, command: &Command) -> bool {
    let own = scene.call(command);
    if !command.raw || scene.language != Language::Rust || !matches!(own.usage, Usage::Bound(_)) {
        return false;
    }
    let mut later = scene.facts.calls.iter().filter(|call| {
        call.function == own.function && call.at.start > own.at.start && call.name == "arg"
    });
    later.any(|call| {
        let word = call.args.first().and_then(argument::literal);
        word.is_some_and(is_count)
    })
}

/// StackExchange's Keys has pages of 250, Redisson's of 10 but a count of its own; Jedis's iteration is given one first.
fn is_in_steps_of_its_own(scene: &Scene<'_>, verb: Verb, name: &str) -> bool {
    verb == Verb::ScanIter
        && (scene.language == Language::CSharp
            || name.starts_with("getKeys")
            || matches!(name, "iter_keys" | "scanIteration"))
}

/// Whether COUNT is among the arguments; `None` where they can't all be seen.
fn has_count(language: Language, args: &[Expr], iterates: bool) -> Option<bool> {
    let mut counted = false;
    let mut valued = false;
    // redis-py's scan_iter(match, count).
    if language == Language::Python && iterates && matches!(args, [Expr::Path(_)]) {
        return Some(false);
    }
    for (at, arg) in args.iter().enumerate() {
        // What follows MATCH is its value, whatever it is.
        if std::mem::replace(&mut valued, takes_value(arg)) {
            continue;
        }
        match arg {
            Expr::Named(name, _) => counted |= is_count(name),
            Expr::Map(pairs) => {
                counted |= pairs.iter().any(|(name, _)| is_count(name));
                if pairs.iter().any(|(name, _)| name.is_empty()) {
                    return None;
                }
            }
            Expr::List(list) => counted |= has_count(language, list, iterates)?,
            Expr::Text(_) => counted |= argument::literal(arg).is_some_and(is_count),
            Expr::Spread(_) => return None,
            Expr::Path(_) | Expr::Call(_) if at == 0 && iterates => return None,
            Expr::Other | Expr::Call(_) | Expr::Member(..) | Expr::Index(..) if at > 0 => {
                return None;
            }
            Expr::Path(path) if is_options(path) => return None,
            // Options under a name, and positional counts: Go's and phpredis's third, redis-py's third.
            Expr::Path(_) if at > 0 => {
                let positional =
                    matches!(language, Language::Go | Language::Php | Language::Python);
                if !positional || at > 1 {
                    return None;
                }
            }
            Expr::Number(text) if at > 1 || iterates && at > 0 => counted |= text != "0",
            _ => {}
        }
    }
    Some(counted)
}

/// `Execute("SCAN", arguments)`: a list of words under a name, and not a cursor.
fn is_given_rest(scene: &Scene<'_>, command: &Command) -> bool {
    let ([Expr::Path(path)], true) = (command.args.as_slice(), command.raw) else {
        return false;
    };
    let mut params = scene.facts.functions.iter().flat_map(|own| &own.params);
    let listed = |declared: &str| declared.contains('[') || declared.contains("List");
    params.any(|param| {
        path.last() == Some(&param.name) && param.declared.as_deref().is_some_and(listed)
    })
}

fn takes_value(arg: &Expr) -> bool {
    argument::literal(arg)
        .is_some_and(|text| matches!(text.to_ascii_uppercase().as_str(), "MATCH" | "TYPE"))
        && !matches!(arg, Expr::Named(..))
}

fn is_options(path: &[String]) -> bool {
    const WORDS: &[&str] = &["opt", "args", "arguments", "params"];
    path.last().is_some_and(|last| {
        let lower = last.to_ascii_lowercase();
        WORDS.iter().any(|word| lower.contains(word))
    })
}

fn is_count(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "count" | "limit" | "batchsize" | "batch_size" | "pagesize"
    )
}
