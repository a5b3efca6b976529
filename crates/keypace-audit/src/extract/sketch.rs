//! Facts written out in short, for tests of languages.
//! Must not be used outside tests.

use super::facts as extract;
use crate::facts::{Call, Expr, Facts, LoopKind, Param, Piece, Usage};
use crate::language::Language;

/// `redis: Redis=R, *=whole`
pub(super) fn imports(language: Language, text: &str) -> Vec<String> {
    let one = |(name, here): &(String, String)| {
        format!("{}={here}", if name.is_empty() { "*" } else { name })
    };
    let facts = extract(language, text);
    let imports = facts.imports.iter().map(|import| {
        let names = import.names.iter().map(one).collect::<Vec<_>>().join(", ");
        format!("{}: {names}", import.module)
            .trim_end_matches([' ', ':'])
            .to_owned()
    });
    imports.collect()
}

/// `receiver.name(args) -> usage in function @loops`
pub(super) fn calls(language: Language, text: &str) -> Vec<String> {
    let facts = extract(language, text);
    facts
        .calls
        .iter()
        .map(|call| show_call(&facts, call))
        .collect()
}

/// `a, b: Type = value`
pub(super) fn bindings(language: Language, text: &str) -> Vec<String> {
    let facts = extract(language, text);
    let bindings = facts.bindings.iter().map(|binding| {
        let declared = binding
            .declared
            .as_ref()
            .map(|declared| format!(": {declared}"))
            .unwrap_or_default();
        format!(
            "{}{declared} = {}",
            show_targets(&binding.targets),
            show(&facts, &binding.value)
        )
    });
    bindings.collect()
}

/// `gather each x of xs`, `while [path]`, `callback x of xs by each`
pub(super) fn loops(language: Language, text: &str) -> Vec<String> {
    let facts = extract(language, text);
    let loops = facts.loops.iter().map(|repeated| {
        let gathers = if repeated.gathers { "gather " } else { "" };
        let condition: String = repeated
            .condition
            .iter()
            .map(|path| format!(" [{}]", path.join(".")))
            .collect();
        match &repeated.kind {
            LoopKind::Each { names, iterable } => {
                format!(
                    "{gathers}each {} of {}",
                    names.join(", "),
                    show(&facts, iterable)
                )
            }
            LoopKind::Callback {
                names,
                iterable,
                call,
            } => {
                let by = &facts.calls[call.0].name;
                format!(
                    "callback {} of {} by {by}",
                    names.join(", "),
                    show(&facts, iterable)
                )
            }
            LoopKind::While => format!("while{condition}"),
        }
    });
    loops.collect()
}

/// `Name(Base) field: Type`
pub(super) fn classes(language: Language, text: &str) -> Vec<String> {
    let facts = extract(language, text);
    let classes = facts.classes.iter().map(|class| {
        format!(
            "{}({}) {}",
            class.name,
            class.bases.join(", "),
            show_params(&class.fields)
        )
        .trim_end()
        .to_owned()
    });
    classes.collect()
}

/// `name(param: Type) -> Type #mark of Class in outer`
pub(super) fn functions(language: Language, text: &str) -> Vec<String> {
    let facts = extract(language, text);
    let functions = facts.functions.iter().map(|function| {
        let marks: String = function
            .marks
            .iter()
            .map(|mark| format!(" #{mark}"))
            .collect();
        let class = function
            .class
            .map(|class| format!(" of {}", facts.classes[class.0].name))
            .unwrap_or_default();
        let parent = function
            .parent
            .map(|parent| format!(" in {}", facts.functions[parent.0].name));
        let returns = function
            .returns
            .as_ref()
            .map(|returns| format!(" -> {returns}"));
        let params = show_params(&function.params);
        let (parent, returns) = (parent.unwrap_or_default(), returns.unwrap_or_default());
        format!("{}({params}){returns}{marks}{class}{parent}", function.name)
    });
    functions.collect()
}

/// `start..end "text"`
pub(super) fn texts(language: Language, text: &str) -> Vec<String> {
    let facts = extract(language, text);
    facts
        .texts
        .iter()
        .map(|text| format!("{}..{} {:?}", text.span.start, text.span.end, text.text))
        .collect()
}

fn show_params(params: &[Param]) -> String {
    let one = |param: &Param| match &param.declared {
        Some(declared) => format!("{}: {declared}", param.name),
        None => param.name.clone(),
    };
    params.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn show_targets(targets: &[Vec<String>]) -> String {
    targets
        .iter()
        .map(|target| target.join("."))
        .collect::<Vec<_>>()
        .join(", ")
}

fn show_call(facts: &Facts, call: &Call) -> String {
    let receiver = call
        .receiver
        .as_ref()
        .map(|receiver| format!("{}.", show(facts, receiver)))
        .unwrap_or_default();
    let new = if call.constructs { "new " } else { "" };
    let args = call
        .args
        .iter()
        .map(|arg| show(facts, arg))
        .collect::<Vec<_>>()
        .join(", ");
    let name = |id: &crate::facts::CallId| facts.calls[id.0].name.as_str();
    let usage = match &call.usage {
        Usage::Discarded => "discarded".to_owned(),
        Usage::Bound(targets) => format!("bound {}", show_targets(targets)),
        Usage::Returned => "returned".to_owned(),
        Usage::Argument(id) => format!("argument of {}", name(id)),
        Usage::Receiver(id) => format!("receiver of {}", name(id)),
        Usage::Iterated(_) => "iterated".to_owned(),
        Usage::Piped(id) => format!("piped to {}", name(id)),
        Usage::Other => "other".to_owned(),
    };
    let function = call
        .function
        .map(|function| format!(" in {}", facts.functions[function.0].name));
    let loops: String = call
        .loops
        .iter()
        .map(|repeated| format!(" @{}", repeated.0))
        .collect();
    format!(
        "{receiver}{new}{}({args}) -> {usage}{}{loops}",
        call.name,
        function.unwrap_or_default()
    )
}

fn show(facts: &Facts, expr: &Expr) -> String {
    let list = |list: &[Expr]| {
        list.iter()
            .map(|item| show(facts, item))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match expr {
        Expr::Path(path) => path.join("."),
        Expr::Call(id) => format!("{}()", facts.calls[id.0].name),
        Expr::Member(of, name) => format!("{}.{name}", show(facts, of)),
        Expr::Gathered(_) => "gathered".to_owned(),
        Expr::Text(pieces) => {
            let text: String = pieces
                .iter()
                .map(|piece| {
                    if let Piece::Text(text) = piece {
                        text
                    } else {
                        "{}"
                    }
                })
                .collect();
            format!("{text:?}")
        }
        Expr::Number(number) => number.clone(),
        Expr::List(items) => format!("[{}]", list(items)),
        Expr::Map(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(key, value)| format!("{key}: {}", show(facts, value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Expr::Spread(inner) => format!("*{}", show(facts, inner)),
        Expr::Named(name, value) => format!("{name}={}", show(facts, value)),
        Expr::Lambda(_) => "fn".to_owned(),
        Expr::Index(of, slice) => format!("{}[{}]", show(facts, of), if *slice { ":" } else { "" }),
        Expr::Other => "...".to_owned(),
    }
}
