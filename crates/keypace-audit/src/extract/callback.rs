//! Calls that run a lambda once for each element: which they are, and what they go over.
//! Must not know Redis; names of methods are all it has.

use super::grammar::{CallParts, Grammar, Role};
use crate::facts::Expr;
use crate::syntax::Node;

/// Names that repeat in one of the languages and mean nothing else in the others. Compared without case and `_`.
const REPEATING: &[&str] = &[
    "aggregate",
    "all",
    "allmatch",
    "any",
    "anymatch",
    "arrayfilter",
    "arraymap",
    "arrayreduce",
    "arraywalk",
    "associate",
    "associateby",
    "associatewith",
    "asyncforeach",
    "asyncmap",
    "asyncstream",
    "asyncstreamnolink",
    "chunked",
    "collect",
    "concatlimit",
    "concatmap",
    "concatmapdelayerror",
    "concatseries",
    "deleteif",
    "detect",
    "doonnext",
    "dropwhile",
    "each",
    "eachasync",
    "eachcons",
    "eachentry",
    "eachkey",
    "eachlimit",
    "eachof",
    "eachoflimit",
    "eachofseries",
    "eachpair",
    "eachseries",
    "eachslice",
    "eachvalue",
    "eachwithindex",
    "eachwithobject",
    "every",
    "everylimit",
    "filter",
    "filterindexed",
    "filterlimit",
    "filtermap",
    "filternot",
    "filterseries",
    "find",
    "findall",
    "findindex",
    "findlast",
    "findmap",
    "firstnotnullof",
    "firstnotnullofornull",
    "firstornull",
    "flatmap",
    "flatmapindexed",
    "flatmapiterable",
    "flatmapmany",
    "flatmapsequential",
    "fold",
    "foldindexed",
    "foldl",
    "foldr",
    "foldright",
    "forall",
    "foreach",
    "foreachasync",
    "foreachawait",
    "foreachconcurrent",
    "foreachindexed",
    "foreachlimit",
    "foreachof",
    "foreachordered",
    "foreachparallel",
    "foreachremaining",
    "foreachseries",
    "groupby",
    "groupingby",
    "hscaneach",
    "indexby",
    "indexwith",
    "inject",
    "into",
    "keepif",
    "keyby",
    "map",
    "mapasync",
    "mapconcurrently",
    "mapindexed",
    "mapindexednotnull",
    "mapjoin",
    "maplimit",
    "mapnotnull",
    "mapseries",
    "mapto",
    "maptodouble",
    "maptoint",
    "maptolong",
    "maptoobj",
    "mapvalues",
    "mapvaluesasync",
    "mapvalueslimit",
    "mapvaluesseries",
    "mapwithkeys",
    "maxby",
    "maxof",
    "maxofornull",
    "minby",
    "minof",
    "minofornull",
    "none",
    "nonematch",
    "oneach",
    "onnext",
    "parallelforeach",
    "parallelforeachasync",
    "parallelmap",
    "partition",
    "peachseries",
    "peek",
    "pmap",
    "reduce",
    "reduceright",
    "reject",
    "scaneach",
    "select",
    "selectawait",
    "selectmany",
    "selectmanyawait",
    "some",
    "somelimit",
    "sortby",
    "sortbydesc",
    "sscaneach",
    "sum",
    "sumby",
    "sumof",
    "takewhile",
    "tap",
    "todictionary",
    "toh",
    "tolookup",
    "tomap",
    "transform",
    "tryforeach",
    "uniqby",
    "where",
    "whereawait",
    "zscaneach",
];

/// Whether a call runs its lambda more than once. `stream.on("data", ...)` does.
pub(super) fn repeats(grammar: &dyn Grammar, parts: &CallParts<'_>) -> bool {
    let name: String = parts
        .text
        .chars()
        .filter(|c| *c != '_')
        .flat_map(char::to_lowercase)
        .collect();
    if REPEATING.binary_search(&name.as_str()).is_ok() {
        return !parts
            .receiver
            .as_ref()
            .is_some_and(|of| is_optional(grammar, of));
    }
    // Rust's streams have a `then` that is called for each.
    let of_stream = |of: &Node<'_>| of.text().contains("stream::iter(");
    if name == "then" && parts.receiver.as_ref().is_some_and(of_stream) {
        return true;
    }
    let on_data = |arg: &Node<'_>| matches!(arg.text().trim_matches(['"', '\'', '`']), "data");
    name == "on" && parts.args.len() > 1 && parts.args.first().is_some_and(on_data) && {
        parts.args.get(1).is_some_and(|arg| is_lambda(grammar, arg))
    }
}

