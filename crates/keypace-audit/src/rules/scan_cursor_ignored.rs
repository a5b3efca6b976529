//! `scan-cursor-ignored`: one step of SCAN, taken for all of it.
//! Must not judge clients that follow the cursor by themselves.

use super::scene::{Scene, Sink};
use crate::facts::{Binding, Call, Expr, Usage};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::{argument, dialect};
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "scan-cursor-ignored",
    severity: Severity::Medium,
    title: "SCAN is called once and its cursor is not followed",
    why: "One call of SCAN looks at about COUNT keys and gives a cursor for the rest; it may find nothing and still not be \
          done. Code that takes the first answer for all works on a laptop and misses keys in production.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Python => "use scan_iter, or call scan again with the cursor until it is 0",
        Language::Ruby => "use scan_each, or call scan again with the cursor until it is \"0\"",
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            "use scanIterator or scanStream, or call scan again with the cursor until it is \"0\""
        }
        Language::Go => "use .Iterator(), or call Scan again with the cursor until it is 0",
        Language::Shell => "use redis-cli --scan, which follows the cursor",
        _ => "call SCAN again with the cursor that it gave until that is 0",
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb.steps())
    {
        if !begins(scene, command) || goes_on(scene, command) || is_recursive(scene, command) {
            continue;
        }
        let call = scene.call(command);
        let handed = call.usage == Usage::Returned;
        let confidence = if handed {
            command.confidence.min(Confidence::Medium)
        } else {
            command.confidence
        };
        let message =
            "SCAN begins at 0 and its cursor is never followed: most keys are missed".to_owned();
        sink.at(scene, &RULE, call, confidence, RULE.severity, message);
    }
}

/// Begins at the constant 0, or at the default that stands for it.
fn begins(scene: &Scene<'_>, command: &Command) -> bool {
    match argument::cursor(command.verb, &command.args) {
        Some(cursor) => is_zero(scene, cursor) || is_fresh(scene, command, cursor),
        None => {
            // redis-py's cursor and Lettuce's may be left out.
            let lettuce = ["io.lettuce", "com.lambdaworks.redis"]
                .iter()
                .any(|own| scene.origins.imports(own));
            (scene.language == Language::Python || lettuce)
                && !command.raw
                && !command
                    .args
                    .iter()
                    .any(|arg| matches!(arg, Expr::Spread(_)))
        }
    }
}

/// The constant 0, and Lettuce's `ScanCursor.of("0")`.
fn is_zero(scene: &Scene<'_>, cursor: &Expr) -> bool {
    let made = match cursor {
        Expr::Call(made) => &scene.facts.calls[made.0],
        cursor => return argument::is_zero_cursor(cursor),
    };
    let of_cursor = matches!(&made.receiver, Some(Expr::Path(path)) if path.last().is_some_and(|last| last == "ScanCursor"));
    (of_cursor || is_conversion(made)) && made.args.first().is_some_and(argument::is_zero_cursor)
}

/// `uint64(0)`, `String(0)`, `Long.valueOf(0)`, `u64::from(0u8)`: the same number as another type.
fn is_conversion(call: &Call) -> bool {
    const TYPES: &[&str] = &[
        "BigInt", "Integer", "Long", "Number", "String", "i64", "int", "int64", "str", "u64",
        "uint", "uint64", "usize",
    ];
    let named = |name: &String| TYPES.contains(&name.as_str());
    call.args.len() == 1
        && match &call.receiver {
            None => named(&call.name),
            Some(Expr::Path(path)) => {
                matches!(call.name.as_str(), "from" | "valueOf") && path.last().is_some_and(named)
            }
            Some(_) => false,
        }
}

/// A name that holds nothing but the beginning: `cursor = 0`, Go's `var cursor uint64`, phpredis's null. Outside a loop
/// it isn't used again.
fn is_fresh(scene: &Scene<'_>, command: &Command, cursor: &Expr) -> bool {
    let call = scene.call(command);
    let cursor = match cursor {
        Expr::Named(_, inner) => inner,
        other => other,
    };
    let Expr::Path(path) = cursor else {
        return false;
    };
    if path.len() != 1 || !call.loops.is_empty() {
        return false;
    }
    let root = scene.origins.root(call.function);
    let named = scene.origins.bindings_of(path).iter();
    let mut begins = false;
    for binding in named.filter(|own| scene.origins.root(own.function) == root) {
        if binding.function != call.function {
            return false;
        }
        if binding.span.end <= call.span.start {
            begins = is_beginning(scene, binding, path);
            if !begins {
                return false;
            }
        }
    }
    // `json.Unmarshal(data, &cursor)`
    let mut others = scene.facts.calls.iter();
    begins
        && !others.any(|other| {
            other.function == call.function
                && other.span.end <= call.span.start
                && other.args.contains(cursor)
        })
}

