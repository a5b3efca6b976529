//! Go's functions and types.
//! Must not walk or judge.

use crate::extract::children::{bare_type, field_text, first, of_kind, values};
use crate::extract::grammar::{ClassParts, FunctionParts, Role};
use crate::facts::Param;
use crate::syntax::Node;

pub(super) fn function<'t>(node: &Node<'t>) -> Role<'t> {
    let list = |field: &str| {
        node.field(field)
            .map(|list| params(&list))
            .unwrap_or_default()
    };
    let mut all = list("parameters");
    all.extend(list("receiver"));
    Role::Function(FunctionParts {
        name: field_text(node, "name"),
        params: all,
        returns: node.field("result").and_then(|result| returned(&result)),
        lambda: node.kind() == "func_literal",
        inside: node.field("body").into_iter().collect(),
        ..FunctionParts::default()
    })
}

/// What a bare `return` gives back: the first result that the function around names.
pub(super) fn named_result<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let mut at = node.parent()?;
    while !matches!(
        at.kind().as_ref(),
        "function_declaration" | "method_declaration" | "func_literal"
    ) {
        at = at.parent()?;
    }
    let results = at
        .field("result")
        .filter(|result| result.kind() == "parameter_list")?;
    first(&results)?.field("name")
}

fn returned(result: &Node<'_>) -> Option<String> {
    if result.kind() == "parameter_list" {
        return field_text(&first(result)?, "type");
    }
    Some(result.text().into_owned())
}

fn params(list: &Node<'_>) -> Vec<Param> {
    let one = |node: Node<'_>| -> Vec<Param> {
        let more = if node.kind() == "variadic_parameter_declaration" {
            "..."
        } else {
            ""
        };
        let declared = field_text(&node, "type").map(|declared| format!("{more}{declared}"));
        node.field_children("name")
            .filter(Node::is_named)
            .map(|name| Param {
                name: name.text().into_owned(),
                declared: declared.clone(),
            })
            .collect()
    };
    values(list).into_iter().flat_map(one).collect()
}

/// A struct has fields, and the types that it embeds as bases; an interface's bases are those that it takes in; any
/// other type that is made of a named one has that as its base.
pub(super) fn named_type<'t>(node: &Node<'t>) -> Role<'t> {
    let (Some(name), Some(written)) = (field_text(node, "name"), node.field("type")) else {
        return Role::Skip;
    };
    let mut parts = ClassParts {
        name,
        bases: Vec::new(),
        fields: Vec::new(),
        inside: Vec::new(),
    };
    match written.kind().as_ref() {
        "struct_type" => {
            let list = of_kind(&written, "field_declaration_list");
            for field in list.iter().flat_map(values) {
                add_field(&mut parts, &field);
            }
        }
        "interface_type" => {
            for element in values(&written) {
                if element.kind() == "type_elem" {
                    parts.bases.push(bare_type(&element.text()));
                } else {
                    parts.inside.push(element);
                }
            }
        }
        "type_identifier" | "qualified_type" | "pointer_type" | "generic_type" => {
            parts.bases.push(bare_type(&written.text()));
        }
        _ => return Role::Skip,
    }
    Role::Class(parts)
}

fn add_field(parts: &mut ClassParts<'_>, field: &Node<'_>) {
    let Some(declared) = field_text(field, "type") else {
        return;
    };
    let mut names: Vec<_> = field
        .field_children("name")
        .filter(Node::is_named)
        .map(|name| name.text().into_owned())
        .collect();
    if names.is_empty() {
        let base = bare_type(&declared);
        names.push(base.rsplit('.').next().unwrap_or_default().to_owned());
        parts.bases.push(base);
    }
    for name in names {
        parts.fields.push(Param {
            name,
            declared: Some(declared.clone()),
        });
    }
}