/// Java's `Optional.ofNullable(template)`: one value at most, whatever its methods are called.
fn is_optional(grammar: &dyn Grammar, of: &Node<'_>) -> bool {
    let Role::Call(made) = grammar.role(of) else {
        return false;
    };
    let named = |of: &Node<'_>| of.kind() == "identifier" && of.text() == "Optional";
    matches!(made.text.as_str(), "of" | "ofNullable") && made.receiver.as_ref().is_some_and(named)
}

/// Whether an argument is a lambda as it stands.
pub(super) fn is_lambda(grammar: &dyn Grammar, arg: &Node<'_>) -> bool {
    match grammar.role(arg) {
        Role::Function(parts) => parts.lambda,
        Role::Reference { .. } => true,
        Role::Named(_, inner) | Role::Through(inner) if inner.node_id() != arg.node_id() => {
            match grammar.role(&inner) {
                Role::Function(parts) => parts.lambda,
                Role::Reference { .. } => true,
                _ => false,
            }
        }
        _ => false,
    }
}

/// The function that is given to a method by its name, where that says that it asks or takes away: `ids.map(loadUser)`.
pub(super) fn function_named(
    grammar: &dyn Grammar,
    parts: &CallParts<'_>,
    arg: &Node<'_>,
) -> Option<Vec<String>> {
    const METHODS: &[&str] = &["map", "forEach", "flatMap"];
    const WORDS: &[&str] = &[
        "clear",
        "delete",
        "destroy",
        "fetch",
        "find",
        "get",
        "invalidate",
        "load",
        "lookup",
        "read",
        "remove",
        "retrieve",
    ];
    let over = parts.receiver.is_some() && parts.args.len() == 1;
    if !over || !METHODS.contains(&parts.text.as_str()) {
        return None;
    }
    let Role::Path(path) = grammar.role(arg) else {
        return None;
    };
    let name = match path.as_slice() {
        [name] => name,
        [own, name] if own == "self" => name,
        _ => return None,
    };
    let first: String = name
        .chars()
        .take_while(|c| c.is_ascii_lowercase())
        .collect();
    (first != *name && WORDS.contains(&first.as_str())).then_some(path)
}

/// What is gone over: the receiver, or the first argument of `Enum.map(xs, ...)`, `_.map(xs, ...)`, `array_map(f, xs)` that
/// is no number. A receiver that was only just brought in (`require("async").each(xs, f)`) is a module.
pub(super) fn iterable(
    receiver: Option<&Expr>,
    brought: bool,
    args: &[Expr],
    lambda: usize,
) -> Expr {
    // `Task.Supervisor.async_stream(supervisor, keys, load)`.
    let supervised = matches!(receiver, Some(Expr::Path(path)) if is_supervisor(path));
    let before = usize::from(supervised);
    let other = args
        .iter()
        .enumerate()
        .skip(before)
        .find(|(at, arg)| *at != lambda && !matches!(arg, Expr::Number(_)))
        .map(|(_, arg)| arg);
    let found = match receiver {
        Some(receiver) if lambda == 0 || !brought && !is_module(receiver) => Some(receiver),
        Some(_) | None => other,
    };
    found.cloned().unwrap_or(Expr::Other)
}

/// A module of functions over collections, not a collection.
fn is_module(receiver: &Expr) -> bool {
    let Expr::Path(path) = receiver else {
        return false;
    };
    if is_supervisor(path) {
        return true;
    }
    let [name] = path.as_slice() else {
        return false;
    };
    matches!(name.as_str(), "_" | "async" | "lodash" | "R") || name.starts_with(char::is_uppercase)
}

fn is_supervisor(path: &[String]) -> bool {
    path.len() > 1 && path.last().is_some_and(|last| last == "Supervisor")
}

#[cfg(test)]
mod tests {
    use super::REPEATING;

    #[test]
    fn the_names_are_sorted_where_they_are_searched() {
        let mut sorted = REPEATING.to_vec();
        sorted.sort_unstable();
        assert_eq!(REPEATING, sorted);
    }
}
