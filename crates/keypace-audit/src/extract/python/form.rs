//! Python's imports, and methods that are handed over by their name.
//! Must not walk or judge.

use super::first;
use crate::facts::{Import, Span};
use crate::syntax::Node;

pub(super) fn imports(node: &Node<'_>) -> Vec<Import> {
    let range = node.range();
    let span = Span {
        start: range.start,
        end: range.end,
    };
    let names = node
        .field_children("name")
        .filter_map(|name| match name.kind().as_ref() {
            "dotted_name" => Some((name.text().into_owned(), None)),
            "aliased_import" => Some((
                name.field("name")?.text().into_owned(),
                Some(name.field("alias")?.text().into_owned()),
            )),
            _ => None,
        });
    let Some(module) = node.field("module_name") else {
        let whole = |(module, alias): (String, Option<String>)| {
            let here =
                alias.unwrap_or_else(|| module.split('.').next().unwrap_or_default().to_owned());
            Import {
                module,
                names: vec![(String::new(), here)],
                span,
            }
        };
        return names.map(whole).collect();
    };
    let names = names
        .map(|(name, alias)| (name.clone(), alias.unwrap_or(name)))
        .collect();
    vec![Import {
        module: module.text().into_owned(),
        names,
        span,
    }]
}

/// `map(r.get, keys)`
pub(super) fn is_mapped(node: &Node<'_>) -> bool {
    let list = node.parent().filter(|list| list.kind() == "argument_list");
    let first = list.as_ref().and_then(first);
    let call = list.and_then(|list| list.parent());
    let function = call.and_then(|call| call.field("function"));
    first.is_some_and(|first| first.node_id() == node.node_id())
        && function.is_some_and(|function| function.text() == "map")
}
