//! What a method's name means in the clients of one language only.
//! Must not follow receivers, and must not know names that all clients share: `verb` does.

use crate::facts::Expr;
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
