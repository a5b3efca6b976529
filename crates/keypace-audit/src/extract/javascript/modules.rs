//! What a file brings in: `import`, `require`, `import()`.
//! Must not know what the modules are.

use super::patterns::target;
use super::{first, literal, plain_name, span, values};
use crate::facts::Import;
use crate::syntax::Node;

pub(super) fn import_statement(node: &Node<'_>) -> Vec<Import> {
    let mut names = Vec::new();
    let mut source = node.field("source");
    for clause in node.named_children() {
        match clause.kind().as_ref() {
            "import_clause" => clause
                .named_children()
                .for_each(|part| clause_names(&part, &mut names)),
            "import_require_clause" => {
                source = source.or(clause.field("source"));
                names.extend(first(&clause).map(|name| (String::new(), name.text().into_owned())));
            }
            _ => {}
        }
    }
    let module = source.and_then(|source| literal(&source));
    module
        .map(|module| Import {
            module,
            names,
            span: span(node),
        })
        .into_iter()
        .collect()
}

fn clause_names(part: &Node<'_>, names: &mut Vec<(String, String)>) {
    match part.kind().as_ref() {
        "identifier" => names.push(("default".to_owned(), part.text().into_owned())),
        "namespace_import" => {
            names.extend(first(part).map(|name| (String::new(), name.text().into_owned())))
        }
        "named_imports" => {
            let specifier = |specifier: Node<'_>| {
                let name = specifier.field("name")?.text().into_owned();
                let here = specifier
                    .field("alias")
                    .map_or_else(|| name.clone(), |alias| alias.text().into_owned());
                Some((name, here))
            };
            names.extend(part.named_children().filter_map(specifier));
        }
        _ => {}
    }
}

/// The module of `require("redis")` and `import("redis")`, where the node is such a call.
pub(super) fn call_of_module(node: &Node<'_>) -> Option<String> {
    if node.kind() != "call_expression" {
        return None;
    }
    let callee = node.field("function")?;
    if callee.kind() != "import" && callee.text() != "require" {
        return None;
    }
    literal(&values(&node.field("arguments")?).into_iter().next()?)
}

/// `const x = require("m")`, `const { a, b: c } = await import("m")`, `const X = require("m").a`.
pub(super) fn required(declarator: &Node<'_>, name: &Node<'_>, value: &Node<'_>) -> Option<Import> {
    let mut value = value.clone();
    while matches!(
        value.kind().as_ref(),
        "await_expression" | "parenthesized_expression" | "as_expression"
    ) {
        value = first(&value)?;
    }
    let mut member = String::new();
    if value.kind() == "member_expression" {
        member = plain_name(&value.field("property")?);
        value = value.field("object")?;
        while matches!(
            value.kind().as_ref(),
            "await_expression" | "parenthesized_expression"
        ) {
            value = first(&value)?;
        }
    }
    let module = call_of_module(&value)?;
    let names = match name.kind().as_ref() {
        "identifier" => vec![(member, name.text().into_owned())],
        "object_pattern" => values(name).iter().filter_map(pair).collect(),
        _ => return None,
    };
    Some(Import {
        module,
        names,
        span: span(declarator),
    })
}

fn pair(part: &Node<'_>) -> Option<(String, String)> {
    let here = target(part).into_iter().next()?;
    let name = match part.kind().as_ref() {
        "pair_pattern" => part.field("key")?.text().into_owned(),
        _ => here.clone(),
    };
    Some((name, here))
}
