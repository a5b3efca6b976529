//! Rust's items: imports, types and functions.
//! Must not walk or judge.

use super::super::children::{field_text, first, of_kind, span, text, values};
use super::super::grammar::{ClassParts, FunctionParts, Role};
use super::{names, path};
use crate::facts::{Import, Param};
use crate::syntax::Node;

/// `use a::{b, c as d, e::{self, f}};` is an import of `a` and one of `a::e`.
pub(super) fn imports(node: &Node<'_>) -> Vec<Import> {
    let mut found = Vec::new();
    if node.kind() == "extern_crate_declaration" {
        let name = field_text(node, "name").unwrap_or_default();
        let here = field_text(node, "alias").unwrap_or_else(|| name.clone());
        found.push((name, vec![(String::new(), here)]));
    } else if let Some(tree) = node.field("argument") {
        collect("", &tree, &mut found);
    }
    let import = |(module, names)| Import {
        module,
        names,
        span: span(node),
    };
    found.into_iter().map(import).collect()
}

type Found = Vec<(String, Vec<(String, String)>)>;

fn collect(prefix: &str, tree: &Node<'_>, found: &mut Found) {
    let join = |tail: &str| match (prefix, tail) {
        ("", tail) => tail.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, tail) => format!("{prefix}::{tail}"),
    };
    match tree.kind().as_ref() {
        "use_list" => {
            for part in values(tree) {
                collect(prefix, &part, found);
            }
        }
        "scoped_use_list" => {
            let module = join(&field_text(tree, "path").unwrap_or_default());
            if let Some(list) = tree.field("list") {
                collect(&module, &list, found);
            }
        }
        "use_wildcard" => {
            let module = first(tree).map(|module| text(&module)).unwrap_or_default();
            found.push((join(&module), Vec::new()));
        }
        "use_as_clause" => {
            let whole = join(&field_text(tree, "path").unwrap_or_default());
            push(&whole, field_text(tree, "alias"), found);
        }
        "self" => {
            let here = prefix.rsplit("::").next().unwrap_or(prefix).to_owned();
            found.push((prefix.to_owned(), vec![(String::new(), here)]));
        }
        _ => push(&join(&tree.text()), None, found),
    }
}

fn push(whole: &str, alias: Option<String>, found: &mut Found) {
    let Some((module, name)) = whole.rsplit_once("::") else {
        let here = alias.unwrap_or_else(|| whole.to_owned());
        found.push((whole.to_owned(), vec![(String::new(), here)]));
        return;
    };
    let names = (name.to_owned(), alias.unwrap_or_else(|| name.to_owned()));
    match found
        .iter_mut()
        .find(|(known, list)| known == module && !list.is_empty())
    {
        Some((_, list)) => list.push(names),
        None => found.push((module.to_owned(), vec![names])),
    }
}

/// A type, a trait, or the methods of one.
pub(super) fn class<'t>(node: &Node<'t>) -> Role<'t> {
    let without_arguments = |named: Node<'_>| match named.kind().as_ref() {
        "generic_type" => field_text(&named, "type").unwrap_or_default(),
        _ => text(&named),
    };
    let name = node.field("name").or_else(|| node.field("type"));
    let bounds = node
        .field("bounds")
        .map(|bounds| values(&bounds))
        .unwrap_or_default();
    let body = node.field("body");
    let field = |field: &Node<'_>| {
        Some(Param {
            name: field_text(field, "name")?,
            declared: field_text(field, "type"),
        })
    };
    let fields = body
        .iter()
        .filter(|body| body.kind() == "field_declaration_list")
        .flat_map(values)
        .filter_map(|declared| field(&declared));
    Role::Class(ClassParts {
        name: name.map(without_arguments).unwrap_or_default(),
        bases: node
            .field("trait")
            .into_iter()
            .chain(bounds)
            .map(without_arguments)
            .collect(),
        fields: fields.collect(),
        inside: body.into_iter().collect(),
    })
}

pub(super) fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let list = node
        .field("parameters")
        .map(|list| values(&list))
        .unwrap_or_default();
    let param = |param: &Node<'_>| {
        let named = names(&param.field("pattern")?);
        Some(Param {
            name: named.into_iter().next().unwrap_or_default(),
            declared: field_text(param, "type"),
        })
    };
    Role::Function(FunctionParts {
        name: field_text(node, "name"),
        params: list.iter().filter_map(param).collect(),
        returns: field_text(node, "return_type"),
        marks: marks(node),
        inside: node.field("body").into_iter().collect(),
        returns_last: true,
        ..FunctionParts::default()
    })
}

/// Names of the attributes above; `test` as well for what stands in a module of tests.
fn marks(node: &Node<'_>) -> Vec<String> {
    let mut marks: Vec<String> = attributes(node)
        .filter_map(|attribute| path(&first(&attribute)?).map(|path| path.join("::")))
        .collect();
    let in_tests = node.ancestors().any(|around| {
        around.kind() == "mod_item"
            && attributes(&around).any(|attribute| attribute.text() == "cfg(test)")
    });
    if in_tests {
        marks.push("test".to_owned());
    }
    marks
}

fn attributes<'t>(node: &Node<'t>) -> impl Iterator<Item = Node<'t>> {
    node.prev_all()
        .take_while(|before| before.kind().contains("comment") || before.kind() == "attribute_item")
        .filter_map(|before| of_kind(&before, "attribute"))
}
