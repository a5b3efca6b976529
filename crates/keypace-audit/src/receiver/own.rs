//! Methods of a file's own types, which are named like commands and are none: `func (c *Cache) keys(pattern string)`.
//! Must not judge what they do.

use crate::facts::{Call, Expr, Facts};
use crate::language::Language;
use crate::receiver::origin::Origins;

/// Whether a call is made on a parameter whose type the file has given a method of this name.
pub(super) fn is_method_of_file(facts: &Facts, origins: &Origins<'_>, call: &Call) -> bool {
    if facts.language != Language::Go {
        return false;
    }
    let Some(Expr::Path(path)) = &call.receiver else {
        return false;
    };
    let [name] = path.as_slice() else {
        return false;
    };
    let mut params = facts
        .around(call.function)
        .flat_map(|id| &facts.functions[id.0].params);
    let declared = params.find(|param| param.name == *name);
    let declared = declared.and_then(|param| param.declared.as_deref());
    declared.is_some_and(|declared| origins.is_method_of(declared, &call.name))
}
