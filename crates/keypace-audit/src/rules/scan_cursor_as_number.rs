//! `scan-cursor-as-number`: a cursor squeezed into a number that is too small for it.
//! Must not judge cursors of other things than SCAN.

mod compared;
mod scripts;

use super::scene::{Scene, Sink};
use crate::facts::{Call, Expr, Span, Usage};
use crate::language::Language;
use crate::receiver::{Command, argument, clients};
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "scan-cursor-as-number",
    severity: Severity::Medium,
    title: "SCAN's cursor is made a number that can't hold it",
    why: "A cursor is an unsigned number of 64 bits, and on large tables and in clusters its high bits are used. JavaScript's \
          numbers are exact up to 2^53, an int of 32 bits and a signed long hold less: a cursor that is rounded or cut off \
          makes the walk skip keys or never end.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Go | Language::Rust => {
            "keep it as an unsigned number of 64 bits, or as the string that the server sent"
        }
        _ => "keep the cursor as the string that the server sent, and compare it with \"0\"",
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    let scans: Vec<&Command> = scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb.steps())
        .collect();
    scripts::judge(scene, sink);
    if scans.is_empty() {
        return;
    }
    if scene.language == Language::Rust {
        declared(scene, &scans, sink);
    }
    for call in &scene.facts.calls {
        if !narrows(scene.language, call)
            || compared::tells_end_only(scene.language, scene.text, call.span)
        {
            continue;
        }
        let root = scene.origins.root(call.function);
        let near = scans
            .iter()
            .find(|scan| scene.origins.root(scene.call(scan).function) == root);
        let Some(scan) = near else { continue };
        let takes = call
            .args
            .iter()
            .chain(&call.receiver)
            .any(|arg| is_cursor(scene, arg, call));
        if takes {
            let python = scene.language == Language::Python || scene.language == Language::Ruby;
            // Their integers have no bound: only a waste.
            let (confidence, severity) = if python {
                (Confidence::Low, Severity::Low)
            } else {
                (scan.confidence, RULE.severity)
            };
            let message = format!("{} can't hold every cursor of SCAN", call.name);
            sink.at(scene, &RULE, call, confidence, severity, message);
        }
    }
}

/// Rust's tuple that an answer is read as: `let (cursor, keys): (i32, Vec<String>) = ...`, `query::<(i32, _)>(...)`.
fn declared(scene: &Scene<'_>, scans: &[&Command], sink: &mut Sink) {
    const NARROW: &[&str] = &["i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32"];
    for scan in scans {
        let call = scene.call(scan);
        let mut last = call;
        while let Usage::Receiver(next) = last.usage {
            last = &scene.facts.calls[next.0];
        }
        let bound = scene.facts.bindings.iter().filter(|own| {
            own.span.start <= call.at.start
                && call.at.end <= own.span.end
                && own.function == call.function
        });
        let declared = bound.filter_map(|own| own.declared.as_deref());
        let narrow = declared.chain([scene.source(last.span)]).find_map(|text| {
            NARROW
                .iter()
                .find(|kind| text.contains(&format!("({kind},")))
        });
        if let Some(kind) = narrow {
            let message = format!("{kind} can't hold every cursor of SCAN");
            sink.at(scene, &RULE, call, scan.confidence, RULE.severity, message);
        }
    }
}

fn narrows(language: Language, call: &Call) -> bool {
    let name = call.name.as_str();
    match language {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            matches!(name, "parseInt" | "Number" | "parseFloat" | "+")
        }
        Language::Java | Language::Kotlin => {
            let boxes = matches!(&call.receiver, Some(Expr::Path(path)) if path.last().is_some_and(|last| matches!(last.as_str(), "Integer" | "Long" | "Int" | "Short")));
            boxes && matches!(name, "valueOf" | "decode")
                || matches!(
                    name,
                    "parseInt"
                        | "parseLong"
                        | "toInt"
                        | "toLong"
                        | "longValueExact"
                        | "toIntOrNull"
                        | "toLongOrNull"
                )
        }
        Language::CSharp => {
            let unsigned = matches!(&call.receiver, Some(Expr::Path(path)) if path.last().is_some_and(|last| last == "ulong" || last == "UInt64"));
            matches!(
                name,
                "Parse" | "ToInt32" | "ToInt64" | "TryParse" | "int" | "long" | "uint" | "short"
            ) && !unsigned
        }
        Language::Go => matches!(
            name,
            "Atoi" | "ParseInt" | "Int" | "Int64" | "int" | "int64" | "int32"
        ),
        Language::Php => matches!(name, "intval" | "int" | "integer"),
        Language::Python => name == "int",
        Language::Ruby => matches!(name, "to_i" | "Integer"),
        Language::Lua => name == "tonumber",
        Language::Elixir => matches!(name, "to_integer" | "parse"),
        Language::Rust | Language::Shell => false,
    }
}

