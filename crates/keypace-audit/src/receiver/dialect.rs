//! What a method's name means in the clients of one language only.
//! Must not follow receivers, and must not know names that all clients share: `verb` does.

use crate::facts::{Call, Expr, Facts};
use crate::language::Language;
use crate::receiver::argument;
use crate::receiver::origin::Origins;
use crate::receiver::shape::{Known, Shape};
use crate::receiver::verb::Verb;

pub(super) fn is_jvm(language: Language) -> bool {
    matches!(language, Language::Java | Language::Kotlin)
}

/// Spring's scan and lettuce's ScanIterator follow the cursor by themselves.
pub(super) fn jvm_scan(verb: Verb, receiver: &Expr, args: &[Expr], origins: &Origins<'_>) -> Verb {
    let spring = origins.imports("org.springframework.data.redis")
        && !args.first().is_some_and(argument::is_cursor_like);
    if spring || is_scan_iterator(receiver) {
        Verb::ScanIter
    } else {
        verb
    }
}

pub(super) fn is_scan_iterator(receiver: &Expr) -> bool {
    matches!(receiver, Expr::Path(path) if path.last().is_some_and(|last| last == "ScanIterator"))
}

/// StackExchange's `IServer.Keys` scans; the other libraries' `Keys` is KEYS.
pub(super) fn sharp_verb(verb: Verb, name: &str, known: Known, origins: &Origins<'_>) -> Verb {
    let others = ["CSRedis", "FreeRedis", "ServiceStack"]
        .iter()
        .any(|own| origins.imports(own));
    let stack = known.shape == Shape::Server || (origins.imports("StackExchange.Redis") && !others);
    if verb == Verb::Keys && stack && matches!(name, "Keys" | "KeysAsync") {
        Verb::ScanIter
    } else {
        verb
    }
}

/// redis-rs' `scan()` has no cursor, and redis-client's in Ruby takes a block.
pub(super) fn goes_on_by_itself(language: Language, call: &Call, args: &[Expr]) -> bool {
    match language {
        Language::Rust => call.args.is_empty(),
        Language::Ruby => {
            call.args.iter().any(|arg| matches!(arg, Expr::Lambda(_)))
                && !args.first().is_some_and(argument::is_cursor_like)
        }
        _ => false,
    }
}

/// The `opsForX` that a value came from, or that its declared type stands for: `ValueOperations<K, V> values`.
pub(super) fn operations_of(facts: &Facts, receiver: &Expr) -> Option<String> {
    let path = match receiver {
        Expr::Call(inner) => return Some(facts.calls[inner.0].name.clone()),
        Expr::Path(path) if is_jvm(facts.language) => path,
        _ => return None,
    };
    let last = path.last()?;
    let declared = |text: &str| {
        let (kind, _) = text.split_once("Operations")?;
        let kind = kind.rsplit('.').next()?.trim_start_matches("Reactive");
        (!kind.is_empty()).then(|| format!("opsFor{kind}"))
    };
    let bound = facts.bindings.iter().find_map(|binding| {
        let own = binding.targets.first()?.last()? == last;
        match &binding.value {
            Expr::Call(call) if own && facts.calls[call.0].name.starts_with("opsFor") => {
                Some(facts.calls[call.0].name.clone())
            }
            _ if own => declared(binding.declared.as_deref()?),
            _ => None,
        }
    });
    let mut fields = facts.classes.iter().flat_map(|class| &class.fields);
    let field = fields.find(|field| field.name == *last);
    bound.or_else(|| declared(field?.declared.as_deref()?))
}
