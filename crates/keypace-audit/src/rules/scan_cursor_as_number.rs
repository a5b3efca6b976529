//! `scan-cursor-as-number`: a cursor squeezed into a number that is too small for it.
//! Must not judge cursors of other things than SCAN.

use super::scene::{Scene, Sink};
use crate::facts::{Call, Expr, Usage};
use crate::language::Language;
use crate::receiver::Command;
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
    if scans.is_empty() {
        return;
    }
    if scene.language == Language::Rust {
        declared(scene, &scans, sink);
    }
    for call in &scene.facts.calls {
        if !narrows(scene.language, call) {
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
            matches!(name, "parseInt" | "Number" | "parseFloat")
        }
        Language::Java | Language::Kotlin => {
            matches!(
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
            matches!(name, "Parse" | "ToInt32" | "ToInt64" | "TryParse") && !unsigned
        }

        Language::Go => matches!(
            name,
            "Atoi" | "ParseInt" | "Int" | "Int64" | "int" | "int64" | "int32"
        ),
        Language::Php => matches!(name, "intval"),
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
            lower.contains("cursor") || lower == "cur" || is_first_of_scan(scene, path, call)
        }),
        Expr::Index(inner, false) => {
            is_cursor(scene, inner, call)
                || (scene.found.trace(inner, call.function).is_some()
                    && scene
                        .source(call.span)
                        .contains(if scene.language == Language::Lua {
                            "[1]"
                        } else {
                            "[0]"
                        }))
        }
        Expr::Call(inner) => scene.facts.calls.get(inner.0).is_some_and(|inner| {
            inner.name.to_ascii_lowercase().contains("cursor")
                || inner
                    .receiver
                    .iter()
                    .chain(&inner.args)
                    .any(|arg| matches!(arg, Expr::Path(_)) && is_cursor(scene, arg, call))
        }),
        Expr::Member(_, name) => name.to_ascii_lowercase().contains("cursor"),
        _ => false,
    }
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