/// A name that says cursor, or the first part of what a scan gave.
fn is_cursor(scene: &Scene<'_>, expr: &Expr, call: &Call) -> bool {
    match expr {
        Expr::Path(path) => path.last().is_some_and(|last| {
            let lower = last.to_ascii_lowercase();
            lower.contains("cursor")
                || lower == "cur"
                || is_first_of_scan(scene, path, call)
                || is_handed(scene, path, call)
                || is_of_answer(scene, path, call)
        }),
        Expr::Index(inner, false) => {
            is_cursor(scene, inner, call) || is_first(scene, inner, call, call.span)
        }
        Expr::Call(inner) => scene.facts.calls.get(inner.0).is_some_and(|inner| {
            inner.name.to_ascii_lowercase().contains("cursor")
                || inner.receiver.iter().chain(&inner.args).any(|arg| {
                    let part = matches!(arg, Expr::Index(_, false)) && is_text(&inner.name);
                    (part || matches!(arg, Expr::Path(_))) && is_cursor(scene, arg, call)
                })
        }),
        Expr::Member(_, name) => name.to_ascii_lowercase().contains("cursor"),
        _ => false,
    }
}

/// The first part of an answer, as a piece of code takes it: `reply[0]`, Lua's `reply[1]`.
fn is_first(scene: &Scene<'_>, answer: &Expr, call: &Call, taken: Span) -> bool {
    let first = if scene.language == Language::Lua {
        "[1]"
    } else {
        "[0]"
    };
    scene.source(taken).contains(first)
        && !is_of_keys(scene, answer, call)
        && scene.found.trace(answer, call.function).is_some()
}

/// A name that holds a step's keys, and not all of its answer.
fn is_of_keys(scene: &Scene<'_>, answer: &Expr, call: &Call) -> bool {
    let Expr::Path(path) = answer else {
        return false;
    };
    let root = scene.origins.root(call.function);
    let told = path.last().is_some_and(|last| {
        clients::words(last)
            .last()
            .is_some_and(|word| word == "keys")
    });
    let mut scans = scene.commands.all.iter().filter(|own| own.verb.steps());
    told || scans.any(|command| {
        let scan = scene.call(command);
        let parted = matches!(&scan.usage, Usage::Bound(targets) if targets.len() > 1 && targets.contains(path));
        parted && scene.origins.root(scan.function) == root
    })
}

/// Gives a value as a text.
fn is_text(name: &str) -> bool {
    matches!(
        name,
        "toString" | "ToString" | "String" | "to_s" | "str" | "string" | "tostring" | "strval"
    )
}

/// A name that a scan is given as its cursor.
fn is_handed(scene: &Scene<'_>, path: &[String], call: &Call) -> bool {
    let root = scene.origins.root(call.function);
    let mut scans = scene.commands.all.iter();
    scans.any(|command| {
        command.verb.steps()
            && scene.origins.root(scene.call(command).function) == root
            && matches!(argument::cursor(command.verb, &command.args), Some(Expr::Path(own)) if own == path)
    })
}

/// A name that was given the first part of a scan's answer, or what the answer calls its cursor.
fn is_of_answer(scene: &Scene<'_>, path: &[String], call: &Call) -> bool {
    let root = scene.origins.root(call.function);
    let mut named = scene.origins.bindings_of(path).iter();
    named.any(|own| {
        let whole = own.targets.len() == 1 && scene.origins.root(own.function) == root;
        whole
            && match &own.value {
                Expr::Index(answer, false) => is_first(scene, answer, call, own.span),
                Expr::Call(made) => {
                    let made = &scene.facts.calls[made.0];
                    made.receiver.is_some() && says_cursor(&made.name)
                }
                Expr::Member(_, name) => says_cursor(name),
                Expr::Path(from) => {
                    from.len() > 1 && from.last().is_some_and(|name| says_cursor(name))
                }
                _ => false,
            }
    })
}

fn says_cursor(name: &str) -> bool {
    matches!(name, "cursor" | "Cursor" | "getCursor")
}

/// A name that a scan's first result was given.
fn is_first_of_scan(scene: &Scene<'_>, path: &[String], call: &Call) -> bool {
    let root = scene.origins.root(call.function);
    scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb.steps())
        .any(|command| {
            let scan = scene.call(command);
            let first = match &scan.usage {
                Usage::Bound(targets) if targets.len() > 1 => targets.first(),
                _ => None,
            };
            scene.origins.root(scan.function) == root
                && first.is_some_and(|first| first.as_slice() == path)
        })
}