fn is_beginning(scene: &Scene<'_>, binding: &Binding, path: &[String]) -> bool {
    let at = binding.targets.iter().position(|own| own == path);
    let value = match (&binding.value, binding.targets.len()) {
        (value, 1) => Some(value),
        (Expr::List(values), _) => at.and_then(|at| values.get(at)),
        _ => None,
    };
    match value {
        Some(Expr::Other) if scene.language == Language::Php => true,
        // Nothing is given: a number of Go is 0 then.
        Some(Expr::Other) => {
            scene.language == Language::Go
                && binding.declared.is_some()
                && !scene.source(binding.span).contains('=')
        }
        Some(value) => is_zero(scene, value),
        None => false,
    }
}

/// Another SCAN of the same function takes a cursor, or the client's own iteration goes on from this call.
fn goes_on(scene: &Scene<'_>, command: &Command) -> bool {
    let call = scene.call(command);
    let mut next = &call.usage;
    for _ in 0..crate::limits::MAX_FLOW_STEPS {
        let Usage::Receiver(id) = next else { break };
        let chained = &scene.facts.calls[id.0];
        if is_iteration(&chained.name) {
            return true;
        }
        next = &chained.usage;
    }
    if is_iterated(scene, call) {
        return true;
    }
    let root = scene.origins.root(call.function);
    let pattern = |own: &Command| scene.pattern(own).and_then(argument::shape);
    scene.commands.all.iter().any(|other| {
        other.verb == command.verb
            && other.call != command.call
            && scene.origins.root(scene.call(other).function) == root
            // A script's top level may walk several times: only the same walk goes on.
            && (root.is_some()
                || !scene.call(other).loops.is_empty() && pattern(other) == pattern(command))
            && !begins(scene, other)
    })
}

/// `redis::cmd("SCAN").cursor_arg(0)...iter(con)` puts each cursor into the next step.
fn is_iterated(scene: &Scene<'_>, call: &Call) -> bool {
    let mut usage = &call.usage;
    let mut cursor = false;
    while let Usage::Receiver(next) = usage {
        let call = &scene.facts.calls[next.0];
        cursor |= call.name == "cursor_arg";
        if cursor && matches!(call.name.as_str(), "iter" | "iter_async") {
            return true;
        }
        usage = &call.usage;
    }
    false
}

fn is_iteration(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.contains("iterator")
        || matches!(lower.as_str(), "expand" | "repeat" | "iter" | "iter_async")
}

/// The function calls itself, or hands the cursor it got to another function.
fn is_recursive(scene: &Scene<'_>, command: &Command) -> bool {
    let call = scene.call(command);
    let own = scene.origins.named_function(call.function);
    let root = scene.origins.root(call.function);
    let cursor = first_of_pair(scene, call);
    scene.facts.calls.iter().any(|other| {
        let inside = scene.origins.root(other.function) == root;
        inside
            && (Some(&other.name) == own.as_ref()
                && own.as_deref() != Some("scan")
                && other.call_of_own()
                // What follows on the call tells it its own cursor: `cmd("SCAN").arg(cursor)`.
                || (other.span.start != call.span.start
                    && !only_shows(&other.name)
                    && !takes_apart(scene, other)
                    && other
                        .args
                        .iter()
                        .any(|arg| is_cursor_name(arg) || is_path(arg, cursor))
                    && scene.origins.root(other.function).is_some()))
    })
}

/// redigo's `redis.Scan(values, &cursor, &keys)`, which reads the answer.
fn takes_apart(scene: &Scene<'_>, call: &Call) -> bool {
    scene.language == Language::Go && dialect::is_row_scan(scene.language, call)
}

/// Prints or logs what it is given.
fn only_shows(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(
        lower.trim_end_matches('f').trim_end_matches("ln"),
        "print" | "fprint" | "log" | "debug" | "info" | "warn" | "warning" | "error" | "trace"
    ) || matches!(lower.as_str(), "puts" | "echo" | "writeline" | "var_dump")
}

/// The name that a step's cursor is given, in languages whose clients give it before the keys.
fn first_of_pair<'s>(scene: &Scene<'_>, call: &'s Call) -> Option<&'s [String]> {
    let first = matches!(
        scene.language,
        Language::Elixir | Language::Php | Language::Ruby | Language::Rust
    );
    match &call.usage {
        Usage::Bound(targets) if first && targets.len() == 2 => targets
            .first()
            .map(Vec::as_slice)
            .filter(|path| !path.is_empty()),
        _ => None,
    }
}

fn is_path(expr: &Expr, own: Option<&[String]>) -> bool {
    matches!((expr, own), (Expr::Path(path), Some(own)) if path.as_slice() == own)
}

fn is_cursor_name(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path
            .last()
            .is_some_and(|last| last.to_ascii_lowercase().contains("cursor")),
        Expr::Named(_, inner) => is_cursor_name(inner),
        Expr::List(items) => items.iter().any(is_cursor_name),
        _ => false,
    }
}
