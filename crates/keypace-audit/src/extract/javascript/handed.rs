//! Functions that are given by their names to calls that run them for each element.
//! Must not know what they do.

use crate::extract::grammar::{CallParts, Handed};

/// A function by its name: `ids.map(load)`, `ids.forEach(this.load, this)`, `async.map(ids, store.load.bind(store))`.
pub(super) fn handed<'t>(parts: &CallParts<'t>, at: usize) -> Option<Handed<'t>> {
    const REPEATING: &[&str] = &[
        "map",
        "forEach",
        "flatMap",
        "each",
        "mapSeries",
        "eachSeries",
    ];
    if !REPEATING.contains(&parts.text.as_str()) {
        return None;
    }
    let receiver = parts.receiver.as_ref()?;
    let text = receiver.text();
    let module = receiver.kind() == "identifier"
        && (matches!(text.as_ref(), "async" | "_" | "lodash")
            || text.starts_with(char::is_uppercase));
    if at != usize::from(module) {
        return None;
    }
    let given = parts.args.get(at)?;
    let bound = (given.kind() == "call_expression")
        .then(|| given.field("function"))
        .flatten()
        .filter(|called| {
            let name = called.field("property");
            name.is_some_and(|name| name.text() == "bind")
        });
    let function = match &bound {
        Some(called) => called.field("object")?,
        None => given.clone(),
    };
    let (of, name) = match function.kind().as_ref() {
        "identifier" => (None, function),
        "member_expression" => (Some(function.field("object")?), function.field("property")?),
        _ => return None,
    };
    // `names.map(String)` makes something of each.
    let plain = !name.text().starts_with(char::is_uppercase);
    plain.then_some((of, name))
}
