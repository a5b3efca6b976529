//! Methods of a file's own types, which are named like commands and are none: `func (c *Cache) keys(pattern string)`.
//! Must not judge what they do.

use crate::facts::{Call, Expr, Facts};
use crate::language::Language;
use crate::receiver::origin::Origins;

/// Whether a call is made on a parameter whose type the file has given a method of this name.
pub(super) fn is_method_of_file(facts: &Facts, origins: &Origins<'_>, call: &Call) -> bool {
    let named = origins.functions_named(&call.name);
    if facts.language != Language::Go || named.is_empty() {
        return false;
    }
    let Some(Expr::Path(path)) = &call.receiver else {
        return false;
    };
    let [name] = path.as_slice() else {
        return false;
    };
    let around = std::iter::successors(call.function, |id| facts.functions[id.0].parent);
    let mut params = around.flat_map(|id| &facts.functions[id.0].params);
    let declared = params.find(|param| param.name == *name);
    let Some(class) = declared.and_then(|param| of_type(param.declared.as_deref()?)) else {
        return false;
    };
    // What a method is called on stands last.
    named.iter().any(|id| {
        let last = facts.functions[id.0].params.last();
        let own = last.and_then(|param| of_type(param.declared.as_deref()?));
        own == Some(class)
    }) && facts.classes.iter().any(|own| own.name == class)
}

/// `Cache` of `*Cache` and `Cache[K]`; another package's type is none of the file's.
fn of_type(declared: &str) -> Option<&str> {
    let plain = declared.trim_start_matches('*').split('[').next()?;
    (!plain.contains('.')).then_some(plain)
}
